"""How the boxes of a csv or COCO-like file are written: corners or sizes, pixels or fractions. Shapes: n rows."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np

from alphaction.data.annotations.checks import ANNOTATION_RULES, looks_like_pixels
from alphaction.data.formats.box_spelling import BOX_FORMATS, to_corners
from alphaction.data.formats.files import RowSource

logger = logging.getLogger(__name__)

_COLUMNS = {"xyxy": "x1, y1, x2, y2", "xywh": "x, y, width, height", "cxcywh": "center x, center y, width, height"}


def unit_corners(
    rows: RowSource,
    values: np.ndarray,
    frame_sizes: Callable[[], np.ndarray],
    *,
    default: str,
    box_format: str,
    normalized: str,
    counts: dict[str, int],
    notes: list[str],
    told_by: str = "--box-format",
) -> np.ndarray:
    """Return boxes as x1, y1, x2, y2 in fractions of the frame, float64 [n, 4].

    ``auto`` decides on proof only. Boxes are in pixels if any value of the file is above 2, else fractions. They are
    written as ``default`` unless a row contradicts it: corners in the wrong order, or, where ``default`` is xywh, a box
    that leaves the frame by more than a twentieth. Then the one other format that fits every row is taken, if there is
    just one; else the first contradicting row is an error. What was decided is added to ``counts`` and ``notes``, and
    logged.

    Args:
        values: float64 [n, 4] as written.
        frame_sizes: gives (width, height) of each row's frame in pixels, [n, 2]; only called for pixel boxes.
        default: the format's own convention, one of ``BOX_FORMATS``.
        box_format: ``auto`` or one of ``BOX_FORMATS``.
        normalized: ``auto``, ``yes`` or ``no``.
        told_by: who says ``box_format``, for messages.

    Raises:
        UserError: names the row that contradicts the options, or that ``auto`` cannot decide.
    """
    pixels = looks_like_pixels(values) if normalized == "auto" else normalized == "no"
    if normalized == "yes":
        rows.reject(
            (values > 2).any(axis=1),
            lambda row: f"{_listed(values[row])}: {values[row].max():g} is no fraction of the frame. --normalized no?",
        )
    unit = values
    if pixels:
        sizes = frame_sizes().astype(np.float64)
        rows.reject((sizes <= 0).any(axis=1), lambda row: "the size of the frame is not known.")
        unit = values / np.concatenate([sizes, sizes], axis=1)
    counts["boxes in pixels"] = len(values) if pixels else 0
    form = box_format if box_format != "auto" else _decide(rows, values, unit, default, counts)
    if len(values):
        why = f", as {told_by} says" if box_format != "auto" else ""
        notes.append(f"boxes are read as {_COLUMNS[form]} in {'pixels' if pixels else 'fractions of the frame'}{why}")
    corners = to_corners(unit, form)
    rows.reject(
        (corners[:, 2:] < corners[:, :2]).any(axis=1),
        lambda row: (
            f"{_listed(values[row])} cannot be {_COLUMNS[form]}: "
            f"{'x2 < x1 or y2 < y1' if form == 'xyxy' else 'a size is negative'}. Correct the row, or "
            f"{told_by}."
        ),
    )
    return corners


def _decide(rows: RowSource, values: np.ndarray, unit: np.ndarray, default: str, counts: dict[str, int]) -> str:
    """Return the format that the rows prove; see :func:`unit_corners`."""
    wrong = ~_ordered(to_corners(unit, default))
    if default != "xyxy":
        wrong |= ~_inside(to_corners(unit, default))
    if not wrong.any():
        return default
    others = [form for form in BOX_FORMATS if form != default]
    fitting = [form for form in others if (_ordered(c := to_corners(unit, form)) & _inside(c)).all()]
    if len(fitting) == 1:
        counts[f"boxes read as {fitting[0]}, as {default} is impossible for some"] = len(values)
        row = int(np.argmax(wrong))
        logger.warning(
            "%s: boxes are read as %s (%s): as %s, %s would be impossible in %s",
            rows.path, fitting[0], _COLUMNS[fitting[0]], default, _listed(values[row]), rows.place(row),
        )  # fmt: skip
        return fitting[0]
    reason = "Both " + " and ".join(fitting) + " are possible" if fitting else "No other format fits all rows either"
    rows.reject(
        wrong,
        lambda row: (
            f"{_listed(values[row])} cannot be {_COLUMNS[default]} "
            f"({'x2 < x1 or y2 < y1' if default == 'xyxy' else 'it leaves the frame'}). {reason}: say which with "
            "--box-format xyxy, xywh or cxcywh (and --normalized yes or no), or correct the row."
        ),
    )
    raise AssertionError("unreachable: some row is wrong")


def _ordered(corners: np.ndarray) -> np.ndarray:
    return (corners[:, 2:] >= corners[:, :2]).all(axis=1)


def _inside(corners: np.ndarray) -> np.ndarray:
    reach = ANNOTATION_RULES.overhang
    return (corners >= -reach).all(axis=1) & (corners <= 1 + reach).all(axis=1)


def _listed(box: np.ndarray) -> str:
    return "the box " + ", ".join(f"{value:g}" for value in box)
