"""The dataset: keyframes of annotated videos -> clips with boxes and labels.

Axes: T frames, H and W rows and columns, n persons and m objects of a clip, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from alphaction.data.annotations import (
    AnnotationTable,
    BoxTable,
    LabelMap,
    read_label_map,
)
from alphaction.data.augmentation import TestRules, TrainingRules
from alphaction.data.box_geometry import extend_boxes, jitter_boxes, resize_boxes, unit_to_pixel
from alphaction.data.sample import ClipSample, Keyframe, SampleRequest
from alphaction.data.table_checks import matched_rows, require_boxes, require_labels
from alphaction.data.tables import open_tables
from alphaction.data.temporal import TemporalSampling
from alphaction.data.transforms import ClipAugmentation, ResizeRule, Size
from alphaction.data.video.clip_cache import with_cache
from alphaction.data.video.clip_source import ClipSource
from alphaction.utils.errors import UserError

if TYPE_CHECKING:
    from yacs.config import CfgNode

    from alphaction.config.paths_catalog import DatasetSpec


class ActionDataset(Dataset[ClipSample]):
    """Clips around keyframes, with the boxes to classify and, in training, their labels.

    Args:
        name: what the config calls the dataset.
        label_map: the classes.
        annotations: ground truth, excluded keyframes left out already.
        source: where frames come from.
        fps: frames per second of the timeline, 0: each video's own.
        sampling: which frames a clip has.
        resize: old (width, height) -> new.
        rules: training or test.
        detections: person boxes to classify at test time; None: the ground truth's.
        objects: object boxes, None: clips have no objects.
        max_objects: at most so many objects of a clip, best score first.
        eval_label_map: the classes that count in the mean AP, None: all.

    Raises:
        UserError: if not one clip remains, training clips have no label, or boxes match no annotated keyframe.
    """

    def __init__(
        self,
        *,
        name: str,
        label_map: LabelMap,
        annotations: AnnotationTable,
        source: ClipSource,
        fps: float,
        sampling: TemporalSampling,
        resize: ResizeRule,
        rules: TrainingRules | TestRules,
        detections: BoxTable | None = None,
        objects: BoxTable | None = None,
        max_objects: int = 0,
        eval_label_map: LabelMap | None = None,
    ) -> None:
        self.name = name
        self.label_map = label_map
        self.eval_label_map = eval_label_map
        self.annotations = annotations
        self.source = source
        self.fps = fps
        self.sampling = sampling
        self.resize = resize
        self.rules = rules
        self.detections = detections
        self.objects = objects
        self.max_objects = max_objects
        if self.training:
            require_labels(name, annotations)
        self._matched_objects = None if objects is None else matched_rows(name, objects, annotations)
        self._rows_with_boxes = self._select_keyframes()
        self.keyframes = annotations.keyframes.take(self._rows_with_boxes)
        self._table_index = np.flatnonzero(self._rows_with_boxes)

    @classmethod
    def from_config(cls, cfg: CfgNode, spec: DatasetSpec, training: bool) -> ActionDataset:
        """Read the files of ``spec`` and return its dataset.

        Args:
            cfg: the whole config.
            spec: the dataset's files.
            training: ground truth boxes with augmentation; otherwise detections (ground truth where there are none).
        """
        tables = open_tables(spec)
        return cls.from_tables(
            cfg,
            name=spec.name,
            label_map=tables.label_map,
            annotations=tables.annotations,
            source=with_cache(tables.source, cfg.DATALOADER.CLIP_CACHE),
            training=training,
            detections=None if training else tables.persons(),
            objects=tables.objects() if wants_objects(cfg) else None,
            eval_label_map=None if spec.eval_label_map is None else read_label_map(spec.eval_label_map),
        )

    @classmethod
    def from_tables(
        cls,
        cfg: CfgNode,
        *,
        name: str,
        label_map: LabelMap,
        annotations: AnnotationTable,
        source: ClipSource,
        training: bool,
        detections: BoxTable | None = None,
        objects: BoxTable | None = None,
        eval_label_map: LabelMap | None = None,
    ) -> ActionDataset:
        """Return the dataset of tables in memory, with the config's clips, sizes and rules; see the class."""
        inputs = cfg.INPUT
        if training:
            resize = ResizeRule(inputs.MIN_SIZE_TRAIN, inputs.MAX_SIZE_TRAIN)
        else:
            resize = ResizeRule(inputs.MIN_SIZE_TEST, inputs.MAX_SIZE_TEST)
        slowfast = cfg.MODEL.BACKBONE.CONV_BODY.startswith("Slowfast")
        return cls(
            name=name,
            label_map=label_map,
            annotations=annotations,
            source=source,
            fps=inputs.FPS,
            sampling=TemporalSampling(
                frame_num=inputs.FRAME_NUM,
                sample_rate=inputs.FRAME_SAMPLE_RATE,
                tau=inputs.TAU,
                alpha=inputs.ALPHA,
                slow=slowfast and cfg.MODEL.BACKBONE.SLOWFAST.SLOW.ACTIVE,
                fast=not slowfast or cfg.MODEL.BACKBONE.SLOWFAST.FAST.ACTIVE,
                slow_jitter=training and inputs.SLOW_JITTER,
            ),
            resize=resize,
            rules=TrainingRules.from_config(cfg, label_map) if training else TestRules.from_config(cfg),
            detections=detections,
            objects=objects if wants_objects(cfg) else None,
            max_objects=cfg.MODEL.IA_STRUCTURE.MAX_OBJECT if wants_objects(cfg) else 0,
            eval_label_map=eval_label_map,
        )

    @property
    def training(self) -> bool:
        """Whether clips are augmented and carry labels."""
        return isinstance(self.rules, TrainingRules)

    @property
    def uses_ground_truth_boxes(self) -> bool:
        """Whether the boxes to classify are the annotated ones."""
        return self.detections is None

    @property
    def datasets(self) -> tuple[ActionDataset, ...]:
        """The datasets that this one is made of: itself."""
        return (self,)

    def __len__(self) -> int:
        return len(self._table_index)

    def __getitem__(self, request: SampleRequest) -> ClipSample:
        """Load one clip; equal requests give equal bytes, in whatever process.

        Raises:
            UserError: if its frames cannot be read.
        """
        rng = np.random.default_rng((request.seed, request.index))
        keyframe: Keyframe = self.keyframes[request.index]
        persons = self._persons(request.index, keyframe, rng)
        augmentation, slow_start = self._draw(rng)

        slots = self.sampling.slots(slow_start)
        used = sorted(set(chain.from_iterable(slots)))
        frames = self.source.read(keyframe.video, keyframe.second, used, self.fps, self.resize)
        size = (frames.shape[2], frames.shape[1])
        frames = augmentation.frames(frames)
        slow, fast = (_pathway(frames, np.searchsorted(used, of_pathway)) for of_pathway in slots)

        old_size = self.frame_size(request.index)
        unit_boxes = torch.from_numpy(persons.boxes)
        boxes = augmentation.boxes(resize_boxes(unit_to_pixel(unit_boxes, old_size), old_size, size), size[0])
        objects = resize_boxes(unit_to_pixel(self._objects(keyframe), old_size), old_size, size)
        labels = None
        if isinstance(self.rules, TrainingRules):
            boxes = jitter_boxes(boxes, rng, self.rules.jitter_x, self.rules.jitter_y, size)
            labels = augmentation.labels(self._labels(persons.rows), self.rules.mirrored_channels)
        else:
            boxes = extend_boxes(boxes, self.rules.extend_scale, size)
        return ClipSample(
            index=request.index,
            keyframe=keyframe,
            slow=slow,
            fast=fast,
            size=size,
            boxes=boxes.float(),
            unit_boxes=unit_boxes,
            scores=torch.from_numpy(persons.scores),
            labels=labels,
            object_boxes=augmentation.boxes(objects, size[0]).float(),
        )

    def frame_size(self, index: int) -> Size:
        """Return the (width, height) of a clip's video before resizing: as annotated, else as the file says."""
        width, height = self.annotations.frame_sizes[self._table_index[index]].tolist()
        if width > 0 and height > 0:
            return width, height
        info = self.source.probe(self.keyframes[index].video)
        return info.width, info.height

    def summary(self) -> str:
        """Return counts for the log; whatever is left out of the clips is among them."""
        lines = [f"{len(self)} clips", self.annotations.summary()]
        unused = int(np.count_nonzero(~self._rows_with_boxes))
        if unused:
            lines[0] += f" ({unused} of {len(self._rows_with_boxes)} annotated keyframes have no box to classify)"
        if self.detections is not None:
            matched, kept = self._detection_masks
            lines.append(self.detections.summary())
            lines.append(
                f"detections used: {int((matched & kept).sum())}; below TEST.BOX_THRESH {self.rules.min_score}: "
                f"{int((matched & ~kept).sum())}; at keyframes that are not annotated: {int((~matched).sum())}"
            )
        if self.objects is not None:
            unmatched = int((~self._matched_objects).sum())
            lines.append(f"{self.objects.summary()}; object boxes at keyframes that are not annotated: {unmatched}")
        elif self.max_objects:
            lines.append("no object boxes: the dataset has no `object_boxes`, so the O blocks see empty slots")
        return "; ".join(lines)

    @cached_property
    def _detection_masks(self) -> tuple[np.ndarray, np.ndarray]:
        """Bool [R] of the detections: whether their keyframe is annotated, and whether their score suffices."""
        matched = matched_rows(self.name, self.detections, self.annotations)
        return matched, self.detections.scores >= np.float32(self.rules.min_score)

    def _select_keyframes(self) -> np.ndarray:
        """Return which annotated keyframes have a box to classify, bool [K]."""
        table = self.annotations
        if self.detections is None:
            require_boxes(self.name, table)
            return np.diff(table.row_offsets) > 0
        matched, kept = self._detection_masks
        if not (matched & kept).any():
            best = self.detections.scores[matched].max()
            raise UserError(
                f'dataset "{self.name}": {self.detections.source}: all {int(matched.sum())} detections at annotated '
                f"keyframes score below TEST.BOX_THRESH {self.rules.min_score} (the best has {best:.3f}). "
                "Lower TEST.BOX_THRESH."
            )
        rows = self.detections.keyframe_of_box()
        used = self.detections.keyframes.take(np.unique(rows[matched & kept]))
        selected = np.zeros(len(table.keyframes), dtype=bool)
        selected[table.keyframes.locate(used.videos, used.video_index, used.seconds)] = True
        return selected

    def _persons(self, index: int, keyframe: Keyframe, rng: np.random.Generator) -> _Persons:
        if self.detections is not None:
            boxes, scores = self.detections.lookup(*keyframe, min_score=self.rules.min_score)
            return _Persons(boxes, scores, np.zeros(0, dtype=np.int64))
        rows = self.annotations.rows(int(self._table_index[index]))
        chosen = np.arange(rows.start, rows.stop)
        if isinstance(self.rules, TrainingRules) and len(chosen) > self.rules.max_persons:
            chosen = np.sort(rng.choice(chosen, self.rules.max_persons, replace=False))
        return _Persons(self.annotations.boxes[chosen], np.ones(len(chosen), dtype=np.float32), chosen)

    def _objects(self, keyframe: Keyframe) -> Tensor:
        if self.objects is None:
            return torch.zeros((0, 4), dtype=torch.float64)
        return torch.from_numpy(self.objects.lookup(*keyframe, limit=self.max_objects)[0])

    def _labels(self, rows: np.ndarray) -> Tensor:
        """Return multi-hot labels float32 [n, C] of annotation rows, in channel order."""
        labels = torch.zeros((len(rows), self.label_map.num_classes))
        for position, row in enumerate(rows):
            labels[position, self.label_map.channels(self.annotations.labels(int(row)))] = 1
        return labels

    def _draw(self, rng: np.random.Generator) -> tuple[ClipAugmentation, int | None]:
        """Draw what a training clip varies in: the augmentation, and the slow pathway's first frame."""
        if not isinstance(self.rules, TrainingRules):
            return ClipAugmentation(), None
        slow_start = self.sampling.draw_slow_start(rng)
        flip = bool(rng.random() < self.rules.flip_prob)
        color = None if self.rules.color_jitter is None else self.rules.color_jitter.draw(rng)
        return ClipAugmentation(flip, color), slow_start


def wants_objects(cfg: CfgNode) -> bool:
    """Tell whether the model of a config looks at objects."""
    ia = cfg.MODEL.IA_STRUCTURE
    return ia.ACTIVE and ia.MAX_OBJECT > 0 and "O" in set(chain.from_iterable(ia.I_BLOCK_LIST))


@dataclass(frozen=True)
class _Persons:
    """Boxes float64 [n, 4], scores float32 [n], and rows int64 [n] of the annotations (none for detections)."""

    boxes: np.ndarray
    scores: np.ndarray
    rows: np.ndarray


def _pathway(frames: np.ndarray, positions: np.ndarray) -> Tensor | None:
    """Return frames [T, H, W, 3] at ``positions`` as a tensor [3, T, H, W]; None if there are no positions."""
    if len(positions) == 0:
        return None
    return torch.from_numpy(frames[positions]).permute(3, 0, 1, 2)
