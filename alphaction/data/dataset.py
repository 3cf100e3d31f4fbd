"""The dataset: keyframes of annotated videos -> clips with boxes and labels.

Axes: T frames, H and W rows and columns, n persons and m objects of a clip, C classes.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from alphaction.data.annotations import AnnotationTable, LabelMap
from alphaction.data.augmentation import TestRules, TrainingRules
from alphaction.data.box_geometry import extend_boxes, jitter_boxes, resize_boxes, unit_to_pixel
from alphaction.data.clip_boxes import ClipBoxes, Persons
from alphaction.data.feature_cache import Clip, FeatureCache
from alphaction.data.keyframes import Keyframe
from alphaction.data.label_statistics import classes_of_keyframes
from alphaction.data.person_tracks import PersonTracks
from alphaction.data.playback import jittered_window
from alphaction.data.sample import ClipSample, SampleRequest
from alphaction.data.table_checks import require_boxes, require_labels, require_matches
from alphaction.data.tables import DatasetTables, open_tables
from alphaction.data.temporal import TemporalSampling, sampling_of
from alphaction.data.transforms import ClipAugmentation, ResizeRule, Size
from alphaction.data.used_detections import UsedDetections
from alphaction.data.video.clip_cache import with_cache
from alphaction.data.video.clip_source import ClipSource
from alphaction.utils.errors import DataError
from alphaction.utils.messages import counted

if TYPE_CHECKING:
    from yacs.config import CfgNode

    from alphaction.config.paths_catalog import DatasetSpec


class ActionDataset(Dataset[ClipSample]):
    """Clips around keyframes, with the boxes to classify and, in training, their labels.

    Args:
        tables: its files, opened. Training clips have the annotated boxes; test clips have the person boxes, or the
            annotated ones where there are none.
        fps: frames per second of the timeline, 0: each video's own.
        sampling: which frames a clip has.
        resize: old (width, height) -> new.
        rules: training or test.
        max_objects: most objects of a clip, best score first.

    Attributes:
        features: maps that clips have in place of frames, once they are all computed; None: frames.

    Raises:
        UserError: if not one clip remains, training clips have no label, or boxes match no annotated keyframe.
    """

    def __init__(
        self,
        tables: DatasetTables,
        *,
        fps: float,
        sampling: TemporalSampling,
        resize: ResizeRule,
        rules: TrainingRules | TestRules,
        max_objects: int = 0,
    ) -> None:
        self.tables = tables
        self.fps = fps
        self.sampling = sampling
        self.resize = resize
        self.rules = rules
        self.max_objects = max_objects
        self.features: FeatureCache | None = None
        if self.training:
            require_boxes(tables.annotations)
            require_labels(tables.annotations)
        if tables.object_boxes is not None:
            require_matches(tables.object_boxes, tables.annotations)
        self._used: UsedDetections | None = None
        if isinstance(rules, TestRules) and tables.person_boxes is not None:
            self._used = UsedDetections.of(tables, rules.min_score)
            has_box = self._used.keyframes
        else:
            require_boxes(tables.annotations)
            has_box = np.diff(tables.annotations.row_offsets) > 0
        most = rules.max_persons if isinstance(rules, TrainingRules) else None
        self._boxes = ClipBoxes(tables, self._used, most, max_objects)
        moves = isinstance(rules, TrainingRules) and rules.playback_jitter is not None
        self._tracks = PersonTracks(tables.annotations) if moves else None
        self._table_index = np.flatnonzero(has_box)
        self.keyframes = tables.annotations.keyframes.take(has_box)

    @classmethod
    def from_config(cls, cfg: CfgNode, spec: DatasetSpec, training: bool) -> ActionDataset:
        """Read the files of ``spec`` and return its dataset.

        Args:
            cfg: the whole config.
            spec: the dataset's files.
            training: ground truth boxes with augmentation; otherwise detections, if the dataset has any.
        """
        roles = {"person_boxes": not training, "object_boxes": wants_objects(cfg)}
        tables = open_tables(spec, boxes=[role for role, wanted in roles.items() if wanted], training=training)
        window = jittered_window(cfg) if training else range(0)
        source = with_cache(tables.source, cfg.DATALOADER.CLIP_CACHE, window)
        return cls.from_tables(cfg, replace(tables, source=source))

    @classmethod
    def from_tables(cls, cfg: CfgNode, tables: DatasetTables) -> ActionDataset:
        """Return the dataset of opened tables, with the config's clips, sizes and rules; see the class."""
        inputs = cfg.INPUT
        if tables.training:
            resize = ResizeRule(inputs.MIN_SIZE_TRAIN, inputs.MAX_SIZE_TRAIN)
        else:
            resize = ResizeRule(inputs.MIN_SIZE_TEST, inputs.MAX_SIZE_TEST)
        return cls(
            tables if wants_objects(cfg) else replace(tables, object_boxes=None),
            fps=inputs.FPS,
            sampling=sampling_of(cfg, training=tables.training),
            resize=resize,
            rules=TrainingRules.from_config(cfg, tables.label_map) if tables.training else TestRules.from_config(cfg),
            max_objects=cfg.MODEL.IA_STRUCTURE.MAX_OBJECT if wants_objects(cfg) else 0,
        )

    @property
    def name(self) -> str:
        """What the config calls the dataset."""
        return self.tables.name

    @property
    def label_map(self) -> LabelMap:
        """The classes."""
        return self.tables.label_map

    @property
    def eval_label_map(self) -> LabelMap | None:
        """The classes that count in the mean AP, None: all."""
        return self.tables.eval_label_map

    @property
    def annotations(self) -> AnnotationTable:
        """Ground truth, without the excluded keyframes."""
        return self.tables.annotations

    @property
    def source(self) -> ClipSource:
        """Where frames come from."""
        return self.tables.source

    @property
    def training(self) -> bool:
        """Whether clips are augmented and carry labels."""
        return isinstance(self.rules, TrainingRules)

    @property
    def uses_ground_truth_boxes(self) -> bool:
        """Whether the boxes to classify are the annotated ones."""
        return self._used is None

    @property
    def datasets(self) -> tuple[ActionDataset, ...]:
        """The datasets that this one is made of: itself."""
        return (self,)

    def __len__(self) -> int:
        return len(self._table_index)

    def __getitem__(self, request: SampleRequest) -> ClipSample:
        """Load one clip; equal requests give equal bytes, in any process.

        Raises:
            UserError: if its frames cannot be read.
        """
        rng = np.random.default_rng((request.seed, request.index))
        keyframe: Keyframe = self.keyframes[request.index]
        row = int(self._table_index[request.index])
        persons = self._boxes.persons(keyframe, row, rng)
        augmentation, slow_start, unit_boxes = self._draw(rng, keyframe, persons)
        seen = augmentation.shows(unit_boxes)

        slow = fast = features = None
        if self.features is None:
            slow, fast, size = self._frames(keyframe, augmentation, slow_start)
        else:
            features = torch.from_numpy(self.features.load(Clip(request.index, augmentation.flip)))
            size = self.features.size(request.index)
        old_size = self.frame_size(request.index)
        unit_boxes = unit_boxes[seen]
        boxes = self._pixel_boxes(augmentation, unit_boxes, old_size, size)
        objects = self._boxes.objects(keyframe)
        objects = self._pixel_boxes(augmentation, objects[augmentation.shows(objects)], old_size, size)
        labels = None
        if isinstance(self.rules, TrainingRules):
            boxes = jitter_boxes(boxes, rng, self.rules.jitter_x, self.rules.jitter_y, size)
            labels = augmentation.labels(self._boxes.labels(persons.rows)[seen], self.rules.mirrored_channels)
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
            scores=torch.from_numpy(persons.scores)[seen],
            labels=labels,
            object_boxes=objects.float(),
            features=features,
            color_shift=augmentation.later_shift(),
        )

    def annotated_persons(self, index: int) -> tuple[np.ndarray, Tensor]:
        """Return the annotated boxes of a clip's keyframe, float64 [n, 4], normalized, and their labels [n, C].

        The labels are multi-hot in channel order. The boxes that are classified may be others.
        """
        rows = self.annotations.rows(int(self._table_index[index]))
        return self.annotations.boxes[rows], self._boxes.labels(np.arange(rows.start, rows.stop))

    def clip_without_boxes(self, index: int, mirrored: bool) -> ClipSample:
        """Load the frames of a clip, mirrored or not and otherwise as they are, without boxes or labels.

        Raises:
            UserError: if its frames cannot be read.
        """
        keyframe: Keyframe = self.keyframes[index]
        slow, fast, size = self._frames(keyframe, ClipAugmentation(mirrored), None)
        none = torch.zeros((0, 4))
        return ClipSample(index, keyframe, slow, fast, size, none, none.double(), none[:, 0], None, none)

    def frame_size(self, index: int) -> Size:
        """Return the (width, height) of a clip's video before resizing: as annotated, else as the file says."""
        width, height = self.annotations.frame_sizes[self._table_index[index]].tolist()
        if width > 0 and height > 0:
            return width, height
        info = self.source.probe(self.keyframes[index].video)
        return info.width, info.height

    def frame_sizes(self, *, skips: bool = False) -> np.ndarray:
        """Return :meth:`frame_size` of every clip, int64 [number of clips, 2].

        Args:
            skips: give clips of videos that do not open the size (0, 0); otherwise the first of them is an error.
        """
        sizes = self.annotations.frame_sizes[self._table_index].astype(np.int64)
        unknown = np.flatnonzero((sizes <= 0).any(axis=1))
        videos = self.keyframes.video_index[unknown]
        for video in np.unique(videos).tolist():
            found = (0, 0)
            try:
                found = self.source.frame_size(str(self.keyframes.videos[video]))
            except DataError:
                if not skips:
                    raise
            sizes[unknown[videos == video]] = found
        return sizes

    def classes_of_clips(self) -> np.ndarray:
        """Return which classes the annotated boxes of each clip have, bool [number of clips, C]."""
        return classes_of_keyframes(self.annotations, self.label_map)[self._table_index]

    def summary(self) -> str:
        """Return counts for the log, also of what the clips leave out."""
        lines = [counted(len(self), "clip"), self.annotations.summary()]
        annotated, objects = len(self.annotations.keyframes), self.tables.object_boxes
        if len(self) < annotated:
            lines[0] += f" ({annotated - len(self)} of {annotated} annotated keyframes have no box to classify)"
        if self._used is not None:
            lines.append(self._used.summary())
        if objects is not None:
            unmatched = int((self.tables.keyframe_of(objects) < 0).sum())
            lines.append(f"{objects.summary()}; object boxes at keyframes that are not annotated: {unmatched}")
        elif self.max_objects:
            lines.append("no object boxes: the dataset has no `object_boxes`, so the O blocks see empty slots")
        return "; ".join(lines)

    def _frames(
        self, keyframe: Keyframe, augmentation: ClipAugmentation, slow_start: int | None
    ) -> tuple[Tensor | None, Tensor | None, Size]:
        """Return the augmented (slow, fast) frames of a clip, uint8 [3, T, H, W] each, and their (width, height)."""
        slots, fps = self.sampling.slots(slow_start), self.fps
        if (playback := augmentation.playback) is not None:
            slots, fps = tuple(playback.slots(of_pathway) for of_pathway in slots), fps * playback.parts
        used = sorted(set(chain.from_iterable(slots)))
        frames = self.source.frames(keyframe.video, keyframe.second, used, fps, self.resize)
        slow, fast = augmentation.pathways(frames, [np.searchsorted(used, of_pathway) for of_pathway in slots])
        height, width = (slow if fast is None else fast).shape[2:]
        return slow, fast, (width, height)

    def _draw(
        self, rng: np.random.Generator, keyframe: Keyframe, persons: Persons
    ) -> tuple[ClipAugmentation, int | None, Tensor]:
        """Draw what a training clip varies in: the augmentation, and the slow pathway's first frame.

        Returns:
            these two, and the persons' boxes, float64 [n, 4] as fractions of the frame, at the moment of the clip.
        """
        rules, boxes = self.rules, torch.from_numpy(persons.boxes)
        if not isinstance(rules, TrainingRules):
            return ClipAugmentation(), None, boxes
        slow_start = self.sampling.draw_slow_start(rng)
        augmentation = rules.draw(rng)
        if self._tracks is not None:
            fps = self.fps or self.source.probe(keyframe.video).fps
            boxes = torch.from_numpy(self._tracks.boxes(persons.rows, augmentation.playback.shift / fps))
        return replace(augmentation, view=rules.draw_view(rng, boxes.numpy())), slow_start, boxes

    @staticmethod
    def _pixel_boxes(augmentation: ClipAugmentation, boxes: Tensor, old_size: Size, size: Size) -> Tensor:
        """Return boxes [N, 4], fractions of a frame of ``old_size``, as pixels of the augmented ones of ``size``."""
        pixels = resize_boxes(unit_to_pixel(augmentation.shown(boxes), old_size), old_size, size)
        return augmentation.boxes(pixels, size[0])


def wants_objects(cfg: CfgNode) -> bool:
    """Return whether the model of a config uses objects."""
    ia = cfg.MODEL.IA_STRUCTURE
    return ia.ACTIVE and ia.MAX_OBJECT > 0 and "O" in set(chain.from_iterable(ia.I_BLOCK_LIST))
