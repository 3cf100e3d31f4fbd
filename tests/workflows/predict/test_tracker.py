"""Person ids from keyframe to keyframe, and boxes between keyframes."""

from __future__ import annotations

import numpy as np

from alphaction.workflows.predict.tracker import IouTracker, Track


def box(x: float, y: float = 0.5, width: float = 0.1, height: float = 0.2) -> list[float]:
    """Return a box around a center, as fractions of the frame."""
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]


def follow(keyframes: list[list[list[float]]], **options) -> list[list[int]]:
    tracker = IouTracker(**options)
    return [tracker.update(second, np.array(boxes).reshape(-1, 4)) for second, boxes in enumerate(keyframes)]


def test_overlap_keeps_ids_whatever_the_order_of_the_boxes():
    assert follow([[box(0.2), box(0.6)], [box(0.61), box(0.22)], [box(0.24), box(0.62)]]) == [[1, 2], [2, 1], [1, 2]]


def test_the_best_pair_comes_first():
    # The second box overlaps the person most; the first one, which also overlaps, is somebody new.
    assert follow([[box(0.5)], [box(0.54), box(0.51)]]) == [[1], [2, 1]]


def test_an_id_survives_one_missed_second_and_not_two():
    assert follow([[box(0.5)], [], [box(0.5)]]) == [[1], [], [1]]
    assert follow([[box(0.5)], [], [], [box(0.5)]]) == [[1], [], [], [2]]


def test_a_small_quick_person_is_found_again_without_any_overlap():
    steps = [[box(x)] for x in (0.1, 0.25, 0.4, 0.55)]
    assert follow(steps) == [[1], [1], [1], [1]]
    # By more than its own height in the first second: it might be anyone.
    assert follow([[box(0.1)], [box(0.35)]]) == [[1], [2]]
    # In a frame twice as wide as high, the same fractions are twice the pixels.
    assert follow([[box(0.1)], [box(0.25)]], aspect=2.0) == [[1], [2]]


def test_a_person_of_another_size_is_somebody_else():
    assert follow([[box(0.5)], [box(0.55, width=0.3, height=0.6)]]) == [[1], [2]]


def test_speed_tells_two_persons_who_cross_apart():
    there, back = [0.1, 0.25, 0.4, 0.55], [0.6, 0.45, 0.3, 0.15]
    assert follow([[box(a), box(b)] for a, b in zip(there, back, strict=True)]) == [[1, 2]] * 4


def test_boxes_between_keyframes_lie_between_and_end_half_a_second_beyond():
    tracker = IouTracker()
    for second, x in ((3, 0.2), (4, 0.3), (6, 0.5)):
        tracker.update(second, np.array([box(0.9), box(x)]) if second == 4 else np.array([box(x)]))
    person, other = tracker.tracks
    assert (person.seconds, person.rows, other.rows) == ([3, 4, 6], [0, 2, 3], [1])
    np.testing.assert_allclose(person.box_at(3.25), box(0.225))
    np.testing.assert_allclose(person.box_at(5.0), box(0.4))
    np.testing.assert_allclose(person.box_at(2.5), box(0.2))
    np.testing.assert_allclose(person.box_at(6.5), box(0.5))
    assert person.box_at(2.4) is None
    assert person.box_at(6.6) is None


def test_actions_are_those_of_the_nearest_keyframe():
    tracker = IouTracker()
    for second in (3, 4, 5):
        tracker.update(second, np.array([box(0.5)]))
    assert [tracker.tracks[0].row_at(t) for t in (2.5, 3.4, 3.5, 4.0, 4.49, 9.0)] == [0, 0, 1, 1, 1, 2]


def test_no_boxes_and_boxes_without_area():
    assert follow([[], []]) == [[], []]
    assert follow([[[0.5] * 4], [[0.5] * 4]]) == [[1], [2]]


class CountingList(list):
    """Counts how many entries are read."""

    looks = 0

    def __getitem__(self, index):
        self.looks += 1
        return super().__getitem__(index)

    def __iter__(self):
        self.looks += len(self)
        return super().__iter__()


def test_a_frame_of_a_long_track_looks_at_few_of_its_keyframes():
    track = Track(1, CountingList(), CountingList(), CountingList())
    for second in range(4096):
        track.add(second, 10 * second, np.array(box(second / 4096)))
    np.testing.assert_allclose(track.box_at(1000.25), box(1000.25 / 4096))
    assert track.row_at(1000.25) == 10000
    assert track.boxes.looks + track.rows.looks + track.seconds.looks < 60


def test_all_pairs_together_fit_best():
    # Both went left. The second box is nearest to the first person, but then the second person would have none.
    assert follow([[box(0.5), box(0.6)], [box(0.32), box(0.52)]]) == [[1, 2], [1, 2]]


def test_on_every_frame_the_jitter_of_boxes_is_no_speed():
    rng = np.random.default_rng(0)
    tracker = IouTracker()
    ids = [
        tracker.update(frame / 10, np.array([box(0.4 + noise), box(0.5 + other)]))
        for frame, (noise, other) in enumerate(rng.normal(0, 0.012, (100, 2)))
        if not 40 <= frame < 50  # nobody is found for a second
    ]
    assert set(map(tuple, ids)) == {(1, 2)}


def test_who_knows_better_where_a_person_is_is_believed():
    tracker = IouTracker()
    tracker.update(0, np.array([box(0.2), box(0.8)]))
    assert tracker.update(1, np.array([box(0.8), box(0.2)]), {1: np.array(box(0.8)), 2: np.array(box(0.2))}) == [1, 2]


def test_a_stream_keeps_what_is_needed_only():
    tracker, all_kept = IouTracker(history=2.0), IouTracker()
    for frame in range(400):
        # Every 4 seconds somebody else comes.
        boxes = np.array([box(0.3 + 0.001 * (frame % 40))] if frame % 40 < 15 else []).reshape(-1, 4)
        assert tracker.update(frame / 10, boxes) == all_kept.update(frame / 10, boxes)
        assert len(tracker.tracks) <= 1
        assert all(len(track.seconds) == len(track.rows) == len(track.boxes) <= 21 for track in tracker.tracks)
    assert len(all_kept.tracks) == 10
