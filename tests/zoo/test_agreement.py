"""What the registry says of a file before it is here is what the file itself says."""

from __future__ import annotations

from typing import Any

import pytest
from zoo.entry_files import FILES, entry_file

from alphaction.checkpoint.foreign.recognize import convert_file
from alphaction.config import get_cfg
from alphaction.config.tree import get_value
from alphaction.zoo import WEIGHTS

# I3D is matched by the names of its blobs: no converter reads it.
ENTRIES = [
    name
    for name, entry in WEIGHTS.items()
    if entry.source in FILES and entry.kind != "persons" and not name.startswith("i3d")
]
# What only matters in training, and is not the registry's.
TRAINING = {"MODEL.ROI_ACTION_HEAD.DROPOUT_RATE"}


def plain(value: Any) -> Any:
    return [plain(part) for part in value] if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize("name", ENTRIES)
def test_entries_say_what_their_files_say(name):
    entry = WEIGHTS[name]
    converted = convert_file(entry_file(entry))
    assert (converted.source, converted.license, converted.questions) == (entry.source, entry.license, {})
    assert ("detector" in converted.what) == (entry.kind == "detector")
    registered = {**entry.recipe, **entry.settings}
    told = {**converted.recipe, **{key: setting.value for key, setting in converted.settings.items()}}
    defaults = get_cfg()
    keys = sorted((told.keys() | registered.keys()) - TRAINING)
    assert {key: plain(told.get(key, get_value(defaults, key))) for key in keys} == {
        key: plain(registered.get(key, get_value(defaults, key))) for key in keys
    }


def test_entries_are_of_every_kind():
    assert {WEIGHTS[name].source for name in ENTRIES} == set(FILES)
    assert len(ENTRIES) >= 50
