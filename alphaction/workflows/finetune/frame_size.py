"""The size of the network's frames: large enough to see the persons, at a bounded cost, whatever the videos' shape.

The size that is written is the size that results: what a comment says about it is computed by the very rule that
resizes the frames in training. Frames cost as much as they have pixels, and that is what is limited: wide videos get a
smaller shorter side than square ones, instead of a limit on the longer side, which would shrink them unnoticed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from alphaction.data.transforms import ResizeRule, Size
from alphaction.utils.messages import counted

# The small network: (shorter side, pixels) of the smallest and the largest frames.
_TINY_LEAST, _TINY_MOST = (96, 96 * 192), (288, 288 * 576)
# Feature cells that the median person should be high. Random weights need more of them than pretrained ones.
_TINY_CELLS, _CELLS = 2.5, 2.0
# Pretrained networks know frames of 256 x 464 pixels, and may get half as much again on each side.
_KNOWN_ASPECT, _ENLARGED = 464 / 256, 1.5
# A video that is more than this times as wide as the median one is shrunk, or it alone would cost too much.
_ODD_SHAPE = 2.0
# Sides are multiples of these, in pixels; the shorter one of the finer one where the limit of pixels decides.
_STEP, _FINE_STEP = 32, 16


@dataclass(frozen=True)
class SeenVideo:
    """What matters about a video for the size of frames.

    Attributes:
        size: (width, height) in pixels.
        heights: of its boxes, as shares of its height.
    """

    size: Size
    heights: tuple[float, ...]

    @property
    def aspect(self) -> float:
        """The longer side as a multiple of the shorter one."""
        return max(self.size) / min(self.size)


@dataclass(frozen=True)
class FrameSize:
    """The size of the network's frames.

    Attributes:
        short: INPUT.MIN_SIZE, the shorter side in pixels.
        long: INPUT.MAX_SIZE, the most that the longer side may have.
        pixels: of a frame of the median video.
        reason: why, for a comment.
    """

    short: int
    long: int
    pixels: int
    reason: str


def choose_frame_size(
    videos: Sequence[SeenVideo], stride: int, *, usual: int = 256, tiny: bool = False, cells: float | None = None
) -> FrameSize:
    """Return the size of frames that lets the median person be seen at the least cost.

    A pretrained network keeps the number of pixels that it knows, 256 x 464, unless the median person would be less
    than 2 feature cells high; the small one takes what makes that person 2.5 cells high, from 96 x 192 pixels on.
    Neither goes above the videos' own size, and both have a limit of pixels.

    Args:
        videos: some of the training split, at least one of them with a box.
        stride: pixels per feature cell.
        usual: shorter side of the frames that the pretrained network knows.
        tiny: whether it is the small network.
        cells: how many feature cells high the median person should be; None: as above.
    """
    aspect = float(np.median([video.aspect for video in videos]))
    own = _up(float(np.median([min(video.size) for video in videos])), _STEP)
    known_long = _up(usual * _KNOWN_ASPECT, _FINE_STEP)
    if tiny:
        least, most, cells = _TINY_LEAST, _TINY_MOST, cells or _TINY_CELLS
    else:
        largest = round(usual * _ENLARGED)
        least, most = (usual, usual * known_long), (largest, largest * _up(largest * _KNOWN_ASPECT, _FINE_STEP))
        cells = cells or _CELLS
    lowest = _side_within(*least, aspect, _FINE_STEP)
    highest = max(lowest, min(own, _side_within(*most, aspect, _STEP)))
    short = lowest
    while short < highest and person_height(videos, resize_rule(videos, short)) < cells * stride:
        short = min(highest, _up(short + 1, _STEP))
    rule = resize_rule(videos, short, None if tiny else short * known_long / usual)
    person = person_height(videos, rule)
    seen = f"the median person is then {person:.0f} pixels high, {person / stride:.1f} feature cells of {stride}"
    if tiny:
        reason = f"{seen} ({cells} are wanted, the shorter side being {lowest} to {highest})"
    elif short == usual:
        reason = f"the recipe's, which the pretrained networks know; {seen}"
    elif short == lowest:
        reason = f"as many pixels as the {usual} x {known_long} that pretrained networks know; {seen}"
    else:
        reason = f"above the usual {lowest}, as persons are small: {seen}"
    pixels = int(np.median([math.prod(rule(video.size)) for video in videos]))
    return FrameSize(short, rule.max_size, pixels, "; ".join([reason, *_shrunk(videos, rule)]))


def resize_rule(videos: Sequence[SeenVideo], short: int, least_long: float | None = None) -> ResizeRule:
    """Return the rule that gives all videos the shorter side ``short``, but for those of an odd shape.

    Args:
        videos: see :func:`choose_frame_size`.
        short: shorter side in pixels.
        least_long: the longer side may have that many pixels in any case; None: as many as the videos need.
    """
    aspects = [video.aspect for video in videos]
    widest = max(aspect for aspect in aspects if aspect <= _ODD_SHAPE * float(np.median(aspects)))
    return ResizeRule(short, _up(max(short * widest, least_long or 0.0), _FINE_STEP))


def person_height(videos: Sequence[SeenVideo], rule: ResizeRule) -> float:
    """Return the median height of all boxes in resized frames, in pixels."""
    return float(np.median([share * rule(video.size)[1] for video in videos for share in video.heights]))


def _shrunk(videos: Sequence[SeenVideo], rule: ResizeRule) -> Iterator[str]:
    odd = [video for video in videos if min(rule(video.size)) < rule.min_size]
    if odd:
        width, height = max(odd, key=lambda video: video.aspect).size
        yield (
            f"{len(odd)} of {counted(len(videos), 'video')} looked at (up to {width} x {height}) would be more than "
            f"{_ODD_SHAPE:g} times as wide as the others, and have a smaller shorter side"
        )


def _side_within(side: int, pixels: int, aspect: float, step: int) -> int:
    """Return ``side``, or the largest multiple of ``step`` with which a frame of that shape has ``pixels`` at most."""
    if side * math.floor(side * aspect) <= pixels:
        return side
    return max(step, int(math.sqrt(pixels / aspect) // step) * step)


def _up(length: float, step: int) -> int:
    return math.ceil(length / step - 1e-9) * step
