"""Groups of classes that the command line or the attributes of a tool give to a dataset."""

from __future__ import annotations

from pathlib import Path

import pytest

from alphaction.data.annotations import ActionClass, ClassGroup, LabelMap
from alphaction.data.formats.rows import RowBuilder, RowTable
from alphaction.utils.errors import UserError
from alphaction.workflows.prepare.class_collection import ResolvedClasses, resolve_classes
from alphaction.workflows.prepare.group_choices import read_groups

SELECT = {"sit": {"posture": "select"}, "lie": {"posture": "select"}, "hum": {"Sound": "options"}}


def part(*labels: tuple, **more) -> RowTable:
    rows = RowBuilder()
    for second, some in enumerate(labels):
        rows.add("v", second, (0.1, 0.1, 0.5, 0.5), some, place=f"row {second}")
    return rows.build(Path("file.xml"), **more)


def resolved(
    *labels: tuple, exclusive=(), independent=(), label_map=None, by_attribute=False, **more
) -> ResolvedClasses:
    groups = read_groups(exclusive, independent)
    return resolve_classes([part(*labels, **more)], label_map, None, groups, by_attribute=by_attribute)


def groups_of(found: ResolvedClasses) -> dict[str, tuple[bool, list[str]]]:
    label_map = found.label_map
    return {
        group.name: (group.exclusive, [label_map.find(number).name for number in group.ids])
        for group in label_map.class_groups
    }


def test_groups_of_the_command_line():
    labels = [("sit", "hum"), ("eat, fast",), ("eat",), ("carry/hold (a = b)",), ("lie", "other")]
    found = resolved(
        *labels, exclusive=["posture=SIT,lie , eat, fast"], independent=["in the hand=carry/hold (a = b); eat"]
    )
    assert groups_of(found) == {
        "object": (False, ["hum", "other"]),
        "in the hand": (False, ["carry/hold (a = b)", "eat"]),
        "posture": (True, ["eat, fast", "lie", "sit"]),
    }
    assert any('group "posture": 3 classes, one at a time (softmax) (--group)' in note for note in found.notes)
    assert any("the group of 2 classes is not stated" in note for note in found.notes)


def test_groups_count_before_those_of_a_label_map_and_its_ids_can_name_classes():
    classes = (ActionClass(7, "sit", "movement"), ActionClass(9, "lie", "posture"), ActionClass(4, "hum", "posture"))
    label_map = LabelMap(classes, untyped=(7,), exclusive={"posture"})
    found = resolved(("sit",), label_map=label_map, independent=["posture=7,9"], exclusive=["movement=hum"])
    assert found.label_map.class_groups == (ClassGroup("movement", True, (4,)), ClassGroup("posture", False, (7, 9)))
    assert found.label_map.untyped == ()
    assert label_map.find(7).group == "movement"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"exclusive": ["posture"]}, "expected a name and its classes, as posture=sit,stand,lie"),
        ({"exclusive": ["=sit"]}, "expected a name"),
        ({"independent": ["a= ,"]}, "--independent-group .*expected a name"),
        ({"exclusive": ["a=sit", "A=lie"]}, '"a" is given twice'),
        ({"exclusive": ["a=sit"], "independent": ["b=sit"]}, '"sit" is in the groups "a" and "b"'),
        ({"exclusive": ["a=sti"]}, 'no class is named "sti". Did you mean "sit"'),
        ({"exclusive": ["object=sit"]}, "group object are independent"),
        ({"independent": ["Movement=sit"]}, "group movement are exclusive"),
        ({"by_attribute": True}, "no class is the value of an attribute"),
    ],
)
def test_groups_that_cannot_be(given, said):
    with pytest.raises(UserError, match=said):
        resolved(("sit",), ("lie",), **given)


def test_attributes_become_groups_only_where_asked_for():
    labels = [("sit", "hum"), ("lie",), ("wave",)]
    plain = resolved(*labels, class_attributes=SELECT)
    assert groups_of(plain) == {"object": (False, ["hum", "lie", "sit", "wave"])}
    assert any("attributes Sound, posture: --groups-from-attributes" in note for note in plain.notes)
    found = resolved(*labels, class_attributes=SELECT, by_attribute=True)
    assert groups_of(found) == {
        "object": (False, ["wave"]),
        "Sound": (False, ["hum"]),
        "posture": (True, ["lie", "sit"]),
    }
    assert any('"posture": the 2 classes of this attribute, one at a time' in note for note in found.notes)
    several = resolved(("sit", "lie"), ("lie",), class_attributes=SELECT, by_attribute=True)
    assert groups_of(several) == {"posture": (False, ["lie", "sit"])}
    assert any("as 1 box has several" in note for note in several.notes)


def test_a_flag_and_a_file_that_state_a_group_count_before_an_attribute():
    found = resolved(
        ("sit",), ("lie",), ("hum",), exclusive=["bed=lie"], by_attribute=True,
        class_attributes=SELECT, class_groups={"sit": "movement"},
    )  # fmt: skip
    assert groups_of(found) == {"movement": (True, ["sit"]), "Sound": (False, ["hum"]), "bed": (True, ["lie"])}


def test_a_value_of_two_attributes_has_no_group():
    both = {"other": {"posture": "select", "gaze": "select"}, "sit": {"posture": "select"}}
    with pytest.raises(UserError, match='"other" is a value of the attributes "gaze", "posture"'):
        resolved(("other",), ("sit",), class_attributes=both, by_attribute=True)


def test_boxes_with_several_classes_of_an_exclusive_group_are_told():
    found = resolved(("sit", "lie"), ("lie", "sit"), ("lie",), exclusive=["posture=sit,lie"])
    assert any(
        'group "posture": 2 classes, one at a time (softmax) (--group); but 2 boxes have several of them' in note
        and "--independent-group" in note
        for note in found.notes
    )
    assert not any("several" in note for note in resolved(("sit",), ("lie",), exclusive=["posture=sit,lie"]).notes)


def test_values_of_an_attribute_join_the_group_of_its_name_that_is_stated_otherwise():
    labels = [("stand",), ("walk", "bow"), ("walk",)]
    attributes = {"stand": {"Body": "select"}, "walk": {"Body": "select"}, "bow": {"head": "select"}}
    for several, flag in ((False, "exclusive"), (True, "independent")):
        found = resolved(*labels, by_attribute=True, class_attributes=attributes, **{flag: ["body=stand,bow"]})
        assert groups_of(found) == {"body": (not several, ["bow", "stand", "walk"])}
        note = next(note for note in found.notes if "attribute" in note)
        kind = "any number at once (sigmoid)" if several else "one at a time (softmax)"
        assert note.startswith(f'group "body": 1 class more, of the attribute "Body", {kind}')
        assert ("1 box has several" in note) is not several
