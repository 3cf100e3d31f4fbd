"""The loop of a live prediction: frame after frame, who is there, what they do, and who is told.

The newest frame is taken -> a detector looks at some -> persons are followed on all -> moments go to the network, in
another thread where frames do not wait -> scores are smoothed and become events -> frames are drawn and written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from alphaction.data.video.timed_frame import TimedFrame
from alphaction.utils.errors import UserError
from alphaction.workflows.live.delays import Delays
from alphaction.workflows.live.happenings import Happenings
from alphaction.workflows.live.moments import Line, Moment, MomentSchedule, ScoredMoment
from alphaction.workflows.live.persons import Finder, Found
from alphaction.workflows.live.scene import Scene
from alphaction.workflows.live.seen import FrameSink, MomentSink, PictureSink, clock_of
from alphaction.workflows.live.source import LiveSource
from alphaction.workflows.live.stages import DETECT, DRAW, TRACK, WRITE, Stages
from alphaction.workflows.live.stop import Stop
from alphaction.workflows.predict.tracking.protocol import FollowedPerson, FrameTracker


@dataclass(eq=False)
class Tally:
    """What the loop has done so far.

    Attributes:
        frames: that were taken.
        last: seconds of the last one.
        moments: that were classified, those at which nobody was there included.
        frame_lag: from the arrival of a frame to when it was shown or written.
        action_lag: from the arrival of the frame of a moment to when its actions were known.
        persons: highest number of a person.
        ended: why the loop ended.
    """

    frames: int = 0
    last: float = 0.0
    moments: int = 0
    frame_lag: Delays = field(default_factory=Delays)
    action_lag: Delays = field(default_factory=Delays)
    persons: int = 0
    ended: str = ""


@dataclass(frozen=True, eq=False)
class Outputs:
    """Who is told.

    Attributes:
        moments: those who write what people do.
        frames: those who note where people are.
        pictures: those who want drawn frames.
    """

    moments: Sequence[MomentSink] = ()
    frames: Sequence[FrameSink] = ()
    pictures: Sequence[PictureSink] = ()


class LiveLoop:
    """See the module.

    Args:
        source: the frames.
        finder: finds persons.
        tracker: follows them.
        line: of moments on their way to the network.
        schedule: says which frames are those of moments.
        happenings: makes of scores what is told.
        scene: draws.
        outputs: who is told.
        stages: counts what each stage takes.
        stop: takes Ctrl-C and the like.
        seconds: the loop ends after so many seconds of video; None: with the video.
        tell: is called for every frame, to say now and then how it goes.
    """

    def __init__(
        self,
        source: LiveSource,
        finder: Finder,
        tracker: FrameTracker,
        line: Line,
        schedule: MomentSchedule,
        happenings: Happenings,
        scene: Scene,
        outputs: Outputs,
        stages: Stages,
        stop: Stop,
        *,
        seconds: float | None = None,
        tell: Callable[[Tally], None] = lambda tally: None,
    ) -> None:
        self._source, self._finder, self._tracker, self._line = source, finder, tracker, line
        self._schedule, self._happenings, self._scene, self._outputs = schedule, happenings, scene, outputs
        self._stages, self._stop, self._seconds, self._tell = stages, stop, seconds, tell
        self._exhausted = False
        self.tally = Tally()

    @property
    def skipped(self) -> int:
        """How many moments were not classified, for want of time or of frames."""
        return self._line.skipped + self._schedule.passed_over

    def run(self) -> None:
        """Run until the video ends, the user ends it, or a signal does; what is written is complete then.

        Raises:
            UserError: the source was lost, a file cannot be written, or the network failed.
        """
        try:
            for frame in self._frames():
                persons = self._look(frame)
                if not self._show(frame, persons):
                    self.tally.ended = "q was pressed, or the window closed"
                    break
                self._tell(self.tally)
            self._told(self._line.finish(self._exhausted))
        except BaseException:
            self._close()  # what is wrong there comes from the same, or matters less
            raise
        if problems := self._close():
            raise problems[0]

    def _frames(self) -> Iterator[TimedFrame]:
        """Yield frames until there are no more, or enough, or a signal came."""
        frames = self._source.frames()
        while (frame := self._stop.next_of(frames)) is not None:
            if self._seconds is not None and frame.time >= self._seconds:
                self.tally.ended = f"--seconds {self._seconds:g} are over"
                return
            yield frame
            if self._stop.asked:
                break
        self._exhausted = not self._stop.asked
        self.tally.ended = str(self._stop) or "the video ended"

    def _look(self, frame: TimedFrame) -> Sequence[FollowedPerson]:
        """Find and follow persons on a frame, and let the network go on; return who is there."""
        moment = self._schedule.due(frame)
        with self._stages.spending(DETECT):
            found = self._finder.find(frame, moment)
        with self._stages.spending(TRACK):
            if found is None:
                persons = self._tracker.moved(frame)
            else:
                persons = self._tracker.detected(frame, found.boxes, found.scores)
        self.tally.persons = max([self.tally.persons, *(person.id for person in persons)])
        if moment is not None:
            self._line.put(_moment(moment, frame, found, persons))
        self._told(self._line.advance(frame.time))
        for sink in self._outputs.frames:
            sink.frame(frame.time, persons)
        return persons

    def _show(self, frame: TimedFrame, persons: Sequence[FollowedPerson]) -> bool:
        """Draw a frame for who wants it; return whether nobody wants to end."""
        goes_on = True
        if self._outputs.pictures:
            with self._stages.spending(DRAW):
                picture = self._scene.draw(frame, persons)
            with self._stages.spending(WRITE):
                for sink in self._outputs.pictures:
                    goes_on &= sink.picture(frame.time, picture)
        self.tally.frames += 1
        self.tally.last = frame.time
        self.tally.frame_lag.add(time.monotonic() - frame.arrived)
        return goes_on

    def _told(self, scored: Sequence[ScoredMoment]) -> None:
        """Tell everybody what was classified."""
        for one in scored:
            seen = self._happenings.of(one)
            self.tally.moments += 1
            self.tally.action_lag.add(seen.lag)
            self._scene.know(seen)
            with self._stages.spending(WRITE):
                for sink in self._outputs.moments:
                    sink.add(seen)

    def _close(self) -> list[UserError | OSError]:
        """End the network's thread and complete what is written, each whatever becomes of the others.

        Returns:
            what went wrong.
        """
        events = self._happenings.finish(self.tally.last + 1 / self._source.fps)
        now = clock_of(time.monotonic())
        endings = [
            self._line.close,
            *(sink.close for sink in self._outputs.pictures),
            *(partial(sink.finish, events, now) for sink in self._outputs.moments),
        ]
        problems = []
        for end in endings:
            try:
                end()
            except (UserError, OSError) as problem:
                problems.append(problem)
        return problems


def _moment(moment: float, frame: TimedFrame, found: Found | None, persons: Sequence[FollowedPerson]) -> Moment:
    """Return who is classified at a moment: who was found there. Nobody is where nobody looked, as in files."""
    if found is None:
        return Moment(moment, frame.arrived, [], np.zeros((0, 4)), np.zeros(0))
    # A person who was found has the box of the detection.
    ids = {tuple(person.box.tolist()): person.id for person in persons}
    rows = [row for row, box in enumerate(found.boxes.tolist()) if tuple(box) in ids]
    numbers = [ids[tuple(found.boxes[row].tolist())] for row in rows]
    return Moment(moment, frame.arrived, numbers, found.boxes[rows], found.scores[rows], found.objects)
