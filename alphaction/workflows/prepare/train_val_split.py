"""Dividing one table of annotations into training and validation: by video, or by time where videos are few.

Sizes in shapes: V videos, K keyframes, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alphaction.config import get_cfg
from alphaction.data.annotations import AnnotationTable, LabelMap
from alphaction.data.label_statistics import labels_per_keyframe
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.messages import counted, listed

WAYS = ("auto", "video", "time")
MIN_VIDEOS = 5
# From this many videos on, a class that only one video shows is no reason to split by time.
MANY_VIDEOS = 20
GAP_SECONDS = 3
"""Seconds between the two parts of a video: a clip of 64 frames at 25 frames per second covers 2.6."""

_ABSENT = 10.0
_MAX_SWAP_VIDEOS = 150


@dataclass(frozen=True, eq=False)
class SplitPlan:
    """Which keyframes train and which validate; neither where a gap keeps the parts of a video apart.

    Attributes:
        way: "video" or "time".
        train, val: bool [K].
        text: what was done, and why, for the user.
    """

    way: str
    train: np.ndarray
    val: np.ndarray
    text: str


def split_annotations(table: AnnotationTable, label_map: LabelMap, fraction: float, way: str = "auto") -> SplitPlan:
    """Return a split that depends on nothing but the table.

    By video, the validation videos are chosen so that every class has about ``fraction`` of its labels there, and none
    disappears from training. By time, the last part of each video validates, :data:`GAP_SECONDS` after the first.

    Args:
        fraction: share of the validation, between 0 and 1.
        way: "video", "time", or "auto": by time where there are fewer than 5 videos, or fewer than 20 and a class
            would be missing in one part that it is not missing in when split by time.

    Raises:
        UserError: the annotations are too few for either way.
    """
    labels = labels_per_keyframe(table, label_map)
    videos = len(np.unique(table.keyframes.video_index))
    by_video = _by_video(table, labels, fraction) if videos > 1 else None
    by_time = _by_time(table, fraction)
    if way == "video" and by_video is None:
        raise UserError("--split-by video: only one video is annotated. Use --split-by time, or give a --val file.")
    if way == "time" and by_time is None:
        raise UserError(f"--split-by time: {_too_short(table)} Use --split-by video, or give a --val file.")
    if by_video is None and by_time is None:
        raise DataError(f"one annotation file for both splits: {_too_short(table)} Give a --val file of other videos.")
    names = np.array(label_map.names)
    if way == "video" or by_time is None:
        why = "" if way == "video" else ", as the videos are too short to split by time"
        return _described(by_video, table, labels, names, why)
    if way == "time" or by_video is None or videos < MIN_VIDEOS:
        why = "" if way == "time" else f", as only {counted(videos, 'video is', 'videos are')} annotated"
        return _described(by_time, table, labels, names, why)
    lost_by_video, lost_by_time = missing_classes(by_video, labels), missing_classes(by_time, labels)
    if videos < MANY_VIDEOS and len(lost_by_time) < len(lost_by_video):
        why = f", as a split of the {videos} videos would leave one part without: {', '.join(names[lost_by_video])}"
        return _described(by_time, table, labels, names, why)
    return _described(by_video, table, labels, names, "")


def missing_classes(plan: SplitPlan, labels: np.ndarray) -> np.ndarray:
    """Return the channels, int64 [n], of classes that one part lacks although the table has them."""
    present = labels.sum(axis=0) > 0
    both = (labels[plan.train].sum(axis=0) > 0) & (labels[plan.val].sum(axis=0) > 0)
    return np.flatnonzero(present & ~both)


def choose_videos(weights: np.ndarray, fraction: float) -> np.ndarray:
    """Choose videos so that every column has about ``fraction`` of its sum in them.

    Greedy: the video is moved that improves the balance most, until none does; then pairs are exchanged.

    Args:
        weights: int [V, n] what each video has of each of n things (labels of a class); the last is its size
            (keyframes), more than twice ``fraction`` of which is not chosen for the sake of rare classes.

    Returns:
        bool [V], neither all nor none; the same for the same weights. Nothing that several videos have is missing
        among the chosen ones if that can be helped; the others have everything, if that is possible.
    """
    weights = np.asarray(weights, dtype=np.float64)
    total = weights.sum(axis=0)
    weights, total = weights[:, total > 0], total[total > 0]
    shared = np.count_nonzero(weights, axis=0) > 1

    def costs(sums: np.ndarray) -> np.ndarray:
        """Return the cost, [m], of choices whose columns sum to ``sums`` [m, n]."""
        cost = np.abs(sums / total - fraction).mean(axis=1)
        cost += _ABSENT * ((sums == 0) & shared).sum(axis=1)
        cost += 1e3 * (sums[:, -1] > 2 * fraction * total[-1])
        return cost + 1e6 * (sums >= total).sum(axis=1)

    chosen = np.zeros(len(weights), dtype=bool)
    best = np.inf
    for _ in range(4 * len(weights)):
        sign = np.where(chosen, -1.0, 1.0)[:, None]
        current = weights[chosen].sum(axis=0)
        flips = costs(current + sign * weights)
        if chosen.sum() == 1:
            flips[chosen] = np.inf
        move, cost = [int(np.argmin(flips))], float(flips.min())
        if cost >= best - 1e-12 and len(weights) <= _MAX_SWAP_VIDEOS:
            for out in np.flatnonzero(chosen):
                swaps = np.where(chosen, np.inf, costs(current - weights[out] + weights))
                if swaps.min() < cost:
                    move, cost = [int(out), int(np.argmin(swaps))], float(swaps.min())
        if cost >= best - 1e-12:
            break
        chosen[move] ^= True
        best = cost
    return chosen


def _by_video(table: AnnotationTable, labels: np.ndarray, fraction: float) -> SplitPlan:
    used, position = np.unique(table.keyframes.video_index, return_inverse=True)
    weights = np.zeros((len(used), labels.shape[1] + 1), dtype=np.int64)
    np.add.at(weights, position, np.concatenate([labels, np.ones((len(labels), 1), dtype=np.int64)], axis=1))
    chosen = choose_videos(weights, fraction)
    names = table.keyframes.videos[used[chosen]].tolist()
    val = chosen[position]
    return SplitPlan("video", ~val, val, f"validation: {len(names)} of {counted(len(used), 'video')} ({listed(names)})")


def _by_time(table: AnnotationTable, fraction: float) -> SplitPlan | None:
    """Return the split of every video that is long enough; the others train. None if none is long enough."""
    index, seconds = table.keyframes.video_index, table.keyframes.seconds
    train = np.zeros(len(seconds), dtype=bool)
    val = np.zeros(len(seconds), dtype=bool)
    whole = 0
    for video in np.unique(index):
        rows = np.flatnonzero(index == video)
        first_val = rows[len(rows) - max(1, round(fraction * len(rows)))]
        early = rows[seconds[rows] <= seconds[first_val] - GAP_SECONDS]
        if len(early):
            train[early], val[rows[rows >= first_val]] = True, True
        else:
            train[rows], whole = True, whole + 1
    if not val.any():
        return None
    text = (
        f"validation: the last part of each video, {GAP_SECONDS} seconds after the part for training "
        f"({counted(int((~train & ~val).sum()), 'keyframe in between is', 'keyframes in between are')} used by neither)"
    )
    if whole:
        text += f"; {counted(whole, 'video is', 'videos are')} too short to divide and train"
    return SplitPlan("time", train, val, text)


def _too_short(table: AnnotationTable) -> str:
    videos = len(np.unique(table.keyframes.video_index))
    return (
        f"no annotated video (of {videos}) has keyframes that lie {GAP_SECONDS} seconds or more apart, so "
        "none can be divided by time."
    )


def _described(
    plan: SplitPlan, table: AnnotationTable, labels: np.ndarray, names: Sequence[str] | np.ndarray, why: str
) -> SplitPlan:
    share = plan.val.sum() / max(plan.train.sum() + plan.val.sum(), 1)
    text = f"split by {plan.way}{why}: {plan.text}, {share:.0%} of the keyframes"
    return SplitPlan(plan.way, plan.train, plan.val, text)


def gap_notes(plan: SplitPlan | None, rates: Sequence[float]) -> list[str]:
    """Return a notice where clips at the videos' own rate would reach across the gap of a split by time.

    Args:
        plan: None: the splits were given.
        rates: frames per second of the videos.
    """
    if plan is None or plan.way != "time":
        return []
    inputs = get_cfg().INPUT
    frames, slowest = inputs.FRAME_NUM * inputs.FRAME_SAMPLE_RATE, min(rates)
    if frames / slowest <= GAP_SECONDS + 0.5:
        return []
    return [
        f"with INPUT.FPS 0 or {slowest:.4g} (the slowest video) a clip of {frames} frames covers "
        f"{frames / slowest:.1f} s, more than the {GAP_SECONDS} s between train and val: "
        "clips at the border would share frames. Keep "
        f"INPUT.FPS at {int(np.ceil(frames / GAP_SECONDS))} or more (the default is {inputs.FPS:g}), or divide with "
        "--split-by video"
    ]
