"""Two sides, each one training or several, on the same labels: is their difference more than noise?

Both sides are evaluated on the same resamples of the videos, so that what makes a video hard for both of them cancels
out (a paired bootstrap). Where a side has several trainings, they are drawn with replacement, too, in every resample: a
bootstrap over two levels. A mean of S drawn trainings varies less than that of S new ones, by the factor (S - 1) / S of
the variance, and a few trainings tell little of how much others would vary. The weights of the draws make up for both,
the second by Student's t: without it, two sides of 3 trainings from one recipe differ by "more than noise" in 13% of
the cases, and with it in 5% (docs/RESULTS.md).

- Efron and Tibshirani, "An Introduction to the Bootstrap", 1993.
- Rao and Wu, "Resampling Inference With Complex Survey Data", JASA 1988: the weights of few draws.

Axes: R resamples, V videos, S trainings of a side, C classes, G groups.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from alphaction.evaluation.bootstrap import LEVEL, RESAMPLES, SEED, Figures, draw_videos, interval_around
from alphaction.evaluation.result import FEW_VIDEOS, Interval
from alphaction.evaluation.video_scores import VideoScores

MEAN = "mAP"
# Figures that differ by less are sums of the same numbers in another order.
_DIGITS = 12


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
    def without_zero(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]

    @property
    def beyond_noise(self) -> bool:
        """Whether the interval leaves out 0, and there are videos enough."""
        return self.videos >= FEW_VIDEOS and self.without_zero


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
    reach = student_factor(len(a) + len(b) - 2) if len(a) + len(b) > 2 else 1.0
    sides = [_Side.of(runs, drawn, seed + number, reach) for number, runs in enumerate((a, b), start=1)]
    per_class = first.class_videos()
    videos = first.videos_with_labels()

    def row(name: str, videos: int, level: str, column: int) -> Difference:
        before, after = (float(getattr(side.once, level)[0, column]) for side in sides)
        difference = round(after - before, _DIGITS)
        change = getattr(sides[1].drawn, level)[:, column] - getattr(sides[0].drawn, level)[:, column]
        change = np.round(change[~np.isnan(change)], _DIGITS)
        if videos < 2 or not len(change):
            return Difference(name, before, after, difference, None, math.nan, videos)
        interval = interval_around(difference, change, LEVEL, within=(-1.0, 1.0))
        around = np.round(change + (difference - change.mean()), _DIGITS)
        better = float(np.mean((around > 0) + 0.5 * (around == 0)))
        return Difference(name, before, after, difference, interval, better, videos)

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


def student_factor(freedom: int, level: float = LEVEL) -> float:
    """Return how much wider an interval is by Student's t than by the normal distribution.

    Args:
        freedom: degrees of freedom, at least 1.
        level: share of the distribution within.
    """
    share = (1 + level) / 2
    normal = NormalDist().inv_cdf(share)
    if freedom == 1:
        return math.tan(math.pi * (share - 0.5)) / normal
    if freedom == 2:
        return (2 * share - 1) / math.sqrt(2 * share * (1 - share)) / normal
    # The first terms of the expansion in 1 / freedom (Abramowitz and Stegun, 26.7.5): within 0.2% from 3 on.
    square = normal * normal
    terms = (
        (square + 1) / 4,
        ((5 * square + 16) * square + 3) / 96,
        (((3 * square + 19) * square + 17) * square - 15) / 384,
        ((((79 * square + 776) * square + 1482) * square - 1920) * square - 945) / 92160,
    )
    return 1 + sum(term / freedom**power for power, term in enumerate(terms, start=1))


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
    def of(cls, runs: Sequence[VideoScores], drawn: np.ndarray, seed: int, reach: float) -> _Side:
        """Evaluate a side; what its trainings differ by counts ``reach`` times."""
        number = len(runs)
        all_videos = np.ones((1, drawn.shape[1]), dtype=np.int64)
        once = [Figures.of(run.average_precisions(all_videos), run.groups) for run in runs]
        many = [Figures.of(run.average_precisions(drawn), run.groups) for run in runs]
        equal = np.full((1, number), 1 / number)
        if number == 1:
            return cls(_weighted(once, equal), _weighted(many, np.ones((len(drawn), 1))), None)
        weights = draw_videos(number, len(drawn), seed) / number
        weights = equal + (weights - equal) * reach * math.sqrt(number / (number - 1))
        spread = float(np.std([each.mean[0, 0] for each in once], ddof=1))
        return cls(_weighted(once, equal), _weighted(many, weights), spread)
