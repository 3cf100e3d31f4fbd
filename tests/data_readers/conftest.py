"""Files and a small label map for the reader tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alphaction.data.annotations import ActionClass, LabelMap
from alphaction.utils.errors import UserError


@pytest.fixture
def label_map() -> LabelMap:
    """Four classes; ids with a gap (4 is free), so that ids and channels differ."""
    return LabelMap(
        (
            ActionClass(1, "stand", "movement"),
            ActionClass(2, "walk", "movement"),
            ActionClass(3, "talk to", "person"),
            ActionClass(5, "carry", "object"),
        ),
        source="label map four.pbtxt",
    )


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, Any], Path]:
    """Write text, or anything else as JSON, to a file of that name; return its path."""

    def write_file(name: str, content: Any) -> Path:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def refused() -> Callable[..., str]:
    """Call a reader, expect a UserError, and return its message after checking that it contains every given part."""

    def check(reader: Callable[[], Any], *parts: str) -> str:
        with pytest.raises(UserError) as caught:
            reader()
        message = str(caught.value)
        for part in parts:
            assert part in message
        return message

    return check
