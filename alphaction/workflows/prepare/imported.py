"""What every importer returns: one row per box, with the labels as the file spells them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from alphaction.data.annotations.keyframes import ImageIds
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
