"""What a check of a dataset found: findings of three levels, and the facts they rest on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from alphaction.utils.messages import counted

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


@dataclass(frozen=True)
class Report:
    """The result of a validation.

    Attributes:
        dataset: what was validated, as the user called it.
        findings: errors first, then warnings, then notes.
        facts: split name -> its facts, plain types (see :mod:`alphaction.workflows.inspect.facts`).
    """

    dataset: str
    findings: tuple[Finding, ...]
    facts: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, dataset: str, findings: Iterable[Finding], facts: dict[str, dict[str, Any]]) -> Report:
        """Return the report with the findings in order of gravity; what holds for several datasets is said once."""
        merged: dict[tuple[str, str, str], list[str]] = {}
        for finding in findings:
            names = merged.setdefault((finding.level, finding.check, finding.message), [])
            names += [finding.dataset] if finding.dataset and finding.dataset not in names else []
        once = [Finding(*key, dataset=" + ".join(names)) for key, names in merged.items()]
        # Of one level, leakage comes first: a split in place of another explains much of what else is found.
        once.sort(key=lambda finding: (_RANK[finding.level], finding.check != "leakage"))
        return cls(dataset, tuple(once), facts)

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not self.of_level("error")

    def of_level(self, level: str) -> list[Finding]:
        """Return the findings of one level."""
        return [finding for finding in self.findings if finding.level == level]

    def to_dict(self) -> dict[str, Any]:
        """Return plain types for JSON: {dataset, ok, findings: [{level, check, message, dataset}], facts}."""
        return {
            "dataset": self.dataset,
            "ok": self.ok,
            "findings": [asdict(finding) for finding in self.findings],
            "facts": self.facts,
        }

    def verdict(self) -> str:
        """Return the one line that says whether the dataset can be used."""
        counts = Counter(finding.level for finding in self.findings)
        numbers = ", ".join(_count(counts[level], level) for level in LEVELS)
        if not self.ok:
            return f"{self.dataset}: NOT READY: {numbers}. Correct the errors before training."
        advice = " Read the warnings before a long training." if counts["warning"] else ""
        return f"{self.dataset}: ready: {numbers}.{advice}"


def share_level(part: int, whole: int, tolerated: float) -> str:
    """Return "error" if ``part`` of ``whole`` exceeds the tolerated share, else "warning"."""
    return "error" if part > tolerated * whole else "warning"


def percent(part: float, whole: float) -> str:
    """Return a share as text, such as "12.5%"; "-" of nothing."""
    return f"{100 * part / whole:.1f}%" if whole else "-"


def _count(count: int, level: str) -> str:
    return counted(count, level) if count else f"no {level}s"
