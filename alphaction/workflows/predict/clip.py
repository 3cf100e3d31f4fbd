"""The part of a video that is predicted."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alphaction.data.moments import Moments
from alphaction.data.video.clip_source import ClipSource
from alphaction.data.video.file import BrokenVideoError, VideoFile
from alphaction.data.video.whole_movies import MovieSource
from alphaction.utils import limits
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.logging import get_logger
from alphaction.workflows.predict.video_options import VideoOptions


@dataclass(frozen=True)
class Clip:
    """The part of the video to predict.

    Attributes:
        path: the file.
        source: its frames.
        size: (width, height) in pixels.
        fps: frames per second.
        start, end: of the part, in seconds.
        video_end: of the video, in seconds.
        stride: seconds from one keyframe to the next.
    """

    path: Path
    source: ClipSource
    size: tuple[int, int]
    fps: float
    start: float
    end: float
    video_end: float
    stride: float = 1.0

    @property
    def seconds(self) -> Moments:
        """The keyframes: multiples of the stride in the part, the one at or before its start included."""
        return Moments.between(self.stride, self.start, self.end - 1e-3)

    @property
    def times(self) -> np.ndarray:
        """Time of each frame of the output, at an even rate."""
        count = max(1, round((self.end - self.start) * self.fps))
        return self.start + np.arange(count) / self.fps


def open_clip(options: VideoOptions, stride: float = 1.0) -> Clip:
    """Return the part of the video that the options ask for, cut at the end of the video.

    Args:
        options: which part.
        stride: seconds from one keyframe to the next (TEST.STRIDE).

    Raises:
        UserError: the video cannot be read, or has no such part.
    """
    try:
        with closing(VideoFile(options.video)) as movie:
            info = movie.info()
            # The header of a truncated file promises more than there is. A day is longer than any video.
            reached = movie.end_near(86400.0 if info.duration is None else info.duration)
    except BrokenVideoError as error:
        raise DataError(f"{options.video}: {error.clause}. {error.remedy or 'Copy or download it again.'}") from error
    if info.duration is not None and reached + 1.0 < info.duration:
        get_logger().warning(
            "%s: ends at %.2f s, but its header promises %.2f s: the file was cut off",
            options.video,
            reached,
            info.duration,
        )
    whole = reached if info.duration is None else min(reached, info.duration)
    if options.start >= whole:
        raise UserError(f"--start {options.start:g}: {options.video} ends at {whole:.2f} s")
    end = whole if options.end is None else min(options.end, whole)
    if (end - options.start) * info.fps > limits.VIDEO_FRAMES:
        raise DataError(
            f"{options.video}: {end - options.start:.0f} s at {info.fps:g} frames/s are more than the "
            f"{limits.VIDEO_FRAMES} frames that one video may have. Choose a part with --start and --end."
        )
    source = MovieSource.of_file(options.video, info)
    return Clip(options.video, source, (info.width, info.height), info.fps, options.start, end, whole, stride)
