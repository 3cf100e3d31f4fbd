"""Boxes of persons and objects at whole seconds of one video: from a file, or from a detector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tqdm import tqdm

from alphaction.data.annotations import BoxTable, read_boxes
from alphaction.data.annotations.box_table import distinct_boxes
from alphaction.data.formats.rows import NoBoxesError
from alphaction.data.transforms import Size
from alphaction.data.video.clip_source import ClipSource
from alphaction.data.video.names import VideoNames
from alphaction.utils.errors import DataError
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import counted, suggest
from alphaction.workflows.detect.detected_boxes import PERSON, Detector

# Boxes of other videos are not used, so their frames may have any size.
_UNKNOWN_SIZE = (1_000_000, 1_000_000)


def boxes_from_file(
    path: Path, video: Path, seconds: range, size: Size, end: float, *, objects: bool = False
) -> tuple[BoxTable, str]:
    """Read the boxes of one video.

    Args:
        path: a file in any format of ``read_boxes``; boxes of other videos in it are ignored.
        video: the video; the file may name it with or without the suffix, or as annotation tools write names.
        seconds: boxes outside are ignored.
        size: (width, height) of the video's frames.
        end: length of the video in seconds.
        objects: whether these are boxes of objects, of which there may be none.

    Returns:
        the boxes, under the full name of the video, and the name that the file gives it.

    Raises:
        UserError: if the file cannot be read, if several of its videos may be this one, or if it holds no box of this
            video before its end.
    """
    own_names = VideoNames((video.stem,), str(path))
    table = read_boxes(path, sizes=lambda name: size if own_names.find(name) else _UNKNOWN_SIZE, objects=objects)
    keyframes = table.keyframes
    names = [name for name in keyframes.videos.tolist() if own_names.find(name)]
    # An exact name is beyond doubt, whatever else the file holds.
    names = [name for name in names if name in (video.stem, video.name)] or names
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
    kept = of_video[keyframes.video_index] & np.isin(keyframes.seconds, seconds)
    of_box = table.keyframe_of_box()
    use, row_seconds, own = kept[of_box], keyframes.seconds[of_box], of_video[keyframes.video_index][of_box]
    once = np.zeros(len(use), dtype=bool)
    rows = np.flatnonzero(use)
    once[rows[distinct_boxes(row_seconds[rows], table.boxes[rows], table.scores[rows])]] = True
    if repeated := int((use & ~once).sum()):
        get_logger().info("%s: %d boxes equal another at that second, left out", path, repeated)
    where = f"seconds {seconds.start} to {seconds.stop - 1}"
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


def boxes_from_detector(
    detector: Detector, source: ClipSource, video: Path, seconds: range, batch_size: int = 4
) -> tuple[BoxTable, BoxTable]:
    """Detect persons, and objects if the detector finds any, on the frame of each second.

    Returns:
        the boxes of persons and those of everything else.

    Raises:
        UserError: if a frame cannot be read.
    """
    columns: dict[bool, list[tuple[int, np.ndarray, float]]] = {True: [], False: []}
    with tqdm(total=len(seconds), desc="detect", unit="frame", disable=None) as bar:
        for batch in _batches(seconds, batch_size):
            frames = [source.read(video.name, second, [0], 0)[0] for second in batch]
            for second, found in zip(batch, detector.detect(frames), strict=True):
                for box, score, label in zip(found.boxes, found.scores, found.labels, strict=True):
                    columns[label == PERSON].append((second, box, float(score)))
            bar.update(len(batch))
    persons, objects = (
        _table(
            video,
            np.array([second for second, _, _ in columns[kind]], dtype=np.int64),
            np.array([box for _, box, _ in columns[kind]]),
            np.array([score for _, _, score in columns[kind]]),
            "detector",
        )
        for kind in (True, False)
    )
    return persons, objects


def _batches(seconds: range, size: int) -> list[range]:
    return [seconds[start : start + size] for start in range(0, len(seconds), size)]


def _table(video: Path, seconds: np.ndarray, boxes: np.ndarray, scores: np.ndarray, source: object) -> BoxTable:
    return BoxTable.from_columns([video.name] * len(seconds), seconds, boxes, scores, str(source))
