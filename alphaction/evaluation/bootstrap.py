"""How far the figures of an evaluation would differ with other videos of the same kind: a bootstrap over videos.

Whole videos are drawn with replacement, as many as there are. What is in a video stays together, since its persons and
moments resemble each other: drawing boxes would make the intervals too narrow. AP of each class, the means of groups
and the mAP are computed anew for every resample, by the protocol: a class without labels in a resample is left out of
its means.

AP is higher on fewer different labels, and a resample has fewer: its mAP is above that of all videos on average. So an
interval is not where the percentiles of the resamples lie, but as far from the figure as they are from their own mean.
(On sets of 5 to 40 videos, the plain percentiles held the mean of other sets in 71 to 90% of the cases, where these did
in 89 to 99%: docs/RESULTS.md.)

An interval says what the choice of the validation videos is worth, and nothing of the training's randomness.

- Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 8 (what is drawn), 10 (bias) and 13.

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
        mean: float64 [R, 1], the mAP; NaN where no class has a label.
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
        return cls(present_mean(classes)[:, None], np.stack(means, axis=1), classes)


def present_mean(values: np.ndarray) -> np.ndarray:
    """Return the mean [R] of what is no NaN in each row of [R, n]; NaN where nothing is."""
    present = ~np.isnan(values)
    count = present.sum(axis=1)
    total = np.where(present, values, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)


def draw_videos(videos: int, resamples: int = RESAMPLES, seed: int = SEED) -> np.ndarray:
    """Return how often each video is in each resample, int64 [R, V]; the same for the same arguments."""
    return np.random.default_rng(seed).multinomial(videos, np.full(videos, 1 / videos), size=resamples)


def interval_around(
    figure: float, values: np.ndarray, level: float = LEVEL, within: Interval = (0.0, 1.0)
) -> Interval | None:
    """Return the interval around a figure, as far from it as the percentiles of resamples are from their mean.

    Args:
        figure: of all videos.
        values: float64 [R], of the resamples; NaN ones are left out.
        level: share of the resamples within.
        within: what the figure can be.

    Returns:
        its ends; None if every value is NaN.
    """
    present = values[~np.isnan(values)]
    if not len(present):
        return None
    below, above = np.quantile(present, [(1 - level) / 2, (1 + level) / 2]) - present.mean()
    # Where fewer resamples than the level leaves out differ from the others, their mean lies beyond both percentiles.
    low, high = figure + min(below, 0.0), figure + max(above, 0.0)
    return max(float(low), within[0]), min(float(high), within[1])


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
    number, per_class = scores.videos_with_labels(), scores.class_videos()
    groups = scores.group_names
    once = Figures.of(scores.once()[None], scores.groups)
    drawn = draw_videos(len(scores.videos), resamples if number > 1 else 0, seed)
    many = Figures.of(scores.average_precisions(drawn), scores.groups)

    def share(level: str, column: int, videos: int) -> Interval | None:
        if videos < 2:
            return None
        return interval_around(getattr(once, level)[0, column], getattr(many, level)[:, column])

    in_group = [scores.videos_with_labels(name) for name in groups]
    return Intervals(
        videos=number,
        resamples=len(drawn),
        level=LEVEL,
        mAP=share("mean", 0, number),
        per_group={name: share("groups", g, in_group[g]) for g, name in enumerate(groups)},
        per_class={name: share("classes", k, per_class[k]) for k, name in enumerate(scores.classes)},
        class_videos=dict(zip(scores.classes, per_class.tolist(), strict=True)),
    )


def with_intervals(
    result: AvaResult, evaluator: AvaEvaluator, detections: Detections, resamples: int = RESAMPLES
) -> AvaResult:
    """Return the result of an evaluation with the intervals of its figures."""
    return replace(result, intervals=bootstrap_intervals(evaluator, detections, resamples))
