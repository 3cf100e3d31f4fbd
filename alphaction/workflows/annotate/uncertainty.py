"""How sure a network is of what it says of a person: the entropy of the scores, and how they change along a track.

Labels are taken as independent variables: one yes or no for each class, and one choice for each group of classes that
exclude each other. All values are in bits, and add up over the variables.

Sources: entropy as what to ask a person about, B. Settles, "Active Learning Literature Survey", Computer Sciences
Technical Report 1648, University of Wisconsin-Madison, 2009, section 3.1. The divergence of several predictions of the
same thing from their mean, there section 3.2 (after A. McCallum and K. Nigam, "Employing EM and Pool-Based Active
Learning for Text Classification", ICML 1998, whose predictions are those of a committee); the committee here are the
neighboring keyframes of a track.

Sizes in shapes: K keyframes of a person, C classes, G classes of a group.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from alphaction.evaluation.tubes.tube import PersonTube, VideoTubes

NEIGHBORS = 1.5
"""Keyframes of a track are neighbors if they are at most so many strides apart."""


@dataclass(frozen=True)
class Moment:
    """The persons at a keyframe of a video.

    Attributes:
        video: its name.
        time: seconds.
        boxes: how many persons are there.
        entropy: mean over them of the entropy of their scores, in bits.
        disagreement: mean over them of the divergence from the neighboring keyframes of their tracks, in bits.
    """

    video: str
    time: float
    boxes: int
    entropy: float
    disagreement: float

    @property
    def uncertainty(self) -> float:
        """Bits: the entropy, and how much the neighbors disagree."""
        return self.entropy + self.disagreement


def moments_of(video: VideoTubes, exclusive: Sequence[Collection[str]] = ()) -> list[Moment]:
    """Return the keyframes of a video at which a person is seen, by time.

    The mean over the persons, and not the sum, since each box is a person's work to correct: a sum would ask for
    crowds.

    Args:
        video: its persons with the scores of all classes.
        exclusive: groups of class names; those of a group exclude each other.
    """
    groups = class_groups(video.classes, exclusive)
    found: dict[float, list[tuple[float, float]]] = {}
    for person in video.persons:
        times, bits, divergence = person_uncertainty(person, video, groups)
        for time, values in zip(times, zip(bits.tolist(), divergence.tolist(), strict=True), strict=True):
            found.setdefault(time, []).append(values)
    means = {time: np.array(values).mean(axis=0) for time, values in found.items()}
    return [
        Moment(video.video, time, len(found[time]), float(means[time][0]), float(means[time][1]))
        for time in sorted(found)
    ]


def person_uncertainty(
    person: PersonTube, video: VideoTubes, groups: Sequence[np.ndarray]
) -> tuple[list[float], np.ndarray, np.ndarray]:
    """Return the times [K] of a person's keyframes, and entropy and disagreement [K] at each, in bits."""
    times = [keyframe.time for keyframe in person.keyframes]
    scores = np.array([[keyframe.scores[name] for name in video.classes] for keyframe in person.keyframes])
    scores = scores.reshape(len(times), len(video.classes))
    return times, entropy(scores, groups), disagreement(scores, np.array(times), NEIGHBORS * video.stride, groups)


def class_groups(classes: Sequence[str], exclusive: Sequence[Collection[str]] = ()) -> list[np.ndarray]:
    """Return the places of the classes of each exclusive group that has more than one of these classes."""
    places = [[place for place, name in enumerate(classes) if name in group] for group in exclusive]
    return [np.array(group) for group in places if len(group) > 1]


def entropy(scores: np.ndarray, groups: Sequence[np.ndarray] = ()) -> np.ndarray:
    """Return the entropy of predicted labels in bits.

    Args:
        scores: float [..., C] in [0, 1].
        groups: places [G] of classes that exclude each other. Where their scores come to less than 1, the rest is that
            of none of them; where they come to more, they are divided by their sum.

    Returns:
        float64 [...].
    """
    scores = np.clip(np.asarray(scores, dtype=np.float64), 0.0, 1.0)
    alone = np.ones(scores.shape[-1], dtype=bool)
    total = np.zeros(scores.shape[:-1])
    for group in groups:
        alone[group] = False
        shares = scores[..., group]
        shares = shares / np.maximum(shares.sum(axis=-1, keepdims=True), 1.0)
        rest = 1.0 - shares.sum(axis=-1)
        total += _bits(shares).sum(axis=-1) + _bits(np.maximum(rest, 0.0))
    yes = scores[..., alone]
    return total + (_bits(yes) + _bits(1.0 - yes)).sum(axis=-1)


def disagreement(scores: np.ndarray, times: np.ndarray, reach: float, groups: Sequence[np.ndarray] = ()) -> np.ndarray:
    """Return how much each keyframe and its neighbors in a track disagree: their Jensen-Shannon divergence in bits.

    That is the entropy of the mean of their predictions less the mean of their entropies. It is 0 where they say the
    same, however unsure, and where there is no neighbor.

    Args:
        scores: float [K, C] in [0, 1].
        times: seconds [K], ascending.
        reach: the one keyframe before and the one after are neighbors up to so many seconds away.
        groups: see :func:`entropy`.

    Returns:
        float64 [K].
    """
    scores, near = np.asarray(scores, dtype=np.float64), np.diff(times) <= reach
    bits = entropy(scores, groups)
    number, sum_of_scores, sum_of_bits = np.ones(len(times)), scores.copy(), bits.copy()
    later, earlier = slice(1, None), slice(None, -1)
    for place, neighbor in ((later, earlier), (earlier, later)):
        number[place] += near
        sum_of_scores[place] += near[:, None] * scores[neighbor]
        sum_of_bits[place] += near * bits[neighbor]
    together = entropy(sum_of_scores / number[:, None], groups)
    return np.maximum(together - sum_of_bits / number, 0.0)


def _bits(shares: np.ndarray) -> np.ndarray:
    """Return -p log2 p, which is 0 at 0."""
    return -shares * np.log2(np.where(shares > 0.0, shares, 1.0))
