"""Label maps as text: ``item { name id }``, ``label { name label_id label_type }`` and ``group { name }`` blocks.

Protobuf's own tokenizer reads the text (quotes, escapes, comments). Its message parser is not used: it refuses names
without quotes, which some tools write, and forgets where a value stood.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from google.protobuf import text_format

from alphaction.data.formats.file_content import read_text
from alphaction.utils.errors import DataError, UserError

GROUP = "group"
"""What begins a block that is no class."""
_CLASS_OPENERS = ("item", "label")
_OPENERS = (*_CLASS_OPENERS, GROUP)
_BRACES = ("{", "}")
_SEPARATORS = (",", ";", ":")


class Word(NamedTuple):
    """A text of the file without its quotes, or a brace, and where it stands ("line 3, column 7")."""

    text: str
    place: str
    brace: bool = False


class Block(NamedTuple):
    """The fields of one class or group, name -> value, where the block begins, and with which word."""

    fields: Mapping[str, Word]
    place: str
    opener: str = "label"


def has_blocks(text: str) -> bool:
    """Return whether a text has a brace outside of its comments, as blocks do."""
    return any("{" in line or "}" in line for line in text.split("\n") if not line.lstrip().startswith("#"))


def read_blocks(path: str | Path, what: str) -> Iterator[Block]:
    """Yield the ``item``, ``label`` and ``group`` blocks of a file. Messages inside a block are skipped.

    White space, colons, commas, semicolons and ``#`` comments are free; quotes are ``'`` or ``"``, or none.

    Args:
        path: the file (may be gzip).
        what: what it is to the user, for messages.

    Raises:
        DataError: names file, line, column, what is wrong and the remedy.
    """
    words = _Words(path, what)
    for opener in words:
        yield Block(_read_fields(opener, words), opener.place, opener.text)


def _read_fields(opener: Word, words: _Words) -> dict[str, Word]:
    """Return the fields of the block that ``opener`` begins; ``words`` continues after its end."""
    if opener.text not in _OPENERS or next(words, opener).text != "{":
        problem = f'"{opener.text}" where "item {{" or "label {{" was expected. Is this a pbtxt label map?'
        raise words.error(opener.place, problem)
    fields: dict[str, Word] = {}
    for name in words:
        if name.brace and name.text == "}":
            return fields
        if name.brace:
            words.skip(name)
            continue
        value = next(words, None)
        if value is None:
            break
        if value.brace and value.text == "}":
            raise words.error(name.place, f'field "{name.text}" has no value.')
        if value.brace and name.text in _CLASS_OPENERS:
            problem = f'this block is not closed before the next one ({name.place}). Add "}}".'
            raise words.error(opener.place, problem)
        if value.brace:
            words.skip(value)
        elif name.text in fields:
            raise words.error(name.place, f'field "{name.text}" twice in one block. Close each class with "}}".')
        else:
            fields[name.text] = value
    raise words.error(opener.place, 'this block is not closed. Add "}".')


class _Words(Iterator[Word]):
    """The words of a file: quoted texts, braces, and what else stands between white space and separators."""

    def __init__(self, path: str | Path, what: str) -> None:
        self._file = f"{what}: {path}"
        self._tokens = text_format.Tokenizer(read_text(path, what).split("\n"))

    def __next__(self) -> Word:
        tokens = self._tokens
        while tokens.token in _SEPARATORS:
            tokens.NextToken()
        if tokens.AtEnd():
            raise StopIteration
        line, column = self._position()
        place = f"line {line}, column {column}"
        if self._at_brace():
            return Word(self._take(), place, brace=True)
        if tokens.token[0] in "\"'":
            try:
                return Word(tokens.ConsumeString(), place)
            except text_format.ParseError as error:
                raise self.error(place, "a quote is opened here and not closed on its line.") from error
        text = self._take()
        # Protobuf's tokens end at other characters, too, such as the slash in "run/jog".
        while not tokens.AtEnd() and self._position() == (line, column + len(text)) and not self._at_end_of_word():
            text += self._take()
        return Word(text, place)

    def skip(self, opener: Word) -> None:
        """Continue after the brace that closes ``opener``."""
        depth = 1
        for word in self:
            depth += {"{": 1, "}": -1}[word.text] if word.brace else 0
            if depth == 0:
                return
        raise self.error(opener.place, 'this block is not closed. Add "}".')

    def error(self, place: str, problem: str) -> UserError:
        """Return the error for a place of the file."""
        return DataError(f"{self._file}, {place}: {problem}")

    def _take(self) -> str:
        token = self._tokens.token
        self._tokens.NextToken()
        return token

    def _position(self) -> tuple[int, int]:
        here = self._tokens.ParseError("")  # made, not raised: it knows where the tokenizer is
        return here.GetLine(), here.GetColumn()

    def _at_brace(self) -> bool:
        return self._tokens.token in _BRACES

    def _at_end_of_word(self) -> bool:
        return self._at_brace() or self._tokens.token in _SEPARATORS or self._tokens.token[0] in "\"'"
