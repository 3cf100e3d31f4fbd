"""What annotated times past the end of their video may be instead of seconds: milliseconds, frame numbers, ..."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from alphaction.data.keyframes import exact_time
from alphaction.data.video.file import VideoInfo

OTHER_VIDEO = (
    "The annotated video was longer than this one: is this another cut, or was it re-encoded at another frame rate? "
    "Put the file that was annotated into the folder, or remove the rows beyond the end."
)
"""What to say where the times come from a tool that counts them itself."""

OTHER_RATE = (
    "The times come from numbers of frames: were these counted at another rate, or from another start (--frame-rate "
    "FPS, --first-frame N)? Or is this another video than the one that was annotated?"
)
"""What to say where the times come from numbers of frames."""

# Seconds that a header may be off.
END_TOLERANCE = 1.0
CORRECT = "Correct the seconds (they count from the start of the video), remove the rows, or get the whole video."
"""What to say where nothing tells of another unit."""


def likely_unit(videos: Iterable[tuple[np.ndarray, VideoInfo]]) -> str:
    """Return what the annotated seconds of a dataset probably are instead, with the remedy.

    Args:
        videos: the annotated seconds, [n], of each video whose length is known, and what its file says.
    """
    known = [(seconds, info) for seconds, info in videos if len(seconds) and info.duration is not None]
    if not known:
        return CORRECT
    sizes = [len(seconds) for seconds, _ in known]
    seconds = np.concatenate([seconds for seconds, _ in known])
    lengths = np.repeat([info.duration + END_TOLERANCE for _, info in known], sizes)
    rates = np.repeat([info.fps for _, info in known], sizes)
    starts = np.repeat([seconds.min() for seconds, _ in known], sizes)
    if 2 * np.count_nonzero(seconds > lengths) < len(seconds):  # a wrong unit would put most of them beyond
        return CORRECT
    if (seconds % 1000 == 0).all() and (seconds / 1000 <= lengths).all():
        return "All are multiples of 1000: milliseconds? Divide the second column by 1000."
    if (seconds / rates <= lengths).all():
        speed = f"{rates.min():g}" if rates.min() == rates.max() else f"{rates.min():g} to {rates.max():g}"
        return (
            f"All would fit as frame numbers: divide the second column by the frames per second ({speed}) and keep "
            "whole seconds."
        )
    if (seconds / 1000 <= lengths).all():
        return "All would fit as milliseconds: divide the second column by 1000 and keep whole seconds."
    if (seconds - starts <= lengths).all():
        return (
            f"Do they count from another start? The first is {exact_time(starts.min())}; seconds count from the start "
            "of the video file."
        )
    return CORRECT
