"""The sound of a part of a video, for a new video of that part: copied as it is where the container takes it."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from alphaction.data.video.opening import BrokenVideoError, failures_of, open_container, reason

# Container of PyAV -> codecs whose packets it holds and that players expect in it.
_COPIED = {
    "mp4": {"aac", "mp3", "ac3", "eac3", "alac", "opus"},
    "mov": {"aac", "mp3", "ac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le"},
    "matroska": {"aac", "mp3", "mp2", "ac3", "eac3", "dts", "opus", "vorbis", "flac", "alac", "pcm_s16le", "pcm_f32le"},
    "avi": {"mp3", "mp2", "ac3", "pcm_s16le"},
}
# What all of the encoders take; other rates become the last.
_RATES = (32000, 44100, 48000)
# A jump of the timestamps that is longer is a gap, which silence fills; seconds.
_JUMP = 0.05
# So much is written on trial before the video is begun; seconds.
_TRIAL = 1.0


class BrokenSoundError(Exception):
    """The sound cannot be read or written; the message is one clause."""


class Sound:
    """The sound of a video between two of its moments, read while it is written.

    Time 0 is the container's start, as for :class:`alphaction.data.video.file.VideoFile`.

    Args:
        path: the video.
        start: seconds.
        end: seconds.
        container_format: of the file that is written: "mp4", "matroska", "mov" or "avi".
        copied: write the packets as they are; False: encode anew.

    Attributes:
        codec: name of the codec in the new file.
        problem: why the sound ends early, None: it does not.
    """

    def __init__(self, path: Path, start: float, end: float, container_format: str, copied: bool) -> None:
        self._path = path
        self._input = open_container(path)
        self._stream = self._input.streams.best("audio")
        if self._stream is None or self._stream.codec_context is None:
            self._input.close()
            raise BrokenSoundError("its sound is of no known codec")
        begin = self._input.start_time
        self._origin = start + (0.0 if begin is None else begin / av.time_base)
        self._length = end - start
        self._copied = copied
        self.codec = self._stream.codec_context.codec.canonical_name if copied else _encoder(container_format)
        self.problem: str | None = None
        self._packets: Iterator[tuple[float, av.Packet]] = iter(())
        self._ahead: tuple[float, av.Packet] | None = None

    @classmethod
    def of(cls, path: Path, start: float, end: float, container_format: str) -> Sound | None:
        """Return the sound of a video; None if it has none.

        Raises:
            BrokenSoundError: it has sound that can be neither copied nor encoded.
        """
        try:
            with open_container(path) as movie, failures_of(path, "its header cannot be read"):
                if not movie.streams.audio:
                    return None
                context = movie.streams.best("audio").codec_context
                codec = "" if context is None else context.codec.canonical_name
        except BrokenVideoError as error:
            raise BrokenSoundError(error.clause) from error
        problem = "its sound is of no known codec"
        for copied in (True, False) if codec in _COPIED[container_format] else (False,):
            try:
                with failures_of(path, "it cannot be read or written"):
                    cls(path, start, min(end, start + _TRIAL), container_format, copied)._try(container_format)
                    return cls(path, start, end, container_format, copied)
            except BrokenVideoError as error:
                problem = error.clause
            except BrokenSoundError as error:
                problem = str(error)
        raise BrokenSoundError(problem)

    def __str__(self) -> str:
        return f"sound {'copied' if self._copied else 'encoded'} ({self.codec})"

    def _try(self, container_format: str) -> None:
        """Write some of it to memory; what cannot be opened or written shows here."""
        with av.open(io.BytesIO(), "w", format=container_format) as container:
            self.attach(container)
            container.start_encoding()
            self.mux_until(container, math.inf)
        self.close()
        if self.problem:
            raise BrokenSoundError(self.problem)

    def attach(self, container: av.container.OutputContainer) -> None:
        """Add the stream, before anything is written to ``container``."""
        if self._copied:
            output = container.add_stream_from_template(self._stream)
            self._packets = self._copies(output)
        else:
            context = self._stream.codec_context
            rate = context.sample_rate if context.sample_rate in _RATES else _RATES[-1]
            output = container.add_stream(self.codec, rate=rate, layout="mono" if context.channels == 1 else "stereo")
            self._packets = self._encoded(output)

    def mux_until(self, container: av.container.OutputContainer, time: float) -> None:
        """Write the packets that begin at ``time`` seconds of the new video or earlier.

        What cannot be read any further ends the sound, see ``problem``.
        """
        while self.problem is None:
            if self._ahead is None:
                try:
                    with failures_of(self._path, "reading it fails"):
                        self._ahead = next(self._packets, None)
                except BrokenVideoError as error:
                    self.problem = error.clause
                    return
            if self._ahead is None or self._ahead[0] > time:
                return
            packet, self._ahead = self._ahead[1], None
            try:
                container.mux(packet)
            except av.ArgumentError as error:  # the packet's fault; that of a full disk is another
                self.problem = reason(error)

    def close(self) -> None:
        """Close the video."""
        self._packets = iter(())
        self._input.close()

    def _demuxed(self) -> Iterator[av.Packet]:
        if self._origin > 1:
            self._input.seek(int((self._origin - 1) * av.time_base))
        yield from self._input.demux(self._stream)

    def _copies(self, output: av.AudioStream) -> Iterator[tuple[float, av.Packet]]:
        """Yield start, seconds of the new video, and packet of what lies in the part."""
        last = -1
        for packet in self._demuxed():
            begin = packet.pts if packet.pts is not None else packet.dts
            if not packet.size or begin is None:
                continue
            begin -= round(Fraction(self._origin) / packet.time_base)
            time = float(begin * packet.time_base)
            if time >= self._length:
                return
            if begin <= last or begin < 0:
                continue
            last = packet.pts = packet.dts = begin
            packet.stream = output
            yield time, packet

    def _encoded(self, output: av.AudioStream) -> Iterator[tuple[float, av.Packet]]:
        """Yield the same of the decoded and trimmed sound, encoded."""
        context = output.codec_context
        for samples, position in self._samples(context.sample_rate, context.layout.name):
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=context.layout.name)
            frame.sample_rate, frame.pts, frame.time_base = (
                context.sample_rate,
                position,
                Fraction(1, context.sample_rate),
            )
            for packet in output.encode(frame):
                yield position / context.sample_rate, packet
        for packet in output.encode(None):
            yield self._length, packet

    def _samples(self, rate: int, layout: str) -> Iterator[tuple[np.ndarray, int]]:
        """Yield float32 [channels, n] without gaps, each with the position of its first sample in the part."""
        resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)
        total, written = round(self._length * rate), 0
        for packet in self._demuxed():
            for decoded in packet.decode():
                if decoded.time is None:
                    continue
                for frame in resampler.resample(decoded):
                    position = round((float(frame.pts * frame.time_base) - self._origin) * rate)
                    samples = frame.to_ndarray()
                    if abs(position - written) <= _JUMP * rate and written:
                        position = written  # rounding of timestamps
                    samples, position = samples[:, max(written - position, 0) :], max(position, written)
                    samples = samples[:, : max(total - position, 0)]
                    if not samples.shape[1]:
                        continue
                    for begin in range(written, position, rate):  # a damaged time stamp may be hours ahead
                        yield np.zeros((len(samples), min(rate, position - begin)), dtype=np.float32), begin
                    yield np.ascontiguousarray(samples), position
                    written = position + samples.shape[1]
            if written >= total:
                return


def _encoder(container_format: str) -> str:
    if container_format != "avi":
        return "aac"
    return "libmp3lame" if "libmp3lame" in av.codecs_available else "ac3"
