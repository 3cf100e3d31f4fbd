"""Figures of a dataset that decide its config, read from its registered files.

Sizes in shapes: K keyframes, R boxes, M boxes at one keyframe.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alphaction.config.class_groups import MOVEMENT
from alphaction.config.paths_catalog import DatasetSpec
from alphaction.data.annotations import AnnotationTable, LabelMap
from alphaction.data.label_statistics import classes_of_keyframes, labels_of_group
from alphaction.data.person_tracks import PersonTracks
from alphaction.data.table_checks import require_boxes, require_same_classes
from alphaction.data.tables import DatasetTables, open_tables
from alphaction.data.video.clip_source import ClipSource
from alphaction.data.video.whole_movies import MovieSource
from alphaction.evaluation.recall import Recall
from alphaction.utils.messages import counted
from alphaction.workflows.finetune.frame_size import SeenVideo
from alphaction.workflows.finetune.rare_classes import RareClasses
from alphaction.workflows.finetune.validation_size import ValidationSize

# Opening a video decodes a frame; this many of a split suffice to estimate rates and sizes.
_PROBED_VIDEOS = 24
# Memory needs at least this share of the keyframes to have a neighbor at the usual distance.
_MIN_REGULAR = 0.5


@dataclass(frozen=True)
class Detections:
    """How many annotated persons the detector of the validation split finds, at IoU 0.5.

    Attributes:
        threshold: see :meth:`alphaction.evaluation.recall.Recall.threshold`.
        recall: share of the labeled boxes that detections above it find.
        best_recall: the same for all detections.
    """

    threshold: float
    recall: float
    best_recall: float


@dataclass(frozen=True)
class DatasetStatistics:
    """Figures of a training split and of the split it is evaluated on.

    Attributes:
        train, val: names of the splits.
        label_map: the classes.
        videos, keyframes, boxes: counts of the training split; keyframes are those with a box.
        several: group -> boxes of both splits with two labels of it or more; only exclusive groups.
        persons: (95th percentile, most) boxes of a keyframe.
        seen: the training split's videos that were looked at, with their boxes.
        fps: (lowest, median, highest) frame rate of the videos.
        memory_step: usual distance of successive keyframes in seconds; 0: there is none that memory could use.
        memory_spans: seconds from the first to the last keyframe of each training video; empty without such a step.
        has_objects: whether both splits name object boxes.
        detections: of the validation split; None: it names no person boxes.
        rare: what to do about rare classes of the training split; None: none is rare.
        validation: size of the validation split; None: that of the published figures.
        probed: number of videos that sizes and rates were read from.
        example_video: a video of the validation split, None where it consists of one-second clips.
        example_boxes, example_objects: files of person and of object boxes for it, None where there are none.
        track_step: how many seconds later a person's next box usually is; 0: persons cannot be followed.
        published: whether these are AVA's published figures instead of figures of files.
    """

    train: str
    val: str
    label_map: LabelMap
    videos: int
    keyframes: int
    boxes: int
    several: Mapping[str, int]
    persons: tuple[int, int]
    seen: tuple[SeenVideo, ...]
    fps: tuple[float, float, float]
    memory_step: int
    memory_spans: tuple[int, ...]
    has_objects: bool
    detections: Detections | None
    rare: RareClasses | None = None
    validation: ValidationSize | None = None
    probed: int = 0
    example_video: Path | None = None
    example_boxes: Path | None = None
    example_objects: Path | None = None
    track_step: float = 0.0
    published: bool = False

    @property
    def epoch_clips(self) -> int:
        """Clips of an epoch: each keyframe of the training split once, or more often where rare classes ask for it."""
        return self.keyframes if self.rare is None else self.rare.epoch

    @property
    def memory_slots(self) -> int:
        """Most steps of the memory that lie on one side of a keyframe."""
        return max(self.memory_spans, default=0) // max(1, self.memory_step)

    @property
    def exclusive_movement(self) -> bool:
        """Whether a softmax can learn the movements."""
        return self.is_exclusive(MOVEMENT)

    def is_exclusive(self, group: str) -> bool:
        """Return whether a softmax can learn a group: it is exclusive, has several classes, and no box two of them."""
        size = next((len(each.ids) for each in self.label_map.class_groups if each.name == group), 0)
        return size > 1 and self.several.get(group, 1) == 0

    def labels_are(self, group: str) -> str:
        """Return why the classes of a group exclude each other or not, for a comment."""
        if self.published:
            return "as published"
        noun, nouns = ("movement", "movements") if group == MOVEMENT else ("class", "classes")
        if self.label_map.groups.count(group) == 1:
            return f"there is a single {noun}, whose softmax would always be 1"
        if group not in self.several:
            return "the label map does not say that they exclude each other"
        if several := self.several[group]:
            return f"{counted(several, 'box has', 'boxes have')} several {nouns}: no softmax learns that"
        return f"no box carries two {nouns}"


def ava_statistics(train: str, val: str, label_map: LabelMap) -> DatasetStatistics:
    """Return AVA v2.2's figures, whose recipe the pretrained networks follow; no file is read.

    Args:
        train, val: names of the splits.
        label_map: AVA's 80 classes.
    """
    return DatasetStatistics(
        train=train,
        val=val,
        label_map=label_map,
        videos=235,
        keyframes=184_000,
        boxes=0,
        several={MOVEMENT: 0},
        persons=(10, 25),
        seen=(SeenVideo((464, 256), (0.7,)),),
        fps=(24.0, 25.0, 30.0),
        memory_step=1,
        memory_spans=(896,),
        has_objects=True,
        detections=None,
        published=True,
    )


def read_statistics(train: DatasetSpec, val: DatasetSpec) -> DatasetStatistics:
    """Read the annotations of both splits, the validation split's detections, and the headers of some videos.

    Raises:
        UserError: if a file is malformed, the splits have different classes, a split has no box, or a video that is
            looked at is missing or broken.
    """
    opened, val_opened = open_tables(train, boxes=()), open_tables(val, boxes=("person_boxes",))
    label_map = opened.label_map
    require_same_classes(val_opened, label_map, train.name)
    table, val_table = opened.annotations, val_opened.annotations
    require_boxes(table)
    seen, rates = _look_at_videos(table, opened.source)
    counts = np.diff(table.row_offsets)
    counts = counts[counts > 0]
    step, spans = _memory_reach(table)
    several = {
        group.name: sum(int((labels_of_group(each, label_map, group.name) > 1).sum()) for each in (table, val_table))
        for group in label_map.class_groups
        if group.exclusive
    }
    return DatasetStatistics(
        train=train.name,
        val=val.name,
        label_map=label_map,
        videos=len(np.unique(table.keyframes.video_index)),
        keyframes=len(counts),
        boxes=len(table),
        several=several,
        persons=(int(np.percentile(counts, 95, method="higher")), int(counts.max())),
        seen=seen,
        fps=(min(rates), float(np.median(rates)), max(rates)),
        memory_step=step,
        memory_spans=spans,
        has_objects=train.object_boxes is not None and val.object_boxes is not None,
        detections=_detections(val_opened),
        rare=RareClasses.of(classes_of_keyframes(table, label_map)[np.diff(table.row_offsets) > 0], label_map.names),
        validation=ValidationSize.of(val_table),
        probed=len(seen),
        example_video=_example_video(val_opened),
        example_boxes=val.person_boxes,
        example_objects=val.object_boxes,
        track_step=PersonTracks(table).usual_step(),
    )


def _look_at_videos(table: AnnotationTable, source: ClipSource) -> tuple[tuple[SeenVideo, ...], list[float]]:
    """Return sizes and box heights of up to ``_PROBED_VIDEOS`` annotated videos, spread over the split; their rates."""
    used = np.unique(table.keyframes.video_index[np.diff(table.row_offsets) > 0])
    chosen = used[np.unique(np.linspace(0, len(used) - 1, _PROBED_VIDEOS).round().astype(int))]
    video_of_box = np.repeat(table.keyframes.video_index, np.diff(table.row_offsets))
    seen, rates = [], []
    for index in chosen:
        info = source.probe(str(table.keyframes.videos[index]))
        boxes = table.boxes[video_of_box == index]
        seen.append(SeenVideo((info.width, info.height), tuple((boxes[:, 3] - boxes[:, 1]).tolist())))
        rates.append(info.fps)
    return tuple(seen), rates


def _memory_reach(table: AnnotationTable) -> tuple[int, tuple[int, ...]]:
    """Return the usual distance of successive keyframes in seconds, 0 if there is none, and the seconds of each video.

    Memory looks at whole multiples of one step away from a keyframe: where fewer than half of the keyframes have a
    neighbor at that step, there would be hardly anything to remember.
    """
    videos, seconds = table.keyframes.video_index, table.keyframes.seconds
    gaps = np.diff(seconds)[np.diff(videos) == 0]
    if not len(gaps):
        return 0, ()
    # A slot is a whole number of seconds, and takes the keyframe nearest to it.
    step = Counter(np.maximum(np.rint(gaps), 1).astype(np.int64).tolist()).most_common(1)[0][0]
    regular = (gaps == step).sum() if seconds.dtype.kind == "i" else _with_neighbor(videos, seconds, step)
    if regular < _MIN_REGULAR * len(seconds):
        return 0, ()
    return step, tuple(int(np.ptp(seconds[videos == video])) for video in np.unique(videos))


def _with_neighbor(videos: np.ndarray, seconds: np.ndarray, step: int) -> int:
    """Return how many keyframes have another one within half a second of ``step`` seconds later."""
    keys = videos * (seconds.max() + step + 1) + seconds
    return int((np.searchsorted(keys, keys + step + 0.5) > np.searchsorted(keys, keys + step - 0.5)).sum())


def _detections(tables: DatasetTables) -> Detections | None:
    persons = tables.person_boxes if len(tables.annotations) else None
    if persons is None:
        return None
    recall = Recall.of(tables.annotations, persons)
    threshold = recall.threshold()
    return Detections(threshold, recall.at(threshold), recall.at())


def _example_video(tables: DatasetTables) -> Path | None:
    source = tables.source
    return source.path(str(tables.annotations.keyframes[0].video)) if isinstance(source, MovieSource) else None
