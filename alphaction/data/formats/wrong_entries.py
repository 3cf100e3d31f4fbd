"""Entries of a tool's file that cannot be taken: counted, the first of each kind named, refused where they are most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from alphaction.data.formats.file_content import more_rows
from alphaction.utils.errors import UserError

MOST = 0.5
"""Share of wrong entries above which a file is more likely misread, or damaged, than mistaken at some places."""


@dataclass
class WrongEntries:
    """Collects what is wrong while a file is read.

    Attributes:
        met: entries looked at; readers add to it.
    """

    met: int = 0
    _found: dict[str, tuple[str, str]] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def add(self, what: str, place: str, problem: str) -> None:
        """Note an entry that is left out.

        Args:
            what: as it is counted: "boxes left out as their frame is no number".
            place: "track 3, frame 50".
            problem: what is wrong with it, a sentence.
        """
        self._found.setdefault(what, (place, problem))
        self._counts[what] = self._counts.get(what, 0) + 1

    def settle(self, error: Callable[[str, str], UserError]) -> tuple[dict[str, int], list[str]]:
        """Return what was left out -> how many, and a note on the first of each.

        Args:
            error: gives the error for a place and a problem.

        Raises:
            UserError: more than :data:`MOST` of the entries are wrong; names the first.
        """
        wrong = sum(self._counts.values())
        if wrong > MOST * self.met:
            place, problem = next(iter(self._found.values()))
            raise error(place, f"{problem}{more_rows(wrong - 1)}")
        return dict(self._counts), [
            f"{what}, the first: {place}: {problem}" for what, (place, problem) in self._found.items()
        ]
