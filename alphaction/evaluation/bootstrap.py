"""How far the figures of an evaluation would differ with other videos of the same kind: a bootstrap over videos.

Whole videos are drawn with replacement, as many as there are. What is in a video stays together, since its persons and
moments resemble each other: drawing boxes would make the intervals too narrow. AP of each class, the means of groups
and the mAP are computed anew for every resample, by the protocol: a class without labels in a resample is left out of
its means. An interval lies between percentiles of these values.

It says what the choice of the validation videos is worth in the figures, and nothing of the training's randomness.

- Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 8 (what is drawn) and 13 (percentiles).

Axes: R resamples, V videos, C classes, G groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from alphaction.evaluation.detections import Detections
from alphaction.evaluation.evaluator import AvaEvaluator
from alphaction.evaluation.result import AvaResult, Interval, Intervals
from alphaction.evaluation.video_scores import VideoScores

RESAMPLES = 1000
LEVEL = 0.95
SEED = 0


@dataclass(frozen=True, eq=False)
class Figures:
    """The figures of an evaluation, once for each resample.

    Attributes:
        mean: float64 [R], the mAP; NaN where no class has a label.
        groups: float64 [R, G], the mean of each group.
        classes: float64 [R, C], the AP of each class.
    """

    mean: np.ndarray
    groups: np.ndarray
    classes: np.ndarray

    @classmethod
    def of(cls, classes: np.ndarray, groups: Sequence[str]) -> Figures:
        """Return the figures of the AP of each class, float64 [R, C], and the group of each."""
        names = np.array(groups)
        means = [present_mean(classes[:, names == name]) for name in dict.fromkeys(groups)]
        return cls(present_mean(classes), np.stack(means, axis=1), classes)


def present_mean(values: np.ndarray) -> np.ndarray:
    """Return the mean [R] of what is no NaN in each row of [R, n]; NaN where nothing is."""
    present = ~np.isnan(values)
    count = present.sum(axis=1)
    total = np.where(present, values, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)


def draw_videos(videos: int, resamples: int = RESAMPLES, seed: int = SEED) -> np.ndarray:
    """Return how often each video is in each resample, int64 [R, V]; the same for the same arguments."""
    return np.random.default_rng(seed).multinomial(videos, np.full(videos, 1 / videos), size=resamples)


def percentile_interval(values: np.ndarray, level: float = LEVEL) -> Interval | None:
    """Return the interval between the percentiles of values [R]; NaN ones are left out. None if no other is there."""
    present = values[~np.isnan(values)]
    if not len(present):
        return None
    low, high = np.quantile(present, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bootstrap_intervals(
    evaluator: AvaEvaluator, detections: Detections, resamples: int = RESAMPLES, seed: int = SEED
) -> Intervals:
    """Return the 95% intervals of the AP of each class, the mean of each group, and the mAP.

    Args:
        evaluator, detections: as they are evaluated.
        resamples: R; the ends of an interval need some hundreds.
        seed: of the draws, so that a report can be made again.
    """
    scores = VideoScores.of(evaluator, detections)
    per_class = scores.class_videos()
    if len(scores.videos) < 2:
        figures = None
    else:
        drawn = draw_videos(len(scores.videos), resamples, seed)
        figures = Figures.of(scores.average_precisions(drawn), scores.groups)

    def column(values: np.ndarray | None, number: int, videos: int) -> Interval | None:
        return None if values is None or videos < 2 else percentile_interval(values[:, number])

    groups = scores.group_names
    of_group = np.array(scores.groups)
    in_group = [_videos_of(scores, of_group == name) for name in groups]
    return Intervals(
        videos=len(scores.videos),
        resamples=resamples if figures is not None else 0,
        level=LEVEL,
        mAP=None if figures is None else percentile_interval(figures.mean),
        per_group={name: column(figures and figures.groups, g, in_group[g]) for g, name in enumerate(groups)},
        per_class={
            name: column(figures and figures.classes, k, int(per_class[k])) for k, name in enumerate(scores.classes)
        },
        class_videos=dict(zip(scores.classes, per_class.tolist(), strict=True)),
    )


def _videos_of(scores: VideoScores, chosen: np.ndarray) -> int:
    """Return in how many videos any of the chosen classes (bool [C]) has labels."""
    labels = [rows.labels for rows, wanted in zip(scores.ranked, chosen.tolist(), strict=True) if wanted]
    return int(np.count_nonzero(np.sum(labels, axis=0)))


def with_intervals(
    result: AvaResult, evaluator: AvaEvaluator, detections: Detections, resamples: int = RESAMPLES
) -> AvaResult:
    """Return the result of an evaluation with the intervals of its figures."""
    return replace(result, intervals=bootstrap_intervals(evaluator, detections, resamples))
