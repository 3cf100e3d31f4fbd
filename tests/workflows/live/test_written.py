"""What is written while a live video runs: whole and readable at every moment."""

from __future__ import annotations

import gzip
import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import av
import numpy as np
import pytest

from alphaction.data.annotations import LabelMap
from alphaction.data.video.file import VideoFile
from alphaction.evaluation import read_detections
from alphaction.evaluation.tubes import Event
from alphaction.utils.errors import FullDiskError
from alphaction.workflows.live.delays import Delays
from alphaction.workflows.live.json_lines import JsonLines
from alphaction.workflows.live.line_file import LineFile
from alphaction.workflows.live.seen import OpenedEvent, SeenMoment, SeenPerson
from alphaction.workflows.live.tables import ScoreTable, TrackTable
from alphaction.workflows.live.tube_collection import TubeCollection
from alphaction.workflows.live.video_file import SUFFIXES, LiveVideoFile

CLOCK = datetime(2026, 5, 4, 12, 30, 0, 250000, tzinfo=timezone(timedelta(hours=2)))
CLASSES = LabelMap.from_dict({"ids": [3, 7], "names": ["wave", "läuft"], "groups": ["object", "object"]}, "test")


def seen(moment: float = 1.5) -> SeenMoment:
    """Person 4 waves."""
    scores = np.array([0.75, 0.25], dtype=np.float32)
    person = SeenPerson(4, np.array([0.1, 0.2, 0.3, 0.8]), 0.9, scores, np.array([0.5, 0.3]), [("wave", 0.5)])
    opened = OpenedEvent(4, "wave", moment, 0.5)
    closed = Event("yard", 4, "läuft", 0.0, 1.0, 0.4)
    return SeenMoment(moment, CLOCK, 0.8125, [person], [opened], [closed])


def test_json_lines(tmp_path):
    file = tmp_path / "new" / "live.jsonl"
    sink = JsonLines(LineFile(file), {"video": "yard", "size": [64, 48]}, CLOCK)
    sink.add(seen())
    clock = "2026-05-04T12:30:00.250+02:00"
    box = [0.1, 0.2, 0.3, 0.8]
    start = {"kind": "start", "clock": clock, "video": "yard", "size": [64, 48]}
    person = {"kind": "person", "clock": clock, "time": 1.5, "lag": 0.812, "person": 4, "box": box}
    person |= {"box_score": 0.9, "actions": {"wave": 0.5}}
    opened = {"kind": "opened", "clock": clock, "time": 1.5, "person": 4, "action": "wave", "score": 0.5, "box": box}
    closed = {"kind": "closed", "clock": clock, "time": 1.5, "person": 4, "action": "läuft", "score": 0.4}
    closed |= {"from": 0.0, "to": 1.0}
    # All of it is in the file before anything is closed.
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert lines == [start, person, opened, closed]
    sink.finish([Event("yard", 4, "wave", 1.0, 2.0, 0.5)], CLOCK)
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    last = {"kind": "closed", "clock": clock, "time": 2.0, "person": 4, "action": "wave", "score": 0.5}
    assert lines[4:] == [last | {"from": 1.0, "to": 2.0}, {"kind": "end", "clock": clock}]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_tables_are_read_back(tmp_path, name):
    scores = ScoreTable(LineFile(tmp_path / name), "yard", CLASSES, 0.3)
    tracks = TrackTable(LineFile(tmp_path / f"t{name}"), "yard")
    for sink in (scores, tracks):
        sink.add(seen(1.5))
        sink.add(SeenMoment(2, CLOCK, 0.5, []))
        sink.add(seen(3))
        sink.finish([], CLOCK)
    found = read_detections(tmp_path / name)
    assert [keyframe.second for keyframe in found.keyframes] == [1.5, 3]
    assert found.row_class_ids.tolist() == [3, 3]  # the other one is below 0.3
    assert found.scores.tolist() == [0.75, 0.75]  # as predicted, not smoothed
    path = tmp_path / f"t{name}"
    text = gzip.decompress(path.read_bytes()).decode() if name.endswith("gz") else path.read_text()
    assert text == "yard,0001.500,0.1,0.2,0.3,0.8,,4\nyard,0003,0.1,0.2,0.3,0.8,,4\n"


def test_a_full_disk_ends_with_whole_lines(tmp_path, monkeypatch):
    file = LineFile(tmp_path / "a.jsonl")
    file.write("one\n")

    def full(handle: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(FullDiskError, match=r"a\.jsonl: cannot be written \(No space left on device\)"):
            file.write("two\n")
    assert (tmp_path / "a.jsonl").read_text() == "one\n"


def frames_of(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_video_plays_though_it_was_never_closed(tmp_path, suffix):
    path = tmp_path / "new" / f"a{suffix}"
    movie = LiveVideoFile(path, 10.0)
    picture = np.zeros((48, 64, 3), dtype=np.uint8)
    for number in range(35):
        picture[:, number] = 255
        assert movie.picture(number / 10 + 0.02 * (number % 2), picture)
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(path.read_bytes())
    times = frames_of(cut)
    assert 25 <= len(times) <= 34  # but for the last second
    np.testing.assert_allclose(times[:4], [0.0, 0.12, 0.2, 0.32], atol=1e-3)
    movie.close()
    assert len(frames_of(path)) == movie.frames == 35
    assert VideoFile(path).info().fps == pytest.approx(10, rel=0.05)


def test_delays():
    delays = Delays()
    assert str(delays) == "not measured"
    for seconds in (0.01, 0.02, 0.03, 0.04, 99.0):
        delays.add(seconds)
    assert (len(delays), delays.quantile(0.5), delays.quantile(1.0)) == (5, pytest.approx(0.03), 60.0)
    assert str(delays) == "0.030 s (95%: 60.000 s)"


def test_tubes_that_the_disk_did_not_take_are_not_told(tmp_path):
    (tmp_path / "full").write_text("no folder")
    tubes = TubeCollection(tmp_path / "full" / "a.json", "yard", 10.0, (64, 48), 1.0, ("wave", "läuft"))
    tubes.add(seen())
    with pytest.raises(OSError, match="full"):
        tubes.finish([], CLOCK)
    assert not tubes.is_written
    tubes = TubeCollection(tmp_path / "a.json", "yard", 10.0, (64, 48), 1.0, ("wave", "läuft"))
    tubes.finish([], CLOCK)
    assert tubes.is_written
