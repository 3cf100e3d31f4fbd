"""What every reader is given, and how it collects its rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from alphaction.data.video.file import VideoInfo
from alphaction.data.video.names import VideoNames
from alphaction.utils.errors import UserError
from alphaction.workflows.prepare.imported import ImportedAnnotations
from alphaction.workflows.prepare.importers.tracks import Box

_ASPECT_TOLERANCE = 0.03


@dataclass(frozen=True)
class Source:
    """An annotation file and the options that it is read with.

    Attributes:
        path: the file.
        text: its content.
        data: the parsed JSON, None for other formats.
        videos: the known videos.
        info: size, frame rate and duration of a known video.
        box_format, normalized: see :func:`alphaction.workflows.prepare.importers.import_annotations`.
        keyframe_interval: seconds between the samples of a track.
        action_attributes: the attributes that are actions; (): by the rule of ``importers/actions.py``.
    """

    path: Path
    text: str
    data: Any
    videos: VideoNames
    info: Callable[[str], VideoInfo]
    box_format: str = "auto"
    normalized: str = "auto"
    keyframe_interval: int = 1
    action_attributes: tuple[str, ...] = ()

    def error(self, place: str, problem: str) -> UserError:
        """Return the error for a place of the file."""
        return UserError(f"annotations: {self.path}{', ' if place else ''}{place}: {problem}")

    def check_size(self, video: str, size: tuple[float, float], place: str) -> None:
        """Refuse a frame size that the file gives and whose shape is another than the video's: boxes would be off."""
        info = self.info(video)
        if abs(size[0] * info.height / (size[1] * info.width) - 1) > _ASPECT_TOLERANCE:
            raise self.error(
                place,
                f"frames of {size[0]:g} x {size[1]:g} pixels, but the video {video} has {info.width} x {info.height}: "
                "another video, or turned since. Annotate the video that you train on, or name the right one.",
            )


@dataclass
class Rows:
    """Boxes as a reader finds them. Rows of one keyframe with equal boxes are one box with all their labels."""

    videos: list[str] = field(default_factory=list)
    seconds: list[int] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    labels: list[dict[int | str, None]] = field(default_factory=list)
    person_ids: list[int] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _row_of: dict[tuple, int] = field(default_factory=dict)

    def add(
        self, video: str, second: int, box: Box, labels: tuple[int | str, ...], person: int, place: str, key: Any = None
    ) -> None:
        """Add a box; where one of the same video, second, coordinates and ``key`` exists, add the labels to that."""
        identity = (video, second, box, key)
        row = self._row_of.setdefault(identity, len(self.videos))
        if row < len(self.videos):
            self.count("rows merged into the box of another row")
            self.labels[row].update(dict.fromkeys(labels))
            return
        self.videos.append(video)
        self.seconds.append(second)
        self.boxes.append(box)
        self.labels.append(dict.fromkeys(labels))
        self.person_ids.append(person)
        self.places.append(place)

    def count(self, what: str, amount: int = 1) -> None:
        """Add to a count of the summary."""
        self.counts[what] = self.counts.get(what, 0) + amount

    def finish(self, source: Source, format: str, counts: Mapping[str, int], **more: Any) -> ImportedAnnotations:
        """Return the rows in the order that they were added; ``more``: other fields of the result."""
        return ImportedAnnotations(
            videos=self.videos,
            seconds=np.array(self.seconds, dtype=np.int64),
            boxes=np.array(self.boxes, dtype=np.float64).reshape(-1, 4),
            labels=[tuple(labels) for labels in self.labels],
            person_ids=np.array(self.person_ids, dtype=np.int64),
            source=str(source.path),
            format=format,
            counts={**self.counts, **counts},
            notes=tuple(self.notes),
            places=tuple(self.places),
            **more,
        )


def is_number(value: Any) -> bool:
    """Return whether a JSON value is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
