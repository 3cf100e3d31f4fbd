"""Checks of the files that a user names: whether they exist, which are similar, and whether they can be written."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from alphaction.utils.errors import UserError
from alphaction.utils.messages import listed

_CUTOFF = 0.6  # below this similarity (0 to 1) a suggestion would puzzle more than it helps
# A folder may hold a whole dataset; looking at more entries than this is not worth the wait.
_MAX_ENTRIES = 2000
WEIGHT_SUFFIXES = (".pth", ".pyth", ".pkl", ".pt", ".ckpt", ".bin", ".safetensors")
"""Endings of weight files."""


def near_files(path: Path, suffixes: Sequence[str] = (), folders: bool = False, limit: int = 3) -> list[Path]:
    """Return existing files whose names are most like that of the missing ``path``, the nearest first.

    They are looked for in the deepest folder of ``path`` that exists, and one level of folders below it.

    Args:
        path: the file that does not exist.
        suffixes: endings that count, such as ``(".yaml",)``; empty: that of ``path``, and any where all else is equal.
        folders: return folders instead of files.
        limit: most files returned.
    """
    wanted = suffixes or ([path.suffix.lower()] if path.suffix else [])
    found: list[Path] = []
    for count, entry in enumerate(_entries(_deepest_folder(path))):
        if count >= _MAX_ENTRIES:
            break
        alike = not wanted or entry.suffix.lower() in wanted or (not suffixes and entry.stem == path.stem)
        if entry.is_dir() if folders else entry.is_file() and alike:
            found.append(entry)
    scored = [(difflib.SequenceMatcher(None, path.stem.lower(), file.stem.lower()).ratio(), file) for file in found]
    scored.sort(key=lambda pair: (-pair[0], pair[1]))
    return [file for score, file in scored[:limit] if score >= _CUTOFF]


def missing_file(path: Path, suffixes: Sequence[str] = (), folders: bool = False) -> str:
    """Return "PATH does not exist" (or is of the wrong kind), and what is like it or what its folder holds."""
    if os.path.exists(path):  # False for names that are too long or hold a zero byte, too
        if not (path.is_dir() or path.is_file() or folders):
            return f"{path} is a pipe or a device, and this is read more than once: write it to a file, and name that."
        return f"{path} is a {'folder' if path.is_dir() else 'file'}: name a {'folder' if folders else 'file'}."
    where = "" if path.is_absolute() else f" (looked in {Path.cwd()})"
    near = near_files(path, suffixes, folders)
    if near:
        return f"{path} does not exist{where}. Did you mean {' or '.join(map(str, near))}?"
    folder = _deepest_folder(path)
    if folder != path.parent:
        return f"{path} does not exist{where}: there is no folder {path.parent}."
    names = sorted(
        entry.name
        for entry in folder.iterdir()
        if entry.is_dir() == folders
        and not entry.name.startswith(".")
        and (folders or not suffixes or entry.suffix.lower() in suffixes)
    )
    held = f"Its folder holds {listed(names)}." if names else "There is none like it in its folder."
    return f"{path} does not exist{where}. {held}"


def require_file(flag: str, path: Path, suffixes: Sequence[str] = ()) -> None:
    """Raise a :class:`UserError` unless ``path``, which ``flag`` (or a config key) names, is a file."""
    if not path.is_file():
        raise UserError(f"{flag}: {missing_file(path, suffixes)}")


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
        # Permissions are not enough: a file system may be read-only, and root is always permitted.
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise UserError(
            f"{flag} {path}: nothing can be written to {there} ({error.strerror}). Name another place."
        ) from error


def refuse_existing(flag: str, path: Path, force: bool = False) -> None:
    """Raise a :class:`UserError` if ``path`` exists and ``force`` is not given, or if it cannot be written."""
    check_writable(flag, path)
    if path.exists() and not force:
        raise UserError(f"{flag} {path} exists. Choose another name, or replace it with --force.")


def _deepest_folder(path: Path) -> Path:
    return next((folder for folder in path.parents if folder.is_dir()), Path())


def _entries(folder: Path) -> Iterator[Path]:
    try:
        for entry in sorted(folder.iterdir()):
            yield entry
            if entry.is_dir() and not entry.name.startswith("."):
                yield from sorted(entry.iterdir())
    except OSError:
        return
