"""Which videos are live, and what is wrong with options of live videos."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from messages import refused, says

from alphaction.data.annotations import BoxTable
from alphaction.data.video.timed_frame import TimedFrame
from alphaction.workflows.detect import DetectedBoxes
from alphaction.workflows.live.live_options import LiveOptions, live_video
from alphaction.workflows.live.persons import DetectorFinder, FileFinder
from alphaction.workflows.live.prediction import video_name
from alphaction.workflows.predict.video_options import VideoOptions

PLAIN, LIVE = LiveOptions(), LiveOptions(live=True)


def test_which_videos_are_live(tmp_path):
    file = tmp_path / "a.mp4"
    file.write_bytes(b"")
    assert live_video(["0"], PLAIN) == "0"
    assert live_video(["rtsp://x/y"], PLAIN) == "rtsp://x/y"
    assert live_video([str(file)], LIVE) == str(file)
    assert live_video([str(file)], PLAIN) is None
    assert live_video(["a.mp4", "b.mp4"], PLAIN) is None


@pytest.mark.parametrize(
    ("words", "options", "parts"),
    [
        (["a.mp4", "0"], PLAIN, ["--video names 2 videos, and a live one is predicted alone: 0."]),
        (["rtsp://me:secret@x/1", "1"], PLAIN, ["predicted alone: rtsp://me:***@x/1, 1."]),
        (["a.mp4", "b.mp4"], LIVE, ["predicted alone: a.mp4, b.mp4."]),
        (["."], LIVE, ["--live --video .: expected one file"]),
        (["many.txt"], LIVE, ["--live --video many.txt: expected one file"]),
        (["a.mp4"], LiveOptions(show=True, detect_every=3), ["--show, --detect-every are for live videos", "--live."]),
    ],
)
def test_what_is_no_live_video(words, options, parts):
    refused(lambda: live_video(words, options), *parts)


def test_names_in_results():
    assert video_name("0") == "camera-0"
    assert video_name("videos/My yard.mp4") == "My yard"
    assert video_name("rtsp://me:secret@yard:554/ch/1?token=2") == "rtsp-yard-554-ch-1"
    assert video_name("rtsp://me:se@cret@yard/1") == "rtsp-yard-1"


def test_options_that_cannot_work(tmp_path):
    options = VideoOptions(Path("0"), detector="auto", csv=tmp_path / "a.csv")

    def told(live: LiveOptions = PLAIN, video: str = "0", **changes) -> str:
        return refused(lambda: live.check(video, replace(options, **changes), {}))

    PLAIN.check("0", options, {})
    says(told(csv=None), "nothing is shown or written: give --show, --output, --jsonl, --csv or --events")
    says(told(start=3.0), "--start and --end are for files that are not predicted live: use --seconds S")
    says(told(between="straight"), "--between straight is for files that are not predicted live")
    says(told(output=tmp_path / "a.avi"), "a.avi: expected a name that ends in .mp4, .mov, .mkv")
    (tmp_path / "boxes.csv").write_text("")
    boxes = {"detector": None, "detections": tmp_path / "boxes.csv"}
    says(told(**boxes), "--detections has boxes for the seconds of a file, and 0 is live: let a --detector run")
    says(told(video="rtsp://me:secret@x/1", **boxes), "and rtsp://me:***@x/1 is live")
    says(told(LiveOptions(detect_every=2), "a.mp4", **boxes), "--detect-every is about a detector")
    says(told(LiveOptions(jsonl=tmp_path / "a.csv")), f"--jsonl {tmp_path}/a.csv: is also the file of --csv")
    (tmp_path / "a.csv").write_text("")
    says(told(), f"--csv {tmp_path}/a.csv exists", "--force")
    says(told(LIVE, str(tmp_path / "b.mp4")), f"--video: {tmp_path}/b.mp4 does not exist")
    says(told(LiveOptions(seconds=0.0)), "--seconds 0.0: expected a number above 0")


class Counting:
    """A detector that counts the frames it has seen, and finds a person and a cup."""

    def __init__(self) -> None:
        self.frames = 0

    def detect(self, frames):
        self.frames += len(frames)
        boxes = np.array([[0.2, 0.2, 0.5, 0.9], [0.6, 0.6, 0.7, 0.7]])
        return [DetectedBoxes(boxes, np.array([0.9, 0.8], dtype=np.float32), ["person", "cup"]) for _ in frames]


def looks(finder, moments: list[float | None]) -> list[bool]:
    image = np.zeros((4, 6, 3), dtype=np.uint8)
    return [
        finder.find(TimedFrame(number, number / 10, image), moment) is not None for number, moment in enumerate(moments)
    ]


def test_when_a_detector_looks():
    moments = [0, None, None, None, None, 0.5, None, None]
    assert looks(DetectorFinder(Counting(), "a", 0), moments) == [True, *[False] * 4, True, False, False]
    detector = Counting()
    # Every third frame, counted from the last one that it has seen.
    assert looks(DetectorFinder(detector, "a", 3), moments) == [True, False, False, True, False, True, False, False]
    assert detector.frames == 3
    found = DetectorFinder(detector, "a", 0).find(TimedFrame(0, 2.0, np.zeros((4, 6, 3), np.uint8)), 2)
    assert (found.boxes.tolist(), found.scores.tolist()) == ([[0.2, 0.2, 0.5, 0.9]], [pytest.approx(0.9)])
    assert (list(found.objects.keyframes), found.objects.boxes.tolist()) == ([("a", 2)], [[0.6, 0.6, 0.7, 0.7]])


def test_boxes_of_a_file_are_there_at_their_moments():
    boxes = np.array([[0.1, 0.1, 0.2, 0.2], [0.3, 0.3, 0.4, 0.4], [0.5, 0.5, 0.6, 0.6]])
    table = BoxTable.from_columns(["a"] * 3, [0, 0, 1.5], boxes, np.array([0.4, 0.9, 0.3]))
    finder = FileFinder(table, "a", None, 0.4)
    assert looks(finder, [0, None, 1, 1.5]) == [True, False, False, True]
    image = np.zeros((4, 6, 3), np.uint8)
    assert finder.find(TimedFrame(0, 0.0, image), 0).boxes.tolist() == [[0.3, 0.3, 0.4, 0.4], [0.1, 0.1, 0.2, 0.2]]
    assert finder.find(TimedFrame(0, 0.0, image), 1.5).boxes.tolist() == []  # nobody is good enough
