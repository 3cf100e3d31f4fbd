"""Writing files so that they appear complete or not at all: under a temporary name in the same folder, then renamed."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path

from alphaction.utils.errors import FullDiskError, is_out_of_space

# A file name may have 255 bytes, and a character up to 4 of them.
_SHOWN_CHARACTERS = 40
_PART = re.compile(r"\.(.+)-[0-9a-f]{12}\.part(?:\.gz)?")


@contextmanager
def replacing(path: str | Path, *, durable: bool = False, beside: Path | None = None) -> Iterator[Path]:
    """Yield the name of a new file, which becomes ``path`` when the block ends and is deleted if it fails.

    Until then ``path`` keeps its content. The name is unique, so that several processes may write the same file: the
    last one to finish wins. It starts with a dot, and ends in ``.gz`` if ``path`` does.

    Args:
        path: the file; its folder is created if needed.
        durable: wait until the file is on the disk, so that it survives a power failure.
        beside: another file of that file system, as which the new one is named until then; None: ``path``.

    Raises:
        FullDiskError: the disk is full.
        OSError: another one from the file system, for instance if ``path`` is a folder.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _beside(path if beside is None else beside)
    try:
        with naming_full_disk(path):
            yield part
            put_in_place(part, path, durable=durable)
    finally:
        with suppress(OSError):  # must not hide the error of a full disk or a lost mount
            part.unlink()


@contextmanager
def naming_full_disk(path: str | Path) -> Iterator[None]:
    """Turn a full disk within the block, which writes ``path``, into a :class:`FullDiskError` with its name."""
    try:
        yield
    except OSError as error:
        if not is_out_of_space(error):
            raise
        reason = os.strerror(error.errno)
        raise FullDiskError(
            f"{path}: cannot be written ({reason}). Free some space there, or name another place.", reason
        ) from error


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


def remove_parts(folder: Path, names: Sequence[str], older_than: float = 0.0) -> list[Path]:
    """Delete what killed programs have left of the files that they were writing in a folder; return what was deleted.

    Only files that :func:`replacing` names so are deleted. Nobody may be writing such files there meanwhile, unless
    ``older_than`` tells apart what is being written.

    Args:
        folder: may be absent.
        names: patterns of ``fnmatch`` for the names of the finished files.
        older_than: seconds since the last write to the file.
    """
    removed = []
    with suppress(OSError):
        for part in sorted(folder.iterdir()):
            match = _PART.fullmatch(part.name)
            if match is None or not any(fnmatchcase(match[1], name[:_SHOWN_CHARACTERS]) for name in names):
                continue
            with suppress(OSError):
                if part.is_file() and not part.is_symlink() and time.time() - part.stat().st_mtime >= older_than:
                    part.unlink()
                    removed.append(part)
    return removed


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power failure. Only on POSIX can a folder be opened for that."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
