"""Two sides, each one training or several, on the same labels: is their difference more than noise?

Both sides are evaluated on the same resamples of the videos, so that what makes a video hard for both of them cancels
out (a paired bootstrap). Where a side has several trainings, they are drawn with replacement, too, in every resample: a
bootstrap over two levels. A mean of S drawn trainings varies less than that of S new ones, by the factor (S - 1) / S of
the variance, which the weights of the draws make up for.

- Efron and Tibshirani, "An Introduction to the Bootstrap", 1993.
- Rao and Wu, "Resampling Inference With Complex Survey Data", JASA 1988: the weights of few draws.

Axes: R resamples, V videos, S trainings of a side, C classes, G groups.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alphaction.evaluation.bootstrap import LEVEL, RESAMPLES, SEED, Figures, draw_videos, interval_around
from alphaction.evaluation.result import FEW_VIDEOS, Interval
from alphaction.evaluation.video_scores import VideoScores

MEAN = "mAP"


@dataclass(frozen=True)
class Difference:
    """A figure of both sides.

    Attributes:
        name: "mAP", "mAP/GROUP", or "AP/CLASS", as :meth:`AvaResult.metrics` has it.
        a, b: of each side, the mean over its trainings.
        difference: b - a.
        interval: of the difference; None where its labels are in fewer than two videos.
        better: share of the resamples in which b is better, equal ones counted half; NaN without an interval.
        videos: videos with labels of it.
    """

    name: str
    a: float
    b: float
    difference: float
    interval: Interval | None
    better: float
    videos: int

    @property
    def beyond_noise(self) -> bool:
        """Whether the interval leaves out 0, and there are videos enough."""
        return self.videos >= FEW_VIDEOS and self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]


@dataclass(frozen=True)
class Comparison:
    """What became of it.

    Attributes:
        mean: of the mAP.
        groups: of the means of groups, where there are several with labels.
        classes: of the AP of each class with labels.
        videos, labels: videos with labels, and these.
        trainings: of each side.
        spread: standard deviation over the trainings of each side's mAP; None where it has one training.
        resamples: number of draws.
        level: share of the resamples within an interval.
    """

    mean: Difference
    groups: tuple[Difference, ...]
    classes: tuple[Difference, ...]
    videos: int
    labels: int
    trainings: tuple[int, int]
    spread: tuple[float | None, float | None]
    resamples: int
    level: float

    @property
    def more_needed(self) -> float | None:
        """How many times as many videos a difference as this one would need to leave its interval; None: unknown."""
        interval, difference = self.mean.interval, abs(self.mean.difference)
        if interval is None or not difference:
            return None
        return ((interval[1] - interval[0]) / 2 / difference) ** 2


def compare(
    a: Sequence[VideoScores], b: Sequence[VideoScores], resamples: int = RESAMPLES, seed: int = SEED
) -> Comparison:
    """Compare two sides.

    Args:
        a, b: the trainings of each side, evaluated on the same labels; all with the same videos in the same order.
        resamples: number of draws.
        seed: of the draws.
    """
    first = a[0]
    drawn = draw_videos(len(first.videos), resamples, seed)
    sides = [_Side.of(runs, drawn, seed + number) for number, runs in enumerate((a, b), start=1)]
    per_class = first.class_videos()
    videos = first.videos_with_labels()

    def row(name: str, videos: int, level: str, column: int) -> Difference:
        before, after = (float(getattr(side.once, level)[0, column]) for side in sides)
        change = getattr(sides[1].drawn, level)[:, column] - getattr(sides[0].drawn, level)[:, column]
        change = change[~np.isnan(change)]
        if videos < 2 or not len(change):
            return Difference(name, before, after, after - before, None, math.nan, videos)
        interval = interval_around(after - before, change, LEVEL)
        around = change + (after - before - change.mean())
        better = float(np.mean((around > 0) + 0.5 * (around == 0)))
        return Difference(name, before, after, after - before, interval, better, videos)

    groups = []
    for column, name in enumerate(first.group_names):
        number = first.videos_with_labels(name)
        groups += [row(f"{MEAN}/{name}", number, "groups", column)] if number else []
    classes = [row(f"AP/{n}", int(per_class[k]), "classes", k) for k, n in enumerate(first.classes) if per_class[k]]
    return Comparison(
        mean=row(MEAN, videos, "mean", 0),
        groups=tuple(groups) if len(groups) > 1 else (),
        classes=tuple(classes),
        videos=videos,
        labels=int(first.labels.sum()),
        trainings=(len(a), len(b)),
        spread=(sides[0].spread, sides[1].spread),
        resamples=resamples,
        level=LEVEL,
    )


def _weighted(figures: Sequence[Figures], weights: np.ndarray) -> Figures:
    """Return the means of the figures of trainings, with their ``weights`` [R, S]."""

    def mean(level: str) -> np.ndarray:
        return sum(weights[:, k, None] * getattr(each, level) for k, each in enumerate(figures))

    return Figures(mean("mean"), mean("groups"), mean("classes"))


@dataclass(frozen=True, eq=False)
class _Side:
    """One side: its figures on all videos, those of every resample, and how far apart its trainings are."""

    once: Figures
    drawn: Figures
    spread: float | None

    @classmethod
    def of(cls, runs: Sequence[VideoScores], drawn: np.ndarray, seed: int) -> _Side:
        number = len(runs)
        all_videos = np.ones((1, drawn.shape[1]), dtype=np.int64)
        once = [Figures.of(run.average_precisions(all_videos), run.groups) for run in runs]
        many = [Figures.of(run.average_precisions(drawn), run.groups) for run in runs]
        equal = np.full((1, number), 1 / number)
        if number == 1:
            return cls(_weighted(once, equal), _weighted(many, np.ones((len(drawn), 1))), None)
        weights = draw_videos(number, len(drawn), seed) / number
        weights = equal + (weights - equal) * math.sqrt(number / (number - 1))
        spread = float(np.std([each.mean[0, 0] for each in once], ddof=1))
        return cls(_weighted(once, equal), _weighted(many, weights), spread)
