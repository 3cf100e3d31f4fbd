"""Comparing the classes of a checkpoint with the dataset's."""

from __future__ import annotations

import re

import pytest
from messages import says

from alphaction.checkpoint import compare_label_maps
from alphaction.checkpoint.label_maps import is_label_map

PETS = {"ids": [1, 2, 3], "names": ["sit", "run", "chew toy"], "groups": ["movement", "movement", "object"]}


def test_equal_maps_and_unknown_maps_do_not_differ() -> None:
    assert compare_label_maps(PETS, dict(PETS)) is None
    assert compare_label_maps(None, PETS) is None
    assert compare_label_maps(PETS, None) is None


def test_ids_case_and_spaces_do_not_matter() -> None:
    other = {**PETS, "ids": [7, 8, 9], "names": ["Sit ", "run", "chew toy"]}
    assert compare_label_maps(PETS, other) is None


def test_another_order_is_shown_channel_by_channel() -> None:
    text = compare_label_maps(PETS, {**PETS, "names": ["run", "sit", "chew toy"]})
    assert re.findall(r'channel (\d).*?"(\w+)".*?"(\w+)"', text) == [("0", "sit", "run"), ("1", "run", "sit")]


def test_another_group_changes_the_meaning_of_a_channel() -> None:
    text = compare_label_maps(PETS, {**PETS, "groups": ["movement", "object", "object"]})
    says(text, "channel 1", '"run" (movement)', '"run" (object)')
    assert "channel 0" not in text


def test_another_number_of_classes_lists_what_is_on_one_side() -> None:
    text = compare_label_maps(PETS, {"ids": [1, 2], "names": ["sit", "dig"], "groups": ["movement", "object"]})
    says(text, "3 classes", "in the checkpoint: chew toy; run", "in the dataset: dig")


@pytest.mark.parametrize(
    "value", [None, [], {}, {"ids": [1]}, {"ids": [1], "names": "a", "groups": ["x"]}, {**PETS, "ids": [1]}]
)
def test_what_is_no_label_map(value: object) -> None:
    assert not is_label_map(value)
    assert is_label_map(PETS)


def test_a_group_that_is_exclusive_on_one_side_changes_its_channels() -> None:
    own = {**PETS, "groups": ["posture", "posture", "object"], "exclusive": ["posture"]}
    assert compare_label_maps(own, {**own}) is None
    text = compare_label_maps(own, {**own, "exclusive": []})
    says(text, 'the group "posture" exclude each other in the checkpoint, and not in the dataset')
    says(compare_label_maps({**own, "exclusive": []}, own), "in the dataset, and not in the checkpoint")
    assert not is_label_map({**own, "exclusive": 5})
