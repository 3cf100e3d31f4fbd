"""Boxes of persons at every second of videos that are no dataset yet, from which one may be made."""

from __future__ import annotations

import logging
import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from alphaction.data.annotations import BoxTable, write_box_csv
from alphaction.data.annotations.annotation_table import AnnotationTable, merge_rows
from alphaction.data.keyframes import Keyframe, KeyframeIndex
from alphaction.data.video.file import VIDEO_SUFFIXES
from alphaction.data.video.inner_videos import inner_videos_note
from alphaction.data.video.whole_movies import MovieSource
from alphaction.utils.atomic import replacing
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.files import missing_file, refuse_existing
from alphaction.utils.messages import counted
from alphaction.workflows.detect.choose_detector import make_detector, recorded
from alphaction.workflows.detect.detect_dataset import detect_dataset
from alphaction.workflows.detect.detector_options import DetectorOptions
from alphaction.workflows.detect.import_boxes import EMPTY_KEYFRAMES, NO_KEYFRAME, ImportRules
from alphaction.workflows.detect.import_files import find_box_files, import_files, refuse_input

logger = logging.getLogger(__name__)

_OF_SECONDS = {
    NO_KEYFRAME: "boxes at no whole second left out",
    EMPTY_KEYFRAMES: "seconds without a box",
}
"""What counts of an import are called where every second is a keyframe."""


@dataclass(frozen=True)
class VideoTarget:
    """Videos that are looked at, and where their boxes go.

    Attributes:
        folder: holds the videos; folders inside it are not searched.
        output: the csv to write; None is an error.
        force: replace the file if it exists.
    """

    folder: Path
    output: Path | None
    force: bool = False


def detect_in_videos(target: VideoTarget, options: DetectorOptions) -> str:
    """Detect at every whole second of every video, write a csv, and return a report.

    Raises:
        UserError: for what a user can correct; a finished part is kept and continued by the next call.
    """
    source, keyframes, output = _opened(target)
    table = detect_dataset(
        partial(make_detector, options),
        source,
        keyframes,
        output,
        batch_size=options.batch_size,
        options=recorded(options) | {"videos": str(target.folder.resolve())},
    )
    return _report(table, keyframes, output)


def import_for_videos(target: VideoTarget, paths: Sequence[Path], kind: str, rules: ImportRules) -> str:
    """Write the boxes of another detector at the whole seconds of the videos to a csv, and return a report.

    Raises:
        UserError: for what a user can correct; nothing is written then.
    """
    source, keyframes, output = _opened(target)
    files = find_box_files(paths, kind)
    refuse_input(files, output)
    table = import_files(files, kind, _unlabeled(keyframes, str(target.folder)), source.probe, rules)
    with replacing(output) as new:
        write_box_csv(new, table)
    counts = {_OF_SECONDS.get(name, name): count for name, count in table.counts.items()}
    return _report(replace(table, source=str(output), counts=counts), keyframes, output)


def _opened(target: VideoTarget) -> tuple[MovieSource, list[Keyframe], Path]:
    """Return the videos, all of their seconds, and the file to write."""
    folder, output = target.folder, target.output
    if output is None:
        raise UserError("--videos needs --output FILE, the csv to write, such as --output persons.csv")
    refuse_existing("--output", output, target.force)
    if not folder.is_dir():
        raise DataError(f"--videos: {missing_file(folder, folders=True)} Name the folder of the video files.")
    videos = sorted({path.stem for path in folder.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES})
    if not videos:
        raise UserError(f"--videos {folder}: the folder holds no video ({', '.join(VIDEO_SUFFIXES[:5])}, ...).")
    if note := inner_videos_note(folder):
        logger.warning("--videos %s: %s", folder, note)
    source = MovieSource(folder)
    return source, [Keyframe(video, second) for video in videos for second in whole_seconds(source, video)], output


def _report(table: BoxTable, keyframes: list[Keyframe], output: Path) -> str:
    videos = counted(len({keyframe.video for keyframe in keyframes}), "video")
    return (
        f"Wrote {table.summary()}, of {counted(len(keyframes), 'second')} in {videos}\n"
        f"Next: tools/prepare_dataset.py ... --segments spread --person-boxes {shlex.quote(str(output))}"
    )


def _unlabeled(keyframes: list[Keyframe], source: str) -> AnnotationTable:
    """Return keyframes as annotations without a box."""
    videos = sorted({keyframe.video for keyframe in keyframes})
    codes = np.array([videos.index(keyframe.video) for keyframe in keyframes], dtype=np.int64)
    index, _ = KeyframeIndex.from_rows(videos, codes, np.array([keyframe.second for keyframe in keyframes]))
    none = np.zeros(0, dtype=np.int64)
    return merge_rows(index, none, np.zeros((0, 4)), none, none, source=source)


def whole_seconds(source: MovieSource, video: str) -> list[int]:
    """Return the seconds at which a video shows a frame, from 0.

    Raises:
        UserError: the video does not open, is damaged, or does not state its length.
    """
    info = source.probe(video)
    duration = info.duration if info.duration is not None else (info.frames or 0) / info.fps
    if not duration:
        raise DataError(
            f"{source.path(video)}: the file does not state its length. Write it anew: ffmpeg -i IN -c copy OUT.mp4"
        )
    # A second's frame is the nearest to it, and the last frame begins before the end.
    checked = source.check(video, np.arange(max(math.ceil(duration - 0.5 / info.fps - 1e-6), 1)))
    if checked.problems:
        raise DataError(checked.problems[0])
    return np.setdiff1d(checked.seconds, checked.beyond).tolist()
