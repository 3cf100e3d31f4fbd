"""The persons of a live video through time, which are written at its end.

Sizes in shapes: C classes.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

from alphaction.evaluation.tubes import Event, PersonTube, ScoredBox, VideoTubes
from alphaction.evaluation.tubes.tube_file import write_tubes
from alphaction.workflows.live.seen import SeenMoment, SeenPerson
from alphaction.workflows.predict.tracking.protocol import FollowedPerson


@dataclass(eq=False)
class _Kept:
    """What is kept of a person: 40 bytes a frame, and at each moment a box and its scores.

    Attributes:
        frames: time and box of each frame, one after the other.
        moments: times, and who was seen.
        events: those that are over.
    """

    frames: array = field(default_factory=lambda: array("d"))
    moments: list[tuple[float, SeenPerson]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


class TubeCollection:
    """The file of ``--tubes``. It is the one output that takes more memory the longer a video runs.

    Both a :class:`~alphaction.workflows.live.seen.MomentSink` and a ``FrameSink``.

    Args:
        path: what is written.
        video: name of the video.
        fps: frames per second, nominal.
        size: (width, height) of the frames.
        stride: seconds between moments.
        classes: names of the C classes.
        exclusive: groups of classes of which a person does one at a time.

    Attributes:
        is_written: the file is there.
    """

    def __init__(
        self,
        path: Path,
        video: str,
        fps: float,
        size: tuple[int, int],
        stride: float,
        classes: tuple[str, ...],
        exclusive: Sequence[Sequence[str]] = (),
    ) -> None:
        self.path, self._video, self._fps, self._size = path, video, fps, size
        self._stride, self._classes, self._exclusive = stride, classes, exclusive
        self._persons: dict[int, _Kept] = {}
        self._last = 0.0
        self.is_written = False

    @property
    def persons(self) -> int:
        """How many there are so far."""
        return len(self._persons)

    def frame(self, time: float, persons: Sequence[FollowedPerson]) -> None:
        """Note where people are on a frame."""
        self._last = time
        for person in persons:
            self._of(person.id).frames.extend([time, *person.box.tolist()])

    def add(self, seen: SeenMoment) -> None:
        """Note what people do at a moment."""
        for person in seen.persons:
            self._of(person.person).moments.append((float(seen.time), person))
        self._note(seen.closed)

    def finish(self, events: Sequence[Event], clock: datetime) -> None:
        """Write the file."""
        self._note(events)
        persons = [self._tube(number, kept) for number, kept in sorted(self._persons.items())]
        duration = self._last + 1 / self._fps
        facts = self._video, self._fps, self._size, duration, self._stride, self._classes
        write_tubes(self.path, [VideoTubes(*facts, persons, self._exclusive)])
        self.is_written = True

    def _of(self, person: int) -> _Kept:
        return self._persons.setdefault(person, _Kept())

    def _note(self, events: Sequence[Event]) -> None:
        for event in events:
            self._of(event.person).events.append(event)

    def _tube(self, person: int, kept: _Kept) -> PersonTube:
        frames = np.array(kept.frames, dtype=np.float64).reshape(-1, 5)
        keyframes = [
            ScoredBox(
                moment,
                tuple(np.clip(seen.box, 0, 1).tolist()),
                seen.box_score,
                dict(zip(self._classes, seen.smoothed.astype(np.float64).tolist(), strict=True)),
            )
            for moment, seen in kept.moments
        ]
        events = sorted(kept.events, key=lambda event: (event.start, event.action))
        return PersonTube(person, frames[:, 0], frames[:, 1:], keyframes, events)
