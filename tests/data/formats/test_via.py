"""VIA 3 projects."""

from __future__ import annotations

import copy
import re

import pytest
from workflows.prepare.importing import import_text, listed

from alphaction.data.formats.frame_names import FrameNaming
from alphaction.data.formats.rows import Segment
from alphaction.utils.errors import UserError
from alphaction.utils.values import Value

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
    assert found.segments == (Segment("clip_02", 4, 6.5, "cooking", 'metadata "2_aB6"'),)
    assert found.counts['values of the attribute "notes", which is not taken for an action'] == 1


def test_a_stretch_of_time_without_a_box_is_a_segment_for_each_label(tmp_path, project):
    project["attribute"]["4"].update(type=2, options={"0": "cook", "1": "talk"})
    project["attribute"]["5"] = {"aname": "TEMPORAL-SEGMENTS", "anchor_id": "FILE1_Z2_XY0", "type": 4,
                                 "options": {"default": "Default"}}  # fmt: skip
    entries = {
        "a": ("1", [3.5, 1.0], {"4": "0,1"}), "b": ("2", [0, 1], {"5": "4CV_NP"}), "c": ("1", [2, 3], {"5": "default"}),
        "d": ("1", [2], {"4": "0"}), "e": ("1", [], {"4": "0"}), "f": ("3", [1, 2], {"4": "1"}),
    }  # fmt: skip
    project["file"]["3"] = {"fid": "3", "fname": "lost.mp4", "type": 4, "loc": 1, "src": ""}
    project["view"]["3"] = {"fid_list": ["3"]}
    project["metadata"] = {mid: {"vid": vid, "z": z, "xy": [], "av": av} for mid, (vid, z, av) in entries.items()}
    found = import_text(tmp_path, project)
    assert [segment[:4] for segment in found.segments] == [
        ("clip_01", 1.0, 3.5, "cook"), ("clip_01", 1.0, 3.5, "talk"), ("clip_02", 0, 1, "4CV_NP"),
        ("lost.mp4", 1, 2, "talk"),
    ]  # fmt: skip
    assert found.counts["temporal segments without a label left out"] == 1
    assert found.counts["notes without a box on a moment or a whole file left out"] == 2


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
    assert found.counts["boxes at no keyframe left out: others are nearer to it, or the video ends before it"] == 2
    assert found.counts["boxes moved by more than 0.1 s to the nearest keyframe"] == 1


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
    with pytest.raises(UserError, match=r'metadata "m": "frame7.jpg" names no video.*--video-name'):
        import_text(tmp_path, project)
    project["file"]["1"]["fname"] = "cover.jpg"
    with pytest.raises(UserError, match=r'metadata "m": "cover.jpg" does not say video and frame'):
        import_text(tmp_path, project)


def test_pictures_of_frames(tmp_path, project):
    names = {"1": "clip_01_000026.jpg", "2": "clip_01_000054.jpg", "3": "cover.jpg", "4": "clip_01_000052.jpg"}
    project["file"] = {key: {"fid": key, "fname": name, "type": 2, "loc": 1, "src": ""} for key, name in names.items()}
    project["view"] = {key: {"fid_list": [key]} for key in names}
    project["metadata"] = {
        f"m{key}": {"vid": key, "z": [], "xy": [2, 64, 48, 64, 48], "av": {"1": "0"}} for key in names
    }
    found = import_text(tmp_path, project)
    box = (0.1, 0.1, 0.2, 0.2)
    assert listed(found) == [("clip_01", 1, box, ("sit",), -1), ("clip_01", 2, box, ("sit",), -1)]
    assert found.source.where(1).endswith('metadata "m4"')
    assert found.counts["boxes at no keyframe left out: others are nearer to it, or the video ends before it"] == 1
    assert found.counts["boxes of pictures whose names say no frame of a known video left out"] == 1
    assert "names like clip_01_000054.jpg: video clip_01, frame 54 of 25 a second counted from 1 =" in " ".join(
        found.notes
    )
    naming = FrameNaming(frame_rate=26, first_frame=0)
    assert [row[1] for row in listed(import_text(tmp_path, project, naming=naming))] == [1, 2]


def test_a_picture_is_named_by_its_address_too(tmp_path, project):
    project["file"]["1"] = {"fid": "1", "fname": "0007.jpg", "type": 2, "loc": 2, "src": "http://h/clip_02/0007.jpg"}
    project["metadata"] = {"m": {"vid": "1", "z": [], "xy": [2, 64, 48, 64, 48], "av": {}}}
    assert [row[:2] for row in listed(import_text(tmp_path, project))] == [("clip_02", 7)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.pop("view"), '"view" is missing'),
        (lambda p: p["file"]["1"].update(fname="clip_3.mp4"), r'"clip_3.mp4" is not among the videos. Did you mean'),
    ],
)
def test_wrong_projects(tmp_path, project, change, message):
    change(project)
    with pytest.raises(UserError, match=message):
        import_text(tmp_path, project)


@pytest.mark.parametrize(
    ("change", "count", "problem"),
    [
        ({"vid": "9"}, "views without a file", 'view "9" has no file'),
        ({"z": ["x"]}, "times or shapes that are no numbers", "expected lists of numbers"),
        ({"xy": [2, 1, None, 3, 4]}, "times or shapes that are no numbers", "expected lists of numbers"),
        ({"z": []}, "boxes without a time", "expected one time in seconds"),
        ({"z": [-3]}, "negative times", r"time \[-3\] is negative"),
        ({"z": [0, 1e12]}, "times beyond any video", "no video is longer"),
    ],
)
def test_wrong_entries_are_counted_unless_they_are_most(tmp_path, project, change, count, problem):
    whole = len(listed(import_text(tmp_path, project)))
    project["metadata"]["wrong"] = {**project["metadata"]["1_aB3"], **change}
    found = import_text(tmp_path, project)
    assert len(listed(found)) == whole
    assert found.counts[f"entries left out: {count}"] == 1
    assert re.search(f'entries left out: {count}, the first: metadata "wrong": .*{problem}', " ".join(found.notes))
    for number in range(len(project["metadata"])):
        project["metadata"][f"more_{number}"] = project["metadata"]["wrong"]
    with pytest.raises(UserError, match=rf'metadata "wrong": .*{problem}.* more rows? ha'):
        import_text(tmp_path, project)


@pytest.mark.parametrize("av", [[], "x", None, 3])
def test_odd_attributes_of_a_box_are_none(tmp_path, project, av):
    for entry in project["metadata"].values():
        entry["av"] = av
    found = import_text(tmp_path, project)
    assert len(found)
    assert not any(found.labels())


def test_box_options_are_refused(tmp_path, project):
    with pytest.raises(
        UserError, match="--box-format and --normalized are for AVA csv and COCO JSON; .* is a VIA 3 project"
    ):
        import_text(tmp_path, project, box_format="xywh")


@pytest.mark.parametrize(
    ("z", "options", "seconds"),
    [
        ([3, 5], {}, [3, 4, 5]),
        ([5.2, 2.9], {"keyframe_interval": 2}, [4]),
        ([3, 4], {"keyframe_interval": 0.5}, [3, 3.5, 4]),
        ([1.2, 1.8], {}, []),
        ([1.2, 1.8], {"keyframe_interval": 0.5}, [1.5]),
        ([1.2, 1.7], {"keyframes": "both"}, [1.45]),
        ([1.2, 3.2], {"keyframes": "track"}, [2.2]),
        ([-0.2, 0.4], {}, [0]),
    ],
)
def test_a_box_over_a_time_is_a_track_that_stays(tmp_path, project, z, options, seconds):
    project["metadata"] = {"1_a": {**project["metadata"]["1_aB3"], "z": z}}
    found = import_text(tmp_path, project, **options)
    assert [second for _, second, *_ in listed(found)] == seconds
    assert all(row[2:] == ((0.1, 0.1, 0.3, 0.3), ("walk, slowly", "read", "phone"), -1) for row in listed(found))
    assert (found.sampled.total, found.sampled.lost) == (1, not seconds)


def test_options_and_the_files_of_a_view_are_taken_out_once_however_many_entries_have_them(
    tmp_path, project, monkeypatch
):
    taken = []
    text = Value.text
    monkeypatch.setattr(Value, "text", lambda self, *default: taken.append(1) or text(self, *default))
    project["attribute"]["1"]["options"] = {str(number): f"act {number}" for number in range(300)}
    project["view"]["1"]["fid_list"] = ["lost"] * 299 + ["1"]
    entry = {"z": [1, 2], "xy": [], "av": {"1": "act 7"}}
    project["metadata"] = {f"e{number}": {"vid": str(1 + number % 2), **entry} for number in range(300)}
    assert len(import_text(tmp_path, project).segments) == 150
    assert 600 < len(taken) < 6000
