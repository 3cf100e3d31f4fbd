"""The files of one registered dataset, opened together: its classes, its videos, and its tables.

Sizes in shapes: K keyframes, R boxes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, overload

import numpy as np

from alphaction.config.paths_catalog import DatasetSpec
from alphaction.data.annotations import (
    AnnotationTable,
    BoxTable,
    Keyframe,
    KeyframeIndex,
    LabelMap,
    read_annotations,
    read_boxes,
    read_exclusions,
    read_label_map,
)
from alphaction.data.video.clip_source import ClipSource
from alphaction.data.video.names import VideoNames
from alphaction.data.video.one_second_clips import OneSecondClipSource
from alphaction.data.video.whole_movies import MovieSource
from alphaction.utils.errors import DataError, UserError

BOX_FILES = ("person_boxes", "object_boxes")

OnError = Callable[[str, UserError], None]
"""Called with the kind of a file ("label map", "videos", "annotations", "exclusions", ...) and its error."""

_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class DatasetTables:
    """One opened dataset: what training, evaluation, checks and pictures start from.

    Attributes:
        name: what the config calls it.
        label_map: its classes.
        annotations: ground truth without the excluded keyframes.
        source: where frames come from; None: the folder is missing, or no frames are needed.
        person_boxes: detected persons, None: none are given (or wanted).
        object_boxes: detected objects, None: none are given (or wanted).
        eval_label_map: the classes that count in the mean AP, None: all.
        training: whether it is trained on; otherwise it is evaluated on.
        spec: where its files are, None: the tables come from elsewhere.
    """

    name: str
    label_map: LabelMap
    annotations: AnnotationTable
    source: ClipSource | None
    person_boxes: BoxTable | None = None
    object_boxes: BoxTable | None = None
    eval_label_map: LabelMap | None = None
    training: bool = False
    spec: DatasetSpec | None = None

    @property
    def counted_classes(self) -> LabelMap:
        """The classes that count in the mean AP."""
        return self.eval_label_map or self.label_map

    def keyframe_of(self, boxes: BoxTable) -> np.ndarray:
        """Return the position of each box's annotated keyframe, int64 [R]; -1 where it is not annotated."""
        return self.annotations.keyframes.locate_each(boxes.keyframes)[boxes.keyframe_of_box()]


@overload
def open_tables(spec: DatasetSpec, *, boxes: Collection[str] = ..., training: bool = ...) -> DatasetTables: ...
@overload
def open_tables(
    spec: DatasetSpec, *, boxes: Collection[str] = ..., training: bool = ..., on_error: OnError
) -> DatasetTables | None: ...
def open_tables(
    spec: DatasetSpec,
    *,
    boxes: Collection[str] = BOX_FILES,
    training: bool = False,
    on_error: OnError | None = None,
) -> DatasetTables | None:
    """Read the files of a dataset.

    Args:
        spec: where they are.
        boxes: which of :data:`BOX_FILES` to read, if the dataset has them.
        training: whether it is trained on.
        on_error: called for each faulty file, and the other files are still read. By default the first error is raised.

    Returns:
        the dataset; None if the label map or the annotations cannot be read and there is an ``on_error``.

    Raises:
        DataError: without ``on_error``: a file is malformed, or the folder of the videos does not exist.
    """

    def attempt(what: str, read: Callable[[], _T]) -> _T | None:
        try:
            return read()
        except UserError as error:
            if on_error is None:
                raise
            on_error(what, error)
            return None

    def frame_size(video: str) -> tuple[int, int]:
        if source is None:
            raise DataError(f'the frame size of video "{video}" is needed, but the folder of its videos is missing.')
        return source.frame_size(video)

    label_map = attempt("label map", lambda: read_label_map(spec.label_map))
    source = attempt("videos", lambda: open_source(spec))
    if label_map is None:
        return None
    eval_label_map = None
    if spec.eval_label_map is not None:
        eval_label_map = attempt("label map", lambda: read_label_map(spec.eval_label_map))
    # Boxes may belong to excluded keyframes, whose images only the whole table has.
    whole = attempt("annotations", lambda: read_annotations(spec.annotations, label_map, sizes=frame_size))
    excluded = set()
    if spec.exclusions is not None:
        excluded = attempt("exclusions", lambda: read_exclusions(spec.exclusions)) or set()
    # The files may name one video differently ("kitchen" and "kitchen.mp4").
    names = VideoNames(() if whole is None else whole.keyframes.videos.tolist(), str(spec.annotations))
    excluded = {Keyframe(names.known(keyframe.video), keyframe.second) for keyframe in excluded}
    annotations = None if whole is None else attempt("exclusions", lambda: whole.without(excluded))

    def read(role: str, path: Path | None) -> BoxTable | None:
        if path is None or role not in boxes:
            return None
        objects = role == "object_boxes"
        found = attempt(role.replace("_", " "), lambda: read_boxes(path, whole, frame_size, objects=objects))
        return None if found is None else found.renamed(names.known)

    person_boxes, object_boxes = read("person_boxes", spec.person_boxes), read("object_boxes", spec.object_boxes)
    if annotations is None:
        return None
    return DatasetTables(
        name=spec.name,
        label_map=label_map,
        annotations=annotations,
        source=source,
        person_boxes=person_boxes,
        object_boxes=object_boxes,
        eval_label_map=eval_label_map,
        training=training,
        spec=spec,
    )


def open_source(spec: DatasetSpec) -> ClipSource:
    """Return where the frames of a dataset come from: its one-second clips if it has them, else its whole videos.

    Raises:
        DataError: if the folder does not exist, or the dataset names neither.
    """
    if spec.clips is not None:
        return OneSecondClipSource(spec.clips, spec.follow_links)
    if spec.videos is not None:
        return MovieSource(spec.videos)
    raise DataError(f'dataset "{spec.name}" ({spec.source}) names neither `videos` nor `clips`. Add one of them.')


def seconds_of_videos(keyframes: KeyframeIndex) -> dict[str, np.ndarray]:
    """Return video -> the times of its keyframes in seconds, ascending; videos without one are left out."""
    bounds = np.searchsorted(keyframes.video_index, np.arange(len(keyframes.videos) + 1))
    return {
        str(video): keyframes.seconds[start:end]
        for video, start, end in zip(keyframes.videos, bounds[:-1], bounds[1:], strict=True)
        if end > start
    }
