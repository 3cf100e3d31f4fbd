"""What names and numbers of frames mean in files that speak of pictures of a video, not of the video itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FrameNaming:
    """What the user says of video and frames where a file does not.

    Attributes:
        video_name: the one video that a file without names belongs to; None: not said.
        frame_rate: frames of the file's numbering per second; None: the video's own rate.
        first_frame: number of the first frame; None: 0 if a frame 0 occurs, else 1.
        pattern: how names are spelled, with ``{video}`` and ``{frame}``; None: common spellings are recognized.
    """

    video_name: str | None = None
    frame_rate: float | None = None
    first_frame: int | None = None
    pattern: str | None = None
