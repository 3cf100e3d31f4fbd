"""What a video file says about itself; containers write it in different places."""

from __future__ import annotations

import re
from dataclasses import dataclass

import av

from alphaction.utils import limits

_CLOCK = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d*)?)")


@dataclass(frozen=True)
class VideoInfo:
    """What a file says about itself.

    Attributes:
        width: pixels, as displayed (a phone's rotation is applied).
        height: pixels.
        fps: frames per second (the mean where the rate varies).
        duration: seconds from time 0 to the end of the last frame; None if the file does not say.
        frames: number of frames; None if the file does not say.
    """

    width: int
    height: int
    fps: float
    duration: float | None
    frames: int | None


def header_duration(container: av.container.InputContainer, stream: av.VideoStream, origin: float) -> float | None:
    """Return the seconds from time 0 to the end of a stream; None if the header does not say, or what cannot be.

    Args:
        container: the open file.
        stream: its video stream.
        origin: the container's time, in seconds, that counts as 0.
    """
    seconds = _stated_duration(container, stream, origin)
    return seconds if seconds is not None and 0 < seconds <= limits.VIDEO_SECONDS else None


def _stated_duration(container: av.container.InputContainer, stream: av.VideoStream, origin: float) -> float | None:
    if stream.duration is not None and stream.time_base:
        start = 0 if stream.start_time is None else float(stream.start_time * stream.time_base) - origin
        return start + float(stream.duration * stream.time_base)
    if (tagged := _tagged_duration(stream)) is not None:
        return tagged
    return None if container.duration is None else container.duration / av.time_base


def _tagged_duration(stream: av.VideoStream) -> float | None:
    """Return the seconds of one stream by its tag: the header of Matroska and WebM only has the longest stream's.

    The tag reads "00:01:30.480000000".
    """
    for key, value in stream.metadata.items():
        if key.upper().split("-")[0] == "DURATION" and (parts := _CLOCK.fullmatch(value.strip())):
            hours, minutes, seconds = map(float, parts.groups())
            return 3600 * hours + 60 * minutes + seconds or None
    return None
