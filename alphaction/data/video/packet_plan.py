"""Which packets of a video have to be decoded for the frames at given times: found before anything is decoded.

Packets are read in decoding order; each says when its frame is shown. So it is known beforehand which frames are
wanted. Frames that are not, and that no other frame refers to, are left out, and nothing is decoded after the last
wanted one: its decoder is then told that this is the end, or it would wait for the frames that follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import av

from alphaction.data.video.frame_times import TIME_TOLERANCE, nearest_position

# A frame of H.264 is shown after at most 16 that follow it in the file.
_REORDERED = 16
# Packets are held until the last one is read, so there is a limit to their number and size; GOPs of 10 s are far below.
_MOST_PACKETS = 8192
_MOST_BYTES = 1 << 25
# What the codec's decoder leaves out when it is told to: frames to which no other refers, whatever it is told later.
_SKIPPING_CODECS = ("h264",)
# AVFieldOrder: not known, or whole frames. Two fields may be two packets that become one frame.
_WHOLE_FRAMES = (0, 1)


@dataclass(frozen=True)
class PacketPlan:
    """What is decoded for some times.

    Attributes:
        packets: in decoding order, up to the last one that is needed.
        chosen: for each time, the pts of the frame nearest to it.
        kept: pts of the frames that are decoded in any case.
        latest: for the pts of each packet, the highest pts up to there: of the last frame that its own may refer to.
        is_doubtful: the time stamps are in the packets' order, but the decoder has another one, or the reverse: so
            they may turn out to be wrong.
    """

    packets: Sequence[av.Packet]
    chosen: Sequence[int]
    kept: frozenset[int]
    latest: Mapping[int, int]
    is_doubtful: bool

    def frames(self, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
        """Decode; the decoder has to be flushed afterwards, as a seek does it."""
        context = stream.codec_context
        try:
            for packet in self.packets:
                wanted = "DEFAULT" if packet.pts in self.kept else "NONREF"
                if context.skip_frame != wanted:
                    context.skip_frame = wanted
                yield from packet.decode()
            end = av.Packet()
            end.stream, end.time_base = stream, stream.time_base
            yield from end.decode()
        finally:
            context.skip_frame = "DEFAULT"


def can_plan(stream: av.VideoStream) -> bool:
    """Return whether frames of this stream may be left out, as far as its header says."""
    context = stream.codec_context
    return context.name in _SKIPPING_CODECS and context.field_order in _WHOLE_FRAMES


def make_plan(
    packets: Iterable[av.Packet], stream: av.VideoStream, times: Sequence[float], origin: float | None
) -> PacketPlan | None:
    """Read packets until it is known which of them are needed.

    Args:
        packets: in decoding order, from a key frame on.
        stream: which they are of.
        times: seconds, ascending.
        origin: the stream's own time, in seconds, that counts as 0; None: that of the first frame shown.

    Returns:
        the plan; None if the packets do not say when they are shown, begin after ``times[0]``, or are too many.
    """
    read: list[av.Packet] = []
    shown: dict[int, float] = {}
    size = beyond = 0
    start = origin
    numerator, denominator = stream.time_base.as_integer_ratio()
    for packet in packets:
        if packet.size == 0:
            continue
        if packet.pts is None or packet.is_corrupt or len(read) >= _MOST_PACKETS or size > _MOST_BYTES:
            return None
        read.append(packet)
        size += packet.size
        if packet.is_discard:
            continue
        time = shown[packet.pts] = float(packet.pts) * numerator / denominator
        if origin is None:
            start = time if start is None else min(start, time)
        beyond += time - start >= times[-1] - TIME_TOLERANCE
        if beyond > _REORDERED:
            break
    if not shown:
        return None
    order = sorted(shown)
    seconds = [shown[pts] - start for pts in order]
    if origin is not None and seconds[0] > times[0] + TIME_TOLERANCE and times[0] > 0:
        return None
    chosen = [order[nearest_position(seconds, time)] for time in times]
    # The first one shown sets the clock where that is not the container's.
    kept = frozenset(chosen if origin is not None else [order[0], *chosen])
    last = max(index for index, packet in enumerate(read) if packet.pts in kept)
    decoded = [packet.pts for packet in read]
    latest = dict(zip(decoded, accumulate(decoded, max), strict=True))
    in_order = [pts for pts in decoded if pts in shown] == order
    is_doubtful = in_order == bool(stream.codec_context.has_b_frames)
    return PacketPlan(read[: last + 1], chosen, kept, latest, is_doubtful)
