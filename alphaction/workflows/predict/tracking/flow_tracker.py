"""Persons of a stream on every frame: followed by optical flow between the frames on which a detector was run."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from alphaction.data.video.timed_frame import TimedFrame
from alphaction.workflows.predict.tracker import IouTracker, longest_miss
from alphaction.workflows.predict.tracking.flow import gray_frame, moved_boxes
from alphaction.workflows.predict.tracking.protocol import FollowedPerson

# Seconds for which a person is still shown whom the detector misses, while the flow holds.
_SHOWN_MISSED = 0.5
# Seconds for which a person is still shown, moving on as before, while the flow does not hold.
_SHOWN_BLIND = 0.3
# Of the last speed and the one before: share of the last.
_SPEED_SHARE = 0.3


@dataclass(eq=False)
class _Followed:
    """A person: the box on the last frame, when and how well it was last found, and how it moves.

    Attributes:
        box: float64 [4] as fractions of the frame.
        score: of the last detection.
        detected: seconds of the last detection.
        sound: seconds when the detector or the flow last told where the box is.
        missed: the detector was run since, and did not find the person.
        speed: float64 [2], fractions of the frame per second.
    """

    box: np.ndarray
    score: float
    detected: float
    sound: float
    missed: bool = False
    speed: np.ndarray = field(default_factory=lambda: np.zeros(2))

    def flows(self, box: np.ndarray, seconds: float, time: float) -> None:
        """Move with the flow."""
        speed = (box - self.box)[:2] / seconds
        self.speed += _SPEED_SHARE * (speed - self.speed)
        self.box, self.sound = box, time

    def goes_on(self, seconds: float) -> None:
        """Move on as before."""
        self.box = self.box + np.tile(self.speed * seconds, 2)

    def is_shown(self, time: float) -> bool:
        """Return whether the box can still be believed."""
        return time - self.sound <= _SHOWN_BLIND and not (self.missed and time - self.detected > _SHOWN_MISSED)


class FlowTracker:
    """A :class:`~alphaction.workflows.predict.tracking.protocol.FrameTracker`.

    On a frame with detections a person's box is that of the detector. Who is who is decided there by
    :class:`~alphaction.workflows.predict.tracker.IouTracker`, from where the flow has followed everybody to.

    Limits: someone whose points are lost (behind a thing or a person, at a camera cut) moves on for 0.3 seconds and is
    then not shown until the detector finds them again, and someone whom the detector misses is shown for 0.5 seconds.

    Args:
        aspect: width of the frame divided by its height.
        stride: seconds from one keyframe to the next, on which alone a detector may be run.
    """

    def __init__(self, aspect: float, stride: float = 1.0) -> None:
        self._linker = IouTracker(aspect, max_missed=longest_miss(stride), history=2.0)
        self._persons: dict[int, _Followed] = {}
        self._gray: np.ndarray | None = None
        self._time = 0.0

    def detected(self, frame: TimedFrame, boxes: np.ndarray, scores: np.ndarray) -> list[FollowedPerson]:
        """Return who is there on a frame on which a detector was run; see the protocol."""
        self._follow(frame)
        boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        expected = {number: person.box for number, person in self._persons.items() if person.sound == frame.time}
        ids = self._linker.update(frame.time, boxes, expected)
        for number, box, score in zip(ids, boxes, scores, strict=True):
            person = _Followed(box, float(score), frame.time, frame.time)
            if number in self._persons:
                person.speed = self._persons[number].speed
            self._persons[number] = person
        alive = {track.id for track in self._linker.tracks}
        self._persons = {number: person for number, person in self._persons.items() if number in alive}
        for number in alive.difference(ids):
            self._persons[number].missed = True
        return self._shown()

    def moved(self, frame: TimedFrame) -> list[FollowedPerson]:
        """Return who is there on a frame on which no detector was run; see the protocol."""
        self._follow(frame)
        return self._shown()

    def _follow(self, frame: TimedFrame) -> None:
        """Move everybody on to a frame."""
        gray, seconds = gray_frame(frame.image), frame.time - self._time
        followed = [person for person in self._persons.values() if person.is_shown(self._time)]
        if followed:
            boxes, found = moved_boxes(self._gray, gray, np.array([person.box for person in followed]))
            for person, box, sound in zip(followed, boxes, found, strict=True):
                if sound:
                    person.flows(box, seconds, frame.time)
                else:
                    person.goes_on(seconds)
        self._gray, self._time = gray, frame.time

    def _shown(self) -> list[FollowedPerson]:
        """Return the persons whose boxes can be believed, by their numbers."""
        return [
            FollowedPerson(number, person.box, person.score)
            for number, person in sorted(self._persons.items())
            if person.is_shown(self._time)
        ]
