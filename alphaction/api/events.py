"""Who does what, from when to when."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from alphaction.api.results import Prediction
from alphaction.evaluation.tubes import Event
from alphaction.evaluation.tubes.events import EventCollector
from alphaction.workflows.predict.tubes import exclusive_positions


def events_of(results: Iterable[Prediction], longest_gap: float = 0.0) -> list[Event]:
    """Return the actions of the persons of one or several videos as events, each video's by their begin.

    An action counts at a moment where its score reaches the detector's threshold, and lasts from half a stride before
    its first moment to half a stride after its last.

    Args:
        results: of :meth:`ActionDetector.predict`, in their order.
        longest_gap: seconds without the action that do not end an event.
    """
    videos: dict[str, list[Prediction]] = {}
    for result in results:
        videos.setdefault(result.video, []).append(result)
    return [event for found in videos.values() for event in _of_video(found, longest_gap)]


def _of_video(results: list[Prediction], longest_gap: float) -> list[Event]:
    first = results[0]
    # There is a result at every moment, also where nobody is.
    stride = min((later.second - earlier.second for earlier, later in pairwise(results)), default=1.0)
    classes, names = first._classes, first.names
    thresholds = np.array([classes.thresholds[name] for name in names])
    collector = EventCollector(
        first.video, names, thresholds, exclusive_positions(classes), stride=stride, longest_gap=longest_gap
    )
    events = []
    for result in results:
        for person, scores in zip(result.persons, result.scores(), strict=True):
            events += collector.add(result.second, person.id, scores)
    events += collector.finish()
    return sorted(events, key=lambda event: (event.start, event.person, event.action))
