"""Persons of a video between the keyframes at which they were found, followed by optical flow from both sides.

From one keyframe to the next a box is followed forward from the first and backward from the second. On its way over,
the place goes from the former to the latter; the size changes evenly. Where the flow of one side is lost, the other
counts alone; where both are, the box moves straight. How much nearer to the truth that is: docs/TRACKING.md.

Sizes in shapes: F frames of the video, L frames of a span, n boxes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from alphaction.data.video.frame_times import TIME_TOLERANCE
from alphaction.workflows.predict.tracker import Track
from alphaction.workflows.predict.tracking.flow import gray_frame, moved_boxes
from alphaction.workflows.predict.tracking.followed_boxes import FollowedBoxes

# Frames of so many seconds, and so many frames, at most are kept; over a longer gap boxes move straight.
_LONGEST, _MOST = 4.0, 1000
# Seconds that the first and the last box of a track stay where the flow was lost: whoever is gone is soon not drawn.
_BLIND = 0.5


@dataclass(frozen=True, eq=False)
class _Span:
    """What lies between two keyframes of a track, or before or after all of them.

    Attributes:
        first, last: numbers of the frames nearest to its ends.
        track: position of the track.
        before, after: float64 [4], the boxes at the ends; None: there is no keyframe at that end.
        exact_before, exact_after: whether the frame at that end is the keyframe's, and the box is right on it.
    """

    first: int
    last: int
    track: int
    before: np.ndarray | None
    after: np.ndarray | None
    exact_before: bool
    exact_after: bool


def follow_tracks(
    tracks: Sequence[Track], times: np.ndarray, images: Iterable[np.ndarray], margin: float = 0.5
) -> list[Track]:
    """Return the tracks with the boxes on the frames that lie between their keyframes, and a little before and after.

    Few frames are in memory at a time.

    Args:
        tracks: the persons.
        times: float64 [F], seconds of the frames, ascending.
        images: the frames in that order, uint8 [H, W, 3] RGB.
        margin: seconds before the first and after the last keyframe for which a person is followed.
    """
    spans = sorted(
        (span for number, track in enumerate(tracks) for span in _spans(number, track, times, margin)),
        key=lambda span: (span.last, span.first),
    )
    pieces: list[list[tuple[_Span, np.ndarray]]] = [[] for _ in tracks]
    for group, frames in _with_frames(spans, images):
        for span, boxes, sound in zip(
            group, *(values.swapaxes(0, 1) for values in _follow(group, frames)), strict=True
        ):
            pieces[span.track].append(_believed(span, boxes, sound, times))
    return [replace(track, followed=_joined(track, some, times)) for track, some in zip(tracks, pieces, strict=True)]


def _spans(number: int, track: Track, times: np.ndarray, margin: float) -> Iterator[_Span]:
    """Yield the spans of a track that are followed."""
    moments = np.array(track.seconds, dtype=np.float64)
    margin = min(margin, _LONGEST)
    reach = np.concatenate([[moments[0] - margin], moments, [min(track.lasts_until(margin), moments[-1] + _LONGEST)]])
    after = np.clip(np.searchsorted(times, reach), 0, len(times) - 1)
    before = np.maximum(after - 1, 0)
    nearest = np.where(np.abs(reach - times[before]) <= np.abs(times[after] - reach), before, after)
    apart = np.diff(times).max() if len(times) > 1 else 1.0
    exact = np.abs(times[nearest] - reach) <= 0.5 * apart + 1e-6
    ends = [None, *track.boxes, None]
    for end in range(len(ends) - 1):
        first, last = int(nearest[end]), int(nearest[end + 1])
        if first < last <= first + _MOST and times[last] - times[first] <= _LONGEST:
            before, after = ends[end], ends[end + 1]
            yield _Span(first, last, number, before, after, bool(exact[end]), bool(exact[end + 1]))


def _with_frames(
    spans: Sequence[_Span], images: Iterable[np.ndarray]
) -> Iterator[tuple[Sequence[_Span], Sequence[np.ndarray]]]:
    """Yield spans of the same frames together with these, gray.

    Args:
        spans: in the order of their last frames.
        images: all frames.
    """
    # The first frame that this span or one after it needs.
    needed = np.minimum.accumulate([span.first for span in reversed(spans)])[::-1].tolist() if spans else []
    kept: deque[np.ndarray] = deque()
    oldest = at = 0
    for number, image in enumerate(images):
        if at == len(spans):
            return
        if not kept:
            oldest = number
        if number >= needed[at]:
            kept.append(gray_frame(image))
        while at < len(spans) and spans[at].last == number:
            end = at
            while end < len(spans) and (spans[end].first, spans[end].last) == (spans[at].first, number):
                end += 1
            yield spans[at:end], list(kept)[spans[at].first - oldest :]
            at = end
        while at < len(spans) and kept and oldest < needed[at]:
            kept.popleft()
            oldest += 1


def _follow(spans: Sequence[_Span], frames: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the boxes of spans of the same L frames, float64 [L, n, 4], and where some flow holds, bool [L, n]."""
    before = np.array([span.after if span.before is None else span.before for span in spans])
    after = np.array([span.before if span.after is None else span.after for span in spans])
    share = np.linspace(0.0, 1.0, len(frames))[:, None, None]
    straight = before + share * (after - before)
    from_before = np.array([span.before is not None and span.exact_before for span in spans])
    from_after = np.array([span.after is not None and span.exact_after for span in spans])
    forward, forward_sound = _chain(frames, before, from_before)
    backward, backward_sound = (values[::-1] for values in _chain(frames[::-1], after, from_after))
    one_sided = np.array([span.before is None or span.after is None for span in spans])
    # On one side alone, there is nothing better than where the flow was lost.
    weights = np.stack(
        [
            np.where(one_sided, from_before, (1 - share[..., 0]) * forward_sound),
            np.where(one_sided, from_after, share[..., 0] * backward_sound),
        ]
    )[..., None]
    total = weights.sum(0)
    middles = weights[0] * _middles(forward) + weights[1] * _middles(backward)
    middles = np.where(total > 0, middles / np.maximum(total, 1e-9), _middles(straight))
    half = (straight[..., 2:] - straight[..., :2]) / 2
    return np.concatenate([middles - half, middles + half], axis=-1), forward_sound | backward_sound


def _believed(span: _Span, boxes: np.ndarray, sound: np.ndarray, times: np.ndarray) -> tuple[_Span, np.ndarray]:
    """Return a span and its boxes [L, 4], at an end of the track without frames on which the person may be gone.

    Args:
        span: of L frames.
        boxes: its boxes.
        sound: bool [L], where the flow holds.
        times: float64 [F], seconds of all frames.
    """
    if span.before is not None and span.after is not None:
        return span, boxes
    moments = times[span.first : span.last + 1]
    held = moments[sound]
    if span.after is None:
        use = moments <= held.max(initial=moments[0]) + _BLIND + TIME_TOLERANCE
    else:
        use = moments >= held.min(initial=moments[-1]) - _BLIND - TIME_TOLERANCE
    numbers = span.first + np.flatnonzero(use)
    return replace(span, first=int(numbers[0]), last=int(numbers[-1])), boxes[use]


def _chain(frames: Sequence[np.ndarray], boxes: np.ndarray, sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where the flow takes boxes from the first frame on, [L, n, 4], and until when it holds, bool [L, n]."""
    chain, sounds = [boxes], [sound]
    for earlier, later in pairwise(frames):
        moved, found = chain[-1].copy(), np.zeros_like(sound)
        moved[sounds[-1]], found[sounds[-1]] = moved_boxes(earlier, later, chain[-1][sounds[-1]])
        chain.append(np.where(found[:, None], moved, chain[-1]))
        sounds.append(found)
    return np.stack(chain), np.stack(sounds)


def _middles(boxes: np.ndarray) -> np.ndarray:
    return (boxes[..., :2] + boxes[..., 2:]) / 2


def _joined(track: Track, pieces: Sequence[tuple[_Span, np.ndarray]], times: np.ndarray) -> FollowedBoxes | None:
    """Return the boxes of the spans of a track, one after the other; None: there are none.

    A gap between two spans, which was not followed, is crossed straight from keyframe to keyframe.
    """
    if not pieces:
        return None
    moments = [times[span.first : span.last + 1] for span, _ in pieces]
    boxes = [boxes for _, boxes in pieces]
    seconds = np.array(track.seconds, dtype=np.float64)
    span = np.searchsorted([some[0] for some in moments], seconds, side="right") - 1
    alone = (span < 0) | (seconds > np.array([some[-1] for some in moments])[span])
    moments.append(seconds[alone])
    boxes.append(np.array(track.boxes)[alone])
    # Where one span ends, the next one begins.
    joined, first = np.unique(np.concatenate(moments), return_index=True)
    return FollowedBoxes(joined, np.concatenate(boxes)[first].astype(np.float32))
