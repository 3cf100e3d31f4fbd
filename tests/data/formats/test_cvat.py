"""CVAT's XML."""

from __future__ import annotations

import pytest
from data.formats.cvat_files import attribute, box, track
from workflows.prepare.importing import import_text, listed

from alphaction.utils.errors import UserError

HEAD = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <id>12</id>
      <name>office</name>
      <size>200</size>
      <mode>interpolation</mode>
      <overlap>5</overlap>
      <start_frame>{start}</start_frame>
      <stop_frame>499</stop_frame>
      <frame_filter>{filter}</frame_filter>
      <labels>{labels}</labels>
      <segments><segment><id>1</id><start>0</start><stop>199</stop><url>http://cvat/api/jobs/1</url></segment></segments>
      <original_size><width>640</width><height>480</height></original_size>
      <source>clip_01.mp4</source>
    </task>
    <dumped>2024-05-01 10:00:00.000000+00:00</dumped>
  </meta>
"""
PERSON = """<label><name>person</name><color>#33ddff</color><type>any</type><attributes>
  <attribute><name>action</name><mutable>True</mutable><input_type>select</input_type>
    <default_value>__undefined__</default_value><values>__undefined__\nsit\nwalk</values></attribute>
  <attribute><name>talking</name><mutable>True</mutable><input_type>checkbox</input_type>
    <default_value>false</default_value><values>false</values></attribute>
  <attribute><name>shirt</name><mutable>False</mutable><input_type>text</input_type>
    <default_value></default_value><values></values></attribute>
</attributes></label><label><name>ball</name><attributes></attributes></label>"""


def head(start="0", filter="", labels="") -> str:
    return HEAD.format(start=start, filter=filter, labels=labels)


def lefts(found) -> list[tuple]:
    return [(second, box[0]) for _, second, box, _, _ in listed(found)]


@pytest.mark.parametrize(("kind", "actions"), [("select", ("open; close",)), ("text", ("open", "close"))])
def test_only_free_texts_hold_several_actions(tmp_path, kind, actions):
    labels = PERSON.replace("<input_type>select", f"<input_type>{kind}").replace("sit", "open; close")
    boxes = track(box(0, attributes=attribute("action", "open; close")))
    found = import_text(tmp_path, head(labels=labels) + boxes + "</annotations>")
    assert [labels for *_, labels, _ in listed(found)] == [actions]


def test_two_boxes_of_a_track_at_one_frame_are_counted(tmp_path):
    text = head(labels=PERSON) + track(box(0), box(25, 64), box(25, 128)) + "</annotations>"
    found = import_text(tmp_path, text)
    assert lefts(found) == [(0, 0.0), (1, 0.2)]
    assert found.counts["boxes left out, as their track has another one at that frame"] == 1


def test_attributes_are_actions_and_the_label_is_not(tmp_path):
    text = head(labels=PERSON) + track(
        box(0, 0, attributes=attribute("action", "sit") + attribute("talking", "false") + attribute("shirt", "red")),
        box(25, 64, attributes=attribute("action", "walk") + attribute("talking", "true")),
        box(50, 128, attributes=attribute("action", "__undefined__") + attribute("talking", "false")),
        id=4,
    )
    found = import_text(tmp_path, text + "</annotations>")
    assert listed(found) == [
        ("clip_01", 0, (0.0, 0.1, 0.1, 0.3), ("sit",), 4),
        ("clip_01", 1, (0.1, 0.1, 0.2, 0.3), ("walk", "talking"), 4),
        ("clip_01", 2, (0.2, 0.1, 0.3, 0.3), (), 4),
    ]
    assert found.counts['values of the attribute "shirt", which is not taken for an action'] == 3
    assert found.format == "cvat"


def test_without_attributes_the_label_is_the_action_but_person_never_is(tmp_path):
    text = head() + track(box(0), box(25), label="wave") + track(box(0, 320), id=1) + "</annotations>"
    found = import_text(tmp_path, text)
    assert found.labels() == [("wave",), ("wave",), ()]
    assert found.counts['boxes of the label "person", which is no action'] == 1


def test_equal_boxes_of_two_action_tracks_are_one_box(tmp_path):
    text = head() + track(box(0), label="sit") + track(box(0), label="read", id=1) + "</annotations>"
    assert listed(import_text(tmp_path, text)) == [("clip_01", 0, (0.0, 0.1, 0.1, 0.3), ("sit", "read"), 0)]


def test_equal_boxes_of_two_persons_stay_two(tmp_path):
    tracks = [track(box(0, attributes=attribute("action", "sit")), id=number) for number in (0, 1)]
    found = import_text(tmp_path, head(labels=PERSON) + "".join(tracks) + "</annotations>")
    assert found.person_ids.tolist() == [0, 1]


def test_a_label_without_attributes_beside_one_with_is_a_negative_and_counted(tmp_path):
    sits = track(box(0, 320, attributes=attribute("action", "sit")), id=1)
    found = import_text(tmp_path, head(labels=PERSON) + track(box(0), label="ball") + sits + "</annotations>")
    assert found.labels() == [(), ("sit",)]
    assert found.counts['boxes of the label "ball", which has no action attributes, kept without action'] == 1


def test_boxes_move_linearly_and_vanish_when_outside(tmp_path):
    text = head() + track(box(0, 0), box(50, 128), box(75, 192, outside=1), box(125, 64), box(160, 64, outside=1))
    found = import_text(tmp_path, text + "</annotations>")
    assert lefts(found) == [(0, 0.0), (1, 0.1), (2, 0.2), (5, 0.1), (6, 0.1)]
    assert lefts(import_text(tmp_path, text + "</annotations>", keyframe_interval=2)) == [(0, 0.0), (2, 0.2), (6, 0.1)]


def test_frames_are_those_of_the_video_whatever_the_start_and_step(tmp_path):
    boxes = [box(frame, frame - 60) for frame in range(60, 141, 5)]
    text = head("60", "step=5") + track(*boxes, box(145, 85, outside=1)) + "</annotations>"
    found = import_text(tmp_path, text)
    assert lefts(found) == [(3, round(15 / 640, 4)), (4, round(40 / 640, 4)), (5, round(65 / 640, 4))]
    assert not any("counted from" in name for name in found.counts)


def test_frames_counted_within_the_task_are_proven_and_converted(tmp_path):
    boxes = [box(frame, 5 * frame) for frame in range(17)]
    found = import_text(tmp_path, head("60", "step=5") + track(*boxes) + "</annotations>")
    assert lefts(found) == [(3, round(15 / 640, 4)), (4, round(40 / 640, 4)), (5, round(65 / 640, 4))]
    assert found.counts["tasks whose frames are counted from their own first frame"] == 1


def test_a_project_has_several_videos(tmp_path):
    task = "<task><id>{}</id><name>{}</name><size>99</size><source>{}</source></task>"
    tasks = task.format(3, "one", "Clip-01.MP4") + task.format(4, "clip_02", "")
    text = f"<annotations><meta><project><tasks>{tasks}</tasks></project></meta>"
    text += track(box(0), label="wave", more=' task_id="3"') + track(box(25), id=7, label="nod", more=' task_id="4"')
    found = import_text(tmp_path, text + "</annotations>")
    assert [row[:2] + row[3:] for row in listed(found)] == [("clip_01", 0, ("wave",), 0), ("clip_02", 1, ("nod",), 7)]
    with pytest.raises(UserError, match=r"track 0: its video is not named .* tasks 3, 4"):
        import_text(tmp_path, text.replace(' task_id="3"', "") + "</annotations>")


def test_old_exports_keep_the_video_outside_the_task(tmp_path):
    meta = "<meta><task><id>1</id><name>x</name></task><source>clip_02.avi</source>"
    meta += "<original_size><width>1280</width><height>960</height></original_size></meta>"
    found = import_text(tmp_path, f"<annotations>{meta}{track(box(0, 128), label='wave')}</annotations>")
    assert listed(found)[0][:3] == ("clip_02", 0, (0.1, 0.05, 0.15, 0.15))


def test_a_turned_box_is_replaced_by_the_upright_one(tmp_path):
    found = import_text(tmp_path, head() + track(box(0, 96, rotation="90.00"), label="wave") + "</annotations>")
    # 64 x 96 pixels around (128, 96) turned by 90 degrees: 96 x 64.
    assert listed(found)[0][2] == (0.125, round(64 / 480, 4), 0.275, round(128 / 480, 4))
    assert found.counts["turned boxes replaced by the upright box around them"] == 1


def test_images_named_by_video_and_second(tmp_path):
    boxes = '<box label="wave" occluded="0" xtl="64" ytl="48" xbr="128" ybr="96"/><polygon label="x" points="1,2;3,4"/>'
    text = '<annotations><image id="0" name="{}" width="640" height="480">' + boxes + "</image></annotations>"
    found = import_text(tmp_path, text.format("clip_01/0003.jpg"))
    assert listed(found) == [("clip_01", 3, (0.1, 0.1, 0.2, 0.2), ("wave",), -1)]
    assert found.counts["shapes that are not boxes left out (polygon)"] == 1
    with pytest.raises(UserError, match='"frame_000025" names no video. Say which of the 2 videos it is'):
        import_text(tmp_path, text.format("frame_000025"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotations><track></annotations>", r"line 1, column \d+: not valid XML"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>', "document type or entities"),
        (head() + track(box(0)).replace('xtl="0.00"', 'xtl="left"') + "</annotations>", 'number "xtl", found \'left\''),
        (head() + track(box("x")) + "</annotations>", 'track 0: <box> needs a "frame"'),
        (head().replace("clip_01.mp4", "clip_1.mp4") + track(box(0)) + "</annotations>", 'Did you mean "clip_01"'),
        (
            head().replace("<width>640", "<width>480").replace("<height>480", "<height>640") + track(box(0))
            + "</annotations>", "640 x 480: another video",
        ),
    ],
)  # fmt: skip
def test_wrong_files(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        import_text(tmp_path, text)


def test_an_attribute_that_is_an_action_can_be_chosen(tmp_path):
    labels = PERSON.replace(">action<", ">doing<").replace(">shirt<", ">mood<")
    values = attribute("doing", "sit") + attribute("mood", "glad") + attribute("talking", "true")
    text = head(labels=labels) + track(box(0, attributes=values), box(1, outside=1)) + "</annotations>"
    found = import_text(tmp_path, text)
    assert set(found.labels()[0]) == {"sit", "glad", "talking"}
    assert found.notes[0].startswith("actions are taken from the attributes: doing, talking, mood (all of these?")
    assert import_text(tmp_path, text, action_attributes=("doing",)).labels() == [("sit",)]
    with pytest.raises(
        UserError, match="--action-attribute is for the attributes of VIA, COCO JSON, CVAT and Label Studio"
    ):
        import_text(tmp_path, "clip_01,0,0,0,1,1,wave\n", action_attributes=("doing",))
