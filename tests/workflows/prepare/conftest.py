"""A toy dataset, and the options that prepare it again as a person's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from workflows.prepare.preparing import SECONDS

from alphaction.toy import ToyOptions, make_toy_dataset
from alphaction.workflows.prepare.prepare_options import PrepareOptions


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> Path:
    """A toy dataset of 3 + 2 videos of 6 seconds; tests must not change it."""
    options = ToyOptions(num_train=3, num_val=2, seconds=SECONDS, fps=10.0, width=128, height=96)
    return make_toy_dataset(tmp_path_factory.mktemp("toy") / "world", options)


@pytest.fixture
def options(toy, tmp_path) -> PrepareOptions:
    """Everything of the toy dataset, given as a person would."""
    return PrepareOptions(
        name="own",
        videos=toy / "videos",
        train=(toy / "annotations/train.csv",),
        val=(toy / "annotations/val.csv",),
        label_map=toy / "annotations/toy_action_list.pbtxt",
        output=tmp_path / "data" / "own",
    )
