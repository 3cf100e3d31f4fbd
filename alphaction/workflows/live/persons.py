"""Who is on a frame of a live video, before anybody is followed: by a detector, or by a file of boxes.

Sizes in shapes: n boxes of a frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from alphaction.data.annotations import BoxTable
from alphaction.data.video.timed_frame import TimedFrame
from alphaction.workflows.detect.detected_boxes import AS_PERSONS, Detector, VideoDetector


@dataclass(frozen=True, eq=False)
class Found:
    """What is on a frame.

    Attributes:
        boxes: float64 [n, 4] of persons, as fractions of the frame.
        scores: float [n].
        objects: boxes of objects, those of this moment at least; None: there are none.
    """

    boxes: np.ndarray
    scores: np.ndarray
    objects: BoxTable | None = None


class Finder(Protocol):
    """Finds persons."""

    def find(self, frame: TimedFrame, moment: float | None) -> Found | None:
        """Return who is on a frame; None: nobody looked.

        Args:
            frame: each is given once, in order.
            moment: the moment that it is the frame of; None: of none.
        """


class DetectorFinder:
    """A detector that looks at the frames of moments, and at some between them; one of videos looks at all.

    Args:
        detector: finds persons.
        video: name of the video in tables of boxes.
        every: it looks at every so many frames as well; 0: only at those of moments.
        objects: known boxes of objects at all moments, in place of those that it finds; None: there are none.
    """

    def __init__(self, detector: Detector, video: str, every: int, objects: BoxTable | None = None) -> None:
        self._detector, self._video, self._objects = detector, video, objects
        self._every = 1 if isinstance(detector, VideoDetector) else every
        self._since = 0

    def find(self, frame: TimedFrame, moment: float | None) -> Found | None:
        """See :class:`Finder`."""
        self._since += 1
        if moment is None and (not self._every or self._since < self._every):
            return None
        self._since = 0
        (found,) = self._detector.detect([frame.image])
        is_person = np.array([label in AS_PERSONS for label in found.labels], dtype=bool)
        objects = self._objects
        if objects is None and moment is not None and not is_person.all():
            others = int((~is_person).sum())
            objects = BoxTable.from_columns(
                [self._video] * others, [moment] * others, found.boxes[~is_person], found.scores[~is_person], "detector"
            )
        return Found(found.boxes[is_person], found.scores[is_person], objects)


class FileFinder:
    """Boxes of a file, at those moments at which it has any.

    Args:
        persons: the boxes of one video.
        video: its name in them.
        objects: those of objects, at all its moments; None: there are none.
        threshold: persons of lower scores are not used (TEST.BOX_THRESH).
    """

    def __init__(self, persons: BoxTable, video: str, objects: BoxTable | None, threshold: float) -> None:
        self._persons, self._video, self._objects, self._threshold = persons, video, objects, threshold

    def find(self, frame: TimedFrame, moment: float | None) -> Found | None:
        """See :class:`Finder`."""
        if moment is None:
            return None
        if self._persons.keyframes.index_of(self._video, moment) is None:
            return None
        boxes, scores = self._persons.lookup(self._video, moment, self._threshold)
        return Found(boxes, scores, self._objects)
