"""Events, from scores at keyframes worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from alphaction.evaluation.tubes.events import EventCollector
from alphaction.evaluation.tubes.tube import Event

CLASSES = ("stand", "walk", "wave")


def collector(**options) -> EventCollector:
    return EventCollector("street.mp4", CLASSES, np.array([0.5, 0.5, 0.4]), [(0, 1)], **options)


def event(action: str, start: float, end: float, score: float, person: int = 1) -> Event:
    return Event("street.mp4", person, action, start, end, pytest.approx(score))


def test_consecutive_keyframes_are_one_event():
    events = collector(stride=1.0)
    assert events.add(2.0, 1, np.array([0.1, 0.7, 0.0])) == []
    assert events.add(3.0, 1, np.array([0.1, 0.9, 0.5])) == []
    assert events.add(4.0, 1, np.array([0.8, 0.1, 0.4])) == []
    assert events.add(5.0, 1, np.array([0.6, 0.1, 0.0])) == [event("walk", 1.5, 3.5, 0.8)]
    assert events.finish() == [event("wave", 2.5, 4.5, 0.45), event("stand", 3.5, 5.5, 0.7)]
    assert events.finish() == []


def test_of_an_exclusive_group_only_the_best_class_counts():
    events = collector()
    events.add(1.0, 1, np.array([0.9, 0.95, 0.9]))
    assert [found.action for found in events.finish()] == ["walk", "wave"]
    events.add(1.0, 1, np.array([0.45, 0.49, 0.1]))
    assert events.finish() == []
    # The best of those that reach their thresholds, which may not be the best of all.
    events = EventCollector("street.mp4", CLASSES, np.array([0.5, 0.9, 0.4]), [(0, 1)])
    events.add(1.0, 1, np.array([0.6, 0.8, 0.1]))
    assert [found.action for found in events.finish()] == ["stand"]


def test_a_gap_is_bridged_with_its_scores():
    scores = [0.8, 0.2, 0.3, 0.9]
    for longest, expected in (
        (2.0, [event("walk", 0.5, 4.5, 0.55)]),
        (1.0, [event("walk", 0.5, 1.5, 0.8), event("walk", 3.5, 4.5, 0.9)]),
    ):
        events = collector(longest_gap=longest)
        found = [each for time, score in enumerate(scores, 1) for each in events.add(time, 1, np.array([0, score, 0]))]
        assert found + events.finish() == expected


def test_a_gap_at_the_end_is_no_part_of_the_event():
    events = collector(longest_gap=5.0)
    for time, score in enumerate([0.8, 0.2, 0.3], 1):
        events.add(time, 1, np.array([0, score, 0]))
    assert events.finish() == [event("walk", 0.5, 1.5, 0.8)]


def test_who_is_not_found_for_longer_than_a_gap_begins_anew():
    events = collector(stride=0.5, longest_gap=0.5)
    events.add(1.0, 1, np.array([0, 0.8, 0]))
    assert events.add(2.0, 1, np.array([0, 0.6, 0])) == []
    assert events.add(3.5, 1, np.array([0, 0.6, 0])) == [event("walk", 0.75, 2.25, 0.7)]


def test_events_of_all_persons_end_when_nothing_can_continue_them():
    events = collector()
    events.add(1.0, 1, np.array([0, 0.8, 0]))
    events.add(2.0, 2, np.array([0, 0.6, 0]))
    assert events.close_before(2.5) == []
    assert events.close_before(3.0) == [event("walk", 0.5, 1.5, 0.8)]
    assert events.finish() == [event("walk", 1.5, 2.5, 0.6, person=2)]


def test_an_event_stays_within_its_video():
    events = collector()
    events.add(0.0, 1, np.array([0, 0.8, 0]))
    assert events.finish(end=0.3) == [event("walk", 0.0, 0.3, 0.8)]
    events.add(0.0, 1, np.array([0, 0.8, 0]))
    assert events.finish() == [event("walk", 0.0, 0.5, 0.8)]


def test_what_is_seen_at_the_last_keyframe_lasts_as_long_as_the_video():
    events = collector()
    events.add(1.0, 1, np.array([0, 0.8, 0]))
    events.add(2.0, 1, np.array([0, 0.8, 0]))
    events.add(1.0, 2, np.array([0, 0.6, 0]))
    assert events.finish(end=2.9) == [event("walk", 0.5, 2.9, 0.8), event("walk", 0.5, 1.5, 0.6, person=2)]


def test_what_is_over_is_not_kept():
    events = collector()
    for time in range(1000):
        events.add(time, time, np.array([0, 0.8, 0.8]))
        events.close_before(time)
    assert len(events.finish()) <= 4
