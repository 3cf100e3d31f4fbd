"""The file of tubes: what is written is read, and what is wrong is named with its place."""

from __future__ import annotations

import json

import numpy as np
import pytest

from alphaction.evaluation.tubes.tube import Event, PersonTube, ScoredBox, VideoTubes
from alphaction.evaluation.tubes.tube_file import FORMAT, read_tubes, write_tubes
from alphaction.utils.errors import DataError


def video() -> VideoTubes:
    scores = {"stand": 0.125, "walk": 0.75}
    keyframes = [ScoredBox(2.0, (0.1, 0.2, 0.3, 0.8), 0.97, scores), ScoredBox(3.0, (0.2, 0.2, 0.4, 0.8), 0.5, scores)]
    person = PersonTube(
        person=3,
        times=np.array([2.0, 2.04]),
        boxes=np.array([[0.1, 0.2, 0.3, 0.8], [-0.01, 0.2, 0.3, 1.2]]),
        keyframes=keyframes,
        events=[Event("street.mp4", 3, "walk", 1.5, 3.5, 0.75)],
    )
    return VideoTubes("street.mp4", 25.0, (640, 360), 12.4, 1.0, ("stand", "walk"), [person], [["stand", "walk"]])


def test_what_is_written_is_read(tmp_path):
    empty = VideoTubes("empty.mp4", 30.0, (64, 36), 1.0, 0.5, ("stand",), [])
    write_tubes(tmp_path / "tubes.json", [video(), empty])
    read, other = read_tubes(tmp_path / "tubes.json")
    assert (other.video, other.stride, other.persons, other.exclusive) == ("empty.mp4", 0.5, [], None)
    assert read.exclusive == [["stand", "walk"]]
    expected = video()
    assert (read.video, read.fps, read.size, read.duration, read.stride, read.classes) == (
        "street.mp4", 25.0, (640, 360), 12.4, 1.0, ("stand", "walk"),
    )  # fmt: skip
    (person,) = read.persons
    assert person.person == 3
    assert person.times.tolist() == [2.0, 2.04]
    assert person.boxes.tolist() == [[0.1, 0.2, 0.3, 0.8], [0.0, 0.2, 0.3, 1.0]]  # within the frame
    assert person.keyframes == expected.persons[0].keyframes
    assert person.events == expected.persons[0].events


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.update(format="other 1"), r'"format" is \'other 1\', expected "alphaction tubes 1"'),
        (lambda data: data.pop("format"), r'"format" is missing'),
        (lambda data: data["videos"].append(data["videos"][0]), r'videos\[1\]: video "street.mp4" .* a second time'),
        (lambda data: data["videos"][0].pop("fps"), r'"street.mp4": "fps" is missing, expected a number from 0'),
        (lambda data: person(data).update(frames=3), r'persons\[0\]: "frames" is 3, expected a list'),
        (lambda data: data["videos"][0].update(exclusive=[["run"]]), r'exclusive\[0\]\[0\]: class "run" is not among'),
        (lambda data: data["videos"][0].update(exclusive=["walk"]), r"exclusive\[0\]: 'walk' found, expected a list"),
        (lambda data: person(data)["frames"][1].__setitem__(2, True), r"frames\[1\]: .* expected 5 numbers"),
        (lambda data: person(data)["frames"].reverse(), r"persons\[0\].frames\[1\]: time 2 is not after .* 2.04"),
        (lambda data: person(data)["frames"][0].pop(), r"persons\[0\].frames\[0\]: .* expected 5 numbers"),
        (lambda data: person(data)["frames"][0].__setitem__(3, 64), r"frames\[0\]: .* fractions of the frame, from 0"),
        (lambda data: keyframe(data)["scores"].update(wlak=0.5), r'keyframes\[0\].scores: class "wlak" .* mean "walk"'),
        (lambda data: keyframe(data)["scores"].pop("walk"), r'keyframes\[0\].scores: no score of "walk"'),
        (lambda data: keyframe(data)["scores"].update(walk=75), r'scores: "walk" is 75, expected a number from 0 to 1'),
        (lambda data: person(data)["events"][0].update(to=1), r'events\[0\]: "to" is 1, before "from", 1.5'),
        (lambda data: person(data)["events"][0].update(action="run"), r'events\[0\]: class "run" is not among'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path, change, message):
    path = tmp_path / "tubes.json"
    write_tubes(path, [video()])
    data = json.loads(path.read_text())
    assert data["format"] == FORMAT
    change(data)
    path.write_text(json.dumps(data))
    with pytest.raises(DataError, match=message) as caught:
        read_tubes(path)
    assert str(path) in str(caught.value)


def person(data: dict) -> dict:
    return data["videos"][0]["persons"][0]


def keyframe(data: dict) -> dict:
    return person(data)["keyframes"][0]
