"""A video that is written while it is filmed, and that plays however the program ends."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from alphaction.data.video.encoder import add_stream
from alphaction.utils.atomic import naming_full_disk
from alphaction.utils.errors import UserError
from alphaction.workflows.predict.video_options import OUTPUT_SUFFIXES

# AVI has no times of frames, and MOV and MP4 have their table of them at the end unless they come in fragments.
_OPTIONS = {
    ".mp4": {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"},
    ".mov": {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"},
    ".mkv": {"cluster_time_limit": "1000", "flush_packets": "1"},
}
SUFFIXES = tuple(_OPTIONS)
"""Endings of videos that can be written so."""
_TICKS = 90000  # a second


class LiveVideoFile:
    """Writes frames at their own times. A second of video at most is missing where the program is killed.

    A :class:`~alphaction.workflows.live.seen.PictureSink`.

    Args:
        path: the file, which is written under its own name; its folder is made if needed.
        fps: frames per second, nominal.
    """

    def __init__(self, path: Path, fps: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self._fps = path, fps
        suffix = path.suffix.lower()
        self.frames = 0
        self._last = -1
        self._stream: av.VideoStream | None = None
        with naming_full_disk(path):
            self._container = av.open(str(path), "w", format=OUTPUT_SUFFIXES[suffix], options=_OPTIONS[suffix])

    def picture(self, time: float, image: np.ndarray) -> bool:
        """Write a picture; see the protocol.

        Raises:
            FullDiskError: the disk is full.
            UserError: it cannot be written for another reason.
        """
        if self._stream is None:
            self._stream = add_stream(self._container, image.shape[1], image.shape[0], self._fps, low_delay=True)
            self._stream.codec_context.time_base = Fraction(1, _TICKS)
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        # Times of cameras may be equal when rounded, and frames of a video may not.
        self._last = max(self._last + 1, round(time * _TICKS))
        frame.pts, frame.time_base = self._last, Fraction(1, _TICKS)
        self._mux(frame)
        self.frames += 1
        return True

    def close(self) -> None:
        """Write what is left."""
        try:
            if self._stream is not None:
                self._mux(None)
        finally:
            with naming_full_disk(self.path):
                self._container.close()

    def _mux(self, frame: av.VideoFrame | None) -> None:
        try:
            with naming_full_disk(self.path):
                self._container.mux(self._stream.encode(frame))
        except av.FFmpegError as error:
            raise UserError(
                f"{self.path}: cannot be written ({error.strerror}). Choose another file or format."
            ) from error
