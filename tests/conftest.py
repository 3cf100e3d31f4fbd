"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The folder of the clone."""
    return ROOT


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Small files that travel with the repository."""
    return ROOT / "tests" / "assets"


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Larger reference material beside the clone; tests that need it skip where it is absent."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the reference folder ../shared is not here")
    return folder


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def subprocess_env() -> dict[str, str]:
    """Environment for command lines that tests start: this clone first, one thread a process."""
    path = os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH", "")) if p)
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
