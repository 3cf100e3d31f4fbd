"""Which boxes of a foreign detector belong to which annotated keyframe: by the video's name, and second or frame.

Sizes in shapes: n boxes, m matches.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from alphaction.data.annotations import AnnotationTable
from alphaction.data.formats.rows import NoBoxesError, RowTable
from alphaction.data.keyframes import exact_time, milliseconds_of, time_list, to_milliseconds
from alphaction.data.video.file import VideoInfo
from alphaction.data.video.names import VideoNames
from alphaction.utils.messages import counted, listed, suggest

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Numbering:
    """What the numbers of file names or rows count.

    Attributes:
        frames: frames; False: seconds.
        rate: frames of that numbering per second; None: the video's own rate.
        first: number of the first frame.
    """

    frames: bool
    rate: float | None = None
    first: int = 1

    def count(self, about: VideoInfo) -> int | None:
        """Return how many frames a video has in this numbering, None: unknown."""
        if self.rate is not None:
            return None if about.duration is None else math.ceil(about.duration * self.rate)
        return about.frames

    def number_of(self, second: float, about: VideoInfo) -> int | float:
        """Return the number that ``second`` has: of the frame nearest to it, of two equally near the earlier one."""
        if not self.frames:
            return second
        # As VideoFile.frames_at chooses the frame that a model sees.
        index = max(math.ceil(second * (self.rate or about.fps) - 0.5 - 1e-6), 0)
        total = self.count(about)
        return (min(index, total - 1) if total else index) + self.first


def of_known_videos(path: Path, found: RowTable, annotations: AnnotationTable, counts: dict[str, int]) -> RowTable:
    """Return the boxes of annotated videos, under the annotations' names; the others are counted."""
    index = annotations.keyframes
    annotated = VideoNames(index.videos[np.unique(index.video_index)].tolist(), f"boxes: {path}")
    present, own = np.unique(found.video_codes, return_inverse=True)  # rows of some videos may have been left out
    videos = [found.videos[code] for code in present.tolist()]
    names = [annotated.match(video) if annotated.find(video) else None for video in videos]
    strangers = [video for video, name in zip(videos, names, strict=True) if name is None]
    used = sorted({name for name in names if name is not None})
    if len(used) < sum(name is not None for name in names):
        twice = next(name for name in used if names.count(name) > 1)
        written = [video for video, name in zip(videos, names, strict=True) if name == twice]
        logger.warning('%s: "%s" and "%s" are both taken for video %s', path, *written[:2], twice)
    if not used:
        raise NoBoxesError(
            f"boxes: {path}: not one of its videos is annotated in {annotations.source}: first "
            f'"{strangers[0]}". {suggest(strangers[0], annotated.names)} Rename the files or rows, or say which video '
            "a file is of with --video-name.",
            f"none of its videos ({listed(annotated.names, 3)}) is in {path}",
        )
    positions = {name: code for code, name in enumerate(used)}
    codes = np.array([-1 if name is None else positions[name] for name in names], dtype=np.int64)[own]
    keep = np.flatnonzero(codes >= 0)
    if len(keep) < len(codes):
        counts[f"boxes of videos that are not annotated ({listed(strangers, 3)}) left out"] = len(codes) - len(keep)
    return replace(found.take(keep), videos=used, video_codes=codes[keep])


def check_numbers(found: RowTable, numbering: Numbering, info: Callable[[str], VideoInfo]) -> None:
    """Refuse seconds that are frames by their size, and frames that the video does not have."""
    early = 0
    for code, video in enumerate(found.videos):
        rows = np.flatnonzero(found.video_codes == code)
        if not len(rows):
            continue
        about = info(video)
        last = int(rows[np.argmax(found.numbers[rows])])
        number = exact_time(found.numbers[last].item())
        if not numbering.frames:
            if about.duration is not None and number > about.duration + 1:
                raise found.source.error(
                    last,
                    f"second {number} of {video}, which lasts {about.duration:.1f} s. If the numbers count frames, "
                    "add --frames.",
                )
            continue
        first = int(rows[np.argmin(found.numbers[rows])])
        if found.numbers[first] < numbering.first:
            raise found.source.error(
                first, f"frame {found.numbers[first]}: frames count from {numbering.first}. Add --first-frame 0?"
            )
        total = numbering.count(about)
        if total is not None and number - numbering.first >= total * 1.02 + 1:
            raise found.source.error(
                last,
                f"frame {number} of {video}, which has {counted(total, 'frame')}. Is it another version of the "
                "video? Say how many of its frames are a second with --frame-rate.",
            )
        early += total is not None and number < total / 2
    if early == len(found.videos) and numbering.frames:
        logger.warning(
            "%s: frame numbers end before the middle of every video. If the detector skipped frames (vid_stride) and "
            "counted only those it looked at, say how many are a second with --frame-rate",
            found.source.path,
        )


def at_keyframes(
    found: RowTable,
    annotations: AnnotationTable,
    numbering: Numbering,
    info: Callable[[str], VideoInfo],
) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and the keyframes that they belong to, int64 [m] each; a row may serve several keyframes."""
    times = to_milliseconds(found.numbers)
    stride = int(times.max(initial=0)) + 1
    keys = found.video_codes * stride + times
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    codes = {video: code for code, video in enumerate(found.videos)}
    rows, keyframes = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for k, (video, second) in enumerate(annotations.keyframes):
        code = codes.get(video)
        if code is None:
            continue
        number = milliseconds_of(numbering.number_of(second, info(video)))
        if number >= stride:
            continue
        low, high = np.searchsorted(keys, [code * stride + number, code * stride + number + 1])
        rows.append(order[low:high])
        keyframes.append(np.full(high - low, k, dtype=np.int64))
    return np.concatenate(rows), np.concatenate(keyframes)


def require_some(
    path: Path, found: RowTable, annotations: AnnotationTable, rows: np.ndarray, numbering: Numbering
) -> None:
    """Raise a :class:`UserError` if no row, of int64 [m], is at a keyframe."""
    if len(rows):
        return
    unit = "frame" if numbering.frames else "second"
    video = found.videos[0]
    theirs = ", ".join(map(str, time_list(np.unique(found.numbers[found.video_codes == 0])[:5])))
    ours = ", ".join(str(keyframe.second) for keyframe in annotations.keyframes if keyframe.video == video)
    raise NoBoxesError(
        f"boxes: {path}: none of its boxes ({len(found)}) is at an annotated keyframe. {video} "
        f"has boxes at {unit} {theirs}; {annotations.source} has second {ours[:40]}. "
        + (
            "Check --first-frame and --frame-rate."
            if numbering.frames
            else "If the numbers count frames, add --frames."
        ),
        f"{path} has no box at its keyframes",
    )
