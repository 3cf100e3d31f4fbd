"""What the examination finds: one line each, in one of three states."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any


class State(Enum):
    """How a finding is to be taken."""

    OK = "ok"
    NOTE = "note"
    """Training and predicting work; something else does not, or is slow."""
    PROBLEM = "problem"
    """Training or predicting does not work."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what it is, "torch".
        text: what was found, "2.9.1 (CUDA 12.8)".
        state: how that is.
        fix: what to do; "" where nothing has to be done.
        facts: the same for programs: numbers and names.
    """

    name: str
    text: str
    state: State = State.OK
    fix: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON has of it."""
        return {**asdict(self), "state": self.state.value}


Check = Callable[[], Iterator[Finding]]


def safely(check: Check) -> Iterator[Finding]:
    """Yield the findings of ``check``; an error in it is a finding, too: the others are still looked at."""
    try:
        yield from check()
    except Exception as error:  # whatever a machine comes up with on which nothing is sure
        what = check.__name__.replace("_", " ")
        text = f"could not be checked ({type(error).__name__}: {' '.join(str(error).split())})"
        yield Finding(what, text, State.NOTE)
