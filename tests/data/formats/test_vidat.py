"""Vidat's JSON."""

from __future__ import annotations

import pytest
from workflows.prepare.importing import import_text, listed

from alphaction.data.formats.frame_names import FrameNaming
from alphaction.data.formats.rows import Segment
from alphaction.utils.errors import UserError

VIDEO = {"src": "video/clip_01.mp4", "fps": 10, "frames": 200, "duration": 20, "height": 480, "width": 640}
OBJECTS = [{"id": 0, "name": "default"}, {"id": 1, "name": "person"}, {"id": 2, "name": "wave"}]
ACTIONS = [{"id": 0, "name": "default"}, {"id": 3, "name": "jump"}]


def box(label=2, x=64.0, instance=None, **more) -> dict:
    drawn = {"highlight": False, "instance": instance, "score": None, "labelId": label, "color": "#0000ff"}
    return {**drawn, "x": x, "y": 48.0, "width": 64.0, "height": 96.0, **more}


def vidat(boxes: dict, actions=(), video=VIDEO, **more) -> dict:
    annotation = {
        "video": video, "keyframeList": [0, 50], "objectAnnotationListMap": boxes, "regionAnnotationListMap": {},
        "skeletonAnnotationListMap": {"0": []}, "actionAnnotationList": list(actions), **more,
    }  # fmt: skip
    config = {"objectLabelData": OBJECTS, "actionLabelData": ACTIONS, "skeletonTypeData": []}
    return {"version": "2.1.0", "annotation": annotation, "config": config}


def test_frames_count_at_the_files_own_rate(tmp_path):
    found = import_text(tmp_path, vidat({"0": [box(), box(1, 320)], "1": [], "20": [box(instance=7)]}))
    assert found.format == "vidat"
    assert listed(found) == [
        ("clip_01", 0, (0.1, 0.1, 0.2, 0.3), ("wave",), -1),
        ("clip_01", 0, (0.5, 0.1, 0.6, 0.3), (), -1),
        ("clip_01", 2, (0.1, 0.1, 0.2, 0.3), ("wave",), 7),
    ]
    assert found.counts['boxes of the label "person", which is no action'] == 1


def test_a_frame_belongs_to_the_nearest_second(tmp_path):
    found = import_text(tmp_path, vidat({"8": [box(x=0)], "9": [box(x=64), box(x=128)], "14": [box()], "38": [box()]}))
    assert [(second, corners[0]) for _, second, corners, *_ in listed(found)] == [(1, 0.1), (1, 0.2), (4, 0.1)]
    assert found.counts["boxes at no keyframe left out: others are nearer to it, or the video ends before it"] == 2
    assert found.counts["boxes moved by more than 0.1 s to the nearest keyframe"] == 1


def test_what_has_no_label_is_kept_without_action(tmp_path):
    found = import_text(tmp_path, vidat({"0": [box(0), box(None, 128), box(9, 256)]}))
    assert found.labels() == [(), (), (9,)]
    assert found.counts['boxes without a label ("default"), kept without action'] == 2


def test_instances_may_have_names(tmp_path):
    boxes = {
        "0": [box(instance="left"), box(x=128, instance="3"), box(x=256, instance="")],
        "10": [box(instance="left")],
    }
    assert [row[4] for row in listed(import_text(tmp_path, vidat(boxes)))] == [4, 3, -1, 4]


def test_actions_are_temporal_segments(tmp_path):
    actions = [
        {"start": 1.5, "end": 4, "action": 3, "object": 1, "color": "#fff", "description": ""},
        {"start": 5, "end": 4.5, "action": 8},
        {"start": 0, "end": 1, "action": 0},
        {"start": None, "end": 1, "action": 3},
    ]
    found = import_text(tmp_path, vidat({}, actions))
    assert found.segments == (
        Segment("clip_01", 1.5, 4.0, "jump", "action 0"),
        Segment("clip_01", 4.5, 5.0, "action 8", "action 1"),
    )
    assert found.counts["temporal segments without a label left out"] == 1
    assert found.counts["temporal segments without start or end left out"] == 1


def test_what_cannot_be_read_is_counted(tmp_path):
    boxes = {"0": [box(width=-32.0), box(x="left"), "x"], "end": [box()], "10": None}
    regions = {"0": [{"pointList": []}], "3": [{}, {}]}
    found = import_text(tmp_path, vidat(boxes, regionAnnotationListMap=regions))
    assert [row[2] for row in listed(found)] == [(0.05, 0.1, 0.1, 0.3)]
    assert {name: count for name, count in found.counts.items() if count} == {
        "regions (polygons) left out": 3,
        "boxes left out as their frame is no number": 1,
        "boxes left out as x, y, width or height is no number": 1,
        "boxes drawn upwards or leftwards, turned over": 1,
    }


def test_a_video_opened_from_the_disk_has_no_name(tmp_path):
    data = vidat({"20": [box()]}, video={"src": "blob:https://vidat2.davidz.cn/766b023f", "fps": None})
    found = import_text(tmp_path, data, videos=["only"])
    assert listed(found)[0][:2] == ("only", 1)  # at the video's 25 frames a second
    assert any("pass --frame-rate 10" in note for note in found.notes)
    named = FrameNaming(video_name="clip_02", frame_rate=10)
    assert listed(import_text(tmp_path, data, naming=named))[0][:2] == ("clip_02", 2)
    with pytest.raises(UserError, match="names no video. Say which of the 2 videos it is: --video-name"):
        import_text(tmp_path, data)


def test_another_shape_is_another_video(tmp_path):
    with pytest.raises(UserError, match="frames of 480 x 640 pixels"):
        import_text(tmp_path, vidat({"0": [box()]}, video={**VIDEO, "width": 480, "height": 640}))
