"""Which labels and attributes are actions: decided for all files, and for each label."""

from __future__ import annotations

import json

import pytest
from data.formats.cvat_files import attribute, bare, box, job, track
from workflows.prepare.importing import INFO, import_text

from alphaction.data.formats.action_attributes import AttributeUse, can_act, can_be_action, means_person
from alphaction.data.formats.action_rule import ActionRule
from alphaction.data.formats.frame_names import FrameNaming
from alphaction.utils.errors import UserError
from alphaction.workflows.prepare.import_rows import ReadingRules, import_annotations

EDGE = 'values of the attribute "near_rail", which is not taken for an action'


def read(folder, text, **options):
    return import_text(folder, text, videos=("a",), naming=FrameNaming(video_name="a"), **options)


def counted(found) -> dict[str, int]:
    return {what: number for what, number in found.counts.items() if number}


def declared(label: str, *names: str, kind: str = "checkbox", values: str = "false\ntrue") -> str:
    inside = "".join(
        f"<attribute><name>{name}</name><mutable>True</mutable><input_type>{kind}</input_type>"
        f"<values>{values}</values></attribute>"
        for name in names
    )
    return f"<label><name>{label}</name><attributes>{inside}</attributes></label>"


def labeled(*tracks: tuple[str, dict[str, str]], labels: str = "") -> str:
    """A job with a box at second 0 for each label with its attribute values."""
    drawn = [
        track(box(0, 70 * n, attributes="".join(attribute(*pair) for pair in values.items())), id=n, label=label)
        for n, (label, values) in enumerate(tracks)
    ]
    return job(*drawn, labels=labels)


WALKS = declared("walk", "near_rail") + declared("run", "near_rail")


def test_a_checkbox_of_unknown_name_leaves_the_labels_the_actions(tmp_path):
    text = labeled(("walk", {"near_rail": "false"}), ("run", {"near_rail": "true"}), labels=WALKS)
    found = read(tmp_path, text)
    assert found.labels() == [("walk",), ("run",)]
    assert found.counts[EDGE] == 1  # the box where it is ticked
    assert found.notes[-1] == (
        "actions are taken from the labels of the boxes, as no attribute's name says that it is one; other attributes: "
        "near_rail (--action-attribute NAME chooses)"
    )


def test_a_checkbox_that_is_ticked_nowhere_leaves_the_labels_the_actions(tmp_path):
    text = labeled(("walk", {"near_rail": "false"}), ("run", {"near_rail": "false"}), labels=WALKS)
    found = read(tmp_path, text)
    assert found.labels() == [("walk",), ("run",)]
    assert EDGE not in found.counts


def test_a_choice_of_unknown_name_leaves_the_labels_the_actions(tmp_path):
    labels = declared("car", "lane", kind="select", values="left\nright")
    found = read(tmp_path, labeled(("car", {"lane": "left"}), ("car", {"lane": "right"}), labels=labels))
    assert found.labels() == [("car",), ("car",)]
    assert found.counts['values of the attribute "lane", which is not taken for an action'] == 2


def test_the_choice_of_an_attribute_is_the_users(tmp_path):
    text = labeled(("walk", {"near_rail": "false"}), ("run", {"near_rail": "true"}), labels=WALKS)
    found = read(tmp_path, text, action_attributes=("near_rail",))
    assert found.labels() == [(), ("near_rail",)]
    assert counted(found) == {}
    both = read(tmp_path, text, action_attributes=("label", "near_rail"))
    assert both.labels() == [("walk",), ("near_rail", "run")]
    assert both.notes[-1] == "actions are taken from the labels of the boxes and the attribute: near_rail"


def test_the_labels_can_be_chosen_whatever_the_attributes(tmp_path):
    labels = declared("walk", "action", kind="select", values="a\nb")
    text = labeled(("walk", {"action": "a"}), ("person", {}), labels=labels)
    found = read(tmp_path, text)
    assert found.labels() == [("a",), ()]
    assert found.notes[-1] == (
        "actions are taken from the attribute: action (to take the labels instead: --action-attribute label)"
    )
    for name in ("label", "Labels"):
        chosen = read(tmp_path, text, action_attributes=(name,))
        assert chosen.labels() == [("walk",), ()]
        assert counted(chosen) == {'boxes of the label "person", which is no action': 1}
        assert chosen.notes[-1] == "actions are taken from the labels of the boxes; other attributes: action"
    with pytest.raises(UserError, match='no file has such an attribute. .* "label" means the labels of the boxes'):
        read(tmp_path, text, action_attributes=("lable",))


def test_an_attribute_that_is_called_label_is_that_attribute(tmp_path):
    text = labeled(("person", {"label": "sit"}))
    assert read(tmp_path, text, action_attributes=("label",)).labels() == [("sit",)]


@pytest.mark.parametrize("label", ["person", "Pedestrian", "player", "Worker_2", "man", "dog", "bus driver"])
def test_attributes_of_who_acts_are_actions(tmp_path, label):
    labels = declared(label, "talks", "waves") + declared(label, "doing", kind="radio", values="sit\nwalk")
    text = labeled(
        (label, {"talks": "true", "waves": "false", "doing": "sit"}),
        (label, {"talks": "false", "waves": "false", "doing": ""}),
        labels=labels,
    )
    found = read(tmp_path, text)
    assert [set(some) for some in found.labels()] == [{"talks", "sit"}, set()]
    assert ("to take the labels instead" in found.notes[-1]) == (not means_person(label))


def test_persons_with_attributes_beside_labels_that_are_actions(tmp_path):
    labels = declared("person", "near_rail") + declared("walk", "near_rail") + "<label><name>man</name></label>"
    text = labeled(
        ("person", {"near_rail": "true"}), ("walk", {"near_rail": "true"}), ("man", {}), ("ball", {}), labels=labels
    )
    found = read(tmp_path, text)
    assert found.labels() == [("near_rail",), ("walk",), (), ("ball",)]
    assert counted(found) == {EDGE: 1, 'boxes of the label "man", which is no action': 1}
    assert found.notes[-1] == (
        "actions are taken from the attribute: near_rail; of boxes of other labels, the label is the action: ball, walk"
    )


def test_who_acts_is_a_class_where_nothing_says_what_is_done(tmp_path):
    text = labeled(("player", {}), ("dog", {"color": "brown"}), ("person", {}))
    assert read(tmp_path, text).labels() == [("player",), ("dog",), ()]


def test_labels_of_a_tool_without_attributes_are_actions_beside_files_with_attributes(tmp_path):
    cvat = tmp_path / "a.xml"
    cvat.write_text(labeled(("person", {"action": "sit"})))
    video = {"src": "a.mp4", "fps": 10, "frames": 200, "duration": 20, "height": 480, "width": 640}
    drawn = {"instance": None, "score": None, "labelId": 1, "x": 64, "y": 48, "width": 64, "height": 96}
    body = {"video": video, "objectAnnotationListMap": {"50": [drawn]}, "actionAnnotationList": []}
    config = {"objectLabelData": [{"id": 0, "name": "default"}, {"id": 1, "name": "wave"}], "actionLabelData": []}
    vidat = tmp_path / "a.json"
    vidat.write_text(json.dumps({"version": "2.1.0", "annotation": body, "config": config}))
    rules = ReadingRules(naming=FrameNaming(video_name="a"))
    parts = import_annotations([cvat, vidat], rules, info={"a": INFO}.__getitem__, video_names=["a"])
    assert [part.labels() for part in parts] == [[("sit",)], [("wave",)]]


def test_equal_boxes_are_one_where_labels_are_the_actions(tmp_path):
    values = attribute("near_rail", "false")
    tracks = [track(box(0, attributes=values), id=n, label=label) for n, label in enumerate(("walk", "wave"))]
    persons = [track(box(0, attributes=values), id=n + 2) for n in range(2)]
    found = read(tmp_path, job(*tracks, *persons))
    assert found.labels() == [("walk", "wave"), (), ()]


@pytest.mark.parametrize("drawn", ["", "polygon", "points", "skeleton"])
@pytest.mark.parametrize("attribute_name", ["pose", "reason"])
def test_attributes_of_labels_without_a_box_do_not_count(tmp_path, drawn, attribute_name):
    shape = f'<{drawn} frame="0" outside="0" keyframe="1">{attribute(attribute_name, "a")}</{drawn}>' if drawn else ""
    labels = declared("person", attribute_name, kind="select", values="a\nb") + "<label><name>II</name></label>"
    text = job(track(box(0), label="II"), track(shape, id=1) if drawn else "", labels=labels)
    found = read(tmp_path, text)
    assert found.labels() == [("II",)]
    assert found.notes[-1].startswith(
        "actions are taken from the labels of the boxes, as no attribute can be an action"
    )


def test_attributes_of_pictures_labels_without_a_box_do_not_count(tmp_path):
    shape = f'<polygon label="zone" points="1,2;3,4">{attribute("reason", "x")}</polygon>'
    drawn = '<box label="Car" xtl="64" ytl="48" xbr="128" ybr="96"></box>' + shape
    text = bare(f'<image id="0" name="a/0003.jpg" width="640" height="480">{drawn}</image>')
    assert read(tmp_path, text).labels() == [("Car",)]


def test_a_chosen_attribute_that_the_label_has_is_not_said_to_be_missing(tmp_path):
    labels = declared("car", "color", "orientation", kind="select", values="front\nrear")
    text = labeled(("car", {"orientation": "front", "color": "red"}), ("bus", {}), labels=labels)
    found = read(tmp_path, text, action_attributes=("orientation",))
    assert found.labels() == [("front",), ()]
    assert counted(found) == {'boxes of the label "bus", which has no action attributes, kept without action': 1}


def test_attributes_that_every_label_has_in_one_file_belong_to_every_label():
    declared_for = AttributeUse({"talks": "checkbox", "lane": "select"}, {"talks": frozenset({"man"})})
    for_all = AttributeUse({"talks": "checkbox"}, labels=frozenset({"walk"}))
    joined = AttributeUse.joined([declared_for, for_all])
    assert joined.owners == {}
    assert joined.labels == {"walk"}
    other = AttributeUse({"talks": "checkbox"}, {"talks": frozenset({"boy"})})
    only = AttributeUse.joined([AttributeUse({"talks": "checkbox"}, {"talks": frozenset({"man"})}), other])
    assert only.owners == {"talks": {"man", "boy"}}
    assert [only.has(label, "talks") for label in ("man", "boy", "walk")] == [True, True, False]


def test_boxes_without_labels_take_their_attributes_beside_files_with_labels():
    use = AttributeUse.joined(
        [AttributeUse({"doing": "select"}, labels=frozenset({""})), AttributeUse(labels=frozenset({"walk"}))]
    )
    rule = ActionRule(use)
    assert rule.actions((), {"doing": ["sit"]}) == ("sit",)
    assert rule.actions(("walk",), {}) == ("walk",)


@pytest.mark.parametrize("label", ["person1", "Person 12", "PERSON_3", "Menschen", "行人", "girls"])
def test_labels_that_merely_mean_a_person(label):
    assert means_person(label)
    assert can_act(label)


@pytest.mark.parametrize(
    "label", ["Player A", "left_team_player", "workers", "oldMan", "white mouse", "Students", "left hand"]
)
def test_labels_that_say_who_acts(label):
    assert can_act(label)
    assert not means_person(label)


@pytest.mark.parametrize(
    "label", ["walk", "walking man", "car", "person_running", "II", "", "robot", "2", "jump", "falling person"]
)
def test_labels_that_do_not(label):
    assert not can_act(label)
    assert not means_person(label)


@pytest.mark.parametrize("name", ["edge_zone", "night", "isHidden", "obscured", "near_border"])
def test_where_and_when_a_box_is_seen_is_no_action(name):
    assert not can_be_action(name, "checkbox")


def studio(label: str, choice: str) -> str:
    """A task of Label Studio with a box that has a label and a choice of unknown name."""
    sequence = [{"frame": 1, "x": 10, "y": 10, "width": 20, "height": 20, "enabled": False, "time": 0.04}]
    value = {"framesCount": 500, "duration": 20, "sequence": sequence}
    results = [
        {"id": "r", "type": "videorectangle", "from_name": "box", "to_name": "video", "value": value},
        {"id": "r", "type": "labels", "from_name": "l", "to_name": "video", "value": {"labels": [label]}},
        {"id": "r", "type": "choices", "from_name": "manner", "to_name": "video", "value": {"choices": [choice]}},
    ]
    results[0]["value"]["labels"] = [label]
    return json.dumps([{"id": 1, "data": {"video": "a.mp4"}, "annotations": [{"id": 1, "result": results}]}])


def test_the_rule_is_the_same_for_label_studio(tmp_path):
    assert read(tmp_path, studio("person", "fast")).labels() == [("fast",)]
    found = read(tmp_path, studio("run", "fast"))
    assert found.labels() == [("run",)]
    assert found.counts['values of the attribute "manner", which is not taken for an action'] == 1
    assert read(tmp_path, studio("run", "fast"), action_attributes=("manner",)).labels() == [("fast",)]
    assert set(read(tmp_path, studio("run", "fast"), action_attributes=("manner", "label")).labels()[0]) == {
        "fast", "run",
    }  # fmt: skip
