"""The whole examination, and its report as text or JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from alphaction.doctor import devices, packages, resources, video
from alphaction.doctor.finding import Check, Finding, State, safely
from alphaction.utils.messages import counted

SECTIONS: Mapping[str, tuple[Check, ...]] = {
    "program": (packages.python_and_alphaction, packages.command_on_path),
    "packages": (packages.required_packages,),
    "devices": (devices.processor, devices.gpus),
    "videos": (video.decoders,),
    "memory and disk": (resources.memory, resources.shared_memory, resources.folders),
    "for some features only": (packages.optional_packages, packages.compiler),
}
_NETWORK = "network"
_WIDTH = 118
Report = Mapping[str, Sequence[Finding]]


def examine(online: bool = False) -> Report:
    """Return section -> findings.

    Args:
        online: look whether the hosts of public weights answer, too.
    """
    sections = {**SECTIONS, **({_NETWORK: (resources.network,)} if online else {})}
    return {title: [finding for check in checks for finding in safely(check)] for title, checks in sections.items()}


def works(report: Report) -> bool:
    """Return whether training and predicting work here."""
    return not _number(report, State.PROBLEM)


def report_text(report: Report) -> Iterator[str]:
    """Yield the lines of the report."""
    for title, findings in report.items():
        yield f"{title}"
        width = max((len(finding.name) for finding in findings), default=0)
        for finding in findings:
            head = f"  {finding.state.value:7}  {finding.name:{width}}  "
            indent = " " * len(head)
            yield from _wrapped(finding.text, head, indent)
            if finding.fix:
                # Not broken into lines: it is to be copied.
                yield f"{indent}-> {finding.fix}"
        yield ""
    yield verdict(report)


def verdict(report: Report) -> str:
    """Return the last line."""
    problems, notes = _number(report, State.PROBLEM), _number(report, State.NOTE)
    told = f"{counted(problems, 'problem')}, {counted(notes, 'note')}."
    if problems:
        return f"{told} Training or predicting does not work here yet: see what follows -> below each problem."
    return f"{told} Training and predicting work here{'; the notes say what does not, or is slow' if notes else ''}."


def report_json(report: Report) -> str:
    """Return the report as JSON: works, problems, notes, and the findings of each section."""
    content = {
        "works": works(report),
        "problems": _number(report, State.PROBLEM),
        "notes": _number(report, State.NOTE),
        "sections": {title: [finding.to_dict() for finding in findings] for title, findings in report.items()},
    }
    return json.dumps(content, indent=1, default=str)


def _number(report: Report, state: State) -> int:
    return sum(finding.state is state for findings in report.values() for finding in findings)


def _wrapped(text: str, head: str, indent: str) -> list[str]:
    lines = textwrap.wrap(text, max(40, _WIDTH - len(head)), break_long_words=False, break_on_hyphens=False) or [""]
    return [head + lines[0], *(indent + line for line in lines[1:])]
