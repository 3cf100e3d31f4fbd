"""The plan of the default dataset: balance, labels, places, and that only motion tells the classes apart."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from alphaction.toy.actions_world import ActionsWorld
from alphaction.toy.scene import Scene
from alphaction.toy.toy_options import ToyOptions
from alphaction.toy.world import build_world
from alphaction.utils.errors import UserError

OPTIONS = ToyOptions()
GROUP_OF = {toy_class.name: toy_class.group for toy_class in ActionsWorld.classes}


@pytest.fixture(scope="module", params=[(OPTIONS.num_train, 0), (OPTIONS.num_val, 1)], ids=["train", "val"])
def scenes(request) -> list[Scene]:
    num_videos, split = request.param
    return ActionsWorld().plan(num_videos, OPTIONS, np.random.default_rng([OPTIONS.seed, split]))


def labeled(scenes: list[Scene]):
    for scene in scenes:
        for second in scene.keyframes:
            for actor in scene.actors:
                yield scene, second, actor, scene.act(actor, second).labels


def test_classes_are_in_three_groups_with_ids_from_one():
    classes = ActionsWorld.classes
    assert [toy_class.id for toy_class in classes] == list(range(1, 14))
    assert Counter(GROUP_OF.values()) == {"movement": 6, "object": 3, "person": 4}
    assert len(GROUP_OF) == 13


def test_all_classes_come_up_often_and_about_equally(scenes):
    counts = Counter(name for *_, labels in labeled(scenes) for name in labels)
    assert set(counts) == set(GROUP_OF)
    least = 1.4 * len(scenes)
    assert min(counts.values()) >= least
    rare = [count for name, count in counts.items() if name != "stay still"]
    assert max(rare) < 1.8 * min(rare)


def test_everyone_has_one_movement(scenes):
    for *_, labels in labeled(scenes):
        assert Counter(GROUP_OF[name] for name in labels)["movement"] == 1
        assert len(labels) <= 2


def test_keyframes_keep_clear_of_changes(scenes):
    for scene in scenes:
        assert len(scene.keyframes) + len(scene.excluded) == OPTIONS.seconds
        assert len(scene.keyframes) >= 9
        for second in scene.keyframes:
            assert np.abs(scene.starts[1:] - second).min() >= 0.6


def test_people_are_in_the_picture_and_large_enough(scenes):
    aspect = OPTIONS.width / OPTIONS.height
    for scene in scenes:
        for time in np.arange(0, OPTIONS.seconds, 0.5):
            for person in scene.snapshot(time):
                x1, y1, x2, y2 = person.skeleton.box()
                inside = max(min(x2, aspect) - max(x1, 0), 0) * max(min(y2, 1) - max(y1, 0), 0)
                assert inside / ((x2 - x1) * (y2 - y1)) > 0.75
                # Squatting people are about three quarters as high as standing ones.
                assert (y2 - y1) * OPTIONS.height > 32


def test_walks_move_and_the_rest_stays_in_place(scenes):
    for scene, second, actor, labels in labeled(scenes):
        place = [scene.act(actor, second).pose(second + shift).x for shift in (0.0, 0.8)]
        pixels = (place[1] - place[0]) * OPTIONS.height
        if labels[0] in ("walk left", "walk right"):
            assert pixels * (-1 if labels[0] == "walk left" else 1) > 8
        else:
            assert pixels == 0


def test_object_classes_are_exactly_those_who_carry(scenes):
    for scene, second, actor, labels in labeled(scenes):
        carries = scene.act(actor, second).thing is not None
        assert carries == any(GROUP_OF[name] == "object" for name in labels)


def test_interactions_have_a_partner_within_reach(scenes):
    for scene, second, actor, labels in labeled(scenes):
        if any(GROUP_OF[name] == "person" for name in labels):
            here = scene.pose(actor, second).x
            others = [
                abs(scene.pose(other, second).x - here)
                for other in scene.actors
                if other is not actor and abs(other.ground - actor.ground) < 0.1
            ]
            assert min(others) < 0.3


def acts_by_label(scenes: list[Scene]):
    acts = defaultdict(list)
    for scene in scenes:
        for actor in scene.actors:
            for act in actor.acts:
                for name in act.labels:
                    acts[name].append((actor, act))
    return acts


def carried_heights(scenes: list[Scene], label: str, times: np.ndarray) -> np.ndarray:
    """Heights of the carrying hand over its shoulder: a row for each act."""
    return np.array(
        [[act.pose(time).hands[act.thing.hand, 1] for time in times] for _, act in acts_by_label(scenes)[label]]
    )


def test_lifting_goes_up_slowly_and_down_quickly(scenes):
    lift = carried_heights(scenes, "lift (an object)", np.arange(1.0, 3.0, 1 / 24))
    assert lift.min() < -0.28
    assert lift.max() > 0.30
    assert (np.diff(lift, axis=1) > 0).mean(axis=1).min() > 0.6


def test_held_objects_show_every_height_of_the_lifted_ones(scenes):
    hold = carried_heights(scenes, "hold (an object)", np.array([1.0, 2.0]))
    assert np.all(hold[:, 0] == hold[:, 1])
    assert hold.min() < -0.1
    assert hold.max() > 0.1


def test_colors_say_nothing_about_the_class():
    """Clothes and objects have the same average color in every class, up to the noise of few samples."""
    scenes = ActionsWorld().plan(150, OPTIONS, np.random.default_rng(7))
    acts = acts_by_label(scenes)
    clothes = {name: np.array([a.look.shirt + a.look.trousers for a, _ in found]) for name, found in acts.items()}
    things = {
        name: np.array([act.thing.color for _, act in found])
        for name, found in acts.items()
        if GROUP_OF[name] == "object"
    }
    for colors in (clothes, things):
        everyone = np.concatenate(list(colors.values()))
        for name, found in colors.items():
            # An actor has several acts, so samples are fewer than rows: a third of them is a cautious count.
            error = everyone.std(0) / np.sqrt(len(found) / 3)
            assert np.all(np.abs(found.mean(0) - everyone.mean(0)) < 4 * error), name


def test_the_same_random_numbers_give_the_same_plan():
    def summary(seed: int) -> list:
        scenes = ActionsWorld().plan(3, OPTIONS, np.random.default_rng(seed))
        return [(scene.labels(t), [a.look for a in scene.actors]) for scene in scenes for t in scene.keyframes]

    assert summary(5) == summary(5)
    assert summary(5) != summary(6)


def test_acts_follow_each_other_without_a_jerk():
    scene = ActionsWorld().plan(1, OPTIONS, np.random.default_rng(3))[0]
    change = scene.starts[1]
    for actor in scene.actors:
        before, after = scene.pose(actor, change - 1e-6), scene.pose(actor, change + 1e-6)
        assert before.x == pytest.approx(after.x, abs=1e-4)
        np.testing.assert_allclose(before.hands, after.hands, atol=1e-3)


def test_unknown_world_names_the_known_ones():
    with pytest.raises(UserError, match='--world action: .*"actions"'):
        build_world("action")
