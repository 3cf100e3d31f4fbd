"""What is declared of a config key: its default, unit, range and meaning, and the check that follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from alphaction.utils.messages import suggest
from alphaction.utils.numbers import Range
from alphaction.utils.registry import registered_names

FROM_ZERO = Range(0)
"""Numbers from 0."""
FROM_ONE = Range(1)
"""Numbers from 1."""
BELOW_ONE = Range(0, 1, open_high=True)
"""Numbers from 0 up to, but without, 1."""
SHARE = Range(0, 1, open_low=True)
"""Numbers above 0, 1 at most."""
REGISTERED: Literal["registered"] = "registered"
"""As the choices of a key: the names in the registry of that key (see :mod:`alphaction.utils.registry`)."""


@dataclass(frozen=True)
class Section:
    """A part of the config tree.

    Attributes:
        path: dotted path.
        meaning: one sentence.
    """

    path: str
    meaning: str


@dataclass(frozen=True)
class Key:
    """A value of the config tree.

    Attributes:
        path: dotted path.
        default: its type is that of the key.
        meaning: one or two sentences.
        unit: unit of the value; "-" for none.
        within: the numbers that it, or every element of a list, may be; None: any.
        choices: the names that it may be, or :data:`REGISTERED`; None: any text.
        elements: what the elements of a list of fixed length are; (): a list may have any length.
        nested: a list may hold lists of text.
        element: type of the elements of a list that is empty by default.
        synonyms: what people write instead of a choice -> that choice. Only suggestions use it; none is accepted.
    """

    path: str
    default: Any
    meaning: str
    unit: str = "-"
    within: Range | None = None
    choices: tuple[str, ...] | Literal["registered"] | None = None
    elements: tuple[str, ...] = ()
    nested: bool = False
    element: type = str
    synonyms: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What it holds, in words: "integer", "list of numbers"..."""
        return kind_of(self.default, self.nested, self.element)

    @property
    def names(self) -> list[str]:
        """The names that it may be; [] where any text will do, or where its registry was not imported."""
        return registered_names(self.path) if self.choices == REGISTERED else list(self.choices or ())

    @property
    def accepts(self) -> str:
        """The range or the names, as the document shows them; "-" for anything of the type."""
        if isinstance(self.default, bool):
            return "True, False"
        return str(self.within) if self.within else ", ".join(self.names) or "-"

    def problem(self, value: Any) -> str | None:
        """Return what is wrong with ``value``, which is of the key's type, or None."""
        if self.elements and len(value) != len(self.elements):
            return f"{self.path} is {value}: it must hold {len(self.elements)} numbers ({', '.join(self.elements)})."
        if self.within is not None:
            numbers = value if isinstance(value, (list, tuple)) else (value,)
            if not all(number in self.within for number in numbers):
                what = "each number must be" if len(numbers) > 1 else "it must be"
                return f"{self.path} is {value}: {what} {self.within.words}."
        if (names := self.names) and value not in names:
            meant = self.synonyms.get(value.lower(), value)
            return f'{self.path}: "{value}" is not available. {suggest(meant if meant in names else value, names)}'
        return None


def kind_of(value: Any, nested: bool = False, element: type = str) -> str:
    """Return what a key whose default is ``value`` holds, in words; ``element``: the type in an empty list."""
    if isinstance(value, (list, tuple)):
        if nested:
            return "list"
        element = type(value[0]) if value else element
        return {int: "list of integers", float: "list of numbers", str: "list of text"}[element]
    return {bool: "boolean", int: "integer", float: "number", str: "text"}[type(value)]


def tree(entries: Iterable[Section | Key]) -> dict[str, Any]:
    """Return the defaults as nested dicts, in the order of ``entries``."""
    root: dict[str, Any] = {}
    nodes = {"": root}
    for entry in entries:
        parent, _, name = entry.path.rpartition(".")
        if isinstance(entry, Section):
            nodes[entry.path] = nodes[parent][name] = {}
        else:
            nodes[parent][name] = entry.default
    return root
