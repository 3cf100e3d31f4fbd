"""The result of a validation: findings of three levels, and the facts that they rest on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from alphaction.checks.findings import LEVELS, Finding, in_order
from alphaction.utils.messages import counted


@dataclass(frozen=True)
class Report:
    """The result of a validation.

    Attributes:
        dataset: what was validated, as the user called it.
        findings: errors first, then warnings, then notes.
        facts: split name -> its facts, plain types (see :mod:`alphaction.workflows.inspect.split_facts`).
    """

    dataset: str
    findings: tuple[Finding, ...]
    facts: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, dataset: str, findings: Iterable[Finding], facts: dict[str, dict[str, Any]]) -> Report:
        """Return the report with the findings most serious first; see :func:`in_order`."""
        return cls(dataset, tuple(in_order(findings)), facts)

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


def _count(count: int, level: str) -> str:
    return counted(count, level) if count else f"no {level}s"
