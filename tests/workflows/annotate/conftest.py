"""Videos of which something is predicted."""

from __future__ import annotations

from pathlib import Path

import pytest
from workflows.annotate.predicted import make_videos


@pytest.fixture(scope="session")
def videos(tmp_path_factory) -> Path:
    """The folder of the two videos; tests must not change it."""
    return make_videos(tmp_path_factory.mktemp("annotate") / "videos")
