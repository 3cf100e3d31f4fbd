"""Which attributes of CVAT's files are actions: asked of all files together, and of what they declare."""

from __future__ import annotations

import pytest
from data.formats.cvat_files import attribute, bare, box, job, track
from workflows.prepare.importing import INFO, import_text, listed

from alphaction.data.formats.action_attributes import (
    CHECKBOX,
    IDENTIFIER,
    NUMBER,
    TEXT,
    AttributeUse,
    can_be_action,
    kind_of_texts,
)
from alphaction.data.formats.frame_names import FrameNaming
from alphaction.utils.errors import UserError
from alphaction.workflows.prepare.import_rows import ReadingRules, import_annotations

# As CVAT declared them until 2019: ~ for an attribute that may change, @ for one that cannot.
OLD = (
    "<label><name>pedestrian</name><attributes><attribute>@text=id:</attribute><attribute>@text=old_id:</attribute>"
    "<attribute>~select=action:standing,walking</attribute><attribute>~select=look:not-looking,looking</attribute>"
    "<attribute>~checkbox=runs:false</attribute><attribute>~number=age:0,100,1</attribute>"
    "<attribute>~select=occlusion:none,part,full</attribute></attributes></label>"
    "<label><name>ped</name><attributes><attribute>@text=old_id:</attribute>"
    "<attribute>~select=occlusion:none,part,full</attribute></attributes></label>"
)


def person(action: str, **more) -> str:
    values = {"id": "0_300_2330b", "old_id": "ped1", "look": "looking", "occlusion": "full", "runs": "false", **more}
    if action:
        values["action"] = action
    return "".join(attribute(name, value) for name, value in values.items())


def read(folder, *texts, **rules):
    files = []
    for number, text in enumerate(texts):
        files.append(folder / f"{number}.xml")
        files[-1].write_text(text)
    rules.setdefault("naming", FrameNaming(video_name="a"))
    return import_annotations(files, ReadingRules(**rules), info={"a": INFO}.__getitem__, video_names=["a"])


def test_attributes_are_declared_in_the_old_spelling_too(tmp_path):
    text = job(track(box(0, attributes=person("walking", runs="true")), label="pedestrian"), labels=OLD)
    found = import_text(tmp_path, text, videos=("a",))
    assert [set(labels) for labels in found.labels()] == [{"runs", "walking"}]
    assert found.notes[1] == (
        "actions are taken from the attributes: action, runs; other attributes: id, old_id, look, age, occlusion"
    )


def test_a_file_of_bystanders_only_gives_negatives(tmp_path):
    text = job(track(box(0, attributes=attribute("old_id", "ped1") + attribute("occlusion", "full")), label="ped"))
    declared = text.replace("<labels></labels>", f"<labels>{OLD}</labels>")
    for one in (text, declared):
        found = import_text(tmp_path, one, videos=("a",))
        assert found.labels() == [()]
        assert found.counts['boxes of the label "ped", which is no action'] == 1
    walker = declared.replace("</annotations>", track(box(0, 320, attributes=person("walking")), label="pedestrian"))
    found = import_text(tmp_path, walker + "</annotations>", videos=("a",))
    assert found.labels() == [(), ("walking",)]
    assert found.counts['boxes of the label "ped", which has no action attributes, kept without action'] == 1


def test_what_one_file_declares_counts_for_all(tmp_path):
    bystander = bare(track(box(0, attributes=attribute("old_id", "p1")), label="ped"))
    walker = bare(track(box(0, attributes=attribute("action", "walking")), label="pedestrian"))
    empty = job(labels=OLD)
    for texts in ((bystander, walker), (walker, bystander)):
        assert {labels for part in read(tmp_path, *texts) for labels in part.labels()} == {(), ("walking",)}
    assert [part.labels() for part in read(tmp_path, bystander, empty)] == [[()], []]
    parts = read(tmp_path, bystander, walker, action_attributes=("action",))
    assert [part.labels() for part in parts] == [[()], [("walking",)]]
    with pytest.raises(UserError, match='--action-attribute "acting": no file has such an attribute. .*"action"'):
        read(tmp_path, bystander, walker, action_attributes=("acting",))


def test_an_attribute_that_was_ruled_out_can_still_be_chosen(tmp_path):
    text = bare(track(box(0, attributes=attribute("occlusion", "part")), label="ped"))
    assert [part.labels() for part in read(tmp_path, text, action_attributes=("occlusion",))] == [[("part",)]]


@pytest.mark.parametrize(
    "name",
    [
        "id", "old_id", "ID", "pedID", "track id", "global-id", "Jersey Number", "plate", "name", "occlusion",
        "occluded", "Truncation", "visibility", "isVisible", "is_crowd", "isdifficult", "blurred", "ignore", "quality",
        "confidence", "annotator", "rotation", "keyframe", "gender", "age_group", "color", "view", "Facing",
        "motion_blur", "team",
    ],
)  # fmt: skip
def test_names_that_are_never_actions(name):
    assert not can_be_action(name, TEXT)
    assert not can_be_action(name, CHECKBOX)


@pytest.mark.parametrize(
    "name",
    [
        "action", "Action ID", "hand_action", "primaryActivity", "behaviour", "pose", "look", "hand_gesture", "cross",
        "state", "mood", "talking", "object", "interaction", "riding", "idle", "comment", "posture",
    ],
)  # fmt: skip
def test_names_that_may_be_actions(name):
    assert can_be_action(name, TEXT)
    assert not can_be_action(name, NUMBER)
    assert not can_be_action(name, IDENTIFIER)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([{"P01"}, {"P02"}], IDENTIFIER),
        ([{"P01"}], IDENTIFIER),
        ([{"P01"}, {"P01"}], TEXT),  # shared: no identifier
        ([{"sit"}, {"walk"}], TEXT),
        ([{"3"}, {"4.5", "1"}], NUMBER),
        ([{""}, {"__undefined__"}], TEXT),
        ([], TEXT),
    ],
)
def test_texts_that_name_or_count_are_told_by_their_values(values, kind):
    assert kind_of_texts("tag", values) == kind
    assert kind_of_texts("action", values) == TEXT


def test_what_is_text_in_one_file_is_no_identifier_in_another():
    uses = [AttributeUse({"tag": IDENTIFIER}), AttributeUse({"tag": TEXT}), AttributeUse({"tag": IDENTIFIER})]
    assert AttributeUse.joined(uses).kinds == {"tag": TEXT}
    assert AttributeUse.joined(uses[:1]).kinds == {"tag": IDENTIFIER}


def test_labels_stay_the_actions_where_attributes_only_describe(tmp_path):
    values = attribute("number", "P7") + attribute("visibility", "half")
    found = import_text(tmp_path, bare(track(box(0, attributes=values), label="wave")), videos=("a",))
    assert [row[3] for row in listed(found)] == [("wave",)]
