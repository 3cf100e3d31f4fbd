"""The ways in which files write a box as four numbers: corners or sizes, pixels or fractions. Shapes: n boxes."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np

from alphaction.data.formats.file_content import RowSource

logger = logging.getLogger(__name__)

BOX_FORMATS = ("xyxy", "xywh", "cxcywh")
BOX_FORMAT_CHOICES = ("auto", *BOX_FORMATS)
# Are boxes fractions of the frame (yes) or pixels (no)?
NORMALIZED_CHOICES = ("auto", "yes", "no")

_NUMBERS = {"xyxy": "x1, y1, x2, y2", "xywh": "x, y, width, height", "cxcywh": "center x, center y, width, height"}
PIXELS_ABOVE = 2.0  # a normalized coordinate is at most 1 and a little; a file with any value above this is in pixels
# Share of boxes that may leave the frame before another form is considered.
_FEW = 0.05
# Of fewer boxes, another form may fit all by chance; only one this far outside (a fraction of the frame) tells then.
_PROOF_ROWS = 20
_FAR_REACH = 0.25


def to_corners(values: np.ndarray, form: str) -> np.ndarray:
    """Return boxes as x1, y1, x2, y2 in the same unit, float64 [n, 4].

    Args:
        values: [n, 4] as written.
        form: "xyxy" (corners), "xywh" (corner and size) or "cxcywh" (center and size).
    """
    if form not in BOX_FORMATS:
        raise ValueError(f"form is {form!r}; expected {', '.join(BOX_FORMATS)}")
    values = values.astype(np.float64, copy=False)
    if form == "xyxy":
        return values
    start, size = values[:, :2], values[:, 2:]
    if form == "cxcywh":
        start = start - size / 2
    return np.concatenate([start, start + size], axis=1)


def stated_pixels(normalized: str) -> bool | None:
    """Return whether boxes are in pixels as one of ``NORMALIZED_CHOICES`` says; None: it leaves that to the values."""
    return {"auto": None, "yes": False, "no": True}[normalized]


def are_pixels(values: np.ndarray, stated: bool | None = None) -> bool:
    """Return whether boxes, [n, 4] as written, are in pixels, not fractions of the frame.

    Args:
        stated: what the format, the file or the user says; None: they are pixels if a value is above what a fraction
            can be.
    """
    return bool(beyond_fraction(values).any()) if stated is None else stated


def beyond_fraction(values: np.ndarray) -> np.ndarray:
    """Return which boxes, bool [n], of float [n, 4] have a value that is no fraction of the frame; NaN is none."""
    return (values > PIXELS_ABOVE).any(axis=1)


def reversed_corners(corners: np.ndarray) -> np.ndarray:
    """Return which boxes, bool [n], of float [n, 4] x1, y1, x2, y2 end before they begin."""
    return (corners[:, 2:] < corners[:, :2]).any(axis=1)


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
    reach: float,
    said_by: str = "--box-format",
) -> np.ndarray:
    """Return boxes as x1, y1, x2, y2 in fractions of the frame, float64 [n, 4].

    ``auto`` decides on proof only. Boxes are in pixels if any value of the file is above 2, else in fractions. They are
    written as ``default`` unless rows contradict it: corners in the wrong order, or, where ``default`` is xywh, boxes
    that leave the frame by more than ``reach`` (a few do so in the files of any tool). Then the one other format that
    fits every row is taken, if there is just one. Where none does, ``default`` stays if most rows are inside and no
    other format fits more of them; else the first contradicting row is an error. What was decided is added to
    ``counts`` and ``notes``, and logged.

    Args:
        values: float64 [n, 4] as written.
        frame_sizes: gives (width, height) of each row's frame in pixels, [n, 2]; only called for pixel boxes.
        default: the format's own convention, one of ``BOX_FORMATS``.
        box_format: ``auto`` or one of ``BOX_FORMATS``.
        normalized: ``auto``, ``yes`` or ``no``.
        reach: how far a box may leave the frame, as a fraction of it.
        said_by: who says ``box_format``, for messages.

    Raises:
        UserError: names the row that contradicts the options, or that ``auto`` cannot decide.
    """
    stated = stated_pixels(normalized)
    pixels = are_pixels(values, stated)
    if stated is False:
        rows.reject(
            beyond_fraction(values),
            lambda row: f"{_listed(values[row])}: {values[row].max():g} is no fraction of the frame. --normalized no?",
        )
    unit = values
    if pixels:
        sizes = frame_sizes().astype(np.float64)
        rows.reject((sizes <= 0).any(axis=1), lambda row: "the size of the frame is not known.")
        unit = values / np.concatenate([sizes, sizes], axis=1)
    counts["boxes in pixels"] = len(values) if pixels else 0
    form = box_format if box_format != "auto" else _decide(rows, values, unit, default, reach, counts)
    if len(values):
        why = f", as {said_by} says" if box_format != "auto" else ""
        notes.append(f"boxes are read as {_NUMBERS[form]} in {'pixels' if pixels else 'fractions of the frame'}{why}")
    corners = to_corners(unit, form)
    rows.reject(
        reversed_corners(corners),
        lambda row: (
            f"{_listed(values[row])} cannot be {_NUMBERS[form]}: "
            f"{'x2 < x1 or y2 < y1' if form == 'xyxy' else 'a size is negative'}. Correct the row, or "
            f"{said_by}."
        ),
    )
    return corners


def _decide(
    rows: RowSource, values: np.ndarray, unit: np.ndarray, default: str, reach: float, counts: dict[str, int]
) -> str:
    """Return the format that the rows prove; see :func:`unit_corners`."""
    wrong = reversed_corners(to_corners(unit, default))
    leaves_only = default != "xyxy" and not wrong.any()
    if default != "xyxy":
        wrong |= ~_inside(to_corners(unit, default), reach)
    if not wrong.any() or (leaves_only and wrong.mean() <= _FEW):
        return default
    fits = {
        form: ~reversed_corners(corners := to_corners(unit, form)) & _inside(corners, reach)
        for form in BOX_FORMATS
        if form != default
    }
    fitting = [form for form, rows_fit in fits.items() if rows_fit.all()]
    if leaves_only:
        best = wrong.mean() < 0.5 and not any(rows_fit.sum() > (~wrong).sum() for rows_fit in fits.values())
        by_chance = len(wrong) < _PROOF_ROWS and _inside(to_corners(unit, default), _FAR_REACH).all()
        if (not fitting and best) or (fitting and by_chance):
            return default
    if len(fitting) == 1:
        counts[f"boxes read as {fitting[0]}, as {default} is impossible for some"] = len(values)
        row = int(np.argmax(wrong))
        logger.warning(
            "%s: boxes are read as %s (%s): as %s, %s would be impossible in %s",
            rows.path, fitting[0], _NUMBERS[fitting[0]], default, _listed(values[row]), rows.place(row),
        )  # fmt: skip
        return fitting[0]
    reason = "Both " + " and ".join(fitting) + " are possible" if fitting else "No other format fits all rows either"
    rows.reject(
        wrong,
        lambda row: (
            f"{_listed(values[row])} cannot be {_NUMBERS[default]} "
            f"({'x2 < x1 or y2 < y1' if default == 'xyxy' else 'it leaves the frame'}). {reason}: say which with "
            "--box-format xyxy, xywh or cxcywh (and --normalized yes or no), or correct the row."
        ),
    )
    raise AssertionError("unreachable: some row is wrong")


def _inside(corners: np.ndarray, reach: float) -> np.ndarray:
    return (corners >= -reach).all(axis=1) & (corners <= 1 + reach).all(axis=1)


def _listed(box: np.ndarray) -> str:
    return "the box " + ", ".join(f"{value:g}" for value in box)
