"""The registered backbones, for tests that build each of them."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from alphaction.modeling.registries import BACKBONES

_NO_TRANSFORMERS = pytest.mark.skipif(find_spec("transformers") is None, reason="transformers is not installed")

BACKBONE_NAMES = [
    pytest.param(name, marks=_NO_TRANSFORMERS) if name.startswith("VJEPA2") else name for name in BACKBONES.names()
]
"""All of them; those that need a package that is not installed are skipped."""
