"""Opening annotation files: plain or gzip, with a clear error for what is missing, empty or not text."""

from __future__ import annotations

import difflib
import gzip
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from alphaction.utils.errors import UserError
from alphaction.utils.messages import listed

_GZIP_MAGIC = b"\x1f\x8b"


def _similar_names(path: Path) -> str:
    """Return a sentence on what is there instead of ``path``."""
    folder = path.parent
    if not folder.is_dir():
        existing = next((parent for parent in folder.parents if parent.is_dir()), None)
        return f"The folder {folder} does not exist either" + (f" ({existing} does)." if existing else ".")
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    near = difflib.get_close_matches(path.name, names, n=3, cutoff=0.6)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return f"That folder holds: {listed(names, 8)}." if names else "That folder holds no files."


def read_text(path: str | Path, what: str) -> str:
    """Return the text of a UTF-8 file; gzip is recognized by content, whatever the name.

    Args:
        path: the file.
        what: what it is to the user ("annotations", "label map"), for messages.

    Raises:
        UserError: missing (with similar names of that folder), not readable, not UTF-8 text, or a placeholder
            (a Git LFS pointer, a web page) in place of the data.
    """
    path = Path(path)
    if path.is_dir():
        raise UserError(f"{what}: {path} is a folder, expected a file.")
    if not path.exists():
        raise UserError(f"{what}: {path} does not exist. {_similar_names(path)}")
    try:
        data = path.read_bytes()
        if data[:2] == _GZIP_MAGIC:
            data = gzip.decompress(data)
        text = data.decode("utf-8-sig")
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{what}: {path} cannot be read ({error}). Is the file complete? Copy it again.") from error
    except UnicodeDecodeError as error:
        found = "looks like UTF-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else f"byte {error.start}"
        raise UserError(
            f'{what}: {path} is not UTF-8 text ({found}). Save it as UTF-8 (in Excel: "CSV UTF-8"), or check the path.'
        ) from error
    head = text[:200].lstrip().lower()
    if head.startswith("version https://git-lfs"):
        raise UserError(f"{what}: {path} is a Git LFS pointer, not the data. Fetch it with: git lfs pull")
    if head.startswith(("<!doctype html", "<html")):
        raise UserError(f"{what}: {path} is a web page, not the data. Download the raw file.")
    return text


def open_for_reading(path: str | Path) -> TextIO:
    """Open a UTF-8 text file for reading line by line; gzip is recognized by content, whatever the name."""
    path = Path(path)
    with path.open("rb") as file:
        compressed = file.read(2) == _GZIP_MAGIC
    if compressed:
        return gzip.open(path, "rt", encoding="utf-8-sig")
    return path.open(encoding="utf-8-sig")


def open_for_writing(path: str | Path) -> TextIO:
    """Open a text file for writing (gzip if the name ends in .gz) and create its folder. Lines end in a line feed."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        return gzip.open(path, "wt", compresslevel=6, encoding="utf-8", newline="")
    return path.open("w", encoding="utf-8", newline="")


def parse_json(path: str | Path, text: str, what: str) -> Any:
    """Return the parsed JSON; a syntax error names file, line and column."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(
            f"{what}: {path}, line {error.lineno}, column {error.colno}: not valid JSON ({error.msg})."
        ) from error


def looks_like_json(text: str) -> bool:
    """Tell JSON from csv by the first character that is not white space."""
    return text.lstrip()[:1] in ("{", "[")


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

    def error(self, row: int, problem: str, more: int = 0) -> UserError:
        """Return the error for ``row``; ``more`` further rows have the same fault."""
        return UserError(f"{self.what}: {self.path}, {self.place(row)}: {problem}{more_rows(more)}")

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
