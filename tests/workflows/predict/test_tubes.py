"""The persons of a video through time, from what was predicted at its keyframes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alphaction.data.annotations import ActionClass, BoxTable, LabelMap
from alphaction.data.keyframes import Keyframe
from alphaction.evaluation import Predictions
from alphaction.evaluation.tubes.tube_file import BETWEEN, EVENT_COLUMNS, HEAD, TAIL, read_tubes
from alphaction.workflows.predict.classified import Classified
from alphaction.workflows.predict.clip import Clip
from alphaction.workflows.predict.network import Classes
from alphaction.workflows.predict.predictor import follow_persons
from alphaction.workflows.predict.tables import EVENTS, TUBES
from alphaction.workflows.predict.tubes import scores_of_boxes

LABEL_MAP = LabelMap(
    (ActionClass(1, "sit", "movement"), ActionClass(2, "walk", "movement"), ActionClass(3, "wave", "person"))
)
CLASSES = Classes(LABEL_MAP, {"sit": 0.5, "walk": 0.5, "wave": 0.4}, {"movement"})
FPS = 10.0
# At 1, 1.5 and 2 seconds: a walker who moves to the right, and at 1.5 someone who sits.
BOXES = [[0.1, 0.2, 0.3, 0.8], [0.2, 0.2, 0.4, 0.8], [0.6, 0.5, 0.8, 0.9], [0.3, 0.2, 0.5, 0.8]]
SCORES = [[0.1, 0.9, 0.5], [0.2, 0.7, 0.1], [0.8, 0.6, 0.2], [0.7, 0.3, 0.4]]


@pytest.fixture
def classified() -> Classified:
    keyframes = [Keyframe("street.mp4", second) for second in (1, 1.5, 2)]
    index, scores = np.array([0, 1, 1, 2]), np.array(SCORES, dtype=np.float32)
    predictions = Predictions(keyframes, index, np.array(BOXES), scores, LABEL_MAP.ids)
    clip = Clip(Path("street.mp4"), None, (640, 360), FPS, start=0.9, end=2.1, video_end=4.0, stride=0.5)
    order = [1, 2, 3, 0]
    seconds = [keyframes[index[row]].second for row in order]
    boxes = np.array(BOXES)[order]
    persons = BoxTable.from_columns(["street.mp4"] * 4, seconds, boxes, np.array([0.7, 0.8, 0.9, 0.6]))
    tracks, ids = follow_persons(predictions, 640 / 360, 0.5, clip.end)
    return Classified(predictions, tracks, ids, clip, CLASSES, scores_of_boxes(predictions, persons))


def test_boxes_on_every_frame_scores_at_keyframes_and_events(classified):
    tubes = classified.tubes
    assert (tubes.video, tubes.fps, tubes.size, tubes.duration, tubes.stride) == ("street.mp4", 10, (640, 360), 4, 0.5)
    assert (tubes.classes, tubes.exclusive) == (("sit", "walk", "wave"), [["sit", "walk"]])
    walker, sitter = tubes.persons
    assert walker.times == pytest.approx(np.arange(9, 21) / FPS)  # half a stride around the keyframes, in the part
    assert walker.boxes[[0, 1]] == pytest.approx(np.array([BOXES[0], BOXES[0]]))
    assert walker.boxes[3] == pytest.approx([0.14, 0.2, 0.34, 0.8])  # at 1.2 s, between keyframes
    assert [(each.time, each.box, round(each.box_score, 6)) for each in walker.keyframes] == [
        (1, tuple(BOXES[0]), 0.6),
        (1.5, tuple(BOXES[1]), 0.7),
        (2, tuple(BOXES[3]), 0.9),
    ]
    assert walker.keyframes[1].scores == pytest.approx({"sit": 0.2, "walk": 0.7, "wave": 0.1})
    assert [(each.action, each.start, each.end, each.score) for each in walker.events] == [
        ("walk", 0.9, 1.75, pytest.approx(0.8)),  # not before the part begins
        ("wave", 0.9, 1.25, pytest.approx(0.5)),
        ("sit", 1.75, 2.1, pytest.approx(0.7)),
        ("wave", 1.75, 2.1, pytest.approx(0.4)),
    ]
    assert sitter.times == pytest.approx(np.arange(13, 18) / FPS)
    assert [(each.action, each.start, each.end) for each in sitter.events] == [("sit", 1.25, 1.75)]


def test_who_is_there_at_the_last_keyframe_stays_to_the_end_of_the_part(classified):
    clip = replace(classified.clip, end=2.5)
    tracks, ids = follow_persons(classified.predictions, 640 / 360, 0.5, clip.end)
    walker, sitter = replace(classified, clip=clip, tracks=tracks, ids=ids).tubes.persons
    assert walker.times[-1] == pytest.approx(2.4)  # the last frame
    assert [event.end for event in walker.events] == [1.75, 1.25, 2.5, 2.5]
    assert (sitter.times[-1], sitter.events[-1].end) == (pytest.approx(1.7), 1.75)


def test_what_was_over_before_the_part_begins_is_no_event_of_it(classified):
    walker, _ = replace(classified, clip=replace(classified.clip, start=1.3)).tubes.persons
    assert [(event.action, event.start) for event in walker.events] == [("walk", 1.3), ("sit", 1.75), ("wave", 1.75)]


def test_files_of_several_videos(classified, tmp_path):
    for table, name in ((TUBES, "all.json"), (EVENTS, "all.csv")):
        table.write(classified, tmp_path / table.part, "street, north", 0.0)
        part = (tmp_path / table.part).read_bytes()
        table.join(tmp_path / name, [part])
    (tubes,) = read_tubes(tmp_path / "all.json")
    assert [person.person for person in tubes.persons] == [1, 2]
    assert [event.action for event in tubes.persons[0].events] == ["walk", "wave", "sit", "wave"]
    TUBES.join(tmp_path / "two.json", [b"1", b"2"])
    assert (tmp_path / "two.json").read_text() == f"{HEAD}1{BETWEEN}2{TAIL}"
    assert json.loads((tmp_path / "two.json").read_text())["videos"] == [1, 2]
    first, *rows = (tmp_path / "all.csv").read_text().splitlines()
    assert f"{first}\n" == EVENT_COLUMNS
    assert rows[0] == '"street, north",1,walk,0.9,1.75,0.8000'
    assert len(rows) == 5


def test_nobody_is_an_empty_list(tmp_path):
    nobody = Predictions.from_clips([], [], [], LABEL_MAP.ids)
    clip = Clip(Path("street.mp4"), None, (640, 360), FPS, 0.0, 2.0, 2.0)
    classified = Classified(nobody, [], [], clip, CLASSES, scores_of_boxes(nobody, None))
    TUBES.write(classified, tmp_path / TUBES.part, "street", 0.0)
    TUBES.join(tmp_path / "all.json.gz", [(tmp_path / TUBES.part).read_bytes()])
    assert read_tubes(tmp_path / "all.json.gz")[0].persons == []
