"""What a message must hold for its reader to act: file, row, key, value, remedy; never its prose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from alphaction.utils.errors import UserError


def says(text: str, *parts: object) -> None:
    """Check that a text holds every given part.

    Raises:
        AssertionError: names the parts that are missing, and shows the text.
    """
    missing = [str(part) for part in parts if str(part) not in text]
    assert not missing, f"{missing} not in:\n{text}"


def refused(call: Callable[[], Any], *parts: object) -> str:
    """Call something, expect a UserError, and return its message after checking that it holds every given part."""
    with pytest.raises(UserError) as caught:
        call()
    message = str(caught.value)
    says(message, *parts)
    return message
