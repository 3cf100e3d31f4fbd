"""COCO JSON as annotation tools write it: pictures of frames, attributes, boxes in need of repair."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from workflows.prepare.importing import empty_keyframes, import_text, imported, listed

from alphaction.data.formats.frame_names import FrameNaming
from alphaction.data.video.file import VideoInfo
from alphaction.utils.errors import UserError

SIZE = {"width": 640, "height": 480}
BOX = [64, 48, 128, 96]
UNIT = (0.1, 0.1, 0.3, 0.3)


def cvat_file(frames=(0, 1, 25, 26), first: str = "frame_{:06d}.png", **attributes: Any) -> dict[str, Any]:
    """What CVAT writes: every frame of the task is listed."""
    images = [{"id": n + 1, "file_name": first.format(frame), **SIZE} for n, frame in enumerate(frames)]
    given = {"occluded": False, "rotation": 0.0, "track_id": 7, "keyframe": True, **attributes}
    annotations = [
        {"id": n, "image_id": n, "category_id": 1, "segmentation": [], "bbox": BOX, "iscrowd": 0, "attributes": given}
        for n in range(1, len(frames))
    ]
    return {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "wave"}]}


@pytest.fixture
def write_json(tmp_path) -> Callable[[dict[str, Any]], Path]:
    """Write a file and return its path."""

    def write(data: dict[str, Any]) -> Path:
        path = tmp_path / "coco.json"
        path.write_text(json.dumps(data))
        return path

    return write


@pytest.fixture
def data() -> dict[str, Any]:
    return copy.deepcopy(cvat_file())


def test_frames_of_a_video_task_are_seconds_and_tracks_are_persons(tmp_path, data):
    found = import_text(tmp_path, data, videos=["clip"])
    assert listed(found) == [("clip", 0, UNIT, (1,), 7), ("clip", 1, UNIT, (1,), 7)]
    assert found.class_names == {1: "wave"}
    assert found.source.where(1).endswith("annotations[2]")
    assert found.counts["boxes at no keyframe left out: others are nearer to it, or the video ends before it"] == 1
    assert (
        "names like frame_000025.png: video clip, frame 25 of 25 a second counted from 0 = second 1" in found.notes[0]
    )
    assert "boxes moved by more than 0.1 s to the nearest keyframe" not in found.counts
    naming = FrameNaming(video_name="clip_02", frame_rate=26, first_frame=0)
    assert [row[:2] for row in listed(import_text(tmp_path, data, naming=naming))] == [("clip_02", 0)]


def test_images_without_boxes_are_keyframes_only_where_they_are_nearest(tmp_path, data):
    data["annotations"] = data["annotations"][:1]
    found = import_text(tmp_path, data, videos=["clip"])
    assert listed(found) == [("clip", 0, UNIT, (1,), 7)]
    assert empty_keyframes(found) == [("clip", 1)]


def test_boxes_far_from_their_second_are_counted(tmp_path):
    found = import_text(tmp_path, cvat_file(frames=(0, 30, 54, 60)), videos=["clip"])
    assert [row[1] for row in listed(found)] == [0, 1, 2]
    assert found.counts["boxes moved by more than 0.1 s to the nearest keyframe"] == 2


def test_a_file_without_any_keyframe_says_why(tmp_path):
    data = cvat_file(frames=(25,))
    message = r"none of the 1 images is at a keyframe, a multiple of --keyframe-interval 2 s: the first is frame_000025"
    with pytest.raises(UserError, match=message):
        import_text(tmp_path, data, videos=["clip"], keyframe_interval=2)


def test_movie_and_timestamp_are_seconds_whatever_the_name(tmp_path, data):
    for second, image in enumerate(data["images"]):
        image.update(movie="clip_01", timestamp=second)
    assert [row[:2] for row in listed(import_text(tmp_path, data))] == [("clip_01", 0), ("clip_01", 1), ("clip_01", 2)]


@pytest.mark.parametrize(
    ("attributes", "labels"),
    [
        ({"action": "run"}, [("run",), ("run",)]),
        ({"Action": "run; jump", "mood": "glad", "phone": True, "bag": False}, [("run", "jump", "phone")] * 2),
        ({"attributes": {"activity": {"value": "run"}}}, [("run",), ("run",)]),
        ({"PERSON_MOVEMENT": "run", "action": "none"}, [("run",), ("run",)]),
        ({"mood": "glad", "phone": True, "id": "3"}, [(1,), (1,)]),
        ({"pose": "frontal"}, [(1,), (1,)]),
    ],
)
def test_an_attribute_is_the_action_if_its_name_says_so(tmp_path, attributes, labels):
    found = import_text(tmp_path, cvat_file(**attributes), videos=["clip"])
    assert found.labels() == labels
    assert found.person_ids.tolist() == [7, 7]


@pytest.mark.parametrize(("value", "name"), [(1, "1"), ("3", "3"), (1.5, "1.5")])
def test_an_action_may_be_a_number(tmp_path, value, name):
    found = import_text(tmp_path, cvat_file(action=value), videos=["clip"])
    assert found.labels() == [(name,), (name,)]


def test_attributes_may_be_a_list(tmp_path, data):
    for annotation in data["annotations"]:
        annotation["attributes"] = [{"name": "action", "value": "run"}, {"name": "track_id", "value": "9"}]
    assert listed(import_text(tmp_path, data, videos=["clip"]))[0] == ("clip", 0, UNIT, ("run",), 9)


def test_a_category_that_is_no_action_leaves_negatives(tmp_path):
    data = cvat_file(action="run")
    data["annotations"][0]["attributes"] = {"occluded": False}
    data["annotations"][0]["category_id"] = 2
    data["categories"] = [{"id": 1, "name": "player"}, {"id": 2, "name": "bystander"}]
    found = import_text(tmp_path, data, videos=["clip"])
    assert found.labels() == [(), ("run",)]
    counted = 'boxes of the label "bystander", which has no action attributes, kept without action'
    assert found.counts[counted] == 1


def test_an_attribute_can_be_chosen(tmp_path):
    data = cvat_file(mood="glad", phone=True)
    found = import_text(tmp_path, data, videos=["clip"], action_attributes=("mood",))
    assert found.labels() == [("glad",), ("glad",)]
    assert not any(what.startswith("boxes of the label") for what in found.counts)
    note = import_text(tmp_path, data, videos=["clip"]).notes[1]
    assert note.startswith("actions are taken from the categories, as no attribute's name says that it is one; ")
    assert "mood, phone (--action-attribute NAME chooses)" in note
    with pytest.raises(
        UserError, match='--action-attribute "moos": no file has such an attribute. Did you mean "mood"'
    ):
        import_text(tmp_path, data, videos=["clip"], action_attributes=("moos",))


def test_groups_of_attributes_are_those_of_classes(tmp_path):
    found = import_text(tmp_path, cvat_file(PERSON_MOVEMENT="run", OBJECT_MANIPULATION="carry"), videos=["clip"])
    assert found.class_groups == {"run": "movement", "carry": "object"}


def test_equal_boxes_of_two_tracks_are_one_with_both_categories(tmp_path, data):
    data["categories"].append({"id": 2, "name": "run"})
    other = {**data["annotations"][0], "id": 9, "category_id": 2, "attributes": {"track_id": 8}}
    data["annotations"].append(other)
    found = import_text(tmp_path, data, videos=["clip"])
    assert found.labels() == [(1, 2), (1,)]
    assert found.counts["rows merged into the box of another row"] == 1


@pytest.mark.parametrize(
    ("change", "box", "count"),
    [
        ({"bbox": [192, 144, -128, -96]}, UNIT, "boxes with a negative width or height turned over"),
        ({"bbox": [64, 144, 128, -96]}, UNIT, "boxes with a negative width or height turned over"),
        (
            {"bbox": [], "segmentation": [[64, 48, 192, 48, 192, 144], [70, 60, 80, 60, 80, 70]]},
            UNIT,
            "outlines without a box replaced by the box around them",
        ),
        (
            {"bbox": None, "segmentation": {"size": [480, 640], "counts": [640 * 240, 480 * 320]}},
            (0.5, 0, 1, 1),
            "outlines without a box replaced by the box around them",
        ),
        (
            {"bbox": [320, 240, 64, 32], "attributes": {"rotation": 90.0}},
            (0.525, 0.4667, 0.575, 0.6),
            "turned boxes replaced by the upright box around them",
        ),
        (
            {"bbox": [64, 48, 128, 96], "attributes": {"rotation": 30}, "segmentation": [[64, 48, 192, 48, 192, 144]]},
            UNIT,
            "turned boxes replaced by the upright box around them",
        ),
    ],
)
def test_boxes_are_repaired_and_counted(tmp_path, data, change, box, count):
    data["annotations"][0].update(change)
    found = import_text(tmp_path, data, videos=["clip"])
    assert listed(found)[0][2] == box
    assert found.counts[count] == 1


@pytest.mark.parametrize("box", [None, [], [0, 0, 0, 0], [5, 5, 0, 9]])
def test_annotations_without_a_box_are_left_out_and_counted(tmp_path, data, box):
    data["annotations"][0]["bbox"] = box
    found = import_text(tmp_path, data, videos=["clip"])
    assert [row[1] for row in listed(found)] == [1]
    assert found.counts["annotations without a box left out"] == 1


def test_a_category_that_is_null_is_no_class(tmp_path, data):
    data["annotations"][0]["category_id"] = None
    found = import_text(tmp_path, data, videos=["clip"])
    assert found.labels() == [(), (1,)]
    assert found.counts["boxes without a category, kept without action"] == 1


def roboflow(names: list[str], extra: bool = True) -> dict[str, Any]:
    data = cvat_file(frames=range(len(names)))
    for number, (image, name) in enumerate(zip(data["images"], names, strict=True)):
        image.update(width=480, height=480, extra={"name": name} if extra else {})
        image["file_name"] = f"{name.replace('.', '_')}.rf.{number:032x}.jpg"
    return data


SQUARE = {"clip 1": VideoInfo(width=320, height=320, fps=25.0, duration=20.0, frames=500)}


def test_roboflows_names_are_those_of_before(tmp_path, write_json):
    path = write_json(roboflow(["frame_0001.jpg", "frame_0051.jpg"]))
    assert [row[:2] for row in listed(imported(path, SQUARE))] == [("clip 1", 0)]
    path = write_json(roboflow(["clip-1_mp4-0001.jpg", "clip-1_mp4-0051.jpg"], extra=False))
    found = imported(path, SQUARE)
    assert [row[:2] for row in listed(found)] == [("clip 1", 0)]
    assert empty_keyframes(found) == [("clip 1", 2)]


def test_roboflows_images_of_another_shape_are_refused(tmp_path):
    data = roboflow(["frame_0001.jpg", "frame_0051.jpg"])
    with pytest.raises(UserError, match=r"images\[0\]: the image has 480 x 480 .*stretched it or padded it.*Resize"):
        import_text(tmp_path, data, videos=["clip"])


def test_copies_that_augmentation_made_are_left_out(tmp_path, write_json):
    data = roboflow(["frame_0001.jpg", "frame_0001.jpg", "frame_0026.jpg"])
    found = imported(write_json(data), SQUARE)
    assert [tuple(key) for key in empty_keyframes(found)] == [("clip 1", 1)]
    assert not listed(found)
    assert found.counts["boxes of such images"] == 2
    assert sum(count for what, count in found.counts.items() if what.startswith("images that augmentation")) == 2
    with pytest.raises(
        UserError, match=r"is one of 2 images that were called frame_0001.jpg.* copies .*Export a version"
    ):
        imported(write_json(roboflow(["frame_0001.jpg"] * 2)), SQUARE)


def test_images_that_are_no_frames_are_left_out_with_their_boxes(tmp_path, data):
    data["images"][1]["file_name"] = "cover.png"
    found = import_text(tmp_path, data, videos=["clip"])
    assert [row[1] for row in listed(found)] == [0, 1]
    data["images"][2]["file_name"] = "cover_of_it.png"
    found = import_text(tmp_path, data, videos=["clip"])
    assert [row[1] for row in listed(found)] == [0]
    left_out = "pictures whose names say no frame of a known video left out (the first: cover.png)"
    assert found.counts[left_out] == 2
    assert found.counts["boxes of such images"] == 2


def test_pictures_of_no_known_video_among_roboflows_are_left_out(tmp_path, write_json):
    found = imported(write_json(roboflow(["clip-1_mp4-0001.jpg", "242.jpg", "sorry5.jpeg", "0P1-39-.jpg"])), SQUARE)
    assert [row[:2] for row in listed(found)] == [("clip 1", 0)]
    left_out = "pictures whose names say no frame of a known video left out (the first: 242.jpg)"
    assert (found.counts[left_out], found.counts["boxes of such images"]) == (3, 2)


def test_what_could_be_an_action_is_named_where_none_is_found(tmp_path):
    data = cvat_file(mood="glad")
    data["categories"] = [{"id": 1, "name": "person"}]
    found = import_text(tmp_path, data, videos=["clip"])
    assert found.no_actions.persons == {"person": 2}
    assert found.no_actions.values == {"mood": {"glad": 2}}
    data = cvat_file(action="none")
    assert import_text(tmp_path, data, videos=["clip"]).no_actions.asked == ["action"]


def test_rows_know_that_they_come_from_frames(tmp_path, data):
    assert import_text(tmp_path, data, videos=["clip"]).of_frames
    for second, image in enumerate(data["images"]):
        image["file_name"] = f"clip/{second:04d}.jpg"
    assert not import_text(tmp_path, data, videos=["clip"]).of_frames


def test_masks_of_what_has_a_box_are_no_second_box(tmp_path, data):
    # CVAT writes a mask with iscrowd 1 and a run-length code, and the box around it.
    box, mask = data["annotations"][0], {"counts": [0, 1], "size": [480, 640]}
    crowd = {**box, "iscrowd": 1, "segmentation": mask, "bbox": [66.0, 50.0, 126.0, 94.0]}
    data["annotations"] = [{**crowd, "id": 8}, box, {**crowd, "id": 9, "bbox": [320, 240, 64, 48]}]
    found = import_text(tmp_path, data, videos=["clip"])
    assert [row[2] for row in listed(found)] == [UNIT, (0.5, 0.5, 0.6, 0.6)]
    assert found.counts["masks (iscrowd 1) of what has a box of its own, left out"] == 1
    assert found.counts["masks (iscrowd 1) taken as the box around them"] == 1
    data["annotations"] = [{**crowd, "bbox": BOX}]
    found = import_text(tmp_path, data, videos=["clip"])
    assert listed(found) == [("clip", 0, UNIT, (1,), 7)]


def test_copies_of_roboflow_without_their_former_name(tmp_path):
    names = [f"{number}_jpg.rf.{letter * 32}.jpg" for number, letter in ((26, "a"), (26, "b"), (1, "c"))]
    images = [{"id": n, "file_name": name, **SIZE} for n, name in enumerate(names)]
    boxes = [{"id": n, "image_id": n, "category_id": 1, "bbox": BOX} for n in range(3)]
    data = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "wave"}]}
    found = import_text(tmp_path, data, videos=["clip"])
    assert [row[:3] for row in listed(found)] == [("clip", 0, UNIT)]
    assert found.counts["images that augmentation made copies of, so that none is known to be the frame, left out"] == 2
    assert found.counts["boxes of such images"] == 2
    data["images"][1]["file_name"] = "27_jpg.rf.bbbbbbbbbbbb.jpg"
    assert [row[:2] for row in listed(import_text(tmp_path, data, videos=["clip"]))] == [("clip", 1), ("clip", 0)]


def test_numbers_of_a_box_may_be_text(tmp_path, data):
    data["annotations"][0]["bbox"] = ["192", "48", "-128", "96"]
    found = import_text(tmp_path, data, videos=["clip"])
    assert listed(found)[0][2] == UNIT
    assert found.counts["boxes with a negative width or height turned over"] == 1


@pytest.mark.parametrize("name", ["", " ", None])
def test_a_category_without_a_name_is_called_by_its_id(tmp_path, data, name):
    data["categories"][0]["name"] = name
    assert import_text(tmp_path, data, videos=["clip"]).class_names == {1: "class 1"}
