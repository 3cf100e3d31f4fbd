"""Opening annotation files: plain or gzip, with a clear error for what is missing, empty or not text."""

from __future__ import annotations

import gzip
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from alphaction.data.formats.bounded_text import InflationError, PackedFile, Syntax, bounded_text, read_all, syntax_of
from alphaction.utils.atomic import replacing
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.files import missing_file
from alphaction.utils.limits import LARGEST_TEXT
from alphaction.utils.messages import listed
from alphaction.utils.values import Value, parse_json
from alphaction.utils.zip_directory import ArchiveError, open_zip

_GZIP_MAGIC = b"\x1f\x8b"
_ZIP_MAGIC = b"PK\x03\x04"
_HEAD = 1024
_AS_CSV = "Write what it holds as csv: video, second, x1, y1, x2, y2, class."
_BY_EXCEL = 'In Excel choose "Save as", "CSV UTF-8", and pass that file.'
_BINARY = (
    (rb"\x89PNG", "a PNG image", ""),
    (rb"\xff\xd8\xff", "a JPEG image", ""),
    (rb"GIF8[79]a", "a GIF image", ""),
    (rb"(?s)\x00\x00..ftyp|\x1aE\xdf\xa3|RIFF....AVI", "a video", ""),
    (rb"%PDF-", "a PDF", ""),
    (rb"\xd0\xcf\x11\xe0", "an Excel workbook", _BY_EXCEL),
    (rb"MATLAB \d\.\d MAT-file|\x89HDF", "a MATLAB or HDF5 file", _AS_CSV),
    (rb"PAR1\x15", "a Parquet table", _AS_CSV),
    (rb"\x93NUMPY", "a numpy array", _AS_CSV),
    (rb"SQLite format 3\x00", "a database of SQLite", _AS_CSV),
    (rb"\x80[\x02-\x05]", "a pickle of Python", _AS_CSV),
)
"""How files begin that hold no text, what they are, and what to do."""


def read_text(path: str | Path, what: str) -> str:
    """Return the text of a UTF-8 file; see :func:`open_text`."""
    with open_text(path, what) as file:
        return read_all(file, lambda place, problem: file_error(path, what, place, problem))


def file_error(path: str | Path, what: str, place: str, problem: str) -> UserError:
    """Return the error for a place of a file ("": all of it)."""
    return DataError(f"{what}: {path}{', ' if place else ''}{place}: {problem}")


@contextmanager
def open_text(path: str | Path, what: str) -> Iterator[TextIO]:
    """Open a UTF-8 file for reading; gzip, and zip with one file, are recognized by content. Lines end in a line feed.

    Args:
        path: the file.
        what: what it is to the user ("annotations", "label map"), for messages.

    Raises:
        DataError: missing (with similar names of that folder), not readable, not UTF-8 text, or a placeholder
            (a Git LFS pointer, a web page) in place of the data, or an image, a workbook or the like; reading in the
            context may raise it, too.
    """
    path = Path(path)
    if path.is_dir():
        raise DataError(f"{what}: {path} is a folder, expected a file.")
    if not path.is_file():
        raise DataError(f"{what}: {missing_file(path)}")
    size = path.stat().st_size
    if size > LARGEST_TEXT:
        raise DataError(f"{what}: {path} has {size:,} bytes; texts of up to {LARGEST_TEXT:,} are read. Split it.")
    try:
        _refuse_binary(path, what)
        with _open_member(path, what) if _is_zip(path) else open_for_reading(path) as file:
            _refuse_placeholder(path, what, file.read(200))
            file.seek(0)
            yield file
    except InflationError as error:
        raise DataError(f"{what}: {path}: {error}. Unpack it and look at what it holds.") from error
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise DataError(f"{what}: {path} cannot be read ({error}). Is the file complete? Copy it again.") from error
    except UnicodeDecodeError as error:
        found = "looks like UTF-16" if error.object[:2] in (b"\xff\xfe", b"\xfe\xff") else f"byte {error.start}"
        raise DataError(
            f'{what}: {path} is not UTF-8 text ({found}). Save it as UTF-8 (in Excel: "CSV UTF-8"), or check the path.'
        ) from error


def _refuse_binary(path: Path, what: str) -> None:
    """Refuse a file that is known to hold no text by its first bytes; archives are opened."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith((_GZIP_MAGIC, _ZIP_MAGIC)):
        return
    for magic, kind, remedy in _BINARY:
        if re.match(magic, head):
            raise DataError(f"{what}: {path} is not a text file, but {kind}. {remedy or 'Check the path.'}")
    utf16 = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if b"\0" in head and not utf16:
        wide = not any(head[1::2]) or not any(head[::2])
        found = "it looks like UTF-16: save it as UTF-8" if wide else "it holds zero bytes: check the path"
        raise DataError(f"{what}: {path} is not a text file ({found}).")


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == _ZIP_MAGIC


def _open_member(path: Path, what: str) -> TextIO:
    """Open the one file in an archive that can hold annotations, as tools pack it, maybe beside the pictures.

    Raises:
        DataError: there is none, there are several, or it is locked or far too large.
    """
    try:
        with path.open("rb") as file, open_zip(file) as archive:
            if any(name.startswith("xl/") for name in archive.namelist()):
                raise DataError(f"{what}: {path} is not a text file, but an Excel workbook. {_BY_EXCEL}")
            members = [member for member in archive.infolist() if _may_be_data(member.filename)]
            texts = [member for member in members if not member.filename.lower().endswith(".txt")] or members
            names = [member.filename for member in texts]
            if {"task.json", "project.json"} & set(names):
                raise DataError(
                    f"{what}: {path} is a backup of CVAT, which holds no annotations by frame of the video. Export the "
                    "task or project instead, and pass that file."
                )
            if len(texts) != 1:
                found = f"{len(texts)} files ({listed(names, 4)})" if texts else "no file of annotations or boxes"
                raise DataError(f"{what}: {path} is a zip archive with {found}. Unpack it and pass the right ones.")
            if texts[0].flag_bits & 1:
                raise DataError(f"{what}: {path} is a zip archive with a password. Unpack it and pass {names[0]}.")
            member = texts[0]
        with zipfile.ZipFile(path) as archive:  # this one's file is closed with the member
            return bounded_text(archive.open(member), lambda: member.compress_size)
    except (ArchiveError, zipfile.BadZipFile, NotImplementedError) as error:
        raise DataError(
            f"{what}: {path} is a zip archive that cannot be read ({error}). Unpack it and pass the file in it (of "
            "CVAT's: annotations.xml)."
        ) from error


def _may_be_data(name: str) -> bool:
    """Return whether a file of an archive can hold annotations, by its name."""
    parts = name.split("/")
    if any(part.startswith((".", "__")) for part in parts) or "images" in parts[:-1]:
        return False
    return parts[-1].lower().endswith((".xml", ".json", ".csv", ".txt"))


def _refuse_placeholder(path: Path, what: str, head: str) -> None:
    head = head.lstrip().lower()
    if head.startswith("version https://git-lfs"):
        raise DataError(f"{what}: {path} is a Git LFS pointer, not the data. Fetch it with: git lfs pull")
    if head.startswith(("<!doctype html", "<html")):
        raise DataError(f"{what}: {path} is a web page, not the data. Download the raw file.")


def open_for_reading(path: str | Path) -> TextIO:
    """Open a UTF-8 text file for reading line by line; gzip is recognized by content, whatever the name."""
    path = Path(path)
    with path.open("rb") as file:
        compressed = file.read(2) == _GZIP_MAGIC
    if compressed:
        packed = PackedFile(path.open("rb", buffering=0))
        return bounded_text(gzip.GzipFile(fileobj=packed), packed.tell, packed)
    return path.open(encoding="utf-8-sig")


@contextmanager
def open_for_writing(path: str | Path, compresslevel: int = 6) -> Iterator[TextIO]:
    """Open a text file for writing (gzip if the name ends in .gz) and create its folder. Lines end in a line feed.

    The file appears when it is whole, see :func:`~alphaction.utils.atomic.replacing`.

    Args:
        compresslevel: of gzip; 1 is three times as fast as 6, for a file a quarter larger.
    """
    with replacing(path) as part:
        if part.suffix == ".gz":
            opened = partial(gzip.open, mode="wt", compresslevel=compresslevel)
        else:
            opened = partial(open, mode="w")
        with opened(part, encoding="utf-8", newline="") as file:
            yield file


def looks_like_json(text: str) -> bool:
    """Tell JSON from other text by the first character that is not white space."""
    return syntax_of(text) == "json"


@dataclass(frozen=True)
class FileContent:
    """The content of a file.

    Attributes:
        path: the file.
        what: what it is to the user ("annotations"), for messages.
        text: all of it.
    """

    path: Path
    what: str
    text: str

    @classmethod
    def read(cls, path: str | Path, what: str) -> FileContent:
        """Read a file; see :func:`open_text`."""
        return cls(Path(path), what, read_text(path, what))

    def error(self, place: str, problem: str) -> UserError:
        """Return the error for a place of the file."""
        return file_error(self.path, self.what, place, problem)

    @cached_property
    def syntax(self) -> Syntax:
        """What it is written in, by its first character."""
        return syntax_of(self.text)

    @cached_property
    def data(self) -> Any:
        """The parsed JSON, as :func:`alphaction.utils.values.parse_json` returns it.

        Raises:
            DataError: it is none.
        """
        return parse_json(self.text, self.error)

    @property
    def value(self) -> Value:
        """The parsed JSON, from which values are taken by type."""
        return Value(self.data, self.error)


@dataclass(frozen=True)
class RowSource:
    """Where parsed rows came from, so that a fault found later can name its place.

    Attributes:
        path: the file.
        what: what it is to the user ("annotations", "person boxes").
        place: row index -> "line 12" or "annotations[11]".
    """

    path: Path
    what: str
    place: Callable[[int], str]

    def take(self, rows: np.ndarray) -> RowSource:
        """Return the places of some rows, int64 [m]."""
        return replace(self, place=lambda row: self.place(int(rows[row])))

    def where(self, row: int) -> str:
        """Return the file and the place in it of a row."""
        return f"{self.path}, {self.place(row)}"

    def error(self, row: int, problem: str, more: int = 0) -> UserError:
        """Return the error for ``row``; ``more`` further rows have the same fault."""
        return DataError(f"{self.what}: {self.where(row)}: {problem}{more_rows(more)}")

    def reject(self, bad: np.ndarray, problem: Callable[[int], str]) -> None:
        """Raise a :class:`UserError` for the first row where ``bad`` (bool [n]) holds, and count the others."""
        if bad.any():
            first = int(np.argmax(bad))
            raise self.error(first, problem(first), int(np.count_nonzero(bad)) - 1)


def more_rows(count: int) -> str:
    """Return the end of a message on ``count`` further rows with the same fault ("" for none)."""
    if count <= 0:
        return ""
    return f" {count} more {'row has' if count == 1 else 'rows have'} the same fault."
