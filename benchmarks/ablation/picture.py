"""A picture of the world: the same seconds of two videos that look alike and do the opposite."""

from __future__ import annotations

import csv
from pathlib import Path

from alphaction.data.video.whole_movies import MovieSource
from alphaction.toy.writer import FOLDERS, split_files
from alphaction.utils.drawing import contact_sheet, write_png
from benchmarks.ablation.dataset import StudyData

VIDEOS = ("val_000", "val_001")
SECONDS = (2, 5)
SCALE = 3


def draw_world(data: StudyData, path: Path) -> None:
    """Write a PNG: a row for each of two videos, a column for each of two seconds, titled with the left one's classes.

    Args:
        data: the dataset, whose files are read.
        path: the file.

    Raises:
        UserError: a video is missing or damaged.
    """
    source = MovieSource(data.folder / FOLDERS[0])
    frames, titles = [], []
    for video in VIDEOS:
        for second in SECONDS:
            frame = source.read(video, second, [0], 0.0)[0]
            frames.append(frame.repeat(SCALE, axis=0).repeat(SCALE, axis=1))
            titles.append(", ".join(classes_of_left(data, video, second)))
    write_png(path, contact_sheet(frames, len(SECONDS), titles))


def classes_of_left(data: StudyData, video: str, second: int) -> list[str]:
    """Return the classes of the person on the left in the validation split."""
    names = list(data.kinds)
    path = data.folder / split_files("val")["annotations"]
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file) if row[0] == video and int(row[1]) == second]
    left = min(float(row[2]) for row in rows)
    return [names[int(row[6]) - 1] for row in rows if float(row[2]) == left]
