"""Opening annotation files: plain or gzip, with a clear error for what is missing, empty or not text."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TextIO

import numpy as np

from alphaction.utils.errors import UserError
from alphaction.utils.files import missing_file

_GZIP_MAGIC = b"\x1f\x8b"
_ZIP_MAGIC = b"PK\x03\x04"
Syntax = Literal["csv", "json", "xml", "numbers"]


def read_text(path: str | Path, what: str) -> str:
    """Return the text of a UTF-8 file; see :func:`open_text`."""
    with open_text(path, what) as file:
        return file.read()


@contextmanager
def open_text(path: str | Path, what: str) -> Iterator[TextIO]:
    """Open a UTF-8 file for reading; gzip is recognized by content, whatever the name. Lines end in a line feed.

    Args:
        path: the file.
        what: what it is to the user ("annotations", "label map"), for messages.

    Raises:
        UserError: missing (with similar names of that folder), not readable, not UTF-8 text, or a placeholder
            (a Git LFS pointer, a web page) in place of the data; reading in the context may raise it, too.
    """
    path = Path(path)
    if path.is_dir():
        raise UserError(f"{what}: {path} is a folder, expected a file.")
    if not path.exists():
        raise UserError(f"{what}: {missing_file(path)}")
    try:
        _refuse_archive(path, what)
        with open_for_reading(path) as file:
            _refuse_placeholder(path, what, file.read(200))
            file.seek(0)
            yield file
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{what}: {path} cannot be read ({error}). Is the file complete? Copy it again.") from error
    except UnicodeDecodeError as error:
        found = "looks like UTF-16" if error.object[:2] in (b"\xff\xfe", b"\xfe\xff") else f"byte {error.start}"
        raise UserError(
            f'{what}: {path} is not UTF-8 text ({found}). Save it as UTF-8 (in Excel: "CSV UTF-8"), or check the path.'
        ) from error


def _refuse_archive(path: Path, what: str) -> None:
    with path.open("rb") as file:
        if file.read(4) == _ZIP_MAGIC:
            raise UserError(
                f"{what}: {path} is a zip archive. Unpack it and pass the file in it (of CVAT's: annotations.xml)."
            )


def _refuse_placeholder(path: Path, what: str, head: str) -> None:
    head = head.lstrip().lower()
    if head.startswith("version https://git-lfs"):
        raise UserError(f"{what}: {path} is a Git LFS pointer, not the data. Fetch it with: git lfs pull")
    if head.startswith(("<!doctype html", "<html")):
        raise UserError(f"{what}: {path} is a web page, not the data. Download the raw file.")


def open_for_reading(path: str | Path) -> TextIO:
    """Open a UTF-8 text file for reading line by line; gzip is recognized by content, whatever the name."""
    path = Path(path)
    with path.open("rb") as file:
        compressed = file.read(2) == _GZIP_MAGIC
    if compressed:
        return gzip.open(path, "rt", encoding="utf-8-sig")
    return path.open(encoding="utf-8-sig")


def open_for_writing(path: str | Path, compresslevel: int = 6) -> TextIO:
    """Open a text file for writing (gzip if the name ends in .gz) and create its folder. Lines end in a line feed.

    Args:
        compresslevel: of gzip; 1 is three times as fast as 6, for a file a quarter larger.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        return gzip.open(path, "wt", compresslevel=compresslevel, encoding="utf-8", newline="")
    return path.open("w", encoding="utf-8", newline="")


def looks_like_json(text: str) -> bool:
    """Tell JSON from csv by the first character that is not white space."""
    return text.lstrip()[:1] in ("{", "[")


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
        return UserError(f"{self.what}: {self.path}{', ' if place else ''}{place}: {problem}")

    @cached_property
    def syntax(self) -> Syntax:
        """What it is written in, by its first character."""
        if looks_like_json(self.text):
            return "json"
        return "xml" if self.text.lstrip()[:1] == "<" else "csv"

    @cached_property
    def data(self) -> Any:
        """The parsed JSON; a syntax error is a :class:`UserError` that names line and column."""
        try:
            return json.loads(self.text)
        except json.JSONDecodeError as error:
            raise UserError(
                f"{self.what}: {self.path}, line {error.lineno}, column {error.colno}: not valid JSON ({error.msg})."
            ) from error


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
        return UserError(f"{self.what}: {self.where(row)}: {problem}{more_rows(more)}")

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
