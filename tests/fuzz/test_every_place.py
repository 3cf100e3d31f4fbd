"""Every place of a tool's file made wrong: the file is read, or refused with one message that names it."""

from __future__ import annotations

import json

import pytest
from fuzz.every_place import INFOS
from fuzz.reading import Attack, read_as_prepare
from fuzz.tool_files import FILES
from fuzz.walker import WRONG, mutations, places

DRAWN, MANY = 10, 100
"""Inputs of each file that a run of the suite tries, and the slow test; all: ``python -m fuzz.every_place``."""


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_right_before(tmp_path, name):
    path = tmp_path / "attacked.json"
    path.write_text(json.dumps(FILES[name]), encoding="utf-8")
    read_as_prepare(path, INFOS, tmp_path / "scratch")


@pytest.mark.parametrize("name", FILES)
def test_a_wrong_value_is_left_out_or_one_message(tmp_path, name):
    found = Attack().run(mutations(FILES[name], DRAWN), tmp_path, INFOS)
    assert found.faults == []
    assert sum(found.outcomes.values()) == DRAWN


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_many_wrong_values(tmp_path, name):
    found = Attack().run(mutations(FILES[name], MANY, seed=1), tmp_path, INFOS)
    assert found.faults == []


def test_the_walker_comes_everywhere():
    data = {"a": [1, {"b": None}], "c": "x"}
    assert places(data) == [(), ("a",), ("a", 0), ("a", 1), ("a", 1, "b"), ("c",)]
    texts = dict(mutations(data))
    assert len(texts) == 6 * (len(WRONG) + 2)
    assert json.loads(texts["gone at a.1"]) == {"a": [1], "c": "x"}
    assert json.loads(texts["twice at a.0"]) == {"a": [1, 1, {"b": None}], "c": "x"}
    assert texts["5000 digits at a.1.b"] == '{"a": [1, {"b": ' + "9" * 5000 + '}], "c": "x"}'
