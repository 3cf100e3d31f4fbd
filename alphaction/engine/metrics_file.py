"""metrics.jsonl when a run is continued: one line of an object each, none of iterations that are done again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from alphaction.utils.atomic import replacing
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import counted
from alphaction.utils.numbers import is_finite_number

METRICS_FILE = "metrics.jsonl"
EARLIER_FILE = "metrics_earlier.jsonl"
"""Where the metrics of a folder go when another run begins in it."""


def cut_back(folder: Path, iteration: int) -> list[dict[str, Any]]:
    """Drop the lines after ``iteration``, and what is no line: a torn end, say; return the objects that stay.

    A run that begins at 0 keeps nothing: what is there is moved to :data:`EARLIER_FILE`.

    Raises:
        OSError: if the file cannot be read or written; it is unchanged then.
    """
    path = folder / METRICS_FILE
    if not path.is_file():  # a device has nothing to cut
        return []
    before = path.read_bytes()
    if iteration == 0 and before:
        path.replace(folder / EARLIER_FILE)
        get_logger().info("%s: of an earlier run, kept as %s", path, EARLIER_FILE)
        return []
    lines = before.split(b"\n")
    objects = [_object(line) for line in lines]
    kept = [
        (line, found) for line, found in zip(lines, objects, strict=True) if found and found["iteration"] <= iteration
    ]
    after = b"".join(line + b"\n" for line, _ in kept)
    if after != before:
        with replacing(path, durable=True) as part:
            part.write_bytes(after)
        dropped = sum(line != b"" for line in lines) - len(kept)
        get_logger().info(
            "%s: %s after iteration %d dropped, which are done again", path, counted(dropped, "line"), iteration
        )
    return [found for _, found in kept]


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Return the objects of a folder's metrics.jsonl, in the order of their iterations; a torn line is left out.

    [] if it cannot be read.
    """
    try:
        lines = (folder / METRICS_FILE).read_bytes().split(b"\n")
    except OSError:
        return []
    objects = (found for line in lines if (found := _object(line)) is not None)
    return sorted(objects, key=lambda line: line["iteration"])


def read_evaluations(folder: Path, iteration: int) -> list[dict[str, Any]]:
    """Return the lines of evaluations up to ``iteration``, one for each, in their order; [] if none can be read."""
    evaluations = {line["iteration"]: line for line in read_metrics(folder) if _is_evaluation(line)}
    return [line for number, line in evaluations.items() if 0 < number <= iteration]


def iterations_evaluated(lines: Iterable[dict[str, Any]]) -> set[int]:
    """Return the iterations that have a line of an evaluation, which holds no learning rate."""
    return {line["iteration"] for line in lines if _is_evaluation(line)}


def _is_evaluation(line: dict[str, Any]) -> bool:
    return "lr" not in line


def evaluation_at(folder: Path, iteration: int) -> dict[str, float]:
    """Return the metrics of the last evaluation of an iteration, those with a value; empty if there is none."""
    found: dict[str, float] = {}
    for line in read_metrics(folder):
        if line["iteration"] == iteration and _is_evaluation(line):
            found.update({name: value for name, value in line.items() if is_finite_number(value)})
    found.pop("iteration", None)
    return found


def _object(line: bytes) -> dict[str, Any] | None:
    """Return the object of a line, None if it is none or has no iteration."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and type(found.get("iteration")) is int else None
