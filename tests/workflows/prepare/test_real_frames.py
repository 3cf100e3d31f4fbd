"""Files of pictures that CVAT, Roboflow and VIA users really wrote, against an independent parse of them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from workflows.prepare.importing import empty_keyframes, imported, listed

from alphaction.data.formats.frame_names import FrameNaming
from alphaction.data.video.file import VideoInfo

OTHER = {"other": VideoInfo(640, 480, 30.0, 1.0, 30)}


@pytest.fixture(scope="module")
def exports(shared_dir) -> Path:
    folder = shared_dir / "exports"
    if not folder.is_dir():
        pytest.skip("the real exports are not here")
    return folder


def boxes_of(path: Path, second_of, names=lambda image: image["file_name"]) -> list[tuple]:
    """Return (second, box in fractions, category) of each COCO annotation whose image is at a second."""
    data = json.loads(path.read_text())
    categories = {category["id"]: category["name"] for category in data["categories"]}
    images = {image["id"]: image for image in data["images"]}
    found = []
    for annotation in data["annotations"]:
        image = images[annotation["image_id"]]
        second = second_of(names(image))
        if second is not None:
            x, y, w, h = annotation["bbox"]
            width, height = image["width"], image["height"]
            box = rounded((x / width, y / height, (x + w) / width, (y + h) / height))
            found.append((second, box, categories[annotation["category_id"]]))
    return found


def rounded(box) -> tuple[float, ...]:
    """Return a box to four digits; what lies between two of them goes up, whatever the last bit."""
    return tuple(round(value + 1e-9, 4) for value in box)


def as_parsed(found) -> list[tuple]:
    rows = zip(found.numbers.tolist(), found.boxes.tolist(), found.labels(), strict=True)
    return [(second, rounded(box), found.class_names[label]) for second, box, labels in rows for label in labels]


def test_cvats_coco_of_a_video_task(exports):
    path = exports / "coco_cvat" / "instances_default.json"
    infos = {"tennis": VideoInfo(1280, 720, 30.0, 541 / 30, 541), **OTHER}
    found = imported(path, infos, naming=FrameNaming(video_name="tennis"))
    frame = {f"frame_{30 * second:06d}.png": second for second in range(19)}
    assert sorted(as_parsed(found)) == sorted(boxes_of(path, frame.get))
    rows = listed(found)
    assert (len(rows), len({row[4] for row in rows}), {row[1] for row in rows}) == (38, 2, set(range(19)))
    assert ("tennis", 0, (0.3924, 0.4723, 0.4118, 0.5528), (1,), 1) in rows
    assert empty_keyframes(found) == []


def test_roboflows_coco(exports):
    path = exports / "coco_roboflow" / "_annotations.coco.json"
    infos = {"classroom": VideoInfo(640, 640, 2.0, 1650.0, 3300), **OTHER}
    naming = FrameNaming(video_name="classroom", frame_rate=1, first_frame=0)
    found = imported(path, infos, naming=naming)
    expected = boxes_of(path, lambda name: int(name[6:-4]), lambda image: image["extra"]["name"])
    assert sorted(as_parsed(found)) == sorted(expected)
    assert Counter(label for _, _, label in as_parsed(found)) == {
        "Using_PC": 461, "Focusing": 167, "Not_Identify": 143, "Looking_at_Documents": 109, "Turning_Head": 57,
        "Using_mobile_phone": 45, "Lecturer": 35, "Unknown_Distraction": 32, "Eating_Drinking": 13,
    }  # fmt: skip
    rows = listed(found)
    seconds = sorted({row[1] for row in rows})
    assert (len(rows), len(seconds), seconds[0], seconds[-1]) == (1062, 40, 870, 1638)
    assert (870, (0.0656, 0.2906, 0.1664, 0.4398), "Using_PC") in as_parsed(found)
    # Without options: frames of the video, 2 a second, counted from 1.
    found = imported(path, infos, naming=FrameNaming(video_name="classroom"))
    assert {row[1] for row in listed(found)} <= set(range(434, 820))


def test_a_via_project_of_pictures(exports):
    path = exports / "via_frames" / "1_finish.json"
    naming = FrameNaming(frame_rate=30, first_frame=1)
    found = imported(path, {"1": VideoInfo(640, 480, 30.0, 11.0, 330), **OTHER}, naming=naming)
    rows = listed(found)
    assert (len(rows), {row[:2] for row in rows}) == (36, {("1", second) for second in range(2, 9)})
    assert Counter(label for row in rows for label in row[3]) == {"stand": 36, "bow": 7, "walk": 4}
    assert ("1", 2, (0.0031, 0.4, 0.1609, 0.9917), ("bow", "stand"), -1) in rows
    project = json.loads(path.read_text())
    expected = []
    for entry in project["metadata"].values():
        frame = int(project["file"][entry["vid"]]["fname"][2:8])
        _, x, y, w, h = entry["xy"]
        expected.append(((frame - 1) // 30, rounded((x / 640, y / 480, (x + w) / 640, (y + h) / 480))))
    boxes = zip(found.numbers.tolist(), found.boxes.tolist(), strict=True)
    assert sorted((second, rounded(box)) for second, box in boxes) == sorted(expected)
