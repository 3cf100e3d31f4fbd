"""Tracks: boxes at some frames, interpolated linearly in between. When they are sampled: :mod:`.track_sampling`."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from alphaction.data.keyframes import exact_time, multiples

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Knot:
    """A box that the tool's file gives for one frame of a track.

    Attributes:
        frame: index in the video, from 0.
        box: x1, y1, x2, y2 as fractions of the frame.
        shown: whether the box is visible at this very frame.
        continues: whether it is visible after this frame, until the next knot (or the end of the track).
        labels: what the tool says of the track from this frame on, until the next knot.
        shape: what moves linearly where the tool's boxes turn: x, y, width, height and rotation; (): the box itself.
        outline: the box of such a shape.
    """

    frame: int
    box: Box
    shown: bool = True
    continues: bool = True
    labels: Any = None
    shape: tuple[float, ...] = ()
    outline: Callable[[Sequence[float]], Box] | None = None

    def toward(self, other: Knot, share: float) -> Box:
        """Return the box at a share of the way to a later knot."""
        if self.outline is not None and self.shape[-1:] != other.shape[-1:]:
            return self.outline(_between(self.shape, other.shape, share))
        return _between(self.box, other.box, share)


def _between(start: Sequence[float], end: Sequence[float], share: float) -> tuple[float, ...]:
    return tuple(a + (b - a) * share for a, b in zip(start, end, strict=True))


class TrackSample(NamedTuple):
    """A track at one moment; ``labels`` are those of the knot before."""

    second: int | float
    box: Box
    labels: Any


class Stretch(NamedTuple):
    """Frames, first and last, in which a track is visible throughout and shows the same actions."""

    start: int
    end: int
    actions: frozenset[str]

    @property
    def middle(self) -> int:
        """The frame in the middle; of two, the earlier."""
        return (self.start + self.end) // 2


def frame_of(second: float, fps: float) -> int:
    """Return the index of the frame shown at a time: the nearest to it; of two equally near, the earlier."""
    return math.ceil(second * fps - 0.5 - 1e-9)


class TrackPath:
    """Where a track is at any time. Between two knots the box moves linearly; labels are those of the knot before.

    Attributes:
        fps: as given.
        slack: how many frames from its start or end a moment may be that ``step`` brings to it.

    Args:
        knots: in any order; of two at the same frame the later one counts.
        fps: frames per second that the knots' frames count.
        last_frame: until where a track whose last knot ``continues`` stays where it is; None: it ends there.
        step: the tool showed only every so many frames. A moment that falls between two of them belongs to the nearer
            one, as far as the start and the end of the track are concerned (at most an eighth of a second).
    """

    def __init__(self, knots: Sequence[Knot], fps: float, *, last_frame: int | None = None, step: int = 1) -> None:
        by_frame = {knot.frame: knot for knot in knots}
        self.fps = fps
        self._knots = [by_frame[frame] for frame in sorted(by_frame)]
        self._frames = sorted(by_frame)
        self._last_frame = last_frame
        self.slack = min(step / 2, fps / 8) if step > 1 else 0.0

    def end_at(self, second: float) -> None:
        """Look at the track until a time only: a file may let it go on for days after the end of its video."""
        first, end = self.reach
        self.reach = first, min(end, max(first, math.ceil(second)) + 1)

    @cached_property
    def reach(self) -> tuple[int, int]:
        """Whole seconds between which the track lies: it is nowhere before the one, nor from the other on."""
        if not self._knots:
            return 0, 0
        end = max(self._frames[-1], self._last_frame or 0) + self.slack
        first = max(0, math.floor((self._frames[0] - self.slack) / self.fps) - 1)
        return first, math.ceil(end / self.fps) + 1

    def grid(self, interval: float) -> Iterator[int | float]:
        """Yield the multiples of ``interval`` within reach."""
        return multiples(interval, *self.reach)

    def grid_at(self, stretch: Stretch, interval: float) -> Iterator[int | float]:
        """Yield the multiples of ``interval`` at which a stretch may be visible."""
        around = self.slack + 1
        end = min((stretch.end + around) / self.fps, self.reach[1])
        return multiples(interval, max(0, (stretch.start - around) / self.fps), end)

    def samples(self, seconds: Iterable[int | float]) -> Iterator[TrackSample]:
        """Yield the track at those of the times at which it is visible."""
        for second in seconds:
            box, labels = self._at(frame_of(second, self.fps))
            if box is not None:
                yield TrackSample(second, box, labels)

    def middle(self) -> int | float | None:
        """Return the time of the visible frame nearest to the middle of all of them, None: none is visible."""
        spans = list(self._visible())
        if not spans:
            return None
        middle = (spans[0][0] + spans[-1][1]) / 2
        frames = [min(max(math.ceil(middle - 0.5), start), end) for start, end, _ in spans]
        return exact_time(min(frames, key=lambda frame: (abs(frame - middle), frame)) / self.fps)

    def stretches(self, actions: Callable[[Any], Iterable[str]]) -> list[Stretch]:
        """Return the stretches of a track, in order; ``actions`` tells those of a knot's labels."""
        found: list[Stretch] = []
        known, said = object(), frozenset()
        for start, end, labels in self._visible():
            if labels is not known:
                known, said = labels, frozenset(actions(labels))
            if found and found[-1].end + 1 == start and found[-1].actions == said:
                found[-1] = found[-1]._replace(end=end)
            else:
                found.append(Stretch(start, end, said))
        return found

    def _visible(self) -> Iterator[tuple[int, int, Any]]:
        """Yield first and last frame of parts in which the track is visible, and the labels of each."""
        for knot, after in zip(self._knots, [*self._knots[1:], None], strict=True):
            end = knot.frame
            if knot.continues:
                end = after.frame - 1 if after is not None else max(end, self._last_frame or 0)
            start = knot.frame if knot.shown else knot.frame + 1
            if start <= end:
                yield start, end, knot.labels

    def _at(self, frame: int) -> tuple[Box | None, Any]:
        """Return box and labels at a frame, or None and None where the track is not visible."""
        hidden = (None, None)
        knots, slack = self._knots, self.slack
        i = bisect_right(self._frames, frame) - 1
        before = knots[i] if i >= 0 else None
        after = knots[i + 1] if i + 1 < len(knots) else None
        if before is not None and before.frame == frame:
            return (before.box, before.labels) if before.shown else hidden
        if before is not None and before.continues:
            if after is not None:
                if not after.shown and after.frame - frame < slack:
                    return hidden
                share = (frame - before.frame) / (after.frame - before.frame)
                return before.toward(after, share), before.labels
            held = self._last_frame is not None and frame <= self._last_frame
            return (before.box, before.labels) if held or frame - before.frame <= slack else hidden
        if after is not None and after.shown and after.frame - frame <= slack:
            return after.box, after.labels
        if before is not None and before.shown and frame - before.frame <= slack:
            return before.box, before.labels
        return hidden


def upright(x: float, y: float, width: float, height: float, degrees: float, pivot: tuple[float, float]) -> Box:
    """Return the upright box, x1, y1, x2, y2 in pixels, around a box in pixels turned clockwise about ``pivot``."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    corners = [(x, y), (x + width, y), (x, y + height), (x + width, y + height)]
    turned = [
        (
            pivot[0] + (px - pivot[0]) * cosine - (py - pivot[1]) * sine,
            pivot[1] + (px - pivot[0]) * sine + (py - pivot[1]) * cosine,
        )
        for px, py in corners
    ]
    xs, ys = [point[0] for point in turned], [point[1] for point in turned]
    return min(xs), min(ys), max(xs), max(ys)
