"""Whether a file can be written: asked before the work, not after it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from alphaction.utils.errors import UserError


def check_writable(flag: str, path: Path) -> None:
    """Check that ``path`` can be written; folders that are missing would be made. Nothing is left behind.

    Args:
        flag: what names the file, "--output" say, for the message.
        path: the file.

    Raises:
        UserError: it is a folder, lies below a file, or there is no permission to write.
    """
    if path.is_dir():
        raise UserError(f"{flag} {path}: this is a folder, name a file in it")
    there = next(folder for folder in path.absolute().parents if folder.exists())
    if not there.is_dir():
        raise UserError(f"{flag} {path}: {there} is a file, not a folder. Name another place.")
    if path.exists() and not os.access(path, os.W_OK):
        raise UserError(f"{flag} {path}: no permission to replace this file. Name another place.")
    try:
        # Permissions do not tell all: a file system may be read-only, and root is always permitted.
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise UserError(
            f"{flag} {path}: nothing can be written to {there} ({error.strerror}). Name another place."
        ) from error
