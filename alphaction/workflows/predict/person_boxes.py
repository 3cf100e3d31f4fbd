"""Boxes of persons and objects at the moments of one video that are predicted: from a file, or from a detector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from alphaction.data.annotations import BoxTable, Sizes, read_boxes
from alphaction.data.annotations.box_table import distinct_boxes
from alphaction.data.formats.rows import NoBoxesError
from alphaction.data.moments import Moments
from alphaction.data.transforms import Size
from alphaction.data.video.names import VideoNames
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import counted, suggest
from alphaction.workflows.detect.detected_boxes import AS_PERSONS, DetectedBoxes

# Boxes of other videos are not used, so their frames may have any size.
_UNKNOWN_SIZE = (1_000_000, 1_000_000)
_BATCH = 4  # frames


class BoxFiles:
    """Files of boxes that are read for many videos: each once, unless what it says depends on the video's size."""

    def __init__(self) -> None:
        self._tables: dict[tuple[Path, bool], BoxTable | UserError] = {}

    def read(self, path: Path, sizes: Sizes, objects: bool) -> BoxTable:
        """Return what :func:`read_boxes` does, or raise what it raises."""
        known = self._tables.get((path, objects))
        if isinstance(known, UserError):
            raise known
        if known is not None:
            return known
        asked = False

        def tell(name: str) -> Size | None:
            nonlocal asked
            asked = True
            return sizes(name)

        try:
            table = read_boxes(path, sizes=tell, objects=objects)
        except UserError as error:
            if not asked:
                self._tables[path, objects] = error
            raise
        if not asked:
            self._tables[path, objects] = table
        return table


def boxes_from_file(
    path: Path,
    video: Path,
    seconds: Moments,
    size: Size,
    end: float,
    *,
    objects: bool = False,
    files: BoxFiles | None = None,
) -> tuple[BoxTable, str]:
    """Read the boxes of one video.

    Args:
        path: a file in any format of ``read_boxes``; boxes of other videos in it are ignored.
        video: the video; the file may name it with or without the suffix, or as annotation tools write names.
        seconds: boxes at other moments are ignored.
        size: (width, height) of the video's frames.
        end: length of the video in seconds.
        objects: whether these are boxes of objects, of which there may be none.
        files: what was read for the videos before.

    Returns:
        the boxes, under the full name of the video, and the name that the file gives it.

    Raises:
        UserError: if the file cannot be read, if several of its videos may be this one, or if it holds no box of this
            video before its end.
    """
    own_names = VideoNames((video.stem,), str(path))
    sizes = lambda name: size if own_names.find(name) else _UNKNOWN_SIZE  # noqa: E731
    table = (files or BoxFiles()).read(path, sizes, objects)
    return boxes_of_video(table, path, video, seconds, end, objects=objects)


def boxes_of_video(
    table: BoxTable, path: Path | str, video: Path, seconds: Moments, end: float, *, objects: bool = False
) -> tuple[BoxTable, str]:
    """Return the boxes of one video in a table of several, and its name there; see :func:`boxes_from_file`.

    Args:
        path: where the table is from, for messages.
    """
    own_names = VideoNames((video.stem,), str(path))
    keyframes = table.keyframes
    # An exact name is beyond doubt, whatever else the file holds.
    names = keyframes.videos[np.isin(keyframes.videos, [video.stem, video.name])].tolist()
    names = names or [name for name in keyframes.videos.tolist() if own_names.find(name)]
    if len(names) > 1 and not {*names} <= {video.stem, video.name}:
        raise DataError(f'{path}: {", ".join(names)} may all be "{video.name}". Write its name in the first column.')
    of_video = np.isin(keyframes.videos, names)
    if not of_video.any():
        if objects:
            get_logger().info('%s: no object of "%s"', path, video.stem)
            return _table(video, np.zeros(0, dtype=np.int64), np.zeros((0, 4)), np.zeros(0), path), video.stem
        raise NoBoxesError(
            f'{path}: no row names the video "{video.stem}" (or "{video.name}"). '
            f"{suggest(video.stem, keyframes.videos)} Write the video's name in the first column.",
            f"no row of {path} names it",
        )
    kept = of_video[keyframes.video_index] & seconds.holds(keyframes.seconds)
    of_box = table.keyframe_of_box()
    use, row_seconds, own = kept[of_box], keyframes.seconds[of_box], of_video[keyframes.video_index][of_box]
    once = np.zeros(len(use), dtype=bool)
    rows = np.flatnonzero(use)
    once[rows[distinct_boxes(row_seconds[rows], table.boxes[rows], table.scores[rows])]] = True
    if repeated := int((use & ~once).sum()):
        get_logger().info("%s: %d boxes equal another at that second, left out", path, repeated)
    where = moments_text(seconds)
    if not objects and row_seconds[own].min() >= end:
        raise DataError(
            f"{path}: its {counted(int(own.sum()), 'box', 'boxes')} of {video.name} lie at seconds "
            f"{row_seconds[own].min()} to {row_seconds[own].max()}, and the video ends at {end:.2f} s. Seconds count "
            "from the start of the video."
        )
    get_logger().info(
        "%s: %d boxes of %s at %d keyframes; %d boxes outside of %s and %d of other videos are not used",
        path,
        int(use.sum()),
        video.name,
        int(kept.sum()),
        int((own & ~use).sum()),
        where,
        int((~own).sum()),
    )
    name = str(keyframes.videos[of_video][0])
    return _table(video, row_seconds[once], table.boxes[once], table.scores[once], path), name


class FoundBoxes:
    """What a detector finds in a video, batch by batch.

    Args:
        video: the video.
    """

    def __init__(self, video: Path) -> None:
        self._video = video
        self._found: dict[float, DetectedBoxes] = {}

    def add(self, seconds: Sequence[float], found: Sequence[DetectedBoxes]) -> None:
        """Add what was found at some seconds; they may come in any order."""
        self._found.update(zip(seconds, found, strict=True))

    def tables(self) -> tuple[BoxTable, BoxTable]:
        """Return the boxes of persons and those of everything else."""
        columns: dict[bool, list[tuple[float, np.ndarray, float]]] = {True: [], False: []}
        for second, found in sorted(self._found.items(), key=lambda pair: pair[0]):
            for box, score, label in zip(found.boxes, found.scores, found.labels, strict=True):
                columns[label in AS_PERSONS].append((second, box, float(score)))
        persons, objects = (
            _table(
                self._video,
                [second for second, _, _ in columns[kind]],
                np.array([box for _, box, _ in columns[kind]]),
                np.array([score for _, _, score in columns[kind]]),
                "detector",
            )
            for kind in (True, False)
        )
        return persons, objects


def moments_text(seconds: Moments) -> str:
    """Return which moments these are, in words: "seconds 0 to 9", and if they are not whole, how far apart."""
    if not seconds:
        return "no second"
    if len(seconds) == 1:
        return f"second {seconds[0]:.10g}"
    each = "" if seconds.interval == 1 else f", one each {seconds.interval:g} s (TEST.STRIDE)"
    return f"seconds {seconds[0]:.10g} to {seconds[-1]:.10g}{each}"


def detector_batches(seconds: Moments) -> list[Sequence[float]]:
    """Return the moments whose frames a detector is given together."""
    return [seconds[start : start + _BATCH] for start in range(0, len(seconds), _BATCH)]


def _table(
    video: Path, seconds: np.ndarray | Sequence[float], boxes: np.ndarray, scores: np.ndarray, source: object
) -> BoxTable:
    return BoxTable.from_columns([video.name] * len(seconds), seconds, boxes, scores, str(source))
