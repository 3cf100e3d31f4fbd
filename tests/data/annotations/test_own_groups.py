"""Groups of classes that a label map names itself."""

from __future__ import annotations

import pytest

from alphaction.data.annotations import ActionClass, ClassGroup, LabelMap, read_label_map
from alphaction.utils.errors import UserError

ODD = 'gait / "步态" \\ it\'s'
BLOCKS = """
label { name: "sit" label_id: 1 label_type: "posture" exclusive: true }
label { name: "sing" label_id: 2 label_type: PERSON_INTERACTION }
label { name: "clap" label_id: 3 label_type: sound }
label { name: "lie" label_id: 4 label_type: "posture" }
label { name: "wave" label_id: 9 label_type: PERSON_MOVEMENT exclusive: true }
label { name: "stand" label_id: 7 label_type: posture }
"""


def test_channels_of_own_groups_follow_avas_whatever_the_order_of_the_file(write):
    label_map = read_label_map(write("map.pbtxt", BLOCKS))
    assert label_map.names == ("wave", "sing", "sit", "lie", "stand", "clap")
    assert label_map.group_sizes == (1, 0, 1)
    assert label_map.class_groups == (
        ClassGroup("movement", True, (9,)),
        ClassGroup("person", False, (2,)),
        ClassGroup("posture", True, (1, 4, 7)),
        ClassGroup("sound", False, (3,)),
    )
    assert label_map.own_groups == label_map.class_groups[2:]
    backwards = "\n".join(reversed(BLOCKS.splitlines()))
    assert read_label_map(write("back.pbtxt", backwards)) == label_map
    assert label_map.untyped == ()


@pytest.mark.parametrize(
    "text",
    [
        'group { name: "posture" exclusive: true } label { name: "sit" label_id: 1 label_type: "posture" }\n'
        'label { name: "lie" label_id: 2 label_type: "posture" }',
        'label { name: "lie" label_id: 2 group: posture } item { name: "sit" id: 1 label_type: posture exclusive: t }\n'
        'group { name: "posture" exclusive: yes color: "red" }',
        '[{"id": 1, "name": "sit", "group": "posture", "exclusive": true},'
        ' {"id": 2, "name": "lie", "group": "posture"}]',
        '{"categories": [{"id": 1, "name": "sit", "label_type": "posture"},'
        ' {"id": 2, "name": "lie", "group": "posture", "exclusive": "true"}]}',
    ],
)
def test_ways_to_say_that_a_group_is_exclusive(write, text):
    label_map = read_label_map(write("map.txt", text))
    assert label_map.class_groups == (ClassGroup("posture", True, (1, 2)),)
    assert label_map.untyped == ()


def test_written_groups_read_back_and_names_stay_readable_for_avas_tools(tmp_path):
    classes = (ActionClass(2, "walk", ODD), ActionClass(5, "a", "movement"), ActionClass(1, "hum, softly", "sound"))
    label_map = LabelMap(classes, exclusive=frozenset({ODD}))
    path = tmp_path / "map.pbtxt"
    label_map.write(path)
    assert read_label_map(path) == label_map
    assert read_label_map(path).own_groups == (ClassGroup("sound", False, (1,)), ClassGroup(ODD, True, (2,)))
    # As AVA's own evaluation reads a label map.
    found, name = {}, None
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("  name:"):
            name = line.split('"')[1]
        elif line.startswith("  label_id:"):
            found[int(line.strip().split(" ")[-1])] = name
    assert found == {1: "hum, softly", 2: "walk", 5: "a"}


def test_checkpoints_hold_exclusive_groups_and_those_of_before_are_read():
    label_map = LabelMap((ActionClass(1, "sit", "posture"), ActionClass(2, "lie", "posture")), exclusive={"posture"})
    plain = label_map.to_dict()
    assert plain["exclusive"] == ["posture"]
    assert LabelMap.from_dict(plain) == label_map
    old = {"ids": [3, 1], "names": ["run", "carry"], "groups": ["movement", "object"]}
    assert LabelMap.from_dict(old).to_dict() == old
    assert LabelMap.from_dict(old).exclusive == frozenset()
    with pytest.raises(UserError, match='exclusive group "postur". Did you mean "posture"'):
        LabelMap.from_dict({**plain, "exclusive": ["postur"]})
    with pytest.raises(UserError, match="equally long lists"):
        LabelMap.from_dict({**plain, "exclusive": 5})


@pytest.mark.parametrize("name", ["objects", "Person_Movement2", "OBJECT_IN_HAND", "PERSON_STATE", "movemnt"])
def test_names_like_avas_are_mistakes_unless_their_kind_is_said(write, refused, name):
    text = f'label {{ name: "a" label_id: 1 label_type: {name} %s}}'
    refused(lambda: read_label_map(write("map.pbtxt", text % "")), "map.pbtxt, line 1", name, "exclusive: true")
    said = read_label_map(write("said.pbtxt", text % "exclusive: false "))
    assert said.own_groups == (ClassGroup(name, False, (1,)),)


@pytest.mark.parametrize("name", ["posture", "subject", "Gesture", "activity", "mood", "动作", "p", "person-to-dog"])
def test_other_names_are_groups(write, name):
    label_map = read_label_map(write("map.pbtxt", f'label {{ name: "a" label_id: 1 label_type: "{name}" }}'))
    assert label_map.own_groups == (ClassGroup(name, False, (1,)),)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            'label { name: "a" label_id: 1 label_type: p exclusive: true }\n'
            'label { name: "b" label_id: 2 label_type: p exclusive: false }',
            ["line 2, column", '"p" is not exclusive here', "line 1, column"],
        ),
        (
            'group { name: "p" }\nlabel { name: "b" label_id: 2 label_type: p exclusive: true }',
            ["line 2", '"p" is exclusive here, and not in line 1'],
        ),
        ('label { name: "a" label_id: 1 label_type: p exclusive: maybe }', ['exclusive is "maybe"', "true or false"]),
        ('label { name: "a" label_id: 1 exclusive: true }', ['class "a"', "not in which group", "Add label_type"]),
        ('label { name: "a" label_id: 1 label_type: "" }', ["label_type", '"a" is empty']),
        (
            'label { name: "a" label_id: 1 label_type: PERSON_MOVEMENT exclusive: false }',
            ["PERSON_MOVEMENT are exclusive", "EXCLUSIVE_MOVEMENT False", '"posture"'],
        ),
        (
            'label { name: "a" label_id: 1 label_type: OBJECT_MANIPULATION exclusive: true }',
            ["OBJECT_MANIPULATION are independent", "a name of your own"],
        ),
        (
            'label { name: "a" label_id: 1 label_type: Posture }\nlabel { name: "b" label_id: 2 label_type: posture }',
            ["line 2", '"posture" is "Posture" in line 1', "alike"],
        ),
        ('group { exclusive: true }\nlabel { name: "a" label_id: 1 }', ["line 1", "group has no name"]),
        (
            'group { name: postur }\nlabel { name: "a" label_id: 1 label_type: posture }',
            ["line 1", 'no class is in the group "postur"', 'Did you mean "posture"?'],
        ),
        ("group { name: p }\ngroup { name: p }", ["line 2", '"p" is declared in line 1']),
        ('group { name: "p" exclusive: true }', ["has no class"]),
        (f'label {{ name: "a" label_id: 1 label_type: "{"x" * 1001}" }}', ["1,001 characters"]),
    ],
)
def test_faults_of_groups_name_file_line_and_remedy(write, refused, text, parts):
    message = refused(lambda: read_label_map(write("map.pbtxt", text)), "map.pbtxt", *parts)
    assert len(message) < 700


@pytest.mark.parametrize(
    "text",
    [
        'id,name,group,exclusive\n1,sit,posture,true\n3,"carry, hold",hands,\n2,stand,posture,\n',
        "label_type;label_name;exclusive;label_id\nposture;sit;true;1\nhands;carry, hold;false;3\nposture;stand;;2\n",
        """[{"id": 1, "name": "sit", "group": "posture", "exclusive": true},
            {"id": 2, "name": "stand", "group": "posture"}, {"id": 3, "name": "carry, hold", "label_type": "hands"}]""",
    ],
)
def test_lists_with_a_column_of_groups(write, text):
    label_map = read_label_map(write("classes.csv", text))
    assert label_map.names == ("sit", "stand", "carry, hold")
    assert label_map.class_groups == (ClassGroup("posture", True, (1, 2)), ClassGroup("hands", False, (3,)))
    assert label_map.untyped == ()


def test_a_list_with_groups_may_leave_ids_and_some_groups_out(write):
    label_map = read_label_map(write("classes.csv", "name,group\nsit,posture\nhum,\nlie,posture\n"))
    assert (label_map.ids, label_map.untyped) == ((2, 1, 3), (2,))
    assert label_map.own_groups == (ClassGroup("posture", False, (1, 3)),)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("name,group\nsit,posture\nlie\n", ["line 3", "lie", "has fewer columns than the header"]),
        ("id,name,group\nx,sit,posture\n", ["line 2", "is no class", "a whole number"]),
        ("id,name,group,exclusive\n1,sit,posture,maybe\n", ["line 2", 'exclusive is "maybe"']),
        ('[{"id": 1, "name": "sit", "group": ["posture"]}]', ["[0]", "group", "posture", "expected a text"]),
        ("label { name: 'a' label_id: 1 label_type: object exclusive: true }", ["in AVA: give the group a name"]),
    ],
)
def test_faults_of_groups_in_lists(write, refused, text, parts):
    refused(lambda: read_label_map(write("classes.csv", text)), *parts)


def test_groups_that_look_alike_are_one_whatever_their_accents_are_made_of(write):
    composed, combined = 'label_type: "café"', 'label_type: "cafe\u0301"'
    blocks = f'label {{ name: "a" label_id: 1 {composed} }} label {{ name: "b" label_id: 2 {combined} }}'
    assert read_label_map(write("map.pbtxt", blocks)).own_groups == (ClassGroup("café", False, (1, 2)),)
