"""The files that hold what was found in all videos of a command, each video's part after the other's."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from alphaction.evaluation.tubes.tube_file import BETWEEN, EVENT_COLUMNS, HEAD, TAIL
from alphaction.utils.atomic import replacing
from alphaction.workflows.predict.video_options import VideoOptions

if TYPE_CHECKING:
    from alphaction.workflows.predict.classified import Classified


@dataclass(frozen=True)
class Table:
    """A kind of file.

    Attributes:
        flag: that names it.
        part: name of the file with the part of one video, where those are kept.
        path: options -> the file, None if it is not wanted.
        write: writes the part of a video: its predictions, file, name of the video, lowest score (TEST.ACTION_THRESH).
        head, between, tail: what stands before, between and behind the parts.
    """

    flag: str
    part: str
    path: Callable[[VideoOptions], Path | None]
    write: Callable[[Classified, Path, str, float], None]
    head: str = ""
    between: str = ""
    tail: str = ""

    def join(self, path: Path, parts: Iterable[bytes]) -> None:
        """Write a file of parts; what ends in .gz is compressed."""
        with replacing(path) as part, part.open("wb") as file:
            zipped = gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) if path.suffix == ".gz" else None
            target = zipped or file
            target.write(self.head.encode())
            for number, content in enumerate(parts):
                target.write(self.between.encode() if number else b"")
                target.write(content)
            target.write(self.tail.encode())
            if zipped is not None:
                zipped.close()


SCORES = Table(
    "--csv",
    "scores.csv",
    lambda options: options.csv,
    lambda found, path, name, min_score: found.write_scores(path, name, min_score),
)
TRACKS = Table(
    "--tracks",
    "tracks.csv",
    lambda options: options.tracks,
    lambda found, path, name, min_score: found.write_tracks(path, name),
)
TUBES = Table(
    "--tubes",
    "tubes.json",
    lambda options: options.tubes,
    lambda found, path, name, min_score: found.write_tubes(path, name),
    HEAD,
    BETWEEN,
    TAIL,
)
EVENTS = Table(
    "--events",
    "events.csv",
    lambda options: options.events,
    lambda found, path, name, min_score: found.write_events(path, name),
    EVENT_COLUMNS,
)
TABLES = (SCORES, TRACKS, TUBES, EVENTS)


def tables_of(options: VideoOptions) -> dict[Table, Path]:
    """Return the files that are wanted."""
    return {table: path for table in TABLES if (path := table.path(options)) is not None}
