from __future__ import annotations

import numpy as np
import pytest

from alphaction.evaluation.tubes import PersonTube, ScoredBox, VideoTubes
from alphaction.utils.errors import UserError
from alphaction.workflows.annotate.choose import choose

BOX = (0.1, 0.1, 0.5, 0.9)
# One class: the nearer to a half, the more uncertain.
SURE, FAIR, OPEN = 0.0, 0.25, 0.5


def video(name: str, scores: dict[float, float]) -> VideoTubes:
    """Return a video in which every keyframe (time -> score of "wave") is that of another person."""
    persons = [
        PersonTube(number, np.array([time]), np.array([BOX]), [ScoredBox(time, BOX, 1.0, {"wave": score})])
        for number, (time, score) in enumerate(scores.items())
    ]
    return VideoTubes(name, 25.0, (640, 360), 20.0, 1.0, ("wave",), persons)


A = video("a.mp4", {0: SURE, 4: FAIR, 8: OPEN})
B = video("b.mp4", {0: OPEN, 4: SURE, 8: FAIR})


def test_the_most_uncertain_come_first_and_equal_ones_by_name_and_time():
    expected = [("a.mp4", 8), ("b.mp4", 0), ("a.mp4", 4), ("b.mp4", 8), ("a.mp4", 0), ("b.mp4", 4)]
    assert choose([A, B]) == expected
    assert choose([B, A], 3) == expected[:3]
    assert choose([A, B], 100) == expected
    assert choose([A, B], 0) == choose([]) == []


def test_neighbors_of_what_is_chosen_wait_until_nothing_else_is_left():
    scene = video("a.mp4", {5: OPEN, 6: OPEN, 7: OPEN, 8: OPEN, 9: FAIR, 12: SURE})
    # At a distance of 3 s: 5, 8, 12; of 1.5 s: none; of 0.75 s: the others.
    assert [time for _, time in choose([scene])] == [5, 8, 12, 6, 7, 9]
    assert choose([scene, video("b.mp4", {6: SURE})], 4)[2:] == [("a.mp4", 12), ("b.mp4", 6)]


def test_half_of_the_gap_holds_before_none_does():
    scene = video("a.mp4", {0: OPEN, 1: OPEN, 2: FAIR, 3: SURE})
    # 3 s: 0 and 3. 1.5 s: none, as 1 and 2 are 1 s away from these. 0.75 s: both.
    assert [time for _, time in choose([scene])] == [0, 3, 1, 2]
    scene = video("a.mp4", {0: OPEN, 0.5: OPEN, 1.5: FAIR})
    assert [time for _, time in choose([scene])] == [0, 1.5, 0.5]


def test_what_is_labeled_is_left_out_and_its_neighbors_wait():
    scene = video("a.mp4", {5: OPEN, 6: OPEN, 9: FAIR})
    assert [time for _, time in choose([scene], labeled=[("a.mp4", 5)])] == [9, 6]
    assert [time for _, time in choose([scene], labeled=[("other.mp4", 5)])] == [5, 9, 6]


def test_a_time_is_the_same_after_any_way_through_files():
    scene = video("a.mp4", {0.333333: OPEN, 4: FAIR})
    assert choose([scene], labeled=[("a.mp4", 0.333)]) == choose([scene], excluded=[("a.mp4", 0.333)]) == [("a.mp4", 4)]


def test_what_is_excluded_is_left_out_and_its_neighbors_do_not_wait():
    scene = video("a.mp4", {5: OPEN, 6: OPEN, 9: FAIR})
    assert [time for _, time in choose([scene], excluded=[("a.mp4", 5)])] == [6, 9]


def test_whole_videos_are_in_order_of_their_means():
    calm = video("c.mp4", {0: FAIR, 1: SURE})
    assert choose([calm, A, B], 1, unit="video") == [("a.mp4", 0), ("a.mp4", 4), ("a.mp4", 8)]
    assert [name for name, _ in choose([calm, A, B], unit="video")] == ["a.mp4"] * 3 + ["b.mp4"] * 3 + ["c.mp4"] * 2


@pytest.mark.parametrize("unit", ["second", "video"])
def test_a_random_order_is_that_of_its_seed_alone(unit):
    videos = [video(f"{number}.mp4", {0: OPEN, 5: SURE}) for number in range(20)]
    found = choose(videos, None, "random", 7, unit=unit)
    assert sorted(found) == sorted(choose(videos))
    assert found == choose(videos[::-1], None, "random", 7, unit=unit)
    assert found != choose(videos, None, "random", 8, unit=unit)
    assert choose(videos, 3, "random", 7, unit=unit) == found[: 3 if unit == "second" else 6]


@pytest.mark.parametrize(("unit", "budget", "share"), [("second", 10, 10), ("video", 10, 10)])
def test_at_random_all_are_chosen_equally_often(unit, budget, share):
    videos = [video(f"{number}.mp4", {0: OPEN if number else SURE}) for number in range(20)]
    counts = sum(("0.mp4", 0) in choose(videos, budget, "random", seed, unit=unit) for seed in range(100))
    assert abs(counts / 100 - share / 20) < 0.15


@pytest.mark.parametrize(("how", "message"), [({"order": "sure"}, "--order sure"), ({"unit": "hour"}, "--unit hour")])
def test_an_unknown_choice_is_told(how, message):
    with pytest.raises(UserError, match=message):
        choose([A], **how)
