"""A finding: one thing that is wrong or odd about a dataset, and how serious it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from alphaction.utils.errors import UserError

LEVELS = ("error", "warning", "note")
_RANK = {level: rank for rank, level in enumerate(LEVELS)}


@dataclass(frozen=True)
class Finding:
    """One thing that the user should know.

    Attributes:
        level: "error" (results would be wrong, or the run would stop), "warning" (results suffer) or "note".
        check: name of the check, such as "duplicates".
        message: names file, row and value, what was expected, and the fix.
        dataset: the dataset that it concerns; several are joined by " + ".
    """

    level: str
    check: str
    message: str
    dataset: str = ""

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"level is {self.level!r}; expected one of {LEVELS}")


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, the most serious first; one that several datasets share is returned once."""
    merged: dict[tuple[str, str, str], list[str]] = {}
    for finding in findings:
        names = merged.setdefault((finding.level, finding.check, finding.message), [])
        names += [finding.dataset] if finding.dataset and finding.dataset not in names else []
    once = [Finding(*key, dataset=" + ".join(names)) for key, names in merged.items()]
    # Within a level, leakage comes first: a split in place of another explains many of the other findings.
    return sorted(once, key=lambda finding: (_RANK[finding.level], finding.check != "leakage"))


def fault(check: str, dataset: str, require: Callable[..., Any], *arguments: Any) -> Finding | None:
    """Return the :class:`UserError` that ``require(*arguments)`` raises, if any, as a finding."""
    try:
        require(*arguments)
    except UserError as error:
        return Finding("error", check, str(error), dataset)
    return None


def share_level(part: int, whole: int, tolerated: float) -> str:
    """Return "error" if ``part`` of ``whole`` exceeds the tolerated share, else "warning"."""
    return "error" if part > tolerated * whole else "warning"


def percent(part: float, whole: float) -> str:
    """Return a share as text, such as "12.5%"; "-" of nothing."""
    return f"{100 * part / whole:.1f}%" if whole else "-"
