"""Checks that all readers share: are boxes plausible, are class ids known. Sizes in shapes: n rows of a file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alphaction.data.annotations.annotation_table import NO_CLASS
from alphaction.data.annotations.label_map import LabelMap
from alphaction.data.formats.box_spelling import beyond_fraction, reversed_corners
from alphaction.data.formats.file_content import RowSource

_SECOND_LIMIT = 2**31 - 1


@dataclass(frozen=True)
class BoxRules:
    """How far boxes may be off before the file is taken for wrong.

    Attributes:
        overhang: how far a box may reach beyond the frame, as a fraction of it; it is clipped and counted.
        empty_share: share of boxes without width or height (after clipping) that is left out and counted; more is
            an error, as it tells of a misread format.
    """

    overhang: float
    empty_share: float


ANNOTATION_RULES = BoxRules(overhang=0.05, empty_share=0.001)
DETECTION_RULES = BoxRules(overhang=0.25, empty_share=0.05)  # detectors seldom clip what they report


def check_corners(rows: RowSource, boxes: np.ndarray) -> None:
    """Refuse csv boxes, float [n, 4], that are in pixels or not corner pairs."""
    names = ("x1", "y1", "x2", "y2")

    def outside(row: int) -> str:
        column = int(np.argmax(boxes[row]))
        return (
            f"{names[column]} = {boxes[row, column]:g} looks like pixels: coordinates are fractions of the frame "
            "(0 to 1). Divide x by the frame's width and y by its height."
        )

    rows.reject(beyond_fraction(boxes), outside)

    def ends_early(row: int) -> str:
        axis = "x" if boxes[row, 2] < boxes[row, 0] else "y"
        low, high = boxes[row, (0, 2)] if axis == "x" else boxes[row, (1, 3)]
        return (
            f"{axis}2 = {high:g} is less than {axis}1 = {low:g}. Looks like x, y, width, height? Write corners: "
            "x2 = x1 + width, y2 = y1 + height."
        )

    rows.reject(reversed_corners(boxes), ends_early)


def clip_boxes(
    rows: RowSource, boxes: np.ndarray, rules: BoxRules, hint: str, counts: dict[str, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Clip boxes, float64 [n, 4] normalized corners, to the frame.

    Args:
        hint: the likely reasons and remedies for a box that lies far outside.
        counts: receives the numbers of clipped and left-out boxes.

    Returns:
        the clipped boxes [n, 4], and which, bool [n], have an area; the others are to be left out.

    Raises:
        UserError: a box reaches further beyond the frame than ``rules`` allow, or too many have no area.
    """
    low, high = boxes.min(axis=1, initial=0.0), boxes.max(axis=1, initial=1.0)

    def far_outside(row: int) -> str:
        listed = ", ".join(f"{value:.4g}" for value in boxes[row])
        return f"the box (x1, y1, x2, y2 as fractions of the frame: {listed}) lies outside the frame. {hint}"

    rows.reject((low < -rules.overhang) | (high > 1 + rules.overhang), far_outside)
    clipped = np.clip(boxes, 0.0, 1.0) + 0.0  # + 0.0 turns -0.0, which sorts differently, into 0.0
    counts["boxes clipped to the frame"] = int((clipped != boxes).any(axis=1).sum())
    solid = (clipped[:, 2:] > clipped[:, :2]).all(axis=1)
    empty = int((~solid).sum())
    if empty > rules.empty_share * len(boxes):

        def no_area(row: int) -> str:
            listed = ", ".join(f"{value:.4g}" for value in boxes[row])
            return (
                f"the box ({listed}) has no width or no height inside the frame. Expected x2 > x1 and y2 > y1. "
                "Looks like x, y, width, height? Correct or remove the row."
            )

        rows.reject(~solid, no_area)
    counts["boxes without area left out"] = empty
    return clipped, solid


def check_seconds(rows: RowSource, seconds: np.ndarray) -> None:
    """Refuse seconds, int64 [n], that are negative, or in milliseconds throughout."""
    rows.reject(
        seconds < 0, lambda row: f"second {seconds[row]} is negative. Count seconds from the start of the video, at 0."
    )
    rows.reject(seconds > _SECOND_LIMIT, lambda row: f"second {seconds[row]} is too large to be a second.")
    if len(seconds) and seconds.max() >= 100_000 and not (seconds % 1000).any() and len(np.unique(seconds)) > 2:
        rows.reject(
            seconds >= 100_000,
            lambda row: (
                f"second {seconds[row]}, and every other one is a multiple of 1000: milliseconds? Divide by 1000."
            ),
        )


def check_class_ids(
    rows: RowSource, class_ids: np.ndarray, label_map: LabelMap, skip_unknown: bool, counts: dict[str, int]
) -> np.ndarray:
    """Return class ids, int64 [n], with unknown ones turned to ``NO_CLASS`` and counted if ``skip_unknown``.

    Raises:
        UserError: an id is unknown and ``skip_unknown`` is False.
    """
    unknown = ~np.isin(class_ids, label_map.ids) & (class_ids != NO_CLASS)
    if not unknown.any():
        return class_ids
    if skip_unknown:
        counts["labels outside the label map left out"] = int(unknown.sum())
        return np.where(unknown, NO_CLASS, class_ids)
    used = np.unique(class_ids[class_ids != NO_CLASS])
    zero_based = used[0] == 0 and 0 not in label_map and np.isin(used + 1, label_map.ids).all()
    hint = " The file's ids start at 0: add 1 to each?" if zero_based else ""

    def problem(row: int) -> str:
        return (
            f"class id {class_ids[row]} is not in {label_map.source}. "
            f"{label_map.nearest_ids(int(class_ids[row]))}{hint} Correct the id or add the class to the label map."
        )

    rows.reject(unknown, problem)
    raise AssertionError("unreachable: some id is unknown")


def check_scores(rows: RowSource, scores: np.ndarray) -> None:
    """Refuse scores, float [n], outside 0 to 1."""

    def problem(row: int) -> str:
        if scores.max() > 1 and not (scores % 1).any():
            hint = "Whole numbers: class ids of an annotation file? A score is how sure the detector is."
        elif 1 < scores.max() <= 100 and scores.min() >= 0:
            hint = "Percent? Divide by 100."
        else:
            hint = "Logits? Apply a sigmoid or softmax."
        return f"score {scores[row]:g} is not in 0 to 1. {hint}"

    rows.reject((scores < 0) | (scores > 1), problem)
