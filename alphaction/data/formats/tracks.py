"""Tracks: boxes at some frames, interpolated linearly in between and sampled at whole seconds."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from alphaction.data.formats.rows import RowBuilder

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
    """

    frame: int
    box: Box
    shown: bool = True
    continues: bool = True
    labels: Any = None


class TrackSample(NamedTuple):
    """A track at one whole second; ``labels`` are those of the knot before."""

    second: int
    box: Box
    labels: Any


def frame_of(second: int, fps: float) -> int:
    """Return the index of the frame shown at a whole second: the nearest to it; of two equally near, the earlier."""
    return math.ceil(second * fps - 0.5 - 1e-9)


def add_track(
    rows: RowBuilder,
    video: str,
    knots: Sequence[Knot],
    actions: Callable[[Any], Iterable[str]],
    *,
    fps: float,
    interval: int,
    person: int,
    merge_key: int,
    place: str,
    last_frame: int | None = None,
    step: int = 1,
) -> None:
    """Add the samples of a track to ``rows``; what is left out is counted.

    Args:
        actions: ``labels`` of a knot -> the actions from there on.
        person, merge_key: see :meth:`RowBuilder.add`.
        place: the track, for messages.
        fps, interval, last_frame, step: see :func:`sample_track`.
    """
    repeated = len(knots) - len({knot.frame for knot in knots})
    rows.count("boxes left out, as their track has another one at that frame", repeated)
    samples = sample_track(knots, fps, interval, last_frame=last_frame, step=step)
    if knots and not samples:
        rows.count("tracks that are visible at no sampled second")
    for second, box, labels in samples:
        where = f"{place}, second {second}"
        rows.add(video, second, box, actions(labels), person, place=where, merge_key=merge_key)


def sample_track(
    knots: Sequence[Knot], fps: float, interval: int = 1, *, last_frame: int | None = None, step: int = 1
) -> list[TrackSample]:
    """Return a track at every ``interval``-th whole second at which it is visible.

    Second t is frame ``frame_of(t, fps)``. Between two knots the box moves linearly; labels are those of the knot
    before.

    Args:
        knots: in any order; of two at the same frame the later one counts.
        fps: frames per second that the knots' frames count.
        last_frame: until where a track whose last knot ``continues`` stays where it is; None: it ends there.
        step: the tool showed only every so many frames. A second that falls between two of them belongs to the
            nearer one, as far as the start and the end of the track are concerned (at most an eighth of a second).
    """
    by_frame = {knot.frame: knot for knot in knots}
    ordered = [by_frame[frame] for frame in sorted(by_frame)]
    if not ordered:
        return []
    frames = [knot.frame for knot in ordered]
    slack = min(step / 2, fps / 8) if step > 1 else 0.0
    end = max(frames[-1], last_frame or 0) + slack
    first = max(0, math.floor((frames[0] - slack) / fps) - 1)
    samples = []
    for second in range(-(-first // interval) * interval, math.ceil(end / fps) + 1, interval):
        frame = frame_of(second, fps)
        box, labels = _at(ordered, frames, frame, last_frame, slack)
        if box is not None:
            samples.append(TrackSample(second, box, labels))
    return samples


def _at(
    knots: Sequence[Knot], frames: Sequence[int], frame: int, last_frame: int | None, slack: float
) -> tuple[Box | None, Any]:
    """Return box and labels at a frame, or None and None where the track is not visible."""
    hidden = (None, None)
    i = bisect_right(frames, frame) - 1
    before = knots[i] if i >= 0 else None
    after = knots[i + 1] if i + 1 < len(knots) else None
    if before is not None and before.frame == frame:
        return (before.box, before.labels) if before.shown else hidden
    if before is not None and before.continues:
        if after is not None:
            if not after.shown and after.frame - frame < slack:
                return hidden
            share = (frame - before.frame) / (after.frame - before.frame)
            return tuple(a + (b - a) * share for a, b in zip(before.box, after.box, strict=True)), before.labels
        held = last_frame is not None and frame <= last_frame
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
