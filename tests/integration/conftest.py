"""Fixtures of the command-line tests."""

from __future__ import annotations

import pytest
from integration.harness import Runner


@pytest.fixture
def runner(repo_root, toy_folder, subprocess_env, quick_python) -> Runner:
    """The command lines on the toy dataset."""
    return Runner(repo_root, toy_folder, subprocess_env, quick_python)
