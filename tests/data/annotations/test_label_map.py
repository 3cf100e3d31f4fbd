"""Label maps: both spellings, free layout, channel order, and every message."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from alphaction.data.annotations import ActionClass, LabelMap, read_label_map
from alphaction.utils.errors import UserError


def test_pets_label_map_has_five_movements_and_two_interactions(test_data):
    label_map = read_label_map(test_data / "annotations" / "pets_action_list.pbtxt")
    assert label_map.group_sizes == (5, 0, 2)
    assert label_map.ids == (1, 2, 3, 4, 5, 6, 7)
    assert label_map.find("walk right") == ActionClass(3, "walk right", "movement")
    assert label_map.untyped == ()


def test_channels_follow_groups_and_then_ids(label_map):
    assert label_map.names == ("stand", "walk", "carry", "talk to")
    assert label_map.ids == (1, 2, 5, 3)
    assert label_map.groups == ("movement", "movement", "object", "person")
    assert label_map.group_sizes == (2, 1, 1)
    assert [label_map.channel_of(i) for i in label_map.ids] == [0, 1, 2, 3]
    np.testing.assert_array_equal(label_map.channels([3, 1, 5, 5]), [3, 0, 2, 2])
    assert 5 in label_map
    assert 4 not in label_map


@pytest.mark.parametrize(
    "text",
    [
        'item {\n  name: "sit"\n  id: 1\n}\nitem {\n  name: "run/jog (a b)"\n  id: 12\n}\n',
        "label { name: 'sit' label_id: 1 } label { name: 'run/jog (a b)' label_id: 12 }",
        '\ufeff# all\nlabel{name:"sit",label_id:1}\n\tlabel\n\t{\n\t\tlabel_id : 12  # run\n\tname:"run/jog (a b)"}',
        'item: {\r\n id: 1\r\n name: sit\r\n display_name: "S" } item { id:12 name:"run/jog (a b)"\r\n extra { a: 1 }}',
        'item { name "s\\151t", id: "1" more { deep { x: {} } } } item { id: 012; name: "run/jog (a b)" };',
    ],
)
def test_layout_is_free(write, text):
    label_map = read_label_map(write("map.pbtxt", text))
    assert label_map.ids == (1, 12)
    assert label_map.names == ("sit", "run/jog (a b)")
    assert label_map.untyped == (1, 12)
    assert set(label_map.groups) == {"object"}


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("1: sit\n12: run/jog, fast\n", (1, 12)),
        ("\ufeff# classes\r\n\r\n1: sit\r\n 12 : run/jog, fast \r\n", (1, 12)),
        ("1 sit\n12 run/jog, fast", (1, 12)),
        ("1\tsit\n12\trun/jog, fast\n", (1, 12)),
        ("id,name\n1,sit\n12,run/jog, fast\n", (1, 12)),
        ("1: \"sit\"\n12: 'run/jog, fast'\n", (1, 12)),
        ("sit: 1\nrun/jog, fast: 12\n", (1, 12)),
        ("sit\n\n# a comment\nrun/jog, fast\n", (1, 2)),
        ('{"1": "sit", "12": "run/jog, fast"}', (1, 12)),
        ('{"sit": 1, "run/jog, fast": 12}', (1, 12)),
        ('["sit", "run/jog, fast"]', (1, 2)),
        ('[{"id": 1, "name": "sit"}, {"id": 12, "name": "run/jog, fast"}]', (1, 12)),
        ("path: ../data\nnc: 2\nnames: [sit, 'run/jog, fast']\n", (0, 1)),
        ("train: images\nnames:\n  1: sit\n  12: run/jog, fast\n", (1, 12)),
    ],
)
def test_lists_of_names_are_label_maps(write, text, ids):
    label_map = read_label_map(write("labels.txt", text), default_group="person")
    assert label_map.ids == ids
    assert label_map.names == ("sit", "run/jog, fast")
    assert label_map.untyped == ids
    assert label_map.group_sizes == (0, 0, 2)


def test_words_without_quotes_are_names(write):
    text = "label { name: läuft/jog_2+ label_id: 3 label_type: Movement } # näher\nlabel{label_id:4 name:'\u2028 x'}"
    label_map = read_label_map(write("map.pbtxt", text))
    assert label_map.find(3) == ActionClass(3, "läuft/jog_2+", "movement")
    assert label_map.find(4).name == "\u2028 x"


def test_untyped_classes_get_the_default_group_and_are_listed(write):
    text = 'label { name: "a" label_id: 1 label_type: person_movement } label { name: "b" label_id: 2 }'
    label_map = read_label_map(write("map.pbtxt", text), default_group="person")
    assert label_map.groups == ("movement", "person")
    assert label_map.untyped == (2,)


def test_written_label_map_reads_back(tmp_path, label_map):
    odd = LabelMap((*label_map.classes, ActionClass(90, 'say "hi" # {a\\b}', "person")))
    odd.write(tmp_path / "new" / "map.pbtxt")
    text = (tmp_path / "new" / "map.pbtxt").read_text()
    assert text.startswith('label {\n  name: "stand"\n  label_id: 1\n  label_type: PERSON_MOVEMENT\n}\n')
    assert read_label_map(tmp_path / "new" / "map.pbtxt") == odd


def test_plain_dict_and_pickle_round_trips(label_map):
    plain = label_map.to_dict()
    assert plain["ids"] == [1, 2, 5, 3]
    assert all(type(i) is int for i in plain["ids"])
    assert LabelMap.from_dict(plain) == label_map
    assert pickle.loads(pickle.dumps(label_map)).channel_of(3) == 3
    with pytest.raises(UserError, match="equally long lists"):
        LabelMap.from_dict({"ids": [1], "names": [], "groups": ["object"]})


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["has no class", "label_id: 1"]),
        ("# only a comment\n", ["has no class"]),
        ('item { name: "a" }', ["line 1", '"a" has no id', "Add label_id"]),
        ("\nitem {\n id: 3 }", ["line 2", "has no name", "found: id"]),
        ('item { name: "a" id: 1.5 }', ['id "1.5"', "whole number"]),
        ('item { name: "a" id: -1 }', ['id "-1"', "from 0 up"]),
        ('item { name: "a" id: 1 }\nitem { name: "b" id: 1 }', ["line 2", 'id "1"', "line 1", "own id"]),
        ('item { name: "a" id: 1 }\nitem { name: "a" id: 2 }', ["line 2", 'name "a"', "line 1"]),
        (
            'item { name: "a" id: 1 label_type: PERSON_MOVMENT }',
            ["PERSON_MOVMENT", "line 1, column 36", 'Did you mean "PERSON_MOVEMENT"?'],
        ),
        ('item { name: "a" id: 1', ["line 1", "not closed"]),
        (
            'item { name: "a" id: 1\nitem { name: "b" id: 2 }\n}',
            ["line 1", "not closed before the next one (line 2, column 1)"],
        ),
        ('item { name: "a" id: 1\nname: "b" id: 2 }', ["line 2", '"name" twice', 'Close each class with "}"']),
        ('item { name: "a id: 1 }', ["line 1, column 14", "quote", "not closed"]),
        ('item { name: "a" id: 1 extra { b: 2', ["line 1, column 30", "not closed", 'Add "}"']),
        ("item { id: 1 name: }", ['"name" has no value']),
        ('itme { name: "a" id: 1 }', ["line 1", "Is this a pbtxt label map?"]),
        ("1: sit\nstand\n", ["line 2", '"stand" has no id', "or none"]),
        ("1: sit\n\n2:\n", ["line 3", "id 2 has no name"]),
        ("1: sit\n1: stand\n", ["line 2", 'id "1"', "line 1", "own id"]),
        ("sit\n# and\nsit\n", ["line 3", 'name "sit"', "line 1"]),
        ("clip,1,0.1,0.1,0.9,0.9,1\n", ["line 1", "no class name", "Is this a label map?"]),
        ("splits:\n  train\n", ["line 1", "no class name"]),
        ('{"1": ', ["line 1", "not valid JSON"]),
        ('[{"name": "sit"}]', ["entry 1", "None: 'sit' is no class"]),
    ],
)
def test_faults_name_file_line_and_remedy(write, refused, text, parts):
    path = write("map.pbtxt", text)
    refused(lambda: read_label_map(path), "map.pbtxt", *parts)


def test_unknown_id_or_name_names_the_nearest(label_map, refused):
    refused(lambda: label_map.channel_of(4), "four.pbtxt", "id 4", '3 "talk to"', '5 "carry"', "ids 1 to 5")
    refused(lambda: label_map.channels([1, 7]), "id 7")
    refused(lambda: label_map.find("wlak"), 'named "wlak"', 'Did you mean "walk"?')
    assert label_map.find("5").name == "carry"
    assert label_map.find(5).name == "carry"


def test_missing_label_map_names_similar_files(tmp_path, write, refused):
    write("pets_action_list.pbtxt", "")
    refused(lambda: read_label_map(tmp_path / "pets_actions_list.pbtxt"), "does not exist", "pets_action_list.pbtxt?")


@pytest.mark.parametrize("number", ["2147483648", "9" * 30, "9" * 5000, "\u00b2"])
@pytest.mark.parametrize("form", ['item {{ name: "a" id: {} }}', "{}: a\n2: b\n", '{{"{}": "a"}}', '{{"a": {}}}'])
def test_ids_that_no_class_can_have(write, refused, number, form):
    message = refused(lambda: read_label_map(write("map.txt", form.format(number))), "map.txt")
    assert len(message) < 1000


@pytest.mark.parametrize("text", ["wave\n''\n", 'item { name: " " id: 1 }'])
def test_a_class_whose_name_is_blank(write, refused, text):
    refused(lambda: read_label_map(write("map.txt", text)), "map.txt", "no name")


@pytest.mark.parametrize("form", ['item {{ name: "{}" id: 1 }}', '{{"1": "{}"}}'])
def test_a_class_whose_name_is_as_long_as_a_book(write, refused, form):
    message = refused(lambda: read_label_map(write("map.txt", form.format("a" * 1001))), "map.txt", "1,001 characters")
    assert len(message) < 400


def test_a_name_is_one_line_and_may_hold_controls(tmp_path):
    assert ActionClass(1, "a\r\nb \n\n c", "object").name == "a b c"
    names = ["a\rb", 'say "hi" \\ \x1b[2J', "tab\there"]
    classes = tuple(ActionClass(number, name, "object") for number, name in enumerate(names, start=1))
    LabelMap(classes).write(tmp_path / "map.pbtxt")
    assert [entry.name for entry in read_label_map(tmp_path / "map.pbtxt")] == names
