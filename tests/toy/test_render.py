"""Frames: figures and objects lie in their boxes, everything else is the same whoever is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from alphaction.toy.actions_world import ActionsWorld
from alphaction.toy.render import Renderer
from alphaction.toy.scene import Actor, Prop, Scene, Thing
from alphaction.toy.toy_options import ToyOptions

OPTIONS = ToyOptions(seconds=6, width=320, height=240)


def draw(scene: Scene, actors: list[Actor], time: float) -> tuple[Renderer, np.ndarray]:
    """Draw ``scene`` with these actors only, always with the same background, camera and noise."""
    part = Scene(actors, scene.starts, scene.seconds)
    renderer = Renderer(part, OPTIONS.width, OPTIONS.height, np.random.default_rng(11))
    return renderer, renderer.frame(time).astype(int)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return ActionsWorld().plan(8, OPTIONS, np.random.default_rng(2))


def changed_box(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return x1, y1, x2, y2 in pixels around all clear differences."""
    rows, columns = np.nonzero(np.abs(first - second).max(-1) > 12)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


def test_boxes_hold_the_figure_and_not_much_more(scenes):
    for scene in scenes:
        for actor in scene.actors:
            if scene.act(actor, 1.0).thing is not None:
                continue
            _, empty = draw(scene, [], 1.0)
            renderer, drawn = draw(scene, [actor], 1.0)
            person = renderer.scene.snapshot(1.0)[0]
            box = renderer.to_unit(person.skeleton.box(), 1.0) * np.tile([OPTIONS.width, OPTIONS.height], 2)
            np.testing.assert_allclose(changed_box(empty, drawn), box, atol=3.0)


def test_object_boxes_hold_the_object(scenes):
    seen = 0
    for scene in scenes:
        for actor in scene.actors:
            person = next(p for p in scene.snapshot(1.0) if p.person_id == actor.person_id)
            if person.thing is None or not (
                person.thing_box[0] > 0.03 and person.thing_box[1] > 0.03 and person.thing_box[2] < 1.3
            ):
                continue
            seen += 1
            renderer, drawn = draw(scene, [actor], 1.0)
            x1, y1, x2, y2 = renderer.to_unit(person.thing_box, 1.0) * np.tile([OPTIONS.width, OPTIONS.height], 2)
            # The upper part of the object is never covered by the hand that holds it.
            probe = drawn[round(y1 + 0.3 * (y2 - y1)), round((x1 + x2) / 2)]
            assert np.abs(probe - person.thing.color).max() < 40
    assert seen >= 5


@pytest.mark.parametrize("kind", ["ball", "box"])
def test_props_are_drawn_in_their_boxes_behind_the_persons(scenes, kind):
    def path(time: float) -> np.ndarray:
        return np.array([0.5, 0.1, 0.7, 0.3]) + 0.1 * time

    prop = Prop(Thing(kind, (250, 20, 20), hand=0), path)
    empty, alone = (
        Renderer(Scene([], [0.0], 6, props=props), OPTIONS.width, OPTIONS.height, np.random.default_rng(11))
        for props in ([], [prop])
    )
    for time in (0.0, 2.5):
        first, second = (renderer.frame(time).astype(int) for renderer in (empty, alone))
        box = alone.to_unit(path(time), time) * np.tile([OPTIONS.width, OPTIONS.height], 2)
        np.testing.assert_allclose(changed_box(first, second), box, atol=1.5)
        x, y = np.round((box[:2] + box[2:]) / 2).astype(int)
        assert np.abs(second[y, x] - [250, 20, 20]).max() < 20
    actor = scenes[0].actors[0]
    head = scenes[0].snapshot(1.0)[0].skeleton.head
    hidden = Prop(prop.thing, lambda _: np.concatenate([head - 0.01, head + 0.01]))
    with_prop, without = (
        Renderer(
            Scene([actor], scenes[0].starts, 6, props=props), OPTIONS.width, OPTIONS.height, np.random.default_rng(11)
        ).frame(1.0)
        for props in ([hidden], [])
    )
    np.testing.assert_array_equal(with_prop, without)


def test_boxes_move_with_the_camera(scenes):
    renderer, _ = draw(scenes[0], [], 0.0)
    box = np.array([0.5, 0.5, 0.6, 0.7])
    moved = {tuple(np.round(renderer.to_unit(box, time), 4)) for time in np.arange(0, 6, 0.5)}
    assert len(moved) > 3


def test_boxes_are_clipped_to_the_frame(scenes):
    renderer, _ = draw(scenes[0], [], 0.0)
    np.testing.assert_allclose(renderer.to_unit(np.array([-1.0, -1.0, 9.0, 9.0]), 0.0), [0, 0, 1, 1])


def test_frames_have_the_size_and_number_asked_for(scenes):
    renderer = Renderer(scenes[0], 160, 120, np.random.default_rng(0))
    frames = list(renderer.frames(2, 12.5))
    assert len(frames) == 25
    assert all(frame.shape == (120, 160, 3) and frame.dtype == np.uint8 for frame in frames)
    assert np.abs(frames[0].astype(int) - frames[1]).mean() > 0.5
