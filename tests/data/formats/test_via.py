"""VIA 3 projects."""

from __future__ import annotations

import copy

import pytest
from workflows.prepare.importing import import_text, listed

from alphaction.utils.errors import UserError

PROJECT = {
    "project": {"pid": "__VIA_PROJECT_ID__", "data_format_version": "3.1.1", "vid_list": ["1", "2"]},
    "config": {"file": {"loc_prefix": {"1": "", "2": "", "3": "", "4": ""}}, "ui": {"file_content_align": "center"}},
    "attribute": {
        "1": {"aname": "PERSON_MOVEMENT", "anchor_id": "FILE1_Z1_XY1", "type": 4, "desc": "",
              "options": {"0": "sit", "1": "walk, slowly"}, "default_option_id": ""},
        "2": {"aname": "object", "anchor_id": "FILE1_Z1_XY1", "type": 2, "desc": "",
              "options": {"0": "read", "1": "phone"}, "default_option_id": ""},
        "3": {"aname": "notes", "anchor_id": "FILE1_Z1_XY1", "type": 1, "desc": "", "options": {}},
        "4": {"aname": "Activity", "anchor_id": "FILE1_Z2_XY0", "type": 1, "desc": "", "options": {}},
    },
    "file": {
        "1": {"fid": "1", "fname": "clip 01.mp4", "type": 4, "loc": 1, "src": "blob:null/1-2"},
        "2": {"fid": "2", "fname": "http://host/v/clip_02.webm", "type": 4, "loc": 2, "src": "http://host/v/clip_02.webm"},
    },
    "metadata": {
        "1_aB3": {"vid": "1", "flg": 0, "z": [2.0], "xy": [2, 64, 48, 128, 96], "av": {"1": "1", "2": "0,1"}},
        "1_aB4": {"vid": "1", "flg": 0, "z": [3.04], "xy": [2, 0, 0, 640, 480], "av": {"3": "blurry"}},
        "2_aB5": {"vid": "2", "flg": 0, "z": [1.2, 3.0], "xy": [2, 320, 240, 320, 240], "av": {"1": "sit"}},
        "2_aB6": {"vid": "2", "flg": 0, "z": [4, 6.5], "xy": [], "av": {"4": "cooking"}},
    },
    "view": {"1": {"fid_list": ["1"]}, "2": {"fid_list": [2]}},
}  # fmt: skip


@pytest.fixture
def project():
    return copy.deepcopy(PROJECT)


def test_reads_boxes_options_times_and_groups(tmp_path, project):
    found = import_text(tmp_path, project)
    assert listed(found) == [
        ("clip_01", 2, (0.1, 0.1, 0.3, 0.3), ("walk, slowly", "read", "phone"), -1),
        ("clip_01", 3, (0.0, 0.0, 1.0, 1.0), (), -1),
        ("clip_02", 2, (0.5, 0.5, 1.0, 1.0), ("sit",), -1),
        ("clip_02", 3, (0.5, 0.5, 1.0, 1.0), ("sit",), -1),
    ]
    assert found.class_groups == {"walk, slowly": "movement", "read": "object", "phone": "object", "sit": "movement"}
    assert found.counts["temporal segments and notes without a box left out"] == 1
    assert found.counts['values of the attribute "notes", which is not taken for an action'] == 1


def test_a_text_attribute_alone_carries_the_actions(tmp_path, project):
    for aid in ("1", "2"):
        del project["attribute"][aid]
    project["metadata"]["1_aB4"]["av"] = {"3": "wave; nod"}
    assert import_text(tmp_path, project).labels()[1] == ("wave", "nod")


def test_the_nearest_time_of_a_second_counts(tmp_path, project):
    box = {"vid": "1", "flg": 0, "xy": [2, 0, 0, 64, 48], "av": {}}
    project["metadata"] = {str(z): {**box, "z": [z]} for z in (4.9, 5.02, 5.3, 7.4)}
    found = import_text(tmp_path, project)
    assert found.numbers.tolist() == [5, 7]
    assert found.source.where(0).endswith('metadata "5.02"')
    assert found.counts["boxes left out as others of their video are nearer to the same whole second"] == 2
    assert found.counts["boxes moved by more than 0.1 s to the nearest whole second"] == 1


@pytest.mark.parametrize(
    ("xy", "box"),
    [
        ([3, 320, 240, 64], (0.4, 0.3667, 0.6, 0.6333)),
        ([4, 320, 240, 64, 48], (0.4, 0.4, 0.6, 0.6)),
        ([7, 64, 48, 128, 96, 64, 144], (0.1, 0.1, 0.2, 0.3)),
    ],
)
def test_other_shapes_become_their_bounding_box(tmp_path, project, xy, box):
    project["metadata"] = {"m": {"vid": "1", "z": [1], "xy": xy, "av": {}}}
    assert listed(import_text(tmp_path, project))[0][2] == box


def test_points_are_left_out_and_counted(tmp_path, project):
    project["metadata"]["p"] = {"vid": "1", "z": [1], "xy": [1, 5, 5], "av": {}}
    assert import_text(tmp_path, project).counts["points, lines and unknown shapes left out"] == 1


def test_keyframe_images_name_video_and_second(tmp_path, project):
    project["file"]["1"] = {"fid": "1", "fname": "clip_01/0007.jpg", "type": 2, "loc": 1, "src": ""}
    project["metadata"] = {"m": {"vid": "1", "z": [], "xy": [2, 64, 48, 64, 48], "av": {}}}
    assert listed(import_text(tmp_path, project)) == [("clip_01", 7, (0.1, 0.1, 0.2, 0.2), (), -1)]
    project["file"]["1"]["fname"] = "frame7.jpg"
    with pytest.raises(UserError, match=r"frame7.jpg.* does not say video and second"):
        import_text(tmp_path, project)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.pop("view"), '"view" is missing'),
        (lambda p: p["file"]["1"].update(fname="clip_3.mp4"), r'"clip_3.mp4" is not among the videos. Did you mean'),
        (lambda p: p["metadata"]["1_aB3"].update(vid="9"), 'view "9" has no file'),
        (lambda p: p["metadata"]["1_aB3"].update(z=["x"]), "expected lists of numbers"),
        (lambda p: p["metadata"]["1_aB3"].update(xy=[2, 900, 0, 900, 9]), "outside the video clip_01 of 640 x 480"),
        (lambda p: p["metadata"]["1_aB3"].update(z=[-3]), "negative"),
    ],
)
def test_wrong_projects(tmp_path, project, change, message):
    change(project)
    with pytest.raises(UserError, match=message):
        import_text(tmp_path, project)


def test_box_options_are_refused(tmp_path, project):
    with pytest.raises(
        UserError, match="--box-format and --normalized are for AVA csv and COCO JSON; .* is a VIA 3 project"
    ):
        import_text(tmp_path, project, box_format="xywh")
