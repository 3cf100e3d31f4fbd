"""Fixtures of the command-line tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from integration.harness import Runner

from alphaction.toy import ToyOptions


@pytest.fixture(scope="session")
def toy_folder(made_toy) -> Path:
    """DATASETS.DATA_DIR with a toy dataset of 4 + 2 videos of 6 seconds."""
    return made_toy(ToyOptions(num_train=4, num_val=2, seconds=6))


@pytest.fixture
def runner(repo_root, toy_folder, subprocess_env, quick_python) -> Runner:
    """The command lines on the toy dataset."""
    return Runner(repo_root, toy_folder, subprocess_env, quick_python)
