"""What is known of the persons of a video: where each is on every frame, and what they do from when to when.

Sizes in shapes: F frames of a tube, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Event:
    """An action of a person.

    Attributes:
        video: name of the video.
        person: number of the person in it.
        action: class name.
        start, end: seconds; an action that was seen at one keyframe lasts as long as from one to the next.
        score: mean of the scores at its keyframes, in [0, 1].
    """

    video: str
    person: int
    action: str
    start: float
    end: float
    score: float


@dataclass(frozen=True)
class ScoredBox:
    """A person at a keyframe: a moment at which actions were predicted.

    Attributes:
        time: seconds.
        box: x1, y1, x2, y2 as fractions of the frame.
        box_score: that of the detector, in [0, 1].
        scores: class name -> score in [0, 1], of all classes.
    """

    time: float
    box: tuple[float, float, float, float]
    box_score: float
    scores: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class PersonTube:
    """One person of a video.

    Attributes:
        person: number of the person.
        times: float64 [F], seconds of the frames, ascending.
        boxes: float64 [F, 4] x1, y1, x2, y2 as fractions of the frame.
        keyframes: what was predicted, ascending in time.
        events: the actions, by start.
    """

    person: int
    times: np.ndarray
    boxes: np.ndarray
    keyframes: Sequence[ScoredBox] = ()
    events: Sequence[Event] = ()


@dataclass(frozen=True, eq=False)
class VideoTubes:
    """The persons of a video.

    Attributes:
        video: its name, with the suffix of the file.
        fps: frames per second.
        size: (width, height) of its frames in pixels.
        duration: seconds.
        stride: seconds between keyframes.
        classes: names of all classes, in the order of the label map.
        persons: the persons, by number.
        exclusive: groups of classes of which a person does one at a time; None: not known.
    """

    video: str
    fps: float
    size: tuple[int, int]
    duration: float
    stride: float
    classes: tuple[str, ...]
    persons: Sequence[PersonTube]
    exclusive: Sequence[Sequence[str]] | None = None
