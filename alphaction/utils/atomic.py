"""Writing files so that they appear complete or not at all: under a temporary name in the same folder, then renamed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# A file name may have 255 bytes, and a character up to 4 of them.
_SHOWN_CHARACTERS = 40


@contextmanager
def replacing(path: str | Path, *, durable: bool = False) -> Iterator[Path]:
    """Yield the name of a new file, which becomes ``path`` when the block ends and is deleted if it fails.

    Until then ``path`` keeps its content. The name is unique, so that several processes may write the same file: the
    last one to finish wins. It starts with a dot, and ends in ``.gz`` if ``path`` does.

    Args:
        path: the file; its folder is created if needed.
        durable: wait until the file is on the disk, so that it survives a power failure.

    Raises:
        OSError: from the file system, for instance if ``path`` is a folder.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _beside(path)
    try:
        yield part
        put_in_place(part, path, durable=durable)
    finally:
        with suppress(OSError):  # must not hide the error of a full disk or a lost mount
            part.unlink()


def put_in_place(part: Path, path: Path, *, durable: bool = False) -> None:
    """Make the finished file ``part`` appear as ``path``, in place of what is there; both are in one folder.

    Args:
        durable: see :func:`replacing`.
    """
    if durable:
        with part.open("rb+") as file:
            os.fsync(file.fileno())
    os.replace(part, path)
    if durable:
        _sync_folder(path.parent)


def write_text_atomically(path: str | Path, text: str) -> None:
    """Write ``text`` as UTF-8, without converting line feeds; see :func:`replacing`."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8", newline="")


def _beside(path: Path) -> Path:
    suffix = ".gz" if path.suffix == ".gz" else ""
    return path.with_name(f".{path.name[:_SHOWN_CHARACTERS]}-{secrets.token_hex(6)}.part{suffix}")


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power failure. Only on POSIX can a folder be opened for that."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
