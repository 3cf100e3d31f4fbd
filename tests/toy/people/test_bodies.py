"""Curves of poses, bodies and cameras of the world "people"."""

from __future__ import annotations

import numpy as np
import pytest

from alphaction.toy.people.acts import WALK_SPEED, Act, way
from alphaction.toy.people.body import ANKLE, JOINT, Build, joints_of
from alphaction.toy.people.camera import view_of
from alphaction.toy.people.channels import CHANNELS, INDEX, NEUTRAL, curve, mirrored, pose_row
from alphaction.toy.people.repertoire import ARMS, BODY

MOTIONS = [*ARMS, *BODY]
TIMES = np.arange(48) / 12


def act(motion=ARMS[0], legs="stand", heading=0.0, **changes) -> Act:
    values = {"tempo": "normal", "rate": 1.0, "center": 2.0, "phase": 0.0, "left": False, "thing": "", "size": 1.0}
    values |= {"style": (1.0, 1.0, np.zeros((4, 3))), **changes}
    return Act(motion, legs, heading, **values)


@pytest.mark.parametrize("cyclic", [True, False])
@pytest.mark.parametrize("keys", [2, 3, 5])
def test_a_curve_goes_through_its_keys(keys, cyclic):
    phases = [0.1 + 0.8 * k / keys for k in range(keys)]
    rows = np.random.default_rng(0).normal(size=(keys, len(CHANNELS)))
    np.testing.assert_allclose(curve(phases, rows, np.array(phases), cyclic=cyclic), rows, atol=1e-12)
    later = curve(phases, rows, np.array(phases) + 1, cyclic=cyclic)
    np.testing.assert_allclose(later, rows if cyclic else np.tile(rows[-1], (keys, 1)), atol=1e-9)
    dense = curve(phases, rows, np.linspace(0, 2, 2001), cyclic=cyclic)
    assert np.abs(np.diff(dense, axis=0)).max() < 0.1


@pytest.mark.parametrize("motion", MOTIONS, ids=lambda motion: f"{motion.main_class}_{MOTIONS.index(motion)}")
def test_bones_keep_their_length_and_mirrored_poses_have_mirrored_joints(motion):
    build, rows = Build(), act(motion).poses(TIMES)
    joints = joints_of(rows, build)
    assert np.isfinite(joints).all()
    for first, last, length in (
        ("r_shoulder", "r_elbow", build.arm / 2),
        ("l_elbow", "l_hand", build.arm / 2),
        ("r_hip", "r_knee", build.leg / 2),
        ("l_knee", "l_foot", build.leg / 2),
        ("pelvis", "chest", build.trunk),
    ):
        found = np.linalg.norm(joints[:, JOINT[first]] - joints[:, JOINT[last]], axis=-1)
        np.testing.assert_allclose(found, length, rtol=5e-3)
    assert joints[..., 1][:, :-1].min() > -0.15  # nobody is in the ground
    other = joints_of(mirrored(rows), build)
    for right in ("r_hand", "r_elbow", "r_knee", "r_toe"):
        np.testing.assert_allclose(other[:, JOINT[f"l{right[1:]}"]], joints[:, JOINT[right]] * [-1, 1, 1], atol=1e-9)
    np.testing.assert_allclose(mirrored(mirrored(rows)), rows)


def test_who_stands_has_both_feet_on_the_ground_and_the_hands_below_the_hips():
    joints = joints_of(NEUTRAL[None], Build())[0]
    np.testing.assert_allclose(joints[[JOINT["r_foot"], JOINT["l_foot"]], 1], ANKLE, atol=2e-3)
    assert joints[JOINT["r_hand"], 1] < joints[JOINT["r_hip"], 1] + 0.01
    assert joints[JOINT["r_toe"], 2] > joints[JOINT["r_foot"], 2] + 0.05
    assert joints[JOINT["crown"], 1] == pytest.approx(0.95, abs=0.05)
    bent = joints_of(pose_row({"pitch": 0.5})[None], Build())[0]
    assert bent[JOINT["head"], 2] > 0.1


@pytest.mark.parametrize(("heading", "direction"), [(0.0, (0, 1)), (np.pi / 2, (1, 0)), (np.pi, (0, -1))])
def test_a_walk_goes_where_it_is_headed_and_the_foot_on_the_ground_stays(heading, direction):
    rows, _, places = way([act(legs="walk", heading=heading)], [], TIMES)
    moved = (places[-1] - places[0])[[0, 2]] / (TIMES[-1] - TIMES[0])
    np.testing.assert_allclose(moved, WALK_SPEED * np.array(direction), atol=1e-6)
    joints = joints_of(rows, Build())
    feet = joints[:, [JOINT["r_foot"], JOINT["l_foot"]]]
    lowest = feet[..., 1].argmin(1)
    backwards = np.diff(feet[np.arange(len(feet)), lowest, 2])[np.diff(lowest) == 0] * 12
    assert np.median(backwards) == pytest.approx(-WALK_SPEED, rel=0.4)


def test_acts_follow_each_other_without_a_jerk():
    acts = [act(BODY[5]), act(legs="walk", heading=0.3), act(ARMS[4], heading=0.3)]
    times = np.arange(400) / 100
    rows, heading, places = way(acts, [1.4, 2.6], times)
    assert np.abs(np.diff(rows[:, : INDEX["ballx"]], axis=0)).max() < 0.15
    assert np.abs(np.diff(heading)).max() < 0.02
    assert np.abs(np.diff(places, axis=0)).max() < 0.02


@pytest.mark.parametrize("seed", range(6))
def test_a_camera_shows_a_person_as_high_and_where_it_was_asked(seed):
    rng = np.random.default_rng(seed)
    person, foot = rng.uniform(30, 130), rng.uniform(90, 120)
    view = view_of(160, 120, person, foot, rng)
    place = view.ground(70, foot)
    ends, scale = view.project(np.array([[place[0], 0, place[1]], [place[0], 1, place[1]]]))
    assert ends[0] == pytest.approx([70, foot])
    assert ends[0, 1] - ends[1, 1] == pytest.approx(person, rel=0.35)
    assert scale[0] > 0
    assert view.ground(70, view.horizon - 1) is None
