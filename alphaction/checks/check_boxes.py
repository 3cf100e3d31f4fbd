"""Checks of the annotated boxes of one split: duplicates, misread coordinates, size. Sizes in shapes: R boxes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from alphaction.checks.check_person_height import resized_sides
from alphaction.checks.check_settings import CheckSettings
from alphaction.checks.findings import Finding, percent, share_level
from alphaction.data.annotations import AnnotationTable, BoxTable
from alphaction.data.row_places import place, repeated_rows
from alphaction.data.tables import DatasetTables
from alphaction.evaluation.average_precision import GroundTruth, find_overlaps
from alphaction.utils.messages import counted

SAME_BOX_IOU = 0.95
"""Two boxes that overlap this much show the same person; two different people never do."""

_TOLERATED = 0.001  # share of repeated rows and boxes that does no harm (AVA's own files have a few)
_MANY_TINY = 0.2
_FEW_BOXES = 20  # statistics of fewer boxes mean nothing
_MANY_FULL = 0.2
_ALL_TINY = 0.02


def check_boxes(split: DatasetTables) -> Iterator[Finding]:
    """Yield problems of the boxes themselves: repeated rows, duplicates, coordinates with another meaning."""
    if len(split.annotations):
        yield from _repeated(split)
        yield from _duplicates(split)
        yield from _coordinates(split.annotations, split.name)
    if split.person_boxes is not None:
        yield from _coordinates(split.person_boxes, split.name)


def check_box_sizes(
    split: DatasetTables, settings: CheckSettings, frame_sizes: dict[str, tuple[int, int]]
) -> Iterator[Finding]:
    """Yield boxes that are too small for the size of the input.

    Args:
        split: the split.
        settings: sizes to which frames are resized.
        frame_sizes: video -> (width, height).
    """
    resize, cell = settings.resize_rule(split.training), settings.cell
    sides = resized_sides(split, settings, frame_sizes)
    known = np.isfinite(sides).all(axis=1)
    if not known.any():
        return
    key = "INPUT.MIN_SIZE_TRAIN" if split.training else "INPUT.MIN_SIZE_TEST"
    long_side, short_side = sides[known].max(axis=1), sides[known].min(axis=1)
    tiny, narrow = int((long_side < cell).sum()), int((short_side < cell).sum())
    total = int(known.sum())
    median = float(np.median(short_side))
    wanted = int(np.ceil(resize.min_size * cell / max(median, 1e-9) / 32) * 32)
    limit = round(wanted * resize.max_size / resize.min_size / 32) * 32
    advice = f"{key} {wanted} and {key.replace('MIN', 'MAX')} {limit} would make the median box one cell wide"
    grave = tiny > _MANY_TINY * total or median < cell
    if grave or (settings.chosen and (narrow > _MANY_TINY * total or tiny > _TOLERATED * total)):
        yield Finding(
            settings.level("warning", "note") if grave else "note",
            "small boxes",
            f"{split.annotations.source}: at {key} {resize.min_size} (long side at most {resize.max_size}), {narrow} "
            f"of {counted(total, 'box', 'boxes')} ({percent(narrow, total)}) are narrower than {cell} "
            f"pixels, one cell of the feature map; {tiny} are smaller than that in both directions. The median short "
            f"side is {median:.0f} "
            "pixels. " + (f"{advice}." if median < cell else "Use larger frames if these people matter."),
            split.name,
        )


def same_boxes(split: DatasetTables) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of boxes of one keyframe that nearly coincide: rows int64 [P] and later rows int64 [P]."""
    keyframe = split.annotations.keyframe_of_box()
    none = np.zeros(0, dtype=np.int64)
    boxes = split.annotations.boxes
    pairs = find_overlaps(GroundTruth(keyframe, boxes, none, none), keyframe, boxes, SAME_BOX_IOU)
    later = pairs.detection < pairs.ground_truth
    return pairs.detection[later], pairs.ground_truth[later]


def _repeated(split: DatasetTables) -> Iterator[Finding]:
    """Yield rows that appear in the file twice. The reader merges them; other tools count them twice."""
    table = split.annotations
    count = table.counts.get("repeated labels of one box", 0)
    if not count:
        return
    lines = repeated_rows(table.source)
    first = f", line {lines[0][0]} repeats line {lines[0][1]}" if lines else ""
    rows = len(lines) or count
    yield Finding(
        share_level(count, max(table.num_labels, 1), _TOLERATED),
        "duplicates",
        f"{table.source}{first}: {counted(rows, 'row')} of the file {'appears' if rows == 1 else 'appear'} twice. They "
        "are counted once here, but other tools count them twice: remove the repetitions (was a part of the file "
        "written twice, or were two files joined?).",
        split.name,
    )


def _duplicates(split: DatasetTables) -> Iterator[Finding]:
    table = split.annotations
    first, second = same_boxes(split)
    if not len(first):
        return
    row, other = int(first[0]), int(second[0])
    keyframe = int(split.annotations.keyframe_of_box()[row])
    exact = bool((table.boxes[row] == table.boxes[other]).all())
    affected = len(np.unique(second))
    how = "has the same coordinates as" if exact else f"overlaps by more than {SAME_BOX_IOU:.0%} with"
    ids = table.person_ids[[row, other]].tolist()
    persons = f" (person ids {ids[0]} and {ids[1]})" if min(ids) >= 0 else ""
    yield Finding(
        share_level(affected, len(table), _TOLERATED),
        "duplicates",
        f"{place(table, keyframe, other)}: this box {how} another box of its keyframe, {place(table, keyframe, row)}"
        f"{persons}. There {'is' if affected == 1 else 'are'} {counted(affected, 'such duplicate')} in all. One person "
        "needs one box: give the rows of one person the same coordinates and person id, so that they become one box "
        "with several labels, or remove the duplicates.",
        split.name,
    )


def _coordinates(table: AnnotationTable | BoxTable, name: str) -> Iterator[Finding]:
    """Yield suspicious statistics of the coordinates; check_detections compares them with detections."""
    boxes = table.boxes
    if len(boxes) < _FEW_BOXES:
        return
    largest = float(boxes.max())
    if largest < _ALL_TINY:
        yield Finding(
            "error",
            "coordinates",
            f"{place(table, 0, 0)}: the largest coordinate of {counted(len(boxes), 'box', 'boxes')} is "
            f"{largest:.4g}. Were pixels divided by the frame size twice? Expected fractions of the frame, 0 to 1.",
            name,
        )
        return
    if looks_like_sizes(boxes):
        a, b, c, d = boxes[0]
        yield Finding(
            "warning",
            "coordinates",
            f"{place(table, 0, 0)}: x1, y1, x2, y2 = {a:.3g}, {b:.3g}, {c:.3g}, {d:.3g}. In all "
            f"{counted(len(boxes), 'row')} x1 + x2 <= 1 and y1 + y2 <= 1, and the third and fourth numbers vary less "
            "than their distance from the first two: these look like x, y, width, height. If so, write corners: x2 = "
            "x1 + width, y2 = y1 + height. (tools/visualize_dataset.py shows them; all boxes in the upper left "
            "quarter look the same here.)",
            name,
        )
    full = int(((boxes[:, 2:] - boxes[:, :2]) > 0.95).all(axis=1).sum())
    if full > _MANY_FULL * len(boxes):
        row = int(np.argmax(((boxes[:, 2:] - boxes[:, :2]) > 0.95).all(axis=1)))
        keyframe = int(table.keyframe_of_box()[row])
        yield Finding(
            "warning",
            "coordinates",
            f"{place(table, keyframe, row)}: this box covers the whole frame, as do {full} of {len(boxes)}. Are these "
            "placeholders? Boxes of persons are expected.",
            name,
        )


def looks_like_sizes(boxes: np.ndarray) -> bool:
    """Return whether valid corners, float [R, 4], are more likely x, y, width, height.

    A box and its size fit into the frame, so x + width <= 1 holds for each; real corners satisfy x1 + x2 <= 1 only left
    of the middle. And corners move together: x2 - x1 varies less than x2; a size does not depend on the position.
    """
    fits = (boxes[:, :2] + boxes[:, 2:] <= 1 + 1e-6).all()
    spread = boxes[:, 2:].var(axis=0) < (boxes[:, 2:] - boxes[:, :2]).var(axis=0)
    return bool(fits and spread.all())
