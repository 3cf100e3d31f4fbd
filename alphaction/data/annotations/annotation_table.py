"""Ground truth as a typed table, which all readers of annotations end in.

Sizes in shapes: K keyframes, R boxes, L labels (pairs of a box and one of its classes), n rows of a file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from alphaction.data.annotations.grouping import GroupedBoxes, group_boxes, offsets_of, owners_of, with_counts
from alphaction.data.keyframes import ImageIds, Keyframe, KeyframeIndex, encode, exact_times
from alphaction.utils.errors import DataError
from alphaction.utils.messages import counted

NO_CLASS = -1
"""Class id of a row that labels its box with no action."""


@dataclass(frozen=True, eq=False)
class AnnotationTable(GroupedBoxes):
    """Ground truth: boxes and their class ids per keyframe, sorted by (video, second). Numpy columns only.

    Attributes:
        keyframes: the K keyframes; those without a box are kept (their ``rows`` are empty).
        row_offsets: int64 [K + 1]; boxes of keyframe k are ``row_offsets[k]:row_offsets[k + 1]``.
        boxes: float64 [R, 4] x1, y1, x2, y2 as fractions (0 to 1) of the frame, in the file's order within a keyframe.
        person_ids: int64 [R], -1 unknown.
        label_offsets: int64 [R + 1]; classes of box r are ``label_ids[label_offsets[r]:label_offsets[r + 1]]``.
        label_ids: int64 [L] class ids (not channels), ascending within a box. A box may have none: a negative.
        frame_sizes: int32 [K, 2] (width, height) in pixels, 0 where the file does not say.
        image_ids: image id -> keyframe for JSON formats (excluded keyframes included), else empty.
        source: the file, for messages.
        counts: what the reader met, for :meth:`summary`.
        excluded: what :meth:`without` was asked to leave out, annotated or not.
    """

    keyframes: KeyframeIndex
    row_offsets: np.ndarray
    boxes: np.ndarray
    person_ids: np.ndarray
    label_offsets: np.ndarray
    label_ids: np.ndarray
    frame_sizes: np.ndarray
    image_ids: ImageIds = field(default_factory=ImageIds.empty)
    source: str = "annotations"
    counts: Mapping[str, int] = field(default_factory=dict)
    excluded: frozenset[Keyframe] = frozenset()

    @classmethod
    def from_columns(
        cls,
        videos: Sequence[str],
        seconds: Sequence[float] | np.ndarray,
        boxes: np.ndarray,
        class_ids: Sequence[int] | np.ndarray,
        person_ids: Sequence[int] | np.ndarray | None = None,
        source: str = "annotations",
    ) -> AnnotationTable:
        """Return the table of rows as an AVA csv has them: one per box and class; rows of one box are merged.

        Args:
            videos: n video names.
            seconds: [n] times.
            boxes: float [n, 4] x1, y1, x2, y2 in [0, 1].
            class_ids: int [n]; ``NO_CLASS`` (-1) for a box without an action.
            person_ids: int [n], -1 unknown; None: all unknown.
            source: named in messages.
        """
        known: dict[str, int] = {}
        codes, seconds = encode(videos, known), exact_times(seconds)
        keyframes, position = KeyframeIndex.from_rows(list(known), codes, seconds)
        if person_ids is None:
            person_ids = np.full(len(codes), -1, dtype=np.int64)
        return merge_rows(
            keyframes,
            position,
            np.asarray(boxes, dtype=np.float64).reshape(-1, 4),
            np.asarray(class_ids, dtype=np.int64),
            np.asarray(person_ids, dtype=np.int64),
            source=source,
        )

    @property
    def num_labels(self) -> int:
        """Number of labels, L."""
        return len(self.label_ids)

    @property
    def num_negatives(self) -> int:
        """Number of boxes without a label."""
        return int(np.count_nonzero(np.diff(self.label_offsets) == 0))

    def box_of_label(self) -> np.ndarray:
        """Return the row of each label's box, int64 [L]."""
        return owners_of(self.label_offsets)

    def labels(self, row: int) -> np.ndarray:
        """Return the class ids of box ``row``, int64; empty for a negative."""
        return self.label_ids[self.label_offsets[row] : self.label_offsets[row + 1]]

    def index_of(self, video: str, second: float) -> int | None:
        """Return the position of a keyframe, or None if it is not annotated."""
        return self.keyframes.index_of(video, second)

    def without(self, exclusions: Collection[Keyframe]) -> AnnotationTable:
        """Return the table less the excluded keyframes; what was left out is added to ``counts``.

        Raises:
            DataError: nothing remains.
        """
        if not len(exclusions):
            return self
        drop = np.zeros(len(self.keyframes), dtype=bool)
        known: dict[str, int] = {}
        codes = encode((keyframe[0] for keyframe in exclusions), known)
        seconds = exact_times([keyframe[1] for keyframe in exclusions])
        found = self.keyframes.locate(list(known), codes, seconds)
        drop[found[found >= 0]] = True
        if drop.all():
            raise DataError(
                f"{self.source}: the excluded timestamps cover all {counted(len(drop), 'keyframe')}; nothing is left "
                "of this split. Is the exclusion file the annotation file by mistake?"
            )
        boxes_per_keyframe = np.diff(self.row_offsets)
        keep_box = np.repeat(~drop, boxes_per_keyframe)
        labels_per_box = np.diff(self.label_offsets)
        keep_label = np.repeat(keep_box, labels_per_box)
        counts = dict(self.counts)
        for name, amount in (
            ("excluded timestamps", len(exclusions)),
            ("excluded timestamps that match no keyframe", (found < 0).sum()),
            ("excluded keyframes", drop.sum()),
            ("excluded boxes", (~keep_box).sum()),
            ("excluded labels", (~keep_label).sum()),
        ):
            counts[name] = counts.get(name, 0) + int(amount)
        return replace(
            self,
            keyframes=self.keyframes.take(~drop),
            row_offsets=offsets_of(boxes_per_keyframe[~drop]),
            boxes=self.boxes[keep_box],
            person_ids=self.person_ids[keep_box],
            label_offsets=offsets_of(labels_per_box[keep_box]),
            label_ids=self.label_ids[keep_label],
            frame_sizes=self.frame_sizes[~drop],
            counts=counts,
            excluded=self.excluded | set(exclusions),
        )

    def summary(self) -> str:
        """Return one line of counts for the log; nothing that was merged, clipped or left out is missing from it."""
        empty = int(np.count_nonzero(np.diff(self.row_offsets) == 0))
        videos = len(np.unique(self.keyframes.video_index))
        head = (
            f"{self.source}: {counted(videos, 'video')}, {counted(len(self.keyframes), 'keyframe')}, "
            f"{counted(len(self), 'box', 'boxes')}, {counted(self.num_labels, 'label')}"
        )
        return with_counts(
            head, {"boxes without action": self.num_negatives, "keyframes without boxes": empty, **self.counts}
        )


def merge_rows(
    keyframes: KeyframeIndex,
    position: np.ndarray,
    boxes: np.ndarray,
    class_ids: np.ndarray,
    person_ids: np.ndarray,
    *,
    frame_sizes: np.ndarray | None = None,
    image_ids: ImageIds | None = None,
    source: str = "annotations",
    counts: Mapping[str, int] | None = None,
    num_records: int | None = None,
) -> AnnotationTable:
    """Return the table of rows, merging those of one box: same keyframe, same coordinates and same person id.

    Args:
        keyframes: all keyframes, those without a row included.
        position: int64 [n] keyframe of each row.
        boxes: float64 [n, 4].
        class_ids: int64 [n], ``NO_CLASS`` for none.
        person_ids: int64 [n], -1 unknown.
        frame_sizes: int32 [K, 2], None: unknown.
        counts: what the reader met before.
        num_records: entries of the file that the rows came from, where one entry may hold several classes; None: n.
    """
    first, box_of_row = group_boxes(position, boxes, person_ids)
    labeled = class_ids != NO_CLASS
    label_box, label_ids = box_of_row[labeled], class_ids[labeled]
    order = np.lexsort((label_ids, label_box))
    label_box, label_ids = label_box[order], label_ids[order]
    repeated = np.zeros(len(label_ids), dtype=bool)
    repeated[1:] = (label_box[1:] == label_box[:-1]) & (label_ids[1:] == label_ids[:-1])
    label_box, label_ids = label_box[~repeated], label_ids[~repeated]

    position, person_ids = position[first], person_ids[first]
    tracked = person_ids >= 0
    persons = np.unique(np.stack([position[tracked], person_ids[tracked]]), axis=1).shape[1]
    counts = {
        **(counts or {}),
        "rows merged into the box of another row": (len(box_of_row) if num_records is None else num_records)
        - len(first),
        "repeated labels of one box": int(repeated.sum()),
        "boxes whose person id has another box in the same keyframe": int(tracked.sum()) - persons,
    }
    return AnnotationTable(
        keyframes=keyframes,
        row_offsets=offsets_of(np.bincount(position, minlength=len(keyframes))),
        boxes=boxes[first],
        person_ids=person_ids,
        label_offsets=offsets_of(np.bincount(label_box, minlength=len(first))),
        label_ids=label_ids,
        frame_sizes=np.zeros((len(keyframes), 2), dtype=np.int32) if frame_sizes is None else frame_sizes,
        image_ids=ImageIds.empty() if image_ids is None else image_ids,
        source=source,
        counts=counts,
    )
