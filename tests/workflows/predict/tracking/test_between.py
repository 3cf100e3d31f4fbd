"""Boxes on the frames between keyframes, with the future known."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from workflows.predict.tracking.moving import HEIGHT, WIDTH, box, picture

from alphaction.evaluation.average_precision import box_iou
from alphaction.workflows.predict.tracker import Track
from alphaction.workflows.predict.tracking import between
from alphaction.workflows.predict.tracking.between import follow_tracks

TIMES = np.arange(21) / 10
# Fast at first, and then slow: after half of the time most of the way is done.
PATH = [(10 + round(60 * np.sqrt(time / 2)), 30) for time in TIMES]


def track(*seconds: float, number: int = 1) -> Track:
    return Track(number, list(seconds), [*range(len(seconds))], [box(*PATH[round(10 * s)]) for s in seconds])


def images() -> Iterator[np.ndarray]:
    return (picture(place) for place in PATH)


def overlap(followed: Track, frame: int, margin: float = 0.5) -> float:
    found = followed.box_at(TIMES[frame], margin)
    return float(box_iou(found[None], box(*PATH[frame])[None])[0])


def test_boxes_follow_what_moves_unevenly_and_agree_with_the_keyframes():
    straight = track(0, 2)
    (followed,) = follow_tracks([straight], TIMES, images())
    assert np.mean([overlap(followed, frame) for frame in range(21)]) > 0.97
    assert np.mean([overlap(straight, frame) for frame in range(21)]) < 0.8
    for second in (0, 2):
        np.testing.assert_allclose(followed.box_at(second), box(*PATH[10 * second]), atol=1e-6)
    assert straight.followed is None


def test_half_a_second_before_and_after_the_person_is_followed_too():
    (followed,) = follow_tracks([track(1)], TIMES, images())
    assert followed.followed.times.tolist() == TIMES[5:16].tolist()
    assert min(overlap(followed, frame) for frame in range(5, 16)) > 0.95
    assert followed.box_at(0.4) is None


def test_other_margins_are_followed_as_far():
    (followed,) = follow_tracks([track(1)], TIMES, images(), margin=1.0)
    assert followed.followed.times.tolist() == TIMES.tolist()
    assert min(overlap(followed, frame, 1.0) for frame in range(5, 20)) > 0.95
    np.testing.assert_array_equal(followed.box_at(2.0, margin=1.0), followed.followed.boxes[-1])


def test_who_stays_to_the_end_is_followed_to_the_end():
    staying = track(1)
    staying.end = 2.1
    (followed,) = follow_tracks([staying], TIMES, images())
    assert followed.followed.times.tolist() == TIMES[5:].tolist()
    assert followed.box_at(2.0) is not None


def test_who_is_gone_is_soon_not_drawn():
    noise = np.random.default_rng(4)
    frames = [*(picture(place) for place in PATH)]
    frames[13:] = [noise.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8) for _ in range(8)]
    (followed,) = follow_tracks([track(1)], TIMES, frames, margin=1.0)
    assert followed.followed.times.tolist() == TIMES[:18].tolist()  # 0.5 s more than the flow holds
    assert [followed.box_at(time, 1.0) is None for time in TIMES[16:19]] == [False, False, True]


def test_several_persons_keep_their_places_in_the_list():
    tracks = [track(1.5, 2, number=1), track(0, 2, number=2), track(0, 1, 2, number=3)]
    followed = follow_tracks(tracks, TIMES, images())
    assert [one.id for one in followed] == [1, 2, 3]
    assert min(overlap(one, frame) for one in followed for frame in range(15, 21)) > 0.95


def test_across_a_cut_each_side_follows_its_own_frames():
    noise = np.random.default_rng(3)
    frames = [*(picture(place) for place in PATH)]
    frames[9:12] = [noise.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8) for _ in range(3)]
    (followed,) = follow_tracks([track(0, 2)], TIMES, frames)
    assert min(overlap(followed, frame) for frame in (*range(1, 8), *range(13, 20))) > 0.9


def test_a_keyframe_without_its_frame_is_not_a_start():
    # The part begins at 0.55: the box of second 0 is not that of its first frame.
    times, frames = TIMES[6:], [picture(place) for place in PATH[6:]]
    (followed,) = follow_tracks([track(0, 2)], times, frames)
    assert min(overlap(followed, frame) for frame in range(12, 21)) > 0.9


@pytest.mark.parametrize(("limit", "most"), [("_LONGEST", 1.0), ("_MOST", 10)])
def test_long_gaps_are_crossed_straight_and_few_frames_are_kept(monkeypatch, limit, most):
    monkeypatch.setattr(between, limit, most)
    kept = []
    follow = between._follow
    monkeypatch.setattr(between, "_follow", lambda spans, frames: kept.append(len(frames)) or follow(spans, frames))
    (followed,) = follow_tracks([track(0, 0.5, 2)], TIMES, images())
    assert max(kept) <= 11
    np.testing.assert_allclose(followed.box_at(1.25), (box(*PATH[5]) + box(*PATH[20])) / 2, atol=1e-6)


def test_no_persons_and_one_frame():
    assert follow_tracks([], TIMES, images()) == []
    (alone,) = follow_tracks([track(0)], TIMES[:1], [picture(PATH[0])])
    assert alone.followed is None
    np.testing.assert_array_equal(alone.box_at(0.0), box(*PATH[0]))
