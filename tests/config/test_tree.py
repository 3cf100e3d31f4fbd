"""Dotted paths of a config tree."""

from __future__ import annotations

import pytest

from alphaction.config import get_cfg
from alphaction.config.tree import is_section, leaf_keys, section_keys


@pytest.mark.parametrize("path", ["", ".", "MODEL.", "MODEL.DEVICE", "MODEL.DEVICE.X", "NOTHING", "NOTHING.X", "model"])
def test_what_is_no_section(path):
    assert not is_section(get_cfg(), path)


def test_sections_are_those_that_are_listed():
    cfg = get_cfg()
    assert all(is_section(cfg, path) for path in section_keys(cfg))
    assert not any(is_section(cfg, path) for path in leaf_keys(cfg))
