"""Tables -> AVA's csv files, which the readers read back unchanged."""

from __future__ import annotations

import csv
from pathlib import Path

from alphaction.data.annotations.annotation_table import AnnotationTable
from alphaction.data.annotations.box_table import BoxTable
from alphaction.data.formats.file_content import open_for_writing
from alphaction.data.keyframes import time_text


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
                writer.writerow([video, time_text(second), *[""] * (6 if with_persons else 5)])
            for row in rows:
                person = [persons[row] if persons[row] >= 0 else ""] if with_persons else []
                for class_id in table.labels(row).tolist() or [""]:
                    writer.writerow([video, time_text(second), *boxes[row], class_id, *person])


def write_box_csv(path: str | Path, table: BoxTable) -> None:
    """Write boxes as csv rows ``video, second, x1, y1, x2, y2, score`` (gzip if the name ends in .gz)."""
    boxes = table.boxes.tolist()
    with open_for_writing(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        for k, (video, second) in enumerate(table.keyframes):
            for row in range(*table.rows(k).indices(len(table))):
                writer.writerow([video, time_text(second), *boxes[row], str(table.scores[row])])
