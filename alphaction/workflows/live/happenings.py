"""From scores to what people do: smoothed along each person's track, and as events that begin and end.

Sizes in shapes: n persons of a moment, C classes.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from alphaction.engine.pictures import counting_classes
from alphaction.evaluation.tubes import Event
from alphaction.workflows.live.moments import ScoredMoment
from alphaction.workflows.live.seen import OpenedEvent, SeenMoment, SeenPerson, clock_of
from alphaction.workflows.predict.network import Classes
from alphaction.workflows.predict.tracking.protocol import ScoreSmoother


class Collector(Protocol):
    """Makes events of scores, from the past alone."""

    def add(self, time: float, person: int, scores: np.ndarray) -> list[Event]:
        """Return the events that the scores of a person at a moment, float [C], close."""

    def close_before(self, time: float) -> list[Event]:
        """Return the events that cannot go on at ``time`` seconds or later."""

    def finish(self, end: float | None = None) -> list[Event]:
        """Return the events that are open when the video ends, at ``end`` seconds."""


class Happenings:
    """Turns scored moments into what those who write are told.

    Args:
        classes: of the scores.
        limits: float [C], lowest score of each class that counts.
        smoother: evens out scores along a track.
        collector: makes events.
    """

    def __init__(self, classes: Classes, limits: np.ndarray, smoother: ScoreSmoother, collector: Collector) -> None:
        self._classes, self._limits = classes, limits
        self._smoother, self._collector = smoother, collector
        self._open: set[tuple[int, str]] = set()

    def of(self, scored: ScoredMoment) -> SeenMoment:
        """Return what a moment tells; it is later than those before."""
        moment, now = scored.moment, time.monotonic()
        closed = self._collector.close_before(moment.time)
        persons = []
        for person, box, box_score, scores in zip(
            moment.persons, moment.boxes, moment.box_scores, scored.scores, strict=True
        ):
            smoothed = self._smoother.update(person, moment.time, scores)
            actions = self._actions(smoothed)
            persons.append(SeenPerson(person, box, float(box_score), scores, smoothed, actions))
            closed += self._collector.add(moment.time, person, smoothed)
        self._open -= {(event.person, event.action) for event in closed}
        lag = now - moment.arrived
        return SeenMoment(
            moment.time, clock_of(moment.arrived), lag, persons, self._opened(moment.time, persons), closed
        )

    def finish(self, end: float) -> list[Event]:
        """Return the events that the end closes, at ``end`` seconds."""
        return self._collector.finish(end)

    def _actions(self, scores: np.ndarray) -> list[tuple[str, float]]:
        """Return name and score of the classes that count for a person."""
        label_map = self._classes.label_map
        counting = counting_classes(label_map.classes, scores, self._limits, exclusive=self._classes.exclusive)
        return [(label_map.classes[index].name, float(scores[index])) for index in counting]

    def _opened(self, moment: float, persons: Sequence[SeenPerson]) -> list[OpenedEvent]:
        """Return what begins, and keep in mind that it did."""
        opened = [
            OpenedEvent(person.person, action, moment, score)
            for person in persons
            for action, score in person.actions
            if (person.person, action) not in self._open
        ]
        self._open |= {(event.person, event.action) for event in opened}
        return opened
