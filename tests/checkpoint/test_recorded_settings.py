"""The settings in a converted file are read back as they were written, and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from alphaction.checkpoint import read_weight_file
from alphaction.checkpoint.foreign.converted import Converted, Setting
from alphaction.checkpoint.recorded_settings import record_settings
from alphaction.utils.errors import UserError

SETTINGS = {
    "MODEL.BACKBONE.CONV_BODY": Setting("Slow-Resnet50", "network", "its names"),
    "MODEL.NONLOCAL.POOL_SIZE": Setting((2, 2, 2), "network", "the file's config"),
    "INPUT.PIXEL_MEAN": Setting([1.0, 2.5, 3.0], "input", "the file's config"),
    "TEST.EXTEND_SCALE": Setting((0.0, 0.0), "head", "all of them"),
}
CONVERTED = Converted("pyslowfast", "Slow R50", {}, SETTINGS, recipe={"INPUT.FPS": 30.0}, license="Apache-2.0")


def written(path: Path, **changes: Any) -> Path:
    torch.save({"model": {"backbone.slow.conv1.weight": torch.ones(1)}, **record_settings(CONVERTED), **changes}, path)
    return path


def test_written_and_read(tmp_path: Path) -> None:
    file = read_weight_file(written(tmp_path / "a.pth"))
    assert dict(file.settings) == SETTINGS
    assert (file.source, file.what, file.license) == ("pyslowfast", "Slow R50", "Apache-2.0")
    assert file.recipe == {"INPUT.FPS": 30.0}
    assert list(file.weights) == ["backbone.slow.conv1.weight"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"MODEL.NO_KEY": {"value": 1, "part": "head", "why": ""}}, "MODEL.NO_KEY is no config key here"),
        ({"INPUT.TAU": {"value": -1, "part": "head", "why": ""}}, "INPUT.TAU is -1"),
        ({"INPUT.TAU": {"value": "x", "part": "head", "why": ""}}, "INPUT.TAU: expected"),
        ({"INPUT.TAU": {"value": 1, "part": "tail", "why": ""}}, "not as this program writes them"),
        ({"INPUT.TAU": 1}, "not as this program writes them"),
    ],
)
def test_changed_settings_are_refused(tmp_path: Path, settings: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_weight_file(written(tmp_path / "a.pth", settings=settings))
