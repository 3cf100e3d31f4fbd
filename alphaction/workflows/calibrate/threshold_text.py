"""Thresholds as text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from alphaction.checkpoint import Thresholds
from alphaction.engine.pictures import MIN_SCORE
from alphaction.evaluation.thresholds import Measured
from alphaction.utils.messages import text_table
from alphaction.workflows.calibrate.calibrate import Calibration

_FROM = {True: "own", False: "all classes"}


def stored_lines(weights: Path, held: Thresholds | None) -> list[str]:
    """Return what a checkpoint holds."""
    if held is None:
        return [f"{weights} has no thresholds. Choose some: python tools/calibrate.py --weights {quote(str(weights))}"]
    rows: list[Sequence[object]] = [("class", "labels", "chosen on", "threshold")]
    rows += [
        (name, labels, _FROM[own], f"{value:.4f}")
        for name, labels, own, value in zip(held.names, held.labels, held.own, held.values, strict=True)
    ]
    at = "" if held.iteration is None else f", iteration {held.iteration}"
    return [*text_table(rows), "", f"{weights}{at}: thresholds chosen for {held}"]


def calibration_lines(done: Calibration) -> list[str]:
    """Return what was chosen, what it gives, and what was written."""
    rows: list[Sequence[object]] = [("class", "labels", "chosen on", "threshold", "precision", "recall", "F1")]
    for each in done.choice.classes:
        measured = (each.point.precision, each.point.recall, each.point.f1) if each.labels else ()
        shown = [f"{value:.3f}" for value in measured] or ["-", "-", "-"]
        rows.append((each.name, each.labels, _FROM[each.own], f"{each.point.threshold:.4f}", *shown))
    return [
        *text_table(rows),
        "",
        *done.notes,
        *_measured(f"On {done.stored.dataset}, which they were chosen on", done.on_own),
        *(
            ["There are too few videos to measure them on videos that they were not chosen on."]
            if done.on_others is None
            else _measured("On videos that they were not chosen on (one half chose for the other)", done.on_others)
        ),
        f"Stored in {done.weights}, chosen for {done.stored}. predict_video.py uses them with MODEL.WEIGHT "
        f"{quote(str(done.weights))}, unless --min-score is given.",
    ]


def _measured(where: str, measured: tuple[Measured, Measured]) -> list[str]:
    own, fixed = (
        f"mean F1 {each.f1:.3f} (precision {each.precision:.3f}, recall {each.recall:.3f})" for each in measured
    )
    return [f"{where}: {own}; with {MIN_SCORE:g} for all classes: {fixed}."]
