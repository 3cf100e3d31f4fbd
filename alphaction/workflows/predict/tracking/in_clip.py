"""Persons of the part of a video, followed through its frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import numpy as np

from alphaction.data.video.file import BrokenVideoError, VideoFile
from alphaction.utils.errors import DataError
from alphaction.workflows.predict.clip import Clip
from alphaction.workflows.predict.tracker import Track
from alphaction.workflows.predict.tracking.between import follow_tracks


def follow_in_clip(clip: Clip, tracks: Sequence[Track], alive: Callable[[], None]) -> list[Track]:
    """Return the tracks with their boxes on every frame.

    Args:
        clip: the part of a video.
        tracks: the persons.
        alive: is called for each frame.

    Raises:
        UserError: the video cannot be decoded.
    """

    def frames(movie: VideoFile) -> Iterator[np.ndarray]:
        for image in movie.stream(clip.times.tolist()):
            alive()
            yield image

    try:
        with closing(VideoFile(clip.path)) as movie:
            return follow_tracks(tracks, clip.times, frames(movie), clip.stride / 2)
    except BrokenVideoError as error:
        remedy = "Copy or download it again, or stop before with --end."
        raise DataError(f"{clip.path}: {error.clause}. {remedy}") from error
