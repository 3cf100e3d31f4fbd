"""One split of a dataset as its files give it, for the checks. Sizes in shapes: K keyframes, R boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from yacs.config import CfgNode

from alphaction.config.paths_catalog import DatasetSpec, find_dataset
from alphaction.data.annotations import (
    AnnotationTable,
    BoxTable,
    Keyframe,
    LabelMap,
    read_annotations,
    read_boxes,
    read_exclusions,
    read_label_map,
)
from alphaction.data.dataset import ActionDataset
from alphaction.data.video.clip_source import ClipSource
from alphaction.data.video.sources import open_source
from alphaction.utils.errors import UserError
from alphaction.workflows.inspect.report import Finding

_T = TypeVar("_T")


@dataclass(frozen=True)
class Split:
    """One split.

    Attributes:
        name: as the config calls it.
        training: whether it is trained on; otherwise it is evaluated on.
        label_map: the classes.
        eval_label_map: the classes that count in the mean, None: all.
        annotations: ground truth without the excluded keyframes.
        detections: person boxes, None: none given (or not readable).
        objects: object boxes, None as well.
        source: where frames come from, None: the folder is missing.
        spec: where its files are, None: its tables come from an open dataset.
    """

    name: str
    training: bool
    label_map: LabelMap
    eval_label_map: LabelMap | None
    annotations: AnnotationTable
    detections: BoxTable | None
    objects: BoxTable | None
    source: ClipSource | None
    spec: DatasetSpec | None = None

    @classmethod
    def of_dataset(cls, dataset: ActionDataset) -> Split:
        """Return the tables of a dataset that is open already."""
        return cls(
            name=dataset.name,
            training=dataset.training,
            label_map=dataset.label_map,
            eval_label_map=dataset.eval_label_map,
            annotations=dataset.annotations,
            detections=dataset.detections,
            objects=dataset.objects,
            source=dataset.source,
        )

    def seconds_of_videos(self) -> dict[str, np.ndarray]:
        """Return video -> its annotated seconds, int64, ascending."""
        keyframes = self.annotations.keyframes
        bounds = np.searchsorted(keyframes.video_index, np.arange(len(keyframes.videos) + 1))
        return {
            str(video): keyframes.seconds[start:end]
            for video, start, end in zip(keyframes.videos, bounds[:-1], bounds[1:], strict=True)
            if end > start
        }

    def keyframes_of(self, boxes: BoxTable) -> np.ndarray:
        """Return the number of each detected box's annotated keyframe, int64 [R]; -1 where that is not annotated."""
        keyframes = boxes.keyframes
        position = self.annotations.keyframes.locate(keyframes.videos, keyframes.video_index, keyframes.seconds)
        return position[boxes.keyframe_of_box()]


def is_training(cfg: CfgNode, name: str) -> bool:
    """Return whether a dataset is trained on: by DATASETS.TRAIN and TEST, else by its name."""
    if name in cfg.DATASETS.TRAIN or name in cfg.DATASETS.TEST:
        return name in cfg.DATASETS.TRAIN
    return "train" in name.rsplit("_", 1)[-1] or "_train_" in name


def load_split(cfg: CfgNode, name: str) -> tuple[Split | None, list[Finding]]:
    """Read every file of a dataset, on to the next one where a file is at fault.

    Returns:
        the split, None if its label map or annotations cannot be read; and one finding for each file at fault.
    """
    findings: list[Finding] = []

    def attempt(check: str, read: Callable[[], _T]) -> _T | None:
        try:
            return read()
        except UserError as error:
            findings.append(Finding("error", check, str(error), name))
            return None

    spec = attempt("files", lambda: find_dataset(cfg, name))
    if spec is None:
        return None, findings
    label_map = attempt("label map", lambda: read_label_map(spec.label_map))
    source = attempt("videos", lambda: open_source(spec))
    if label_map is None:
        message = f"nothing else of {name} can be checked until {spec.label_map} can be read."
        return None, [*findings, Finding("note", "label map", message, name)]
    eval_map = None
    if spec.eval_label_map is not None:
        eval_map = attempt("label map", lambda: read_label_map(spec.eval_label_map))

    def frame_size(video: str) -> tuple[int, int]:
        if source is None:
            raise UserError(f'the frame size of video "{video}" is needed, but its folder is missing.')
        return source.frame_size(video)

    full = attempt("annotations", lambda: read_annotations(spec.annotations, label_map, sizes=frame_size))
    exclusions: set[Keyframe] = set()
    if spec.exclusions is not None:
        exclusions = attempt("exclusions", lambda: read_exclusions(spec.exclusions)) or set()
    table = None if full is None else attempt("exclusions", lambda: full.without(exclusions))

    def boxes_of(path: Path | None, what: str) -> BoxTable | None:
        objects = what == "object boxes"
        return None if path is None else attempt(what, lambda: read_boxes(path, full, frame_size, objects=objects))

    detections, objects = boxes_of(spec.person_boxes, "person boxes"), boxes_of(spec.object_boxes, "object boxes")
    if table is None:
        message = f"labels, videos and recall of {name} are checked once its annotations can be read."
        return None, [*findings, Finding("note", "annotations", message, name)]
    findings += _stray_exclusions(spec, exclusions, full)
    training = is_training(cfg, name)
    return Split(name, training, label_map, eval_map, table, detections, objects, source, spec), findings


def _stray_exclusions(spec: DatasetSpec, exclusions: Iterable[Keyframe], full: AnnotationTable) -> Iterable[Finding]:
    # Timestamps without annotations are often excluded on purpose; videos that nobody annotated are a mistake.
    videos = {keyframe.video for keyframe in exclusions}
    if videos and not videos & set(full.keyframes.videos):
        yield Finding(
            "warning",
            "exclusions",
            f'{spec.exclusions}: none of its videos (first: "{min(videos)}") is annotated in {spec.annotations}, so it '
            "excludes nothing. Write video names alike in both files.",
            spec.name,
        )
