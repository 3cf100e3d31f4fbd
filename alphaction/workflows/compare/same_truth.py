"""Two runs can be compared only on the same labels of the same classes: the first difference, in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alphaction.data.annotations import AnnotationTable, LabelMap
from alphaction.data.keyframes import Keyframe, time_text
from alphaction.utils.errors import DataError
from alphaction.utils.messages import counted, listed
from alphaction.workflows.compare.run_results import RunResult

# Coordinates that differ by less are the same, written by two programs.
_ROUNDING = 1e-5


def require_same_truth(runs: Sequence[RunResult]) -> None:
    """Raise a :class:`DataError` with the files and the first difference unless all runs have one ground truth."""
    first = runs[0]
    for other in runs[1:]:
        before, after = first.truth, other.truth
        if before is after:
            continue
        if found := class_difference(before.counted, after.counted):
            _refuse(first, other, "classes", before.counted.source, after.counted.source, found)
        if found := label_difference(before.annotations, after.annotations):
            _refuse(first, other, "labels", before.annotations.source, after.annotations.source, found)


def _refuse(first: RunResult, other: RunResult, what: str, before: str, after: str, found: str) -> None:
    raise DataError(
        f"{first.path} and {other.path} are not evaluated on the same {what}, so that their figures cannot be "
        f"compared: {found}\n  the first:  {before}\n  the second: {after}\n"
        "Evaluate both on the same dataset (test_net.py --config-file CONFIG of each, with one DATASETS.TEST)."
    )


def class_difference(first: LabelMap, second: LabelMap) -> str:
    """Return how the classes that count differ, "" if they do not."""
    before = {entry.id: entry.name for entry in first.classes}
    after = {entry.id: entry.name for entry in second.classes}
    for class_id in sorted(before.keys() | after.keys()):
        names = before.get(class_id), after.get(class_id)
        if None in names:
            which = "first" if names[1] is None else "second"
            return f'only the {which} has a class {class_id}, "{names[0] or names[1]}".'
        if names[0] != names[1]:
            return f'class {class_id} is "{names[0]}" in the first and "{names[1]}" in the second.'
    return ""


def label_difference(first: AnnotationTable, second: AnnotationTable) -> str:
    """Return the first difference of two tables of labels, "" if there is none."""
    before, after = list(first.keyframes), list(second.keyframes)
    if before != after:
        return _keyframe_difference(before, after)
    for number, keyframe in enumerate(before):
        rows, others = first.rows(number), second.rows(number)
        place = f"{keyframe.video}, second {time_text(keyframe.second)}"
        counts = [rows.stop - rows.start, others.stop - others.start]
        if counts[0] != counts[1]:
            return f"{place} has {counted(counts[0], 'box', 'boxes')} in the first and {counts[1]} in the second."
        order, other_order = _order(first.boxes[rows]), _order(second.boxes[others])
        boxes, other_boxes = first.boxes[rows][order], second.boxes[others][other_order]
        if not np.allclose(boxes, other_boxes, rtol=0, atol=_ROUNDING):
            row = int(np.argmax(np.abs(boxes - other_boxes).max(axis=1) > _ROUNDING))
            return f"{place} has a box {_box(boxes[row])} in the first and {_box(other_boxes[row])} in the second."
        for row, other in zip((order + rows.start).tolist(), (other_order + others.start).tolist(), strict=True):
            labels, other_labels = first.labels(row).tolist(), second.labels(other).tolist()
            if labels != other_labels:
                return (
                    f"the box {_box(first.boxes[row])} at {place} has the classes {listed(labels) or 'none'} in the "
                    f"first and {listed(other_labels) or 'none'} in the second."
                )
    return ""


def _keyframe_difference(before: Sequence[Keyframe], after: Sequence[Keyframe]) -> str:
    videos, other_videos = {each.video for each in before}, {each.video for each in after}
    for which, only in (("first", videos - other_videos), ("second", other_videos - videos)):
        if only:
            return f"{counted(len(only), 'video is', 'videos are')} only in the {which} ({listed(sorted(only), 3)})."
    for which, only in (("first", set(before) - set(after)), ("second", set(after) - set(before))):
        if only:
            keyframe = min(only)
            return (
                f"{counted(len(only), 'keyframe is', 'keyframes are')} only in the {which}, {keyframe.video}, second "
                f"{time_text(keyframe.second)}, for one."
            )
    return "the keyframes are in another order."


def _order(boxes: np.ndarray) -> np.ndarray:
    """Return the positions of boxes [n, 4] in an order that does not depend on the file's."""
    return np.lexsort(np.round(boxes, 4).T)


def _box(box: np.ndarray) -> str:
    return f"({', '.join(f'{value:.3f}' for value in box.tolist())})"
