"""The list of files at the end of a zip archive, looked at before anything is made of it."""

from __future__ import annotations

import os
import struct
import zipfile
from typing import BinaryIO

from alphaction.utils.limits import LARGEST_DIRECTORY, MOST_MEMBERS

_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_MOST_COMMENT = 1 << 16


class ArchiveError(ValueError):
    """Why an archive is not opened; the message is the end of a sentence."""


def open_zip(file: BinaryIO) -> zipfile.ZipFile:
    """Open a zip archive whose list of files is as it says, and of a size that can be read.

    The list must lie right before the archive's end: where something stands in between, programs disagree on which list
    counts.

    Raises:
        ArchiveError: it is damaged, or its list is too long or lies elsewhere.
    """
    try:
        count, size, start, end = _directory(file)
        if size > LARGEST_DIRECTORY or count > MOST_MEMBERS:
            raise ArchiveError(
                f"its list of {count:,} files has {size:,} bytes; archives of up to {MOST_MEMBERS:,} files and "
                f"{LARGEST_DIRECTORY:,} bytes of list are read"
            )
        if start + size != end:
            raise ArchiveError("its list of files does not lie where it says")
        archive = zipfile.ZipFile(file)
    except (ArchiveError, OSError, MemoryError):
        raise
    # Of changed bytes come BadZipFile, UnicodeDecodeError, struct.error and others.
    except Exception as error:
        raise ArchiveError(f"it is damaged or cut off ({error})") from error
    _check_apart(archive, end)
    return archive


def _directory(file: BinaryIO) -> tuple[int, int, int, int]:
    """Return number of files, bytes and start of the list, and where it must end."""
    total = file.seek(0, os.SEEK_END)
    tail_start = max(0, total - _END.size - _MOST_COMMENT)
    file.seek(tail_start)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise ArchiveError("cut off: the end of the archive is missing")
    _, _, _, _, count, size, start, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != len(tail):
        raise ArchiveError("something stands behind its end")
    end = tail_start + at
    if end >= _LOCATOR_64.size:
        file.seek(end - _LOCATOR_64.size)
        magic, _, where, _ = _LOCATOR_64.unpack(file.read(_LOCATOR_64.size))
        if magic == b"PK\x06\x07":
            file.seek(where)
            magic, length, *_, count, size, start = _END_64.unpack(file.read(_END_64.size))
            if magic != b"PK\x06\x06" or where + length + 12 + _LOCATOR_64.size != end:
                raise ArchiveError("its end is damaged")
            end = where
    return count, size, start, end


def _check_apart(archive: zipfile.ZipFile, end: int) -> None:
    """Refuse files that lie over each other: few bytes would be read as many files."""
    entries = sorted(archive.infolist(), key=lambda entry: entry.header_offset)
    stops = [*(entry.header_offset for entry in entries), end][1:]
    for entry, stop in zip(entries, stops, strict=True):
        # A local header has 30 bytes and the name again.
        if entry.header_offset + 30 + entry.compress_size > stop:
            raise ArchiveError(f"its file {entry.filename[:80]!a} lies over another one")
