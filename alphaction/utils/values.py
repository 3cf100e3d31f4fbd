"""Values of untrusted JSON, YAML and XML, taken out by type: what is missing or wrong is a message that says where.

A parsed file is wrapped in a :class:`Value` and never touched as it is. Going down never fails, as what is not there is
an absent value; taking a value out either gives the type that was asked for, or the default, or an error of the file's
own kind with the place of the value.
"""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Callable, Collection, Iterable, Iterator
from numbers import Integral
from typing import Any, TypeVar

from alphaction.utils.errors import UserError
from alphaction.utils.limits import DEEPEST, LARGEST_NUMBER, LONGEST_NAME
from alphaction.utils.messages import listed, shortened
from alphaction.utils.numbers import Range

T = TypeVar("T")
FileError = Callable[[str, str], UserError]
"""Place ("tracks[3]", "": the whole file) and problem (a sentence) -> the error, which names the file."""
REQUIRED: Any = object()
"""Stands for no default: a value that is missing or wrong is an error."""
ANY_NUMBER = Range(-LARGEST_NUMBER, LARGEST_NUMBER)
ANY_WHOLE = Range(-(2**63), 2**63 - 1, whole=True)
_ANY = (ANY_NUMBER, ANY_WHOLE)

_LONG_INTEGER = re.compile(r"\d{300}")
# Half of a character that needs two, or a zero byte, as JSON can write them: no text file can hold them.
_MAYBE_HALF = re.compile(r"\\u([dD][89a-fA-F]|0000)")
_HALF = re.compile("[\0\ud800-\udfff]")
_NAME = re.compile(r"[\w-]{1,40}")
_LONGEST_SHOWN, _LONGEST_VALUE = 80, 300  # characters of a name, and of any value
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = _LONGEST_SHOWN
_SHORT.maxlevel, _SHORT.maxlist, _SHORT.maxdict, _SHORT.maxtuple = 2, 8, 4, 8


def parse_json(text: str, error: FileError) -> Any:
    """Return parsed JSON.

    Raises:
        UserError: a syntax error, with line and column, thousands of brackets, an integer of hundreds of digits (which
            no float can hold), or a text that cannot be written again.
    """
    try:
        data = json.loads(text, parse_int=_integer) if _LONG_INTEGER.search(text) else json.loads(text)
    except json.JSONDecodeError as problem:
        place = f"line {problem.lineno}, column {problem.colno}"
        raise error(place, f"not valid JSON ({problem.msg}).") from problem
    except (ValueError, RecursionError) as problem:
        raise error("", f"JSON that no tool writes ({problem}).") from problem
    if is_deep(data, _inner_nodes):
        raise error("", f"lists and objects within each other at more than {DEEPEST} levels; no tool writes that.")
    broken = _half_character(data) if _MAYBE_HALF.search(text) else None
    if broken is not None:
        raise error(
            "",
            f"the text {broken[:80]!a} holds a zero byte, or half of a character. "
            "Correct it in the tool and export again, or replace that code in the file.",
        )
    return data


def is_deep(root: Any, inner: Callable[[Any], Iterable[Any]]) -> bool:
    """Return whether a parsed tree has more than :data:`DEEPEST` levels, which would break what walks through it.

    Args:
        root: of the tree.
        inner: a node -> the nodes within it.
    """
    level = [root]
    for _ in range(DEEPEST):
        level = [node for above in level for node in inner(above)]
        if not level:
            return False
    return True


def _inner_nodes(node: Any) -> list[Any]:
    values = node.values() if type(node) is dict else node if type(node) is list else ()
    return [value for value in values if type(value) is dict or type(value) is list]


def _integer(digits: str) -> int:
    if len(digits) >= 300:
        raise ValueError(f"an integer of {len(digits)} digits")
    return int(digits)


def _half_character(data: Any) -> str | None:
    """Return the first text or key of parsed JSON that has a zero byte or half of a character; None: none has."""
    waiting = [data]
    while waiting:
        found = waiting.pop()
        if isinstance(found, str) and _HALF.search(found):
            return found
        if isinstance(found, dict):
            waiting += [*found, *found.values()]
        elif isinstance(found, list):
            waiting += found
    return None


def finite_number(value: Any, within: Range = ANY_NUMBER) -> float | None:
    """Return a number, also one written as text; None for anything else, and for one out of range."""
    if type(value) is float and within is ANY_NUMBER:  # most numbers of a file, quickly
        return value if -LARGEST_NUMBER <= value <= LARGEST_NUMBER else None
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if number in within else None


def parse_integer(value: Any, within: Range = ANY_WHOLE) -> int | None:
    """Return a whole number given as int, float or text ("0902", "902.0"); None if it is not one, or out of range."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Integral)):
        return None
    number: int | float
    try:
        number = value if isinstance(value, float) else int(value)
    except ValueError:
        try:
            number = float(value)
        except ValueError:
            return None
    if isinstance(number, float) and not number.is_integer():
        return None
    if not -(2**63) <= number < 2**63:
        return None
    return int(number) if within is ANY_WHOLE or number in within else None


def identifier(value: Any) -> int | str | None:
    """Return an id: a whole number, or a text of the length of a name; None for anything else.

    A number beyond 64 bits becomes text: thousands of them can have one hash, which makes a dictionary very slow.
    """
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    if isinstance(value, int) and value not in ANY_WHOLE:
        return str(value)
    return None if isinstance(value, str) and len(value) > LONGEST_NAME else value


def in_words(within: Range) -> str:
    """Return what is expected: "a number above 0"."""
    return within.words if within not in _ANY else "a whole number" if within.whole else "a number"


def quoted(text: object) -> str:
    """Return a name in quotation marks as messages show it."""
    return f'"{shortened(str(text), _LONGEST_SHOWN)}"'


def keys_shown(keys: Iterable[Any], limit: int = 12) -> str:
    """Return the keys of an object as messages show them."""
    return listed((shortened(str(key), _LONGEST_SHOWN) for key in keys), limit) or "(none)"


def shown(value: Any) -> str:
    """Return a value as messages show it, shortened."""
    return shortened(_SHORT.repr(value), _LONGEST_VALUE)


class Value:
    """A value of a parsed file: an object, a list, a text, a number, true, false, null, or absent.

    Args:
        raw: as parsed.
        error: makes the error of the file from a place and a problem; kept as ``error_at``.
        place: where it stands, as messages name it: "task 31"; "": it is the whole file.
    """

    __slots__ = ("_key", "_parent", "_place", "error_at", "raw")

    def __init__(
        self, raw: Any, error: FileError, place: str = "", *, _parent: Value | None = None, _key: Any = None
    ) -> None:
        self.raw = raw
        self.error_at = error
        self._place = place
        self._parent = _parent
        self._key = _key

    def __repr__(self) -> str:
        return f"Value({shown(self.raw)} at {self.place or 'the top'})"

    def __bool__(self) -> bool:
        raise TypeError("ask a value what it is: given, is_true(), text(), ...")

    # Where it stands.

    @property
    def place(self) -> str:
        """Where it stands: "annotation.video", "tracks[3].shapes[0]"."""
        if self._parent is None or self._place:
            return self._place
        own = _key_text(self._key)
        above = self._parent.place
        return f"{above}{'.' * (above != '' and not own.startswith('['))}{own}"

    def at(self, place: str) -> Value:
        """Return it with a place in words: 'metadata "1_a"'."""
        return Value(self.raw, self.error_at, place)

    def error(self, problem: str) -> UserError:
        """Return the error for a problem (a sentence) here."""
        return self.error_at(self.place, problem)

    def unlike(self, expected: str) -> UserError:
        """Return the error for a value that is not what was expected: "a number"."""
        found = shown(self.raw) if self.given else "missing"
        if self._parent is None or self._place or not isinstance(self._key, str):
            return self.error_at(self.place, f"{found} found, expected {expected}.")
        return self.error_at(self._parent.place, f"{quoted(self._key)} is {found}, expected {expected}.")

    # Going down.

    def __getitem__(self, key: str | int) -> Value:
        """Return an entry of an object (by a text) or of a list (by a position); absent where there is none."""
        raw, found = self.raw, None
        if isinstance(raw, dict):
            found = raw.get(key)
        elif isinstance(raw, list) and isinstance(key, int) and -len(raw) <= key < len(raw):
            found = raw[key]
        return Value(found, self.error_at, _parent=self, _key=key)

    def __contains__(self, key: str) -> bool:
        return isinstance(self.raw, dict) and key in self.raw

    def __len__(self) -> int:
        return len(self.raw) if isinstance(self.raw, (dict, list)) else 0

    def items(self) -> Iterator[tuple[str, Value]]:
        """Yield keys, as text, and entries of an object; of a list, the positions. Anything else has none."""
        raw = self.raw
        pairs = raw.items() if isinstance(raw, dict) else enumerate(raw) if isinstance(raw, list) else ()
        for key, found in pairs:
            yield str(key), Value(found, self.error_at, _parent=self, _key=key)

    def each(self) -> list[Value]:
        """Return the entries of a list; anything else has none."""
        return [value for _, value in self.items()] if self.is_list else []

    def objects(self) -> list[Value]:
        """Return the objects among the entries of a list."""
        return [value for value in self.each() if value.is_object]

    def inside(self, others: dict[str, Any], key: str) -> Value:
        """Return an object that has other entries and, under a key, this value."""
        return Value({**others, key: self.raw}, self.error_at, self.place)

    def less(self, keys: Collection[str]) -> Value:
        """Return an object without some of its keys."""
        return Value({key: found.raw for key, found in self.items() if key not in keys}, self.error_at, self.place)

    # What it is.

    @property
    def given(self) -> bool:
        """Whether it is there, and not null."""
        return self.raw is not None

    @property
    def is_object(self) -> bool:
        """Whether it is an object."""
        return isinstance(self.raw, dict)

    @property
    def is_list(self) -> bool:
        """Whether it is a list."""
        return isinstance(self.raw, list)

    @property
    def is_text(self) -> bool:
        """Whether it is a text."""
        return isinstance(self.raw, str)

    @property
    def kind(self) -> str:
        """What it is, in a word: dict, list, str, int, float, bool, NoneType."""
        return type(self.raw).__name__

    @property
    def shown(self) -> str:
        """It, as messages show it."""
        return shown(self.raw)

    def is_true(self, absent: bool = False) -> bool:
        """Return whether it is true, or anything that is neither empty nor 0."""
        return bool(self.raw) if self.given else absent

    # Taking it out.

    def text(self, default: T = REQUIRED) -> str | T:
        """Return a text, without blanks around it; a number, true and false as they are written."""
        raw = self.raw
        if isinstance(raw, bool):
            return "true" if raw else "false"
        return str(raw).strip() if isinstance(raw, (str, int, float)) else self._or(default, "a text")

    def number(self, default: T = REQUIRED, within: Range = ANY_NUMBER) -> float | T:
        """Return a number, also one that is written as text."""
        found = finite_number(self.raw, within)
        return self._or(default, in_words(within)) if found is None else found

    def whole(self, default: T = REQUIRED, within: Range = ANY_WHOLE) -> int | T:
        """Return a whole number, also one that is written as text or as 3.0."""
        found = parse_integer(self.raw, within)
        return self._or(default, in_words(within)) if found is None else found

    def identifier(self, default: T = REQUIRED) -> int | str | T:
        """Return an id: a whole number, or a text; see :func:`identifier`."""
        found = identifier(self.raw)
        return self._or(default, "a whole number or text") if found is None else found

    def numbers(self, default: T = REQUIRED, length: int | None = None) -> list[float] | T:
        """Return a list of numbers, of a length where one is given."""
        found = [finite_number(item) for item in self.raw] if isinstance(self.raw, list) else [None]
        fits = None not in found and length in (None, len(found))
        return found if fits else self._or(default, f"{length} numbers" if length else "a list of numbers")

    def _or(self, default: T, expected: str) -> T:
        if default is REQUIRED:
            raise self.unlike(expected)
        return default


def _key_text(key: Any) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    return str(key) if _NAME.fullmatch(str(key)) else f"[{quoted(key)}]"
