"""The plan of the world "interactions": labels follow the coins, classes are balanced, nobody gets in another's way."""

from __future__ import annotations

import numpy as np
import pytest
from toy.casts import extreme_casts

from alphaction.toy.interactions_world import (
    AMID_WAVES,
    BALL_BOUNCES,
    BOUNCE_HEIGHT,
    JUMPS,
    LAG,
    OTHER_JUMPS,
    STANDS,
    WAVES,
    Coins,
    InteractionsWorld,
    make_scene,
)
from alphaction.toy.render import DRIFT, SHAKE
from alphaction.toy.scene import Scene

OPTIONS = InteractionsWorld.defaults
ASPECT = OPTIONS.width / OPTIONS.height
KINDS = {toy_class.name: toy_class.kind for toy_class in InteractionsWorld.classes}
# Moments of a clip, in seconds from its keyframe.
MOMENTS = (-0.33, -0.2, -0.08, 0.08, 0.25)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return InteractionsWorld().plan(160, OPTIONS, np.random.default_rng(3))


def what_shows(scene: Scene, second: int) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return what the clip at a second shows: who jumps and who waves, bool [2] each, and whether the ball bounces."""
    times = [second + moment for moment in MOMENTS if second + moment >= 0]
    poses = [[scene.pose(actor, time) for time in times] for actor in scene.actors]
    waves = [all((pose.hands[:, 1] > 0).all() for pose in of_one) for of_one in poses]
    jumps = [len({(round(pose.hip, 6), round(pose.lift, 6)) for pose in of_one}) > 1 for of_one in poses]
    heights = {round(float(scene.props[0].box(time)[1]), 6) for time in times}
    return np.array(jumps), np.array(waves), len(heights) > 1


def test_classes_are_of_four_kinds():
    classes = InteractionsWorld.classes
    assert [toy_class.id for toy_class in classes] == list(range(1, len(classes) + 1))
    assert KINDS == {
        WAVES: "own",
        JUMPS: "own",
        STANDS: "own",
        AMID_WAVES: "memory",
        BALL_BOUNCES: "object",
        OTHER_JUMPS: "person",
    }
    # Groups stand in the order of the channels.
    assert [toy_class.group for toy_class in classes] == ["movement"] * 4 + ["object", "person"]


def mostly_waves_afar(waves: np.ndarray, second: int) -> bool:
    """Return whether most of an odd number of seconds, LAG or more away and the nearest of these, have a wave."""
    far = sorted((abs(other - second), other) for other in range(len(waves)) if abs(other - second) >= LAG)
    if len(far) % 2 == 0:
        far.pop()
    return sum(bool(waves[other]) for _, other in far) > len(far) / 2


def test_labels_follow_the_coins():
    seconds = 3 * LAG
    nothing = np.zeros(seconds, dtype=bool)
    jumps, bounces, waves = np.stack([nothing, nothing]), nothing.copy(), nothing.copy()
    jumps[0, 2], jumps[1, 5], bounces[6], waves[:3] = True, True, True, True
    coins = Coins(jumps, bounces, waves)
    everywhere = {(person, second) for person in range(2) for second in range(seconds)}

    def where(name: str) -> set[tuple[int, int]]:
        return {(person, second) for person, second in everywhere if name in coins.labels(person, second)}

    def both(*times: int) -> set[tuple[int, int]]:
        return {(person, second) for person in range(2) for second in times}

    assert where(JUMPS) == {(0, 2), (1, 5)}
    assert where(STANDS) == everywhere - {(0, 2), (1, 5)}
    assert where(OTHER_JUMPS) == {(1, 2), (0, 5)}
    assert where(BALL_BOUNCES) == both(6)
    assert where(WAVES) == both(0, 1, 2)
    assert where(AMID_WAVES) == both(*(second for second in range(seconds) if mostly_waves_afar(waves, second)))
    assert both(6, 7) <= where(AMID_WAVES)
    assert not both(0, 1, 2, 3, 11) & where(AMID_WAVES)


@pytest.mark.parametrize("seconds", range(InteractionsWorld.limits.min_seconds, 21))
def test_memory_labels_count_only_what_is_far_and_turn_over_with_it(seconds):
    rng = np.random.default_rng(seconds)
    for _ in range(20):
        coins = Coins.toss(seconds, rng)
        for second in range(seconds):
            label = AMID_WAVES in coins.labels(0, second)
            assert label == mostly_waves_afar(coins.waves, second)
            far = np.abs(np.arange(seconds) - second) >= LAG
            for turned, expected in ((~far, label), (far, not label)):
                other = Coins(coins.jumps, coins.bounces, coins.waves ^ turned)
                assert [AMID_WAVES in other.labels(person, second) for person in range(2)] == [expected] * 2


def test_pictures_and_labels_agree(scenes):
    """Whatever shows in the clip is what the labels of the same second say, and the memory's at others."""
    for scene in scenes[:6]:
        shows = [what_shows(scene, second) for second in range(OPTIONS.seconds)]
        shown_waves = np.array([waves for _, waves, _ in shows])
        for second, (jumps, waves, bounces) in enumerate(shows):
            for person, names in scene.labels(second).items():
                expected = {
                    JUMPS: jumps[person],
                    STANDS: not jumps[person],
                    WAVES: waves[person],
                    OTHER_JUMPS: jumps[1 - person],
                    BALL_BOUNCES: bounces,
                    AMID_WAVES: mostly_waves_afar(shown_waves[:, person], second),
                }
                assert set(names) == {name for name, holds in expected.items() if holds}, (second, person)


def test_pairs_of_videos_are_balanced_and_look_alike(scenes):
    """Every class holds for exactly one of two persons who look alike, at every second."""
    for first, twin in zip(scenes[::2], scenes[1::2], strict=True):
        for second in range(OPTIONS.seconds):
            for person in range(2):
                names = [*first.labels(second)[person], *twin.labels(second)[person]]
                assert sorted(names) == sorted(KINDS)
        assert [actor.look for actor in first.actors] == [actor.look for actor in twin.actors]
        assert [actor.height for actor in first.actors] == [actor.height for actor in twin.actors]
        assert first.props[0].thing == twin.props[0].thing
    assert len({scene.actors[0].look for scene in scenes}) == len(scenes) // 2


def test_everyone_is_labeled_at_every_second(scenes):
    for scene in scenes:
        assert scene.excluded == []
        assert all(names for second in scene.keyframes for names in scene.labels(second).values())


def test_what_a_clip_shows_tells_nothing_of_the_other_classes(scenes):
    """Correlations of labels with what they must not depend on are as small as chance lets them be."""
    labels, evidence = [], []
    for scene in scenes:
        for second in range(OPTIONS.seconds):
            jumps, waves, bounces = what_shows(scene, second)
            for person, names in scene.labels(second).items():
                labels.append([name in names for name in KINDS])
                evidence.append([jumps[person], waves[person], jumps[1 - person], bounces])
    labels, evidence = (np.array(values, dtype=float) for values in (labels, evidence))
    labels, evidence = (values - values.mean(0) for values in (labels, evidence))
    products = labels.T @ evidence
    correlations = products / np.outer(np.linalg.norm(labels, axis=0), np.linalg.norm(evidence, axis=0))
    # Twins, and the persons of a video, may repeat each other: a quarter of the rows are certainly independent.
    bound = 4.5 / np.sqrt(len(labels) / 4)
    causes = {JUMPS: 0, STANDS: 0, WAVES: 1, OTHER_JUMPS: 2, BALL_BOUNCES: 3}
    for row, name in enumerate(KINDS):
        for column in range(4):
            if causes.get(name) == column:
                assert abs(correlations[row, column]) == pytest.approx(1.0)
            else:
                assert abs(correlations[row, column]) < bound, (name, column)


def test_everyone_stays_in_the_frame_and_apart():
    """Also where the camera shakes most; who waves and jumps takes the most room."""
    seconds, shake = 2 * LAG, SHAKE + DRIFT
    everything = Coins(*(np.ones(shape, dtype=bool) for shape in ((2, seconds), seconds, seconds)))
    for cast in extreme_casts(ASPECT):
        scene = make_scene(cast, everything)
        for time in np.arange(0.0, seconds, 1 / 48):
            left, right = (person.skeleton.box() for person in scene.snapshot(time))
            ball = scene.props[0].box(time)
            assert left[0] > shake
            assert right[2] < ASPECT - shake
            for box in (left, right, ball):
                assert box[1] > shake
                assert box[3] < 1.0
            assert left[2] + 0.5 < ball[0]
            assert ball[2] + 0.5 < right[0]


@pytest.mark.parametrize("bounces", [False, True])
def test_the_ball_lies_or_bounces(bounces):
    seconds = 2 * LAG
    coins = Coins(np.zeros((2, seconds), bool), np.full(seconds, bounces), np.zeros(seconds, bool))
    path = make_scene(extreme_casts(ASPECT)[0], coins).props[0].box
    boxes = np.array([path(time) for time in np.arange(0.0, seconds, 1 / 24)])
    assert np.ptp(boxes[:, 0]) == 0
    np.testing.assert_allclose(boxes[:, 2:] - boxes[:, :2], boxes[0, 2] - boxes[0, 0])
    assert np.ptp(boxes[:, 1]) == pytest.approx(BOUNCE_HEIGHT if bounces else 0.0, abs=0.02)


def test_plans_follow_the_seed_and_may_be_odd():
    def summary(seed: int, number: int) -> list:
        scenes = InteractionsWorld().plan(number, OPTIONS, np.random.default_rng(seed))
        return [(scene.actors[0].look, [scene.labels(t) for t in range(OPTIONS.seconds)]) for scene in scenes]

    assert summary(5, 4) == summary(5, 4)
    assert summary(5, 3) == summary(5, 4)[:3]
    assert summary(5, 4) != summary(6, 4)
