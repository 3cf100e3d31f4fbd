"""One video file: the times of its frames, and the RGB pixels of requested ones (decoded by PyAV)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import av
import numpy as np

from alphaction.data.video.frame_converter import FrameConverter, Size
from alphaction.data.video.opening import (
    BrokenVideoError,
    failures_of,
    open_container,
    video_stream,
)
from alphaction.data.video.video_info import VideoInfo, header_duration
from alphaction.utils import limits

logger = logging.getLogger(__name__)

# fmt: off
VIDEO_SUFFIXES = (
    ".mp4", ".mkv", ".avi", ".webm", ".mov", ".m4v", ".mpg", ".mpeg", ".ts", ".m2ts", ".mts", ".wmv", ".flv", ".3gp",
    ".ogv", ".mjpeg", ".h264", ".h265", ".hevc",
)
# fmt: on
# Two instants nearer than this are the same one: frame times are fractions, slot times are floats.
TIME_TOLERANCE = 1e-6
# A seek that lands too late is repeated from further back; how far is remembered for the file, up to this many seconds.
_LONGEST_PREROLL = 16.0


class _UnorderedTimestampsError(Exception):
    """The container's timestamps are missing or run backwards."""


class VideoFile:
    """An open video whose frames are addressed by time.

    Time 0 is the container's start, as players and ``ffmpeg -ss`` count, or the first frame. Streams that have no
    usable timestamps (raw H.264; H.264 with B-frames in AVI, which stores decoding order only) are decoded from their
    beginning and their frames counted: right, but slow.

    Args:
        path: the file.
        from_first_frame: count time from the first frame; frames are then read from the beginning, without a seek.

    Raises:
        BrokenVideoError: if the file cannot be opened or holds no video.
    """

    def __init__(self, path: Path, from_first_frame: bool = False) -> None:
        self.path = path
        self._from_first_frame = from_first_frame
        self._preroll = 0.0
        self._open()
        with failures_of(self.path, "its header cannot be read"):
            start = self._container.start_time
            self._origin = 0.0 if start is None else start / av.time_base
            decoding_order = self._container.format.name == "avi" and self._stream.codec_context.has_b_frames
            self._counting = start is None or bool(decoding_order)

    def _open(self) -> None:
        self._container = open_container(self.path)
        try:
            self._stream = video_stream(self._container, self.path)
        except BrokenVideoError:
            self._container.close()
            raise
        self._fresh = True

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    @property
    def fps(self) -> float:
        """Frames per second; 25 if the file does not say, or says what cannot be."""
        with failures_of(self.path, "its header cannot be read"):
            for rate in (self._stream.average_rate, self._stream.guessed_rate):
                if rate and 0 < float(rate) <= limits.FRAMES_PER_SECOND:
                    return float(rate)
        return 25.0

    def info(self) -> VideoInfo:
        """Decode the first frame and return what the file says about itself.

        Raises:
            BrokenVideoError: if the first frame cannot be decoded.
        """
        height, width = self.frames_at([0.0], size=None)[0].shape[:2]
        with failures_of(self.path, "its header cannot be read"):
            duration = header_duration(self._container, self._stream, self._origin)
            frames = self._stream.frames
        credible = 0 < frames <= limits.VIDEO_SECONDS * self.fps
        return VideoInfo(width, height, self.fps, duration, frames if credible else None)

    def frames_at(
        self, times: Sequence[float], size: Callable[[Size], Size] | None, must_reach: float | None = None
    ) -> list[np.ndarray]:
        """Return the frame nearest to each time (of two equally near, the earlier); the ends repeat.

        Only the frames returned are converted to RGB and resized, each once, however often it repeats.

        Args:
            times: seconds, ascending.
            size: (width, height) of the video -> of the result; None keeps it.
            must_reach: a time that the video has to reach; seconds.

        Returns:
            one uint8 array [H, W, 3] for each time, RGB; repeated frames are the same array.

        Raises:
            BrokenVideoError: if decoding fails, or the video ends before ``must_reach``.
        """
        try:
            return list(self._nearest_frames(times, size, must_reach))
        except _UnorderedTimestampsError:
            self._count_frames()
            return list(self._nearest_frames(times, size, must_reach))

    def stream(
        self, times: Sequence[float], size: Callable[[Size], Size] | None = None, must_reach: float | None = None
    ) -> Iterator[np.ndarray]:
        """Yield what :meth:`frames_at` returns, one frame at a time: for long stretches of a video.

        Raises:
            BrokenVideoError: as :meth:`frames_at`, when the fault is met.
        """
        done = 0
        try:
            for frame in self._nearest_frames(times, size, must_reach):
                done += 1
                yield frame
            return
        except _UnorderedTimestampsError:
            self._count_frames()
        yield from self._nearest_frames(times[done:], size, must_reach)

    def _count_frames(self) -> None:
        """From now on, take frames as evenly spaced from the beginning."""
        logger.warning(
            "%s: its timestamps are missing or run backwards; frames are counted from the beginning instead, "
            'which is slow. Re-encode it: ffmpeg -i "%s" -c:v libx264 "%s.mp4"',
            self.path,
            self.path.name,
            self.path.stem,
        )
        self._counting = True

    def _nearest_frames(
        self, times: Sequence[float], size: Callable[[Size], Size] | None, must_reach: float | None
    ) -> Iterator[np.ndarray]:
        convert, done = FrameConverter(size, self.path), 0
        previous, previous_time = None, -np.inf
        with failures_of(self.path, "decoding fails"):
            for frame, time in self._frames_from(times[0]):
                while done < len(times) and time >= times[done] - TIME_TOLERANCE:
                    before = previous is not None and times[done] - previous_time <= time - times[done] + TIME_TOLERANCE
                    done += 1
                    yield convert(previous if before else frame)
                if done == len(times):
                    return
                previous, previous_time = frame, time
            if previous is None:
                raise BrokenVideoError("not one frame can be decoded", self.path)
            end = previous_time + self._shown_for(previous)
            if must_reach is not None and must_reach > end + self.tolerance:
                raise BrokenVideoError(f"its frames end at {end:.2f} s", self.path)
            for _ in times[done:]:
                yield convert(previous)

    @property
    def tolerance(self) -> float:
        """Seconds that a keyframe may be past the end: one frame, and at least a tenth of a second (rounding)."""
        return max(1 / self.fps, 0.1)

    def end_near(self, time: float, credible: float | None = None) -> float:
        """Return ``time`` or more if packets reach it, else the end of the last packet, all in seconds; no decoding.

        Unlike the duration in the header, this sees that a file was cut off.

        Args:
            time: in seconds.
            credible: an end from here on is believed; an earlier one, which a seek without an index may give, is
                checked by reading the file through, which takes as long as copying it. None: as ``time``.

        Raises:
            BrokenVideoError: if reading fails.
        """
        with failures_of(self.path, "reading fails"):
            self._seek(time)
            end = self._last_packet_end(time)
            if end < (time if credible is None else credible) and not self._counting:
                self._rewind()
                end = self._last_packet_end(time)
        if end > limits.VIDEO_SECONDS:
            raise BrokenVideoError(f"a time stamp in it says {end:.0f} s, which no video lasts", self.path)
        return end

    def _last_packet_end(self, enough: float) -> float:
        """Read packets until one ends at ``enough`` seconds or later; return the latest end seen, in seconds."""
        end, count = 0.0, 0
        self._fresh = False
        for packet in self._container.demux(self._stream):
            if packet.size == 0:
                continue
            count += 1
            if self._counting:
                end = count / self.fps
            elif packet.pts is not None:
                shown = float((packet.duration or 0) * packet.time_base) or 1 / self.fps
                end = max(end, float(packet.pts * packet.time_base) - self._origin + shown)
            if end >= enough:
                break
        return end

    def _shown_for(self, frame: av.VideoFrame) -> float:
        """Seconds for which a frame stays on the screen."""
        known = frame.duration and frame.time_base and not self._counting
        return float(frame.duration * frame.time_base) if known else 1 / self.fps

    def _frames_from(self, first: float) -> Iterator[tuple[av.VideoFrame, float]]:
        """Yield frames and their times, from one at or before ``first`` (or the very first) to the end."""
        if self._counting:
            self._rewind()
            for index, frame in enumerate(self._decode()):
                yield frame, index / self.fps
            return
        origin, last = None if self._from_first_frame else self._origin, -np.inf
        for frame in self._decode_from(first):
            if frame.pts is None:
                raise _UnorderedTimestampsError
            if origin is None:
                origin = frame.time
            time = frame.time - origin
            if time < last - TIME_TOLERANCE:
                raise _UnorderedTimestampsError
            yield frame, time
            last = time

    def _decode_from(self, first: float) -> Iterator[av.VideoFrame]:
        """Decode from a frame at or before ``first``.

        MPEG-TS and other containers without an index may land after the requested time; the seek is then
        repeated from further back, in the end from the beginning.
        """
        preroll = self._preroll
        while first - preroll > 0 and not self._from_first_frame:
            self._seek(first - preroll)
            frames = self._decode()
            frame = next(frames, None)
            if frame is not None and (frame.pts is None or frame.time - self._origin <= first + TIME_TOLERANCE):
                self._preroll = min(preroll, _LONGEST_PREROLL)
                yield frame
                yield from frames
                return
            preroll = max(2 * preroll, 1.0)
        self._rewind()
        yield from self._decode()

    def _seek(self, time: float) -> None:
        """Go to the last key frame at or before ``time`` seconds; to the beginning where frames are counted."""
        if self._counting:
            self._rewind()
            return
        self._fresh = False
        position = (max(time, 0.0) + self._origin) / self._stream.time_base
        self._container.seek(int(np.floor(position)), stream=self._stream, backward=True)

    def _rewind(self) -> None:
        """Go to the very beginning. Opening again is the one way that every container allows."""
        if not self._fresh:
            self.close()
            self._open()

    def _decode(self) -> Iterator[av.VideoFrame]:
        self._fresh = False
        without_frame = 0
        for packet in self._container.demux(self._stream):
            frames = packet.decode()
            without_frame = 0 if frames else without_frame + 1
            if without_frame > limits.PACKETS_WITHOUT_FRAME:
                raise BrokenVideoError(f"{without_frame} packets in a row hold no frame", self.path)
            yield from frames
