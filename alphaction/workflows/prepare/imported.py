"""What every importer returns: one row per box, with the labels as the file spells them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from alphaction.data.annotations.table import group_boxes
from alphaction.data.formats.rows import Label, RowTable
from alphaction.data.keyframes import ImageIds, KeyframeIndex
from alphaction.data.sample import Keyframe
from alphaction.utils.messages import counted

TOOL_FORMATS = ("via", "cvat", "labelstudio")
"""Formats of annotation tools: attributes and labels, times counted by the tool, boxes always written alike."""


@dataclass(frozen=True, eq=False)
class ImportedAnnotations:
    """Annotations of a tool's file, before class names become ids. One row per box; n rows.

    Attributes:
        videos: video of each row, by the name that the prober knows (the stem of the movie's file).
        seconds: int64 [n] whole seconds from the start of the video.
        boxes: float64 [n, 4] x1, y1, x2, y2 as fractions of the frame; not yet checked for overhang.
        labels: labels of each box: class names (annotation tools) or class ids (AVA csv, JSON); empty for a negative.
        person_ids: int64 [n], -1 unknown; unique within a video.
        empty_keyframes: annotated seconds without a box, where the format tells.
        class_names: class id -> name, where the file itself names its ids (COCO categories).
        class_groups: class (as in ``labels``) -> ``movement``, ``object`` or ``person``, where the file tells.
        image_ids: image id -> keyframe for JSON formats, for detections that refer to image ids.
        source: the file, for messages.
        format: one of ``alphaction.workflows.prepare.importers.FORMATS``.
        counts: what was met, decided and left out, for :meth:`summary`; nothing is dropped without being here.
        notes: how the file was read, in sentences that every user should see.
        places: where each row was in the file ("line 12", "track 3, frame 50"), for messages; empty: unknown.
    """

    videos: list[str]
    seconds: np.ndarray
    boxes: np.ndarray
    labels: list[tuple[int | str, ...]]
    person_ids: np.ndarray
    empty_keyframes: tuple[Keyframe, ...] = ()
    class_names: Mapping[int, str] = field(default_factory=dict)
    class_groups: Mapping[int | str, str] = field(default_factory=dict)
    image_ids: ImageIds = field(default_factory=ImageIds.empty)
    source: str = "annotations"
    format: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    places: tuple[str, ...] = ()

    @classmethod
    def from_rows(cls, rows: RowTable, format: str) -> ImportedAnnotations:
        """Return the annotations of a file's rows; rows of one keyframe with equal boxes are one box with all labels.

        Args:
            rows: of known videos, at whole seconds, with boxes as corners in fractions of the frame. A row without a
                box is a keyframe without boxes, unless another row has a box there.
            format: the file's.
        """
        boxed = rows.take(rows.has_box)
        persons = boxed.persons()
        _, position = KeyframeIndex.from_rows(boxed.videos, boxed.video_codes, boxed.numbers)
        keys = persons if boxed.merge_keys is None else boxed.merge_keys
        first, box_of_row = group_boxes(position, boxed.boxes, keys)
        order = np.argsort(first)  # as in the file, not by keyframe
        box_of_row, first = np.argsort(order)[box_of_row], first[order]
        labels: list[dict[Label, None]] = [{} for _ in first]
        for row, code in zip(boxed.label_rows.tolist(), boxed.label_codes.tolist(), strict=True):
            labels[box_of_row[row]][boxed.classes[code]] = None
        videos = [boxed.videos[code] for code in boxed.video_codes[first].tolist()]
        filled = set(zip(videos, boxed.numbers[first].tolist(), strict=True))
        bare = rows.take(~rows.has_box)
        moments = zip(bare.video_codes.tolist(), bare.numbers.tolist(), strict=True)
        empty = dict.fromkeys(Keyframe(bare.videos[code], second) for code, second in moments)
        merged = len(boxed) - len(first)
        return cls(
            videos=videos,
            seconds=boxed.numbers[first],
            boxes=boxed.boxes[first],
            labels=[tuple(found) for found in labels],
            person_ids=persons[first],
            empty_keyframes=tuple(keyframe for keyframe in empty if keyframe not in filled),
            class_names=rows.class_names,
            class_groups=rows.class_groups,
            image_ids=rows.image_ids,
            source=str(rows.source.path),
            format=format,
            counts={**rows.counts, **({"rows merged into the box of another row": merged} if merged else {})},
            notes=tuple(rows.notes),
            places=tuple(boxed.source.place(int(row)) for row in first),
        )

    def __len__(self) -> int:
        """Return the number of boxes, n."""
        return len(self.videos)

    def place(self, row: int) -> str:
        """Return the file and the place in it of a row, for messages."""
        return f"{self.source}, {self.places[row] if self.places else f'box {row + 1}'}"

    def summary(self) -> str:
        """Return one line of counts for the log."""
        negatives = sum(not labels for labels in self.labels)
        filled = set(zip(self.videos, self.seconds.tolist(), strict=True))
        head = (
            f"{self.source} ({self.format}): {counted(len(set(self.videos)), 'video')}, "
            f"{counted(len(filled), 'keyframe')} with boxes, {counted(len(self), 'box', 'boxes')}, "
            f"{counted(sum(len(labels) for labels in self.labels), 'label')}"
        )
        counts = {"boxes without action": negatives, "keyframes without boxes": len(self.empty_keyframes)}
        parts = [f"{name}: {count}" for name, count in {**counts, **self.counts}.items() if count]
        return "; ".join([head, *parts])
