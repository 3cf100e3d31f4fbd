"""The report of a validation as text: a table of facts, a table of classes, the findings, the verdict."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from alphaction.checks.findings import LEVELS
from alphaction.utils.messages import first_lines, listed, text_table
from alphaction.workflows.inspect.validation_report import Report

_WIDTH = 120
_TITLES = {"error": "ERRORS", "warning": "WARNINGS", "note": "NOTES"}
_MAX_CLASSES = 100


def format_report(report: Report) -> str:
    """Return the whole report, at most 120 columns wide where paths allow."""
    parts = [*_facts(report.facts), *_classes(report.facts), *_findings(report)]
    return "\n".join([*parts, report.verdict()])


def _facts(facts: dict[str, dict[str, Any]]) -> Iterator[str]:
    if not facts:
        return
    rows: list[tuple[str, Callable[[dict[str, Any]], str]]] = [
        ("used for", lambda fact: "training" if fact["training"] else "evaluation"),
        ("videos", lambda fact: str(fact["videos"])),
        ("length (min:s)", lambda fact: _clock(fact["seconds"])),
        ("frame size", lambda fact: listed(fact["frame_sizes"], 2)),
        ("frames per second", lambda fact: " to ".join(f"{rate:g}" for rate in dict.fromkeys(fact["fps"])) or "-"),
        ("keyframes", lambda fact: str(fact["keyframes"])),
        ("boxes", lambda fact: str(fact["boxes"])),
        *(
            [("  median height in the network's frames", _person_height)]
            if any("person_height" in fact for fact in facts.values())
            else []
        ),
        ("  without action", lambda fact: str(fact["negatives"])),
        ("labels", lambda fact: str(fact["labels"])),
        ("person boxes", lambda fact: str(fact.get("person_boxes", "-"))),
        ("  find, of the boxes", lambda fact: _share(fact.get("recall"))),
        *[
            (f"  find, at TEST.BOX_THRESH {threshold:g}", lambda fact: _share(fact.get("recall_at_threshold")))
            for threshold in dict.fromkeys(fact["box_threshold"] for fact in facts.values() if "box_threshold" in fact)
        ],
        ("truth as predictions, mAP", lambda fact: _number(fact.get("truth_mAP"))),
    ]
    table = [["", *facts], *([title, *map(value, facts.values())] for title, value in rows)]
    yield from text_table(table)
    yield ""


def _person_height(fact: dict[str, Any]) -> str:
    height = fact.get("person_height")
    return "-" if height is None else f"{height['pixels']:.0f} pixels, {height['cells']:.1f} cells of {height['cell']}"


def _classes(facts: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield one line for each class: its labels in each split, and the share of them that person boxes find."""
    known: dict[int, dict[str, Any]] = {}
    for fact in facts.values():
        for entry in fact["classes"]:
            known.setdefault(entry["id"], entry)
    if not known:
        return
    of_split = [{entry["id"]: entry for entry in fact["classes"]} for fact in facts.values()]
    with_recall = any("recall" in entry for entries in of_split for entry in entries.values())
    table = [["class", "group", *facts]]
    for class_id, entry in known.items():
        cells = [_class_cell(entries.get(class_id)) for entries in of_split]
        table.append([f"{class_id:>3} {entry['name']}", entry["group"], *cells])
    yield "labels of each class" + (" (and how many of them the person boxes find at IoU 0.5)" if with_recall else "")
    yield from first_lines(text_table(table, left=2), 1 + _MAX_CLASSES, "classes (--json lists all)")
    yield ""


def _findings(report: Report) -> Iterator[str]:
    for level in LEVELS:
        found = report.of_level(level)
        if not found:
            continue
        yield f"{_TITLES[level]} ({len(found)})"
        for number, finding in enumerate(found, start=1):
            head = f"{finding.dataset}: " if finding.dataset else ""
            yield textwrap.fill(
                _short_paths(f"{finding.check}, {head}{finding.message}"),
                _WIDTH,
                initial_indent=f" {number:>2}. ",
                subsequent_indent="     ",
                break_long_words=False,
                break_on_hyphens=False,
            )
        yield ""


def _short_paths(text: str) -> str:
    """Return ``text`` with "a/../b" written as "b" where that is the same file (a may be a link)."""

    def shorter(match: re.Match[str]) -> str:
        path = match.group().rstrip(".,:;")
        end = match.group()[len(path) :]
        short = os.path.normpath(path)
        return (
            short + end
            if os.path.exists(short) and os.path.exists(path) and os.path.samefile(short, path)
            else match.group()
        )

    return re.sub(r"\S+/\.\./\S+", shorter, text)


def _class_cell(entry: dict[str, Any] | None) -> str:
    if entry is None:
        return "-"
    found = entry.get("recall")
    share = "" if "recall" not in entry else f"  {'-' if found is None else f'{found:.0%}':>4}"
    return f"{entry['labels']}{share}"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
