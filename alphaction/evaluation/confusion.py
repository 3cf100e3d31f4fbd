"""Which classes are taken for which. C classes that count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alphaction.evaluation.outcomes import Outcomes

NOBODY = "(none)"
"""In a confusion: the row of detections that stand for no label, the column of labels that no detection stands for."""


@dataclass(frozen=True, eq=False)
class Confusion:
    """Which classes are taken for which, at the thresholds.

    Every label is counted once, in the row of its class, and every detection from its threshold on once, in the column
    of its class:

    - The diagonal holds true positives, so that diagonal / row sum is the recall of the curve at the threshold, and
      diagonal / column sum its precision.
    - A person often has several labels. A detection of a class that the person does not have is charged to a label of
      the same group that was not found there: the best-scored wrong class to the missed label with the highest score,
      the second to the second, and so on.
    - What is left is in the row or the column of :data:`NOBODY`: detections where nobody is annotated, further
      detections of a label that is found, and classes beyond the person's labels; labels of persons for whom no other
      class of the group was predicted, or who were not found at all.

    Classes without labels have empty rows and columns.

    Attributes:
        names: C class names and :data:`NOBODY`.
        counts: int64 [C + 1, C + 1], rows: true class, columns: predicted class.
    """

    names: tuple[str, ...]
    counts: np.ndarray


def confuse(outcomes: Outcomes) -> Confusion:
    """Count which classes are taken for which."""
    counted, labels = outcomes.counted, outcomes.labels
    count = len(outcomes.classes)
    counts = np.zeros((count + 1, count + 1), dtype=np.int64)
    np.add.at(counts, (counted.channel[counted.right], counted.channel[counted.right]), 1)
    taken, charged = _charges(outcomes)
    np.add.at(counts, (labels.channel[charged], counted.channel[taken]), 1)
    wrong, missed = ~counted.right, ~labels.found
    wrong[taken], missed[charged] = False, False
    counts[count, :count] = np.bincount(counted.channel[wrong], minlength=count)
    counts[:count, count] = np.bincount(labels.channel[missed], minlength=count)
    return Confusion((*(entry.name for entry in outcomes.classes), NOBODY), counts)


def _charges(outcomes: Outcomes) -> tuple[np.ndarray, np.ndarray]:
    """Return detections of wrong classes, and the missed label that each is charged to, both int64 [n].

    They are positions among the detections that count and among the labels, each at most once.
    """
    counted, labels = outcomes.counted, outcomes.labels
    missed = np.flatnonzero(~labels.found)
    others = _first_of_person(outcomes, np.flatnonzero(~counted.right))
    group, most = outcomes.group_numbers, len(outcomes.classes)
    persons, channels = outcomes.person[counted.box[others]], counted.channel[others]
    wrong_place = _places(persons, group[channels], counted.score[others], most)
    score = np.nan_to_num(labels.score[missed], nan=-np.inf)
    missed_place = _places(labels.box[missed], group[labels.channel[missed]], score, most)
    _, one, other = np.intersect1d(wrong_place, missed_place, assume_unique=True, return_indices=True)
    return others[one], missed[other]


def _first_of_person(outcomes: Outcomes, wrong: np.ndarray) -> np.ndarray:
    """Return the best detection of each person and class among ``wrong``, if it is not one of the person's labels."""
    counted = outcomes.counted
    person = outcomes.person[counted.box[wrong]]
    channel = counted.channel[wrong]
    other = np.flatnonzero((person >= 0) & ~outcomes.is_label(person, channel))
    # Detections of a class are sorted by score, so the first of a key is the best.
    _, first = np.unique(person[other] * len(outcomes.classes) + channel[other], return_index=True)
    return wrong[other[first]]


def _places(person: np.ndarray, group: np.ndarray, score: np.ndarray, count: int) -> np.ndarray:
    """Return person, group and rank by score within both as one number, int64 [n]; a group has ``count`` at most."""
    key = person * count + group
    order = np.lexsort((-score, key))
    ordered = key[order]
    rank = np.arange(len(key)) - np.searchsorted(ordered, ordered, side="left")
    place = np.empty(len(key), dtype=np.int64)
    place[order] = ordered * (count + 1) + rank
    return place
