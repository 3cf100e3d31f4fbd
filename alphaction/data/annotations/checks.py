"""Checks that all readers share: are boxes plausible, are class ids known. Sizes in shapes: n rows of a file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alphaction.data.annotations.annotation_table import NO_CLASS
from alphaction.data.annotations.label_map import LabelMap
from alphaction.data.formats.box_spelling import beyond_fraction, reversed_corners
from alphaction.data.formats.file_content import RowSource
from alphaction.data.keyframes import exact_time

_SECOND_LIMIT = 2**31 - 1


CLIPPED = "boxes clipped to the frame"
OUTSIDE = "boxes wholly outside the frame left out"
NO_AREA = "boxes without area left out"
# A video with fewer boxes is judged together with the others of its kind.
_ENOUGH_BOXES = 3


@dataclass(frozen=True)
class BoxRules:
    """How far boxes may be off before the file is taken for wrong.

    Attributes:
        overhang: a box that reaches further beyond the frame than this fraction of it, or lies wholly outside, is far
            outside; any other that leaves the frame is clipped and counted.
        empty_share: share of boxes without width or height that is left out and counted; more is an error, as it tells
            of a misread format.
        far_share: share of the boxes of a video that may be far outside; what is inside the frame is kept and counted.
            More is an error: another video, size or unit.
    """

    overhang: float
    empty_share: float
    far_share: float = 0.0


ANNOTATION_RULES = BoxRules(overhang=0.05, empty_share=0.001)
DETECTION_RULES = BoxRules(overhang=0.25, empty_share=0.05, far_share=0.2)  # detectors seldom clip what they report
TABLE_RULES = BoxRules(overhang=0.05, empty_share=0.05, far_share=0.05)
"""Of csv that was written by hand or by a script, which easily has another unit."""
TOOL_RULES = BoxRules(overhang=0.25, empty_share=1.0, far_share=0.5)
"""Of annotation tools, whose units are known; a click leaves a box without an area."""


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
    rows: RowSource,
    boxes: np.ndarray,
    rules: BoxRules,
    hint: str,
    counts: dict[str, int],
    video_codes: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Clip boxes, float64 [n, 4] normalized corners, to the frame.

    Args:
        hint: the likely reasons and remedies for boxes that lie far outside.
        counts: receives the numbers of clipped and left-out boxes.
        video_codes: int64 [n], the video of each box; None: all are judged together.

    Returns:
        the clipped boxes [n, 4], and which, bool [n], have an area; the others are to be left out.

    Raises:
        UserError: more boxes are far outside the frame, or without an area, than ``rules`` allow.
    """
    clipped = np.clip(boxes, 0.0, 1.0) + 0.0  # + 0.0 turns -0.0, which sorts differently, into 0.0
    solid = (clipped[:, 2:] > clipped[:, :2]).all(axis=1)
    outside = ~solid & (boxes[:, 2:] > boxes[:, :2]).all(axis=1) & (rules.far_share > 0)
    _refuse_far(rows, boxes, outside, rules, hint, video_codes)
    empty = ~solid & ~outside
    if int(empty.sum()) > rules.empty_share * len(boxes):

        def no_area(row: int) -> str:
            return (
                f"the box ({_box_text(boxes[row])}) has no width or no height inside the frame. Expected x2 > x1 and "
                "y2 > y1. Looks like x, y, width, height? Correct or remove the row."
            )

        rows.reject(empty, no_area)
    counts[CLIPPED] = int((solid & (clipped != boxes).any(axis=1)).sum())
    counts[OUTSIDE] = int(outside.sum())
    counts[NO_AREA] = int(empty.sum())
    return clipped, solid


def _refuse_far(
    rows: RowSource, boxes: np.ndarray, outside: np.ndarray, rules: BoxRules, hint: str, video_codes: np.ndarray | None
) -> None:
    """Raise for the first box far outside the frame, where a video has more of them than ``rules`` allow.

    Args:
        boxes: float64 [n, 4]; outside: bool [n], which of them lie wholly outside.
    """
    far = (boxes < -rules.overhang).any(axis=1) | (boxes > 1 + rules.overhang).any(axis=1) | outside
    if not far.any():
        return
    groups = np.zeros(len(boxes), dtype=np.int64) if video_codes is None else video_codes
    small = np.bincount(groups) < _ENOUGH_BOXES
    groups = np.where(small[groups], len(small), groups)
    number, number_far = np.bincount(groups), np.bincount(groups, weights=far)
    refused = far & (number_far > rules.far_share * number)[groups]

    def far_outside(row: int) -> str:
        group = groups[row]
        where = "its video" if video_codes is not None and group < len(small) else "the file"
        share = f", as do {int(number_far[group])} of {int(number[group])} of {where}" if number_far[group] > 1 else ""
        return (
            f"the box (x1, y1, x2, y2 as fractions of the frame: {_box_text(boxes[row])}) lies outside the "
            f"frame{share}. {hint}"
        )

    rows.reject(refused, far_outside)


def _box_text(box: np.ndarray) -> str:
    return ", ".join(f"{value:.4g}" for value in box)


def check_seconds(rows: RowSource, seconds: np.ndarray) -> None:
    """Refuse times, [n] in seconds, that are negative, or in milliseconds throughout."""

    def second(row: int) -> str:
        return f"second {exact_time(seconds[row].item())}"

    rows.reject(seconds < 0, lambda row: f"{second(row)} is negative. Count seconds from the start of the video, at 0.")
    rows.reject(seconds > _SECOND_LIMIT, lambda row: f"{second(row)} is too large to be a second.")
    if len(seconds) and seconds.max() >= 100_000 and not (seconds % 1000).any() and len(np.unique(seconds)) > 2:
        rows.reject(
            seconds >= 100_000,
            lambda row: f"{second(row)}, and every other one is a multiple of 1000: milliseconds? Divide by 1000.",
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
