"""One small toy dataset for all tests of this folder; they must not change it."""

from __future__ import annotations

from pathlib import Path

import pytest

from alphaction.toy import ToyOptions, make_toy_dataset


@pytest.fixture(scope="session")
def tiny_options() -> ToyOptions:
    return ToyOptions(num_train=3, num_val=2, seconds=5, fps=10.0, width=128, height=96, seed=4)


@pytest.fixture(scope="session")
def tiny_dataset(tmp_path_factory: pytest.TempPathFactory, tiny_options: ToyOptions) -> Path:
    return make_toy_dataset(tmp_path_factory.mktemp("data") / "toy", tiny_options)
