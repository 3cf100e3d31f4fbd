"""AVA's csv files: annotations, excluded timestamps, and boxes with scores.

Annotation rows are ``video, second, x1, y1, x2, y2, class id[, person id]`` and box rows are
``video, second, x1, y1, x2, y2, score``, in this order unless a header names another; coordinates are corners as
fractions of the frame.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from alphaction.data.annotations.checks import (
    ANNOTATION_RULES,
    DETECTION_RULES,
    check_class_ids,
    check_corners,
    check_scores,
    check_seconds,
    clip_boxes,
)
from alphaction.data.annotations.keyframes import KeyframeIndex
from alphaction.data.annotations.label_map import LabelMap
from alphaction.data.annotations.table import NO_CLASS, AnnotationTable, BoxTable, merge_rows
from alphaction.data.formats.csv_columns import SECOND, VIDEO, Column
from alphaction.data.formats.csv_file import CsvData, read_csv
from alphaction.data.formats.files import open_for_writing, read_text
from alphaction.data.sample import Keyframe
from alphaction.utils.errors import UserError

_CORNERS = ("x1", "y1", "x2", "y2")
_OUTSIDE = "Expected 0 <= x1 < x2 <= 1 and 0 <= y1 < y2 <= 1; clip the box to the frame, or correct the row."


def parse_ava_csv(path: Path, text: str, label_map: LabelMap, skip_unknown_classes: bool = False) -> AnnotationTable:
    """Parse annotation rows; see :func:`alphaction.data.annotations.read_annotations`.

    An empty class id (or -1) is a box without an action; a row with neither coordinates nor class id is a keyframe
    without boxes. Rows of one box (same video, second, coordinates and person id) are merged.
    """

    def class_hint(cell: str) -> str:
        if cell in label_map.names:
            return f"It is the name of class {label_map.find(cell).id}: write the id."
        return "A class id was expected here; is this a box csv, whose last column is a score?"

    corners = [Column(name, float, absent=np.nan) for name in _CORNERS]
    labeled = [VIDEO, SECOND, *corners, Column("class id", int, absent=NO_CLASS, hint=class_hint)]
    layouts = {7: labeled, 8: [*labeled, Column("person id", int, absent=-1)]}
    data = read_csv(path, "annotations", text, layouts)
    rows, values = data.rows, data.values
    class_ids = values["class id"]
    if not len(class_ids):
        raise UserError(f"annotations: {path} has no rows. A split needs at least one keyframe; check the path.")
    check_seconds(rows, values["second"])
    boxes = np.stack([values[name] for name in _CORNERS], axis=1)
    missing = np.isnan(boxes)
    has_box = ~missing.all(axis=1)
    rows.reject(
        missing.any(axis=1) & (has_box | (class_ids != NO_CLASS)),
        lambda row: f"{_CORNERS[int(np.argmax(missing[row]))]} is empty. Fill in all four coordinates.",
    )
    boxes[~has_box] = (0.0, 0.0, 1.0, 1.0)  # passes the checks; such rows are left out below
    check_corners(rows, boxes)
    counts = {"rows": len(boxes), **data.counts()}
    boxes, solid = clip_boxes(rows, boxes, ANNOTATION_RULES, _OUTSIDE, counts)
    class_ids = check_class_ids(rows, class_ids, label_map, skip_unknown_classes, counts)
    person_ids = np.maximum(values.get("person id", np.full(len(boxes), -1, dtype=np.int64)), -1)
    keyframes, position = KeyframeIndex.from_rows(data.names, values["video"], values["second"])
    use = has_box & solid
    return merge_rows(
        keyframes, position[use], boxes[use], class_ids[use], person_ids[use], source=str(path), counts=counts
    )


def read_exclusions(path: str | Path) -> set[Keyframe]:
    """Read excluded timestamps: csv rows ``video, second``. An empty file excludes nothing (AVA's train file).

    Raises:
        UserError: names file and line of a wrong row.
    """
    path = Path(path)
    what = "excluded timestamps"
    data = read_csv(path, what, read_text(path, what), {2: [VIDEO, SECOND]})
    check_seconds(data.rows, data.values["second"])
    codes, seconds = data.values["video"].tolist(), data.values["second"].tolist()
    return {Keyframe(data.names[code], second) for code, second in zip(codes, seconds, strict=True)}


def parse_box_csv(path: Path, text: str, may_be_empty: bool = False) -> BoxTable:
    """Parse box rows; see :func:`alphaction.data.annotations.read_boxes`.

    Eight columns are accepted where the 7th (AVA's class id) is empty throughout and the 8th is the score; with class
    ids, the 8th may be an action's score or a person id, so that file is refused.
    """
    corners = [Column(name, float) for name in _CORNERS]
    score = Column("score", float)
    layouts = {
        7: [VIDEO, SECOND, *corners, score],
        8: [VIDEO, SECOND, *corners, Column("class id", int, absent=NO_CLASS), score],
    }
    data: CsvData = read_csv(path, "boxes", text, layouts)
    rows, values = data.rows, data.values
    scores = values["score"]
    if not len(scores) and not may_be_empty:
        raise UserError(f"boxes: {path} has no rows. Check the path, or leave this file out of the dataset.")
    if "class id" in values:
        rows.reject(
            values["class id"] != NO_CLASS,
            lambda row: (
                f"8 columns with class id {values['class id'][row]} in the 7th: AVA annotations or action "
                "results, not boxes. A box row is video, second, x1, y1, x2, y2, score."
            ),
        )
    check_seconds(rows, values["second"])
    boxes = np.stack([values[name] for name in _CORNERS], axis=1)
    check_corners(rows, boxes)
    check_scores(rows, scores)
    counts = {"rows": len(boxes), **data.counts()}
    boxes, use = clip_boxes(rows, boxes, DETECTION_RULES, _OUTSIDE, counts)
    keyframes, position = KeyframeIndex.from_rows(data.names, values["video"][use], values["second"][use])
    return BoxTable.from_positions(keyframes, position, boxes[use], scores[use], str(path), counts)


def write_ava_csv(path: str | Path, table: AnnotationTable) -> None:
    """Write annotations as AVA csv (gzip if the name ends in .gz); :func:`read_annotations` reads the same table back.

    One row per label; a box without action has an empty class id, a keyframe without boxes empty coordinates. There is
    a person id column if any person id is known. Coordinates are written in full precision.
    """
    with_persons = bool((table.person_ids >= 0).any())
    boxes, persons = table.boxes.tolist(), table.person_ids.tolist()
    with open_for_writing(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        for k, (video, second) in enumerate(table.keyframes):
            rows = range(*table.rows(k).indices(len(table)))
            if not rows:
                writer.writerow([video, f"{second:04d}", *[""] * (6 if with_persons else 5)])
            for row in rows:
                person = [persons[row] if persons[row] >= 0 else ""] if with_persons else []
                for class_id in table.labels(row).tolist() or [""]:
                    writer.writerow([video, f"{second:04d}", *boxes[row], class_id, *person])


def write_box_csv(path: str | Path, table: BoxTable) -> None:
    """Write boxes as csv rows ``video, second, x1, y1, x2, y2, score`` (gzip if the name ends in .gz)."""
    boxes = table.boxes.tolist()
    with open_for_writing(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        for k, (video, second) in enumerate(table.keyframes):
            for row in range(*table.rows(k).indices(len(table))):
                writer.writerow([video, f"{second:04d}", *boxes[row], str(table.scores[row])])
