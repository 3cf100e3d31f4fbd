"""If nothing can be learned from annotation files, the message says why, and what helps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from workflows.prepare.importing import import_text
from workflows.prepare.preparing import prepare

from alphaction.data.formats.rows import RowBuilder, Segment
from alphaction.utils.errors import UserError
from alphaction.workflows.prepare.class_collection import resolve_classes

OTHER = 'xtl="320" ytl="48" xbr="384" ybr="96"'


def cvat(*tracks: str, labels: str = "") -> str:
    meta = (
        "<meta><task><name>t</name><size>500</size><start_frame>0</start_frame><frame_filter></frame_filter>"
        f"<labels>{labels}</labels><source>clip_01.mp4</source></task></meta>"
    )
    return f"<annotations><version>1.1</version>{meta}{''.join(tracks)}</annotations>"


def track(label: str, *frames: int, inside: str = "", box: str = 'xtl="64" ytl="48" xbr="128" ybr="96"') -> str:
    boxes = [
        f'<box frame="{frame}" outside="{int(frame == frames[-1])}" occluded="0" keyframe="1" {box}>{inside}</box>'
        for frame in frames
    ]
    return f'<track id="0" label="{label}">{"".join(boxes)}</track>'


def attribute(name: str, value: str) -> str:
    return f'<attribute name="{name}">{value}</attribute>'


def declared(label: str, *names: str, kind: str = "select", values: str = "a\nb") -> str:
    inside = "".join(
        f"<attribute><name>{name}</name><mutable>True</mutable><input_type>{kind}</input_type>"
        f"<values>{values}</values></attribute>"
        for name in names
    )
    return f"<label><name>{label}</name><attributes>{inside}</attributes></label>"


def refused(*parts) -> str:
    with pytest.raises(UserError) as error:
        resolve_classes(parts, None)
    return str(error.value)


def test_boxes_that_only_say_person(tmp_path):
    found = import_text(tmp_path, cvat(track("person", 0, 25, 50), track("Pedestrian", 0, 25, box=OTHER)))
    assert refused(found) == (
        f"{tmp_path}/annotations.txt: no box has an action (of 3), so there is nothing to learn.\n"
        "  - person 2, Pedestrian 1: such a label says that the box shows a person, not what the person does. Label "
        'the boxes with actions ("walk", "sit"), or give them an attribute "action"'
    )


def test_csv_that_only_says_person(tmp_path):
    found = import_text(tmp_path, "clip_01,1,0.1,0.1,0.5,0.5,person\nclip_01,2,0.1,0.1,0.5,0.5,person\n")
    assert "person 2: such a label says" in refused(found)


def test_attributes_that_are_not_taken_for_actions(tmp_path):
    inside = attribute("speed", "3") + attribute("view", "front") + attribute("person_id", "7")
    kinds = declared("person", "speed", kind="number", values="0;9;1") + declared("person", "view")
    text = cvat(track("person", 0, 25, 50, inside=inside), labels=kinds)
    message = refused(import_text(tmp_path, text))
    assert 'the attribute "speed" has the values 3 2: if it is the action, add --action-attribute speed' in message
    assert 'the attribute "view" has the values front 2: if' in message
    assert "person_id" not in message


def test_attributes_that_are_empty(tmp_path):
    text = cvat(
        track("person", 0, 25, 50, inside=attribute("action", "")), labels=declared("person", "action", values="\nsit")
    )
    assert refused(import_text(tmp_path, text)).endswith(
        'the attribute "action" is empty, not ticked, or says that there is none'
    )


def test_tracks_that_are_visible_at_no_keyframe(tmp_path):
    found = import_text(tmp_path, cvat(track("jump", 3, 9), track("jump", 30, 40)))
    message = refused(found)
    assert "there is no box, so there is nothing to learn.\n  - 2 of 2 tracks are visible at no keyframe" in message
    assert "--keyframes both" in message


def test_files_without_anything(tmp_path):
    assert refused(import_text(tmp_path, cvat())).endswith(
        "there is no box, so there is nothing to learn.\n  - no track and no image: nothing is annotated\n  - only "
        "rectangles are boxes: in CVAT draw each person as a rectangle (Draw new rectangle, then Track; Shape is for "
        'single frames), and export the task as "CVAT for video 1.1"'
    )


@pytest.mark.parametrize("shape", ["polygon", "polyline", "points", "skeleton", "ellipse", "mask", "cuboid"])
def test_what_was_drawn_otherwise_is_named_and_what_to_draw(tmp_path, shape):
    drawn = f'<track id="0" label="walk"><{shape} frame="0" keyframe="1"/><{shape} frame="1" keyframe="1"/></track>'
    message = refused(import_text(tmp_path, cvat(drawn)))
    assert f"shapes that are not boxes left out ({shape}): 2\n  - only rectangles are boxes: in CVAT draw" in message


def test_pictures_without_anything_drawn(tmp_path):
    picture = '<image id="0" name="clip_01/1.jpg" width="640" height="480"></image>'
    message = refused(import_text(tmp_path, cvat(picture)))
    assert "  - images without any shape, and no track: nothing is annotated\n  - only rectangles" in message


def test_what_to_draw_is_not_said_of_tracks_that_are_too_short(tmp_path):
    assert "only rectangles" not in refused(import_text(tmp_path, cvat(track("jump", 3, 9))))


def test_labels_that_stand_back_for_empty_attributes(tmp_path):
    inside = attribute("action", "") + attribute("waves", "false")
    kinds = declared("walk", "action") + declared("walk", "waves", kind="checkbox")
    text = cvat(track("walk", 0, 25, 50, inside=inside), labels=kinds)
    assert refused(import_text(tmp_path, text)).endswith(
        '  - the attributes "action" and "waves" are empty, not ticked, or say that there is none\n'
        "  - the labels of the boxes (walk 2) are not taken for actions, as attributes are: if they are the actions, "
        "add --action-attribute label"
    )


def test_other_shapes_are_counted_over_all_files():
    parts = []
    for name in "abcde":
        rows = RowBuilder()
        rows.count("shapes that are not boxes left out", 2)
        rows.notes.append("actions are taken from the labels")
        parts.append(rows.build(Path(f"{name}.xml")))
    assert refused(*parts, parts[0]) == (
        "a.xml, b.xml, c.xml and 2 more: there is no box, so there is nothing to learn.\n"
        "  - shapes that are not boxes left out: 10"
    )


def test_boxes_without_label_and_segments():
    rows = RowBuilder()
    rows.add("v", 1, (0.1, 0.1, 0.5, 0.5), (), place="row")
    assert "the one box has no label. Is the label or the attribute" in refused(rows.build(Path("a")))
    rows.segments.append(Segment("v", 0, 2, "sit", "region"))
    assert "1 temporal segment (label sit 1): --segments spread gives their labels" in refused(rows.build(Path("a")))


def test_all_boxes_outside_or_without_area(toy, options, tmp_path):
    name = "<source>train_000.mp4</source>"
    click = track("sit", 0, 10, 20, box='xtl="10" ytl="10" xbr="10" ybr="10"')
    file = tmp_path / "a.xml"
    file.write_text(cvat(click).replace("<source>clip_01.mp4</source>", name))
    with pytest.raises(UserError) as error:
        prepare(replace(options, train=(file,), label_map=None, val=()))
    left = "not one box is left, in 2 keyframes (boxes without area left out: 2)"
    assert str(error.value) == f"train: {file}: {left}. Were they clicked, not drawn?"
