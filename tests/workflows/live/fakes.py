"""Stand-ins for what the loop of a live prediction works with."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from alphaction.data.annotations import LabelMap
from alphaction.data.video.timed_frame import TimedFrame
from alphaction.evaluation.tubes.events import EventCollector
from alphaction.workflows.live.happenings import Happenings
from alphaction.workflows.live.loop import LiveLoop, Outputs
from alphaction.workflows.live.moments import Line, MomentSchedule
from alphaction.workflows.live.persons import Found
from alphaction.workflows.live.scene import Scene
from alphaction.workflows.live.stages import Stages
from alphaction.workflows.live.stop import Stop
from alphaction.workflows.predict.network import Classes
from alphaction.workflows.predict.tracking.flow_tracker import FlowTracker
from alphaction.workflows.predict.tracking.smoothing import ExponentialSmoother

CLASSES = Classes(
    LabelMap.from_dict({"ids": [1, 2], "names": ["stand", "wave"], "groups": ["object", "object"]}, "test"), {}
)


class Frames:
    """A source of plain frames.

    Args:
        count: of the frames.
        fps: frames per second.
        wait: seconds before each frame.
        is_live: see LiveSource.
    """

    title, size, dropped, reconnects, corrupt, decode_seconds = "frames", (32, 24), 0, 0, 0, 0.0

    def __init__(self, count: int, fps: float = 10.0, wait: float = 0.0, is_live: bool = False) -> None:
        self.count, self.fps, self.wait, self.is_live = count, fps, wait, is_live

    def frames(self) -> Iterator[TimedFrame]:
        image = np.zeros((24, 32, 3), dtype=np.uint8)
        for number in range(self.count):
            time.sleep(self.wait)
            yield TimedFrame(number, number / self.fps, image)


class Still:
    """Finds the same person at every moment; ``since`` and ``until`` are seconds."""

    def __init__(self, since: float = 0.0, until: float = np.inf) -> None:
        self.since, self.until, self.looked = since, until, []

    def find(self, frame: TimedFrame, moment: float | None) -> Found | None:
        if moment is None:
            return None
        self.looked.append(moment)
        there = int(self.since <= moment < self.until)
        return Found(np.array([[0.25, 0.25, 0.5, 0.75]])[:there], np.array([0.9])[:there])


class Told:
    """Remembers what it is told, and when."""

    def __init__(self) -> None:
        self.seen, self.events, self.pictures, self.closed = [], None, [], False

    def add(self, seen) -> None:
        self.seen.append(seen)

    def finish(self, events, clock) -> None:
        self.events = list(events)

    def picture(self, moment: float, image: np.ndarray) -> bool:
        self.pictures.append(moment)
        return True

    def close(self) -> None:
        self.closed = True


def loop_of(
    source, line: Line, told: Told, *, finder=None, tracker=None, stop=None, stride: float = 1.0, pictures=True, **more
):
    """Return a loop of stand-ins."""
    limits = np.array([0.5, 0.5])
    return LiveLoop(
        source,
        finder or Still(),
        tracker or FlowTracker(4 / 3),
        line,
        MomentSchedule(stride, source.fps),
        Happenings(
            CLASSES,
            limits,
            ExponentialSmoother(0.0),
            EventCollector("frames", CLASSES.label_map.names, limits, stride=stride),
        ),
        Scene(1, 3, 3 * stride),
        Outputs([told], [], [told] if pictures else []),
        Stages(),
        stop or Stop(),
        **more,
    )
