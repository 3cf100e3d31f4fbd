"""From scores at keyframes to events: who does what, from when to when. From the past alone, so that it works live.

Sizes in shapes: C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from alphaction.evaluation.tubes.tube import Event

# Keyframes follow each other up to so many strides apart: they are at frames, which are not exactly where one would be.
_FOLLOWS = 1.5
_EXACT = 1e-6  # seconds
_END = 1e-3  # seconds; no keyframe is so near to the end of a video
_Key = tuple[int, int]  # number of the person, position of the class


def lasts_until(last: float, stride: float, end: float | None = None) -> float:
    """Return until when it goes on what was seen at a keyframe and not at a later one.

    That is half a stride; or the end of the video, if there was no later keyframe that could have shown otherwise.

    Args:
        last: seconds of the keyframe.
        stride: seconds between keyframes.
        end: of the video, in seconds; None: not known.
    """
    if end is not None and end - last <= stride + _END:
        return max(end, last)
    return last + stride / 2


@dataclass
class _Action:
    """An event that may go on.

    Attributes:
        first, last: keyframes at which the class reached its threshold, in seconds.
        total, count: sum and number of the scores from the first to the last.
        gap_total, gap_count: the same of what came since, which counts if the action is resumed.
    """

    first: float
    last: float
    total: float = 0.0
    count: int = 0
    gap_total: float = 0.0
    gap_count: int = 0


class EventCollector:
    """Collects the events of one video while its keyframes come, in the order of time.

    A person does an action at a keyframe at which the score of the class reaches its threshold; of the classes of an
    exclusive group that do, only the best one. Consecutive keyframes of an action are one event. It begins half a
    stride before the first, not before 0, and ends half a stride after the last, or with the video
    (:func:`lasts_until`). No two events of a person and class overlap. Shorter gaps are bridged, whether the score was
    lower there or the person was not found. The score of an event is the mean over its keyframes, those of bridged gaps
    included.

    One threshold decides on begin and end. Scores that flicker around it are the business of a smoother
    (:class:`~alphaction.workflows.predict.tracking.protocol.ScoreSmoother`) and of ``longest_gap``.

    Args:
        video: its name in the events.
        classes: C names.
        thresholds: float [C], the lowest score of each class that counts.
        exclusive: groups of classes of which a person does one at a time, as positions among the C.
        stride: seconds between keyframes.
        longest_gap: seconds without the action that do not end an event; 0: none.
    """

    def __init__(
        self,
        video: str,
        classes: Sequence[str],
        thresholds: np.ndarray,
        exclusive: Sequence[Sequence[int]] = (),
        *,
        stride: float = 1.0,
        longest_gap: float = 0.0,
    ) -> None:
        self._video, self._classes = video, list(classes)
        # As networks compute: a score of 0.7 in float32 is below 0.7 in float64.
        self._thresholds = np.asarray(thresholds, dtype=np.float32)
        self._exclusive = [np.asarray(group, dtype=np.int64) for group in exclusive if len(group) > 1]
        self._stride, self._longest = stride, _FOLLOWS * stride + longest_gap
        self._open: dict[_Key, _Action] = {}

    def add(self, time: float, person: int, scores: np.ndarray) -> list[Event]:
        """Take note of a person at a keyframe; return the events of the person that are over by now.

        Args:
            time: seconds; for each person later than before.
            person: number of the person.
            scores: float [C] in [0, 1].
        """
        scores = np.asarray(scores, dtype=np.float64)
        over = self._close(lambda key, action: key[0] == person and self._is_over(action, time))
        doing = self._doing(scores)
        for index in np.flatnonzero(doing):
            action = self._open.setdefault((person, int(index)), _Action(time, time))
            action.total += action.gap_total + float(scores[index])
            action.count += action.gap_count + 1
            action.gap_total, action.gap_count, action.last = 0.0, 0, time
        for (who, index), action in self._open.items():
            if who == person and not doing[index]:
                action.gap_total += float(scores[index])
                action.gap_count += 1
        return over

    def close_before(self, time: float) -> list[Event]:
        """Return the events that nothing at ``time`` or later can continue, of any person."""
        return self._close(lambda _, action: self._is_over(action, time))

    def finish(self, end: float | None = None) -> list[Event]:
        """Return the events that are still open.

        Args:
            end: seconds at which the video ends, where that is known; see :func:`lasts_until`.
        """
        return self._close(lambda _, action: True, end)

    def _doing(self, scores: np.ndarray) -> np.ndarray:
        """Return which classes count, bool [C]."""
        doing = scores.astype(np.float32) >= self._thresholds
        for group in self._exclusive:
            best = group[np.argmax(np.where(doing[group], scores[group], -np.inf))]
            reached = doing[best]
            doing[group] = False
            doing[best] = reached
        return doing

    def _is_over(self, action: _Action, time: float) -> bool:
        return time - action.last > self._longest + _EXACT

    def _close(self, chosen: Callable[[_Key, _Action], bool], end: float | None = None) -> list[Event]:
        keys = [key for key, action in self._open.items() if chosen(key, action)]
        events = [self._event(key, self._open.pop(key), end) for key in keys]
        return sorted(events, key=lambda event: (event.start, event.person, event.action))

    def _event(self, key: _Key, action: _Action, end: float | None) -> Event:
        person, index = key
        return Event(
            self._video,
            person,
            self._classes[index],
            max(action.first - self._stride / 2, 0.0),
            lasts_until(action.last, self._stride, end),
            action.total / action.count,
        )
