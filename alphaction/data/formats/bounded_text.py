"""Reading a text in pieces, so that one that has no end, or is far too large for what it is, is noticed early."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO, Literal, TextIO

from alphaction.utils.errors import UserError
from alphaction.utils.limits import (
    FEW_NODES,
    LARGEST_TEXT,
    LARGEST_TREE,
    LONGEST_LINE,
    MOST_SINGLE_BYTES,
    SMALL_TEXT,
    SMALLEST_NODE,
    TEXT_INFLATION,
)

Syntax = Literal["csv", "json", "xml", "numbers"]
FileError = Callable[[str, str], UserError]
_PIECE = 8 * LONGEST_LINE
_OPENERS = {"json": "[{", "xml": "<"}
_NOUNS = {"json": "lists and objects", "xml": "tags"}


class InflationError(OSError):
    """A packed text that grows beyond what honest ones do; the message is a part of a sentence."""


class PackedFile(io.BufferedReader):
    """A gzip file, of which little is read byte by byte: only names of files, and zeros behind a packed text.

    Python takes minutes for a GB of zeros, which a disk may hold for nothing.
    """

    _single = 0

    def read(self, size: int | None = -1) -> bytes:
        """Read up to ``size`` bytes.

        Raises:
            InflationError: too many single ones were read.
        """
        self._single += size == 1
        if self._single > MOST_SINGLE_BYTES:
            raise InflationError(f"more than {MOST_SINGLE_BYTES:,} bytes lie between and behind its packed texts")
        return super().read(size)


class Inflated(io.RawIOBase):
    """The bytes of a packed file, as long as they are not far more than it has itself.

    Args:
        unpacked: gives the bytes.
        packed: how many bytes it has read so far.
        file: is closed with it.
    """

    def __init__(self, unpacked: BinaryIO, packed: Callable[[], int], file: BinaryIO | None = None) -> None:
        self._unpacked, self._packed, self._file = unpacked, packed, file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._unpacked.seek(offset, whence)

    def tell(self) -> int:
        return self._unpacked.tell()

    def readinto(self, buffer: memoryview) -> int:
        """Read into ``buffer``.

        Raises:
            InflationError: too much has come.
        """
        piece = self._unpacked.read(len(buffer))
        buffer[: len(piece)] = piece
        total = self._unpacked.tell()
        if total > LARGEST_TEXT or total > SMALL_TEXT + TEXT_INFLATION * self._packed():
            raise InflationError(
                f"{self._packed():,} packed bytes hold {total:,} and more; of packed texts, {LARGEST_TEXT:,} bytes are "
                f"read, and {TEXT_INFLATION} times the packed ones"
            )
        return len(piece)

    def close(self) -> None:
        self._unpacked.close()
        if self._file is not None:
            self._file.close()
        super().close()


def bounded_text(unpacked: BinaryIO, packed: Callable[[], int], file: BinaryIO | None = None) -> TextIO:
    """Return the text of a packed file; see :class:`Inflated`."""
    return io.TextIOWrapper(io.BufferedReader(Inflated(unpacked, packed, file), 1 << 18), encoding="utf-8-sig")


def syntax_of(text: str) -> Syntax:
    """Tell JSON, XML and csv by the first character that is not white space."""
    first = text.lstrip()[:1]
    return "json" if first in ("{", "[") else "xml" if first == "<" else "csv"


def read_all(file: TextIO, error: FileError) -> str:
    """Return the rest of a text.

    Raises:
        UserError: it is longer than limits.py allows, has a line longer than that, or more lists, objects or elements
            than a text of its length honestly has.
    """
    pieces = [file.read(_PIECE)]
    syntax = syntax_of(pieces[0])
    length = lines = nodes = 0
    while piece := pieces[-1]:
        length += len(piece)
        if syntax == "csv":
            _check_lines(piece, lines, error)
            lines += piece.count("\n")
        else:
            nodes += sum(piece.count(opener) for opener in _OPENERS[syntax])
            if nodes > FEW_NODES + length // SMALLEST_NODE:
                raise error(
                    "",
                    f"{nodes:,} {_NOUNS[syntax]} in the first {length:,} characters, more than any tool writes: it is "
                    "damaged, or made to fill the memory.",
                )
        most = LARGEST_TEXT if syntax == "csv" else LARGEST_TREE
        if length > most:
            raise error("", f"longer than the {most:,} characters that are read of such a file. Split it.")
        pieces.append(file.read(_PIECE))
    return "".join(pieces)


def _check_lines(piece: str, lines: int, error: FileError) -> None:
    """Refuse a line that fills a whole window of the piece, which any of twice that length does."""
    for start in range(0, len(piece) - LONGEST_LINE + 1, LONGEST_LINE):
        if piece.find("\n", start, start + LONGEST_LINE) < 0:
            raise error(
                f"line {lines + piece.count(chr(10), 0, start) + 1}",
                f"it has more than {LONGEST_LINE:,} characters. Is this a file of another kind?",
            )
