"""The loop of a live prediction, with stand-ins for everything around it."""

from __future__ import annotations

import signal
import threading
import time
from array import array

import numpy as np
import pytest
from workflows.live.fakes import Frames, Still, Told, loop_of

from alphaction.data.video.timed_frame import TimedFrame
from alphaction.utils.errors import DataError, FullDiskError, Interrupted
from alphaction.utils.process_memory import resident_bytes
from alphaction.workflows.live.json_lines import JsonLines
from alphaction.workflows.live.line_file import LineFile
from alphaction.workflows.live.moments import InTurn, LatestWins, MomentSchedule
from alphaction.workflows.live.persons import Found
from alphaction.workflows.live.seen import clock_of
from alphaction.workflows.live.source import open_live
from alphaction.workflows.live.stop import Stop
from alphaction.workflows.predict.tracking.protocol import FollowedPerson


def wave_from_two(moment) -> np.ndarray:
    """Somebody stands, and waves from second 2 on."""
    return np.array([[0.1, 0.9] if moment.time >= 2 else [0.8, 0.2]], dtype=np.float32)[: len(moment.persons)]


def test_a_video_that_waits_is_classified_moment_by_moment():
    told = Told()
    loop = loop_of(Frames(45), InTurn(wave_from_two, 0.4), told)
    loop.run()
    assert [seen.time for seen in told.seen] == [0, 1, 2, 3, 4]
    assert [person.person for seen in told.seen for person in seen.persons] == [1] * 5
    assert told.seen[2].persons[0].actions == [("wave", pytest.approx(0.9))]
    assert [(event.action, event.time) for seen in told.seen for event in seen.opened] == [("stand", 0), ("wave", 2)]
    ended = [(event.action, event.start, event.end) for event in (*told.seen[3].closed, *told.events)]
    assert ended == [("stand", 0.0, 1.5), ("wave", 1.5, 4.5)]
    assert (loop.tally.frames, loop.tally.moments, loop.skipped, loop.tally.persons) == (45, 5, 0, 1)
    assert told.pictures == pytest.approx([number / 10 for number in range(45)])
    assert told.closed
    assert loop.tally.ended == "the video ended"


def test_a_moment_waits_for_the_frames_of_its_clip():
    told, known = Told(), []
    loop = loop_of(Frames(20), InTurn(wave_from_two, 0.4), told, tell=lambda tally: known.append(tally.moments))
    loop.run()
    assert known == [0] * 4 + [1] * 10 + [2] * 6


def test_nobody_is_there():
    told = Told()
    loop_of(Frames(30), InTurn(wave_from_two, 0.0), told, finder=Still(since=1.0, until=2.0)).run()
    assert [len(seen.persons) for seen in told.seen] == [0, 1, 0]
    assert [event.action for event in told.events] == ["stand"]


class Now(Still):
    """Looks at second 1 only, as a file has boxes there only."""

    def find(self, frame: TimedFrame, moment: float | None) -> Found | None:
        return super().find(frame, moment) if moment == 1 else None


def test_who_is_only_followed_to_a_moment_is_drawn_and_not_classified():
    told = Told()
    loop_of(Frames(30), InTurn(wave_from_two, 0.0), told, finder=Now()).run()
    assert [len(seen.persons) for seen in told.seen] == [0, 1, 0]


def test_the_latest_moment_wins_where_the_network_is_slow():
    told, classified, waiting = Told(), [], []
    gate = threading.Semaphore(0)

    def slow(moment) -> np.ndarray:
        classified.append(moment.time)
        gate.acquire(timeout=10)
        return wave_from_two(moment)

    def tell(tally) -> None:
        waiting.append(line.waiting)
        if tally.frames % 12 == 0:
            gate.release()

    # A moment every other frame, and the network is done every twelfth.
    line = LatestWins(slow, 0.05)
    loop = loop_of(Frames(60, fps=200.0, wait=0.001, is_live=True), line, told, stride=0.01, tell=tell)
    loop.run()
    assert len(classified) == loop.tally.moments == len(told.seen)
    assert 2 <= len(classified) <= 6
    assert classified == sorted(classified)
    assert loop.skipped == 30 - len(classified)
    assert max(waiting) <= 7  # five whose clips are not complete, one that is ready, the newest
    assert loop.tally.frames == len(told.pictures) == 60
    assert not [thread for thread in threading.enumerate() if thread.name == "actions"]


def test_what_fails_in_the_network_s_thread_ends_the_loop_and_keeps_the_results():
    told = Told()

    def fails(moment) -> np.ndarray:
        if moment.time >= 0.1:
            raise DataError("second 0.1: no")
        return wave_from_two(moment)

    loop = loop_of(Frames(200, 100.0, 0.002, is_live=True), LatestWins(fails, 0.0), told, stride=0.1)
    with pytest.raises(DataError, match="second 0.1: no"):
        loop.run()
    assert [seen.time for seen in told.seen] == [0]
    assert told.closed
    assert [event.action for event in told.events] == ["stand"]


class Lost(Frames):
    """Is lost after its last frame."""

    def frames(self):
        yield from super().frames()
        raise DataError("camera 0: lost")


def test_a_source_that_is_lost_leaves_the_results():
    told = Told()
    with pytest.raises(DataError, match="camera 0: lost"):
        loop_of(Lost(25), InTurn(wave_from_two, 0.0), told).run()
    assert [seen.time for seen in told.seen] == [0, 1, 2]
    assert told.closed
    assert len(told.events) == 2


class Full(Told):
    """A file on a full disk."""

    def picture(self, moment: float, image: np.ndarray) -> bool:
        if moment > 1.0:
            raise FullDiskError("a.mp4: cannot be written (No space left on device)")
        return True

    def close(self) -> None:
        raise FullDiskError("a.mp4: still not")


def test_a_full_disk_is_told_once_and_the_other_files_are_complete():
    told = Full()
    with pytest.raises(FullDiskError, match="No space"):
        loop_of(Frames(25), InTurn(wave_from_two, 0.0), told).run()
    assert [event.action for event in told.events] == ["stand"]


def test_q_and_seconds_end_the_loop():
    told = Told()
    told.picture = lambda moment, image: moment < 1.2
    loop = loop_of(Frames(100), InTurn(wave_from_two, 0.4), told)
    loop.run()
    assert (loop.tally.frames, loop.tally.moments, loop.tally.ended) == (13, 1, "q was pressed, or the window closed")
    assert loop.skipped == 1  # the clip of second 1 was not complete
    loop = loop_of(Frames(100), InTurn(wave_from_two, 0.4), Told(), seconds=2.0)
    loop.run()
    assert (loop.tally.frames, loop.tally.moments, loop.tally.ended) == (20, 2, "--seconds 2 are over")


def test_a_signal_ends_the_wait_for_a_frame_and_nothing_in_the_middle():
    told, stop = Told(), Stop()
    before = signal.signal(signal.SIGALRM, stop.handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        began = time.monotonic()
        loop = loop_of(Frames(2, wait=20.0), InTurn(wave_from_two, 0.0), told, stop=stop)
        loop.run()
        assert time.monotonic() - began < 5
        assert (loop.tally.ended, told.closed) == ("ended by SIGALRM", True)

        stop = Stop()
        told.picture = lambda moment, image: stop.handle(signal.SIGINT, None) or True
        loop = loop_of(Frames(20), InTurn(wave_from_two, 0.0), told, stop=stop)
        loop.run()
        assert (loop.tally.frames, loop.tally.ended) == (1, "interrupted")
        with pytest.raises(Interrupted):
            stop.handle(signal.SIGINT, None)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def due(times: list[float], stride: float, fps: float) -> list[float | None]:
    schedule = MomentSchedule(stride, fps)
    image = np.zeros((1, 1, 3), dtype=np.uint8)
    found = [schedule.due(TimedFrame(number, moment, image)) for number, moment in enumerate(times)]
    return [*found, schedule.passed_over]


def test_the_frame_nearest_to_a_moment_is_its_frame():
    even = [number / 29.97 for number in range(61)]
    found = due(even, 1.0, 29.97)
    assert {place: moment for place, moment in enumerate(found[:-1]) if moment is not None} == {0: 0, 30: 1, 60: 2}
    assert due([0.0, 0.2, 0.4, 0.6], 0.5, 5.0) == [0, None, 0.5, None, 0]  # of two equally near, the earlier
    # Lost frames: what comes too late after a moment is of no moment.
    assert due([0.0, 0.1, 3.2, 3.3, 5.7, 5.9, 6.0], 1.0, 10.0) == [0, None, 3, None, None, None, 6, 4]


class Passing:
    """Persons who come and go: each is there for three seconds, where the detections are."""

    def detected(self, frame: TimedFrame, boxes: np.ndarray, scores: np.ndarray) -> list[FollowedPerson]:
        self._box = boxes[0]
        return self.moved(frame)

    def moved(self, frame: TimedFrame) -> list[FollowedPerson]:
        return [FollowedPerson(1 + int(frame.time // 3), self._box, 0.9)]


@pytest.mark.slow
@pytest.mark.parametrize("threaded", [False, True])
def test_hours_of_frames_take_no_more_memory_than_minutes(tmp_path, threaded):
    """30,000 frames, 50 minutes of 10 a second, from a generator through the window, the loop and what is written."""
    count, held, kept, taken = 30_000, [], [], array("B")

    def frames():
        image = np.zeros((24, 32, 3), dtype=np.uint8)
        for number in range(count):
            image = image.copy()
            image[:] = number % 200
            yield image

    source = open_live(frames(), keep=3.0, fps=10.0)

    def network(moment) -> np.ndarray:
        if not threaded:  # a thread may be too late for the window of a source that does not wait for it
            taken.append(len(source.window.read("frames", moment.time, [-8, -4, 0, 4], 10.0)))
        return np.array([[0.9, 0.1] if moment.time % 7 < 4 else [0.2, 0.8]], dtype=np.float32)

    def tell(tally) -> None:
        if tally.frames % 5000 == 0:
            held.append(resident_bytes())
            kept.append(line.waiting)

    line = LatestWins(network, 0.0) if threaded else InTurn(network, 0.4)
    sink = JsonLines(LineFile(tmp_path / "a.jsonl"), {}, clock_of(time.monotonic()))
    loop = loop_of(source, line, sink, tracker=Passing(), pictures=False, tell=tell)
    loop.run()
    source.close()
    assert loop.tally.frames == count
    assert loop.tally.moments + loop.skipped >= count / 10 - 1
    assert loop.tally.persons == count / 30
    assert threaded or list(taken) == [4] * loop.tally.moments
    assert max(kept) <= 2
    assert max(held) - held[0] < 4 << 20, [round(size / 2**20, 1) for size in held]
