"""Decoding a stream that is damaged here and there."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

import av

from alphaction.utils import limits
from alphaction.utils.errors import DataError

logger = logging.getLogger(__name__)


class IntactFrames:
    """The frames that packets hold, without those that are damaged, which are counted.

    Args:
        title: of the stream, for messages.

    Attributes:
        corrupt: packets that cannot be decoded, and frames that are damaged.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.corrupt = 0
        self._began = False

    def decode(self, packets: Iterable[av.Packet]) -> Iterator[av.VideoFrame]:
        """Yield frames in the order in which they are shown.

        Raises:
            DataError: too many packets hold none.
            av.FFmpegError: what ``packets`` raises.
        """
        without_frame = 0
        for packet in packets:
            frames = self._decoded(packet)
            without_frame = 0 if frames else without_frame + 1
            if without_frame > limits.PACKETS_WITHOUT_FRAME:
                raise DataError(f"{self.title}: {without_frame} packets in a row hold no frame that can be decoded")
            for frame in frames:
                if frame.is_corrupt:
                    self._count("a frame is damaged")
                    continue
                self._began = True
                yield frame

    def _decoded(self, packet: av.Packet) -> list[av.VideoFrame]:
        if packet.is_corrupt:
            self._count("a packet is damaged")
            return []
        try:
            return packet.decode()
        except (av.error.EOFError, av.error.MemoryError):
            raise
        except (av.FFmpegError, ValueError) as error:
            self._count(f"a packet cannot be decoded: {error.__class__.__name__}")
            return []

    def _count(self, what: str) -> None:
        # Who joins a stream in the middle gets packets that refer to what was sent before.
        if not self._began:
            return
        self.corrupt += 1
        if self.corrupt == 1:
            logger.warning("%s: %s; it is left out, and others like it are counted", self.title, what)
