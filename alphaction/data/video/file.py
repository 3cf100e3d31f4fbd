"""One video file: the times of its frames, and the RGB pixels of requested ones (decoded by PyAV)."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import av
import numpy as np

from alphaction.data.video.frame_converter import FrameConverter, Size
from alphaction.data.video.frame_times import TIME_TOLERANCE, UnorderedTimestampsError, nearest_frames, timed
from alphaction.data.video.open_video import OpenVideo
from alphaction.data.video.opening import BrokenVideoError, failures_of, rate_of
from alphaction.data.video.packet_plan import PacketPlan, can_plan, make_plan
from alphaction.data.video.video_info import VideoInfo, header_duration
from alphaction.utils import limits

logger = logging.getLogger(__name__)

# fmt: off
VIDEO_SUFFIXES = (
    ".mp4", ".mkv", ".avi", ".webm", ".mov", ".m4v", ".mpg", ".mpeg", ".ts", ".m2ts", ".mts", ".wmv", ".flv", ".3gp",
    ".ogv", ".mjpeg", ".h264", ".h265", ".hevc",
)
# fmt: on
# A seek that lands too late is repeated from further back; how far is remembered for the file, up to this many seconds.
_LONGEST_PREROLL = 16.0
# A file for which planning failed so often is decoded frame by frame.
_FAILED_PLANS = 2


class _OtherFramesError(Exception):
    """The decoder yields other frames than the packets promise, or damaged ones."""


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
        self._failed_plans = 0
        self._video = OpenVideo(path)

    def close(self) -> None:
        """Close the file."""
        self._video.close()

    @property
    def fps(self) -> float:
        """Frames per second; 25 if the file does not say, or says what cannot be."""
        with failures_of(self.path, "its header cannot be read"):
            return rate_of(self._video.stream)

    def info(self) -> VideoInfo:
        """Decode the first frame and return what the file says about itself.

        Raises:
            BrokenVideoError: if the first frame cannot be decoded.
        """
        height, width = self.frames_at([0.0], size=None)[0].shape[:2]
        video = self._video
        with failures_of(self.path, "its header cannot be read"):
            duration = header_duration(video.container, video.stream, video.origin)
            frames = video.stream.frames
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
        return list(self.frames(times, size, must_reach))

    def frames(
        self, times: Sequence[float], size: Callable[[Size], Size] | None, must_reach: float | None = None
    ) -> Iterator[np.ndarray]:
        """Yield what :meth:`frames_at` returns, one frame at a time.

        Raises:
            BrokenVideoError: as :meth:`frames_at`, when the fault is met.
        """
        done = 0
        for frame in self._planned_frames(times, size, must_reach):
            done += 1
            yield frame
        if done < len(times):
            # From the first one on, since what damaged frames look like depends on where decoding begins.
            yield from self._careful_frames(times, size, must_reach)[done:]

    def stream(
        self, times: Sequence[float], size: Callable[[Size], Size] | None = None, must_reach: float | None = None
    ) -> Iterator[np.ndarray]:
        """Yield what :meth:`frames_at` returns, one frame at a time, decoding every frame: for whole videos.

        Raises:
            BrokenVideoError: as :meth:`frames_at`, when the fault is met.
        """
        self._video.require_careful()
        done = 0
        try:
            for frame in self._converted_frames(times, size, must_reach):
                done += 1
                yield frame
            return
        except UnorderedTimestampsError:
            self._count_frames()
        yield from self._converted_frames(times[done:], size, must_reach)

    def _planned_frames(
        self, times: Sequence[float], size: Callable[[Size], Size] | None, must_reach: float | None
    ) -> Iterator[np.ndarray]:
        """Yield the first of what :meth:`frames_at` returns, decoding only what these need, as far as that works.

        They are those of a decoder that was given every packet, which is checked by their time stamps.
        """
        if self._video.is_counted or self._failed_plans >= _FAILED_PLANS:
            return
        try:
            with failures_of(self.path, "decoding fails"):
                plan = self._plan(times)
                if plan is not None:
                    with closing(self._frames_of(plan, times, size, must_reach)) as frames:
                        # If time stamps are wrong, all frames are counted: none must have been given away.
                        yield from list(frames) if plan.is_doubtful else frames
                    return
        except (_OtherFramesError, UnorderedTimestampsError):
            pass
        except BrokenVideoError as error:
            if isinstance(error.__cause__, av.error.ExitError):
                raise  # no answer: do not wait for it twice
        self._failed_plans += 1

    def _frames_of(
        self, plan: PacketPlan, times: Sequence[float], size: Callable[[Size], Size] | None, must_reach: float | None
    ) -> Iterator[np.ndarray]:
        convert = FrameConverter(size, self.path)
        with closing(plan.frames(self._video.stream)) as decoded:
            chosen = self._nearest_frames(timed(_sound(decoded, plan.latest), self._origin), times, must_reach)
            for frame, pts in zip(chosen, plan.chosen, strict=True):
                if frame.pts != pts or frame.interlaced_frame:
                    raise _OtherFramesError
                yield convert(frame)

    def _plan(self, times: Sequence[float]) -> PacketPlan | None:
        if not can_plan(self._video.stream):
            return None
        first = times[0] - self._preroll
        if first > 0 and not self._from_first_frame:
            self._video.seek(first)
        else:
            self._video.rewind()
        return make_plan(self._video.packets(), self._video.stream, times, self._origin)

    @property
    def _origin(self) -> float | None:
        return None if self._from_first_frame else self._video.origin

    def _careful_frames(
        self, times: Sequence[float], size: Callable[[Size], Size] | None, must_reach: float | None
    ) -> list[np.ndarray]:
        """Return what :meth:`frames_at` returns, decoding every frame; all of them are counted if any has to be."""
        self._video.require_careful()
        try:
            return list(self._converted_frames(times, size, must_reach))
        except UnorderedTimestampsError:
            self._count_frames()
            return list(self._converted_frames(times, size, must_reach))

    def _count_frames(self) -> None:
        """From now on, take frames as evenly spaced from the beginning."""
        logger.warning(
            "%s: its timestamps are missing or run backwards; frames are counted from the beginning instead, "
            'which is slow. Re-encode it: ffmpeg -i "%s" -c:v libx264 "%s.mp4"',
            self.path,
            self.path.name,
            self.path.stem,
        )
        self._video.is_counted = True

    def _converted_frames(
        self, times: Sequence[float], size: Callable[[Size], Size] | None, must_reach: float | None
    ) -> Iterator[np.ndarray]:
        convert = FrameConverter(size, self.path)
        with failures_of(self.path, "decoding fails"):
            for frame in self._nearest_frames(self._frames_from(times[0]), times, must_reach):
                yield convert(frame)

    def _nearest_frames(
        self, frames: Iterator[tuple[av.VideoFrame, float]], times: Sequence[float], must_reach: float | None
    ) -> Iterator[av.VideoFrame]:
        def at_end(last: av.VideoFrame | None, time: float) -> None:
            if last is None:
                raise BrokenVideoError("not one frame can be decoded", self.path)
            end = time + self._shown_for(last)
            if must_reach is not None and must_reach > end + self.tolerance:
                raise BrokenVideoError(f"its frames end at {end:.2f} s", self.path)

        return nearest_frames(frames, times, at_end)

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
            self._video.seek(time)
            end = self._last_packet_end(time)
            if end < (time if credible is None else credible) and not self._video.is_counted:
                self._video.rewind()
                end = self._last_packet_end(time)
        if end > limits.VIDEO_SECONDS:
            raise BrokenVideoError(f"a time stamp in it says {end:.0f} s, which no video lasts", self.path)
        return end

    def _last_packet_end(self, enough: float) -> float:
        """Read packets until one ends at ``enough`` seconds or later; return the latest end seen, in seconds."""
        end, count = 0.0, 0
        for packet in self._video.packets():
            if packet.size == 0:
                continue
            count += 1
            if self._video.is_counted:
                end = count / self.fps
            elif packet.pts is not None:
                shown = float((packet.duration or 0) * packet.time_base) or 1 / self.fps
                end = max(end, float(packet.pts * packet.time_base) - self._video.origin + shown)
            if end >= enough:
                break
        return end

    def _shown_for(self, frame: av.VideoFrame) -> float:
        """Seconds for which a frame stays on the screen."""
        known = frame.duration and frame.time_base and not self._video.is_counted
        return float(frame.duration * frame.time_base) if known else 1 / self.fps

    def _frames_from(self, first: float) -> Iterator[tuple[av.VideoFrame, float]]:
        """Yield frames and their times, from one at or before ``first`` (or the very first) to the end."""
        if self._video.is_counted:
            self._video.rewind()
            for index, frame in enumerate(self._video.decode()):
                yield frame, index / self.fps
            return
        yield from timed(self._decode_from(first), self._origin)

    def _decode_from(self, first: float) -> Iterator[av.VideoFrame]:
        """Decode from a frame at or before ``first``.

        MPEG-TS and other containers without an index may land after the requested time; the seek is then
        repeated from further back, in the end from the beginning.
        """
        preroll = self._preroll
        while first - preroll > 0 and not self._from_first_frame:
            self._video.seek(first - preroll)
            frames = self._video.decode()
            frame = next(frames, None)
            if frame is not None and (frame.pts is None or frame.time - self._video.origin <= first + TIME_TOLERANCE):
                self._preroll = min(preroll, _LONGEST_PREROLL)
                yield frame
                yield from frames
                return
            preroll = max(2 * preroll, 1.0)
        self._video.rewind()
        yield from self._video.decode()


def _sound(frames: Iterator[av.VideoFrame], latest: Mapping[int, int]) -> Iterator[av.VideoFrame]:
    """Yield frames while they, and those that they refer to, are whole.

    What stands for lost parts comes from other frames, which may have been left out here.

    Args:
        frames: as they are shown.
        latest: see :class:`PacketPlan`.
    """
    held: deque[av.VideoFrame] = deque()
    for frame in frames:
        if frame.is_corrupt:
            raise _OtherFramesError
        held.append(frame)
        while held and latest.get(held[0].pts, 0) <= frame.pts:
            yield held.popleft()
    yield from held
