"""Examples for a gallery: choosing a few of many, and what is at the place of each. L labels, N detected boxes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from alphaction.data.annotations import AnnotationTable
from alphaction.data.keyframes import Keyframe
from alphaction.evaluation.outcomes import Outcomes
from alphaction.utils.messages import listed
from alphaction.utils.values import quoted

_SHOWN_NAMES = 4


@dataclass(frozen=True)
class Example:
    """A detection or a label worth looking at.

    Attributes:
        keyframe: video and second.
        box: x1, y1, x2, y2 as fractions of the frame.
        class_name: what it is about.
        score: of the class; None where no detected box has one.
        reason: one or two sentences: what is wrong, and why it is thought to be.
        labels: names of the true classes of the person there; () where there is none.
        predicted: (name, score) of the classes whose score there reaches their threshold, best first.
    """

    keyframe: Keyframe
    box: tuple[float, float, float, float]
    class_name: str
    score: float | None
    reason: str
    labels: tuple[str, ...] = ()
    predicted: tuple[tuple[str, float], ...] = ()


def spread(places: Sequence[Hashable], kinds: Sequence[tuple[Hashable, ...]], limit: int) -> list[int]:
    """Choose among candidates, the most interesting ones first, so that one kind does not crowd out the others.

    Args:
        places: what each candidate is at; of those at the same place the first one is taken.
        kinds: what each candidate is, (class, video) say: first one of each class is taken, then the next one of each,
            if there is one of another video.
        limit: the most that are taken.

    Returns:
        positions of those taken, ascending.
    """
    first: dict[Hashable, int] = {}
    for position, place in enumerate(places):
        first.setdefault(place, position)
    order = list(first.values())
    for depth in range(len(kinds[0]) if kinds else 0, 0, -1):
        met: Counter[Hashable] = Counter()
        ranks: dict[int, int] = {}
        for position in order:
            kind = kinds[position][:depth]
            ranks[position] = met[kind]
            met[kind] += 1
        order.sort(key=ranks.__getitem__)  # stable
    return sorted(order[:limit])


def first_of_each(groups: np.ndarray, limit: int) -> np.ndarray:
    """Return the positions, ascending, of the first ``limit`` elements of each group, given each one's group [n]."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    rank = np.arange(len(groups)) - np.searchsorted(ordered, ordered, side="left")
    return np.sort(order[rank < limit])


def named(names: Sequence[str]) -> str:
    """Return names of classes in quotation marks, for a sentence."""
    if 2 <= len(names) <= _SHOWN_NAMES:
        return f"{', '.join(map(quoted, names[:-1]))} and {quoted(names[-1])}"
    return listed(map(quoted, names), _SHOWN_NAMES)


class Scenes:
    """What is at the place of annotated persons and detected boxes.

    Args:
        outcomes: of all detections and labels.
        annotations: the ground truth they were matched with.
        persons, boxes: those that are asked for: rows of the annotations, and positions of detected boxes.
    """

    def __init__(
        self,
        outcomes: Outcomes,
        annotations: AnnotationTable,
        persons: Sequence[int],
        boxes: Sequence[int] = (),
    ) -> None:
        self._outcomes, self._annotations = outcomes, annotations
        self._at_person: dict[int, list[int]] = {}
        there = np.flatnonzero(np.isin(outcomes.person, np.array(persons, dtype=np.int64)))
        for box in there.tolist():
            self._at_person.setdefault(int(outcomes.person[box]), []).append(box)
        counted = outcomes.counted
        asked = np.array([*boxes, *chain.from_iterable(self._at_person.values())], dtype=np.int64)
        rows = np.flatnonzero(np.isin(counted.box, asked))
        self._predicted: dict[int, list[tuple[str, float]]] = {}
        for row in rows[np.argsort(-counted.score[rows], kind="stable")].tolist():
            name = outcomes.classes[int(counted.channel[row])].name
            self._predicted.setdefault(int(counted.box[row]), []).append((name, float(counted.score[row])))

    def labels(self, person: int) -> tuple[str, ...]:
        """Return the names of the labels that count of the annotated person in a row; () for row -1."""
        first, end = np.searchsorted(self._outcomes.labels.box, [person, person + 1])
        return tuple(self._outcomes.classes[k].name for k in sorted(self._outcomes.labels.channel[first:end].tolist()))

    def predicted(self, box: int) -> tuple[tuple[str, float], ...]:
        """Return the classes predicted for a detected box."""
        return tuple(self._predicted.get(box, ()))

    def predicted_for(self, person: int) -> tuple[tuple[str, float], ...]:
        """Return the classes predicted for an annotated person, by whichever box."""
        best: dict[str, float] = {}
        for name, score in chain.from_iterable(map(self.predicted, self._at_person.get(person, ()))):
            best[name] = max(score, best.get(name, score))
        return tuple(sorted(best.items(), key=lambda pair: -pair[1]))

    def keyframe_of(self, person: int) -> Keyframe:
        """Return the keyframe of the annotated person in a row."""
        return self._annotations.keyframes[int(self._outcomes.truth.keyframe[person])]

    def box_of(self, person: int) -> tuple[float, float, float, float]:
        """Return the annotated box of a person."""
        return tuple(self._annotations.boxes[person].tolist())
