"""The result of an evaluation as a text table and as JSON."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from alphaction.evaluation.result import AvaResult, Intervals
from alphaction.utils.atomic import write_text_atomically
from alphaction.utils.messages import counted

_WIDTH = 120
_USUAL_GROUP = len("ungrouped")


def format_report(result: AvaResult) -> str:
    """Return the result as text: AP of each class with its number of labels, mAP of each group and overall, hints."""
    lines = [*_class_table(result), "", *_without_ground_truth(result), *_summary(result)]
    if result.hints:
        lines += [
            "",
            *(textwrap.fill(hint, _WIDTH, initial_indent="- ", subsequent_indent="  ") for hint in result.hints),
        ]
    return "\n".join(lines)


def result_to_dict(result: AvaResult) -> dict[str, Any]:
    """Return the result as plain types for JSON; NaN becomes None (``null``), as JSON has no NaN."""
    return without_nan(asdict(result) | {"box_recall": result.counts.box_recall})


def write_json(path: str | Path, result: AvaResult) -> None:
    """Write :func:`result_to_dict` to ``path``; its folder is created if needed."""
    write_text_atomically(path, json.dumps(result_to_dict(result), indent=1, allow_nan=False) + "\n")


def _class_table(result: AvaResult) -> Iterator[str]:
    names = [name for name in result.per_class if name not in result.classes_without_ground_truth]
    width, group_width = max([len("class"), *map(len, names)]), _group_width(result)
    yield f"{'class':{width}}  {'group':{group_width}}  {'labels':>6}      AP"
    for name in names:
        count, ap = result.ground_truth[name], result.per_class[name]
        yield f"{name:{width}}  {result.class_groups[name]:{group_width}}  {count:6d}  {ap:6.4f}"


def _group_width(result: AvaResult) -> int:
    return max([_USUAL_GROUP, *map(len, result.class_groups.values())])


def _without_ground_truth(result: AvaResult) -> Iterator[str]:
    names = result.classes_without_ground_truth
    if names:
        yield textwrap.fill(f"Without ground truth, left out of the mean ({len(names)}): {'; '.join(names)}", _WIDTH)
        yield ""


def _summary(result: AvaResult) -> Iterator[str]:
    counts = result.counts
    detections = _with_extent(
        counted(counts.detections, "detection"), counts.detection_boxes, counts.detection_keyframes
    )
    labels = _with_extent(counted(counts.ground_truth_labels, "label"), counts.ground_truth_boxes, counts.keyframes)
    yield f"{detections} against {labels}; {counts.box_recall:.1%} of the ground-truth boxes found"
    width = _group_width(result)
    for group, value in result.per_group.items() if len(result.per_group) > 1 else ():
        members = [name for name, own in result.class_groups.items() if own == group]
        averaged = sum(name not in result.classes_without_ground_truth for name in members)
        yield (
            f"mAP {group:{width}}  {value:6.4f}  (mean of {counted(averaged, 'class', 'classes')})"
            if averaged
            else f"mAP {group:{width}}  no ground truth"
        )
    mark = "  OPTIMISTIC: on ground-truth boxes" if result.optimistic else ""
    averaged = counted(len(result.per_class) - len(result.classes_without_ground_truth), "class", "classes")
    yield f"mAP at IoU {result.iou_threshold:g}  {result.mAP:6.4f}  (mean of {averaged}){mark}"
    if result.intervals is not None:
        yield interval_line(result.intervals)


def interval_line(intervals: Intervals) -> str:
    """Return the interval of the mAP as a sentence, and what it is worth."""
    if intervals.mAP is None:
        return "no interval of the mAP: all is in one video, and what other videos would give cannot be told"
    low, high = intervals.mAP
    doubt = "" if intervals.reliable else ": too few to rely on it"
    over = counted(intervals.videos, "video")
    return f"{intervals.level:.0%} interval of the mAP  {low:.4f} to {high:.4f}  (bootstrap over {over}{doubt})"


def _with_extent(what: str, boxes: int, keyframes: int) -> str:
    return f"{what} ({counted(boxes, 'box', 'boxes')}, {counted(keyframes, 'keyframe')})"


def without_nan(value: Any) -> Any:
    """Return plain values with None in place of NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {key: without_nan(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(entry) for entry in value]
    return None if isinstance(value, float) and math.isnan(value) else value
