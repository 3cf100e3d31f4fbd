"""The movements: what makes a class is the order of poses, not a pose."""

from __future__ import annotations

import numpy as np
import pytest

from alphaction.toy import motions
from alphaction.toy.figure import ARM_BONE, LEG_BONE, Pose, skeleton, two_bones

PHASES = np.linspace(0.0, 1.0, 40, endpoint=False)


def test_ramp_rises_slowly_and_falls_quickly():
    values = np.array([motions.ramp(phase) for phase in PHASES])
    assert values.min() == pytest.approx(0.0, abs=1e-9)
    assert values.max() == pytest.approx(1.0, abs=0.01)
    rising = np.diff(values, append=motions.ramp(1.0)) > 0
    assert rising.mean() == pytest.approx(motions.SLOW_SHARE, abs=0.05)


def test_walks_share_their_still_poses():
    right = np.array([motions.gait(phase, 1).feet for phase in PHASES])
    left = np.array([motions.gait(phase, -1).feet for phase in PHASES])
    # Each pose of the one walk occurs in the other, half a cycle shifted and in opposite order.
    np.testing.assert_allclose(left, [motions.gait(0.5 - phase, 1).feet for phase in PHASES], atol=1e-9)
    assert np.abs(left - right).max() > 0.1


def test_raised_foot_moves_in_the_direction_of_the_walk():
    for direction in (-1, 1):
        before, after = motions.gait(0.2, direction).feet, motions.gait(0.3, direction).feet
        raised = int(np.argmax(before[:, 1]))
        assert np.sign(after[raised, 0] - before[raised, 0]) == direction
        assert np.sign(after[1 - raised, 0] - before[1 - raised, 0]) == -direction


def test_jump_leaves_the_ground_and_squat_does_not():
    jump = [motions.jump(phase) for phase in PHASES]
    squat = [motions.squat(phase) for phase in PHASES]
    assert max(legs.lift for legs in jump) == pytest.approx(0.2, abs=0.01)
    assert max(legs.lift for legs in squat) == 0.0
    assert min(legs.hip for legs in squat) < min(legs.hip for legs in jump) < 0.4


@pytest.mark.parametrize("motion", motions.LEG_MOTIONS)
def test_legs_repeat_after_one_cycle(motion):
    first, again = motions.legs_at(motion, 0.37), motions.legs_at(motion, 3.37)
    assert again.hip == pytest.approx(first.hip)
    assert again.lift == pytest.approx(first.lift)
    np.testing.assert_allclose(again.feet, first.feet)


def test_two_bones_keep_their_lengths_and_stop_at_full_reach():
    start, middle, end = map(np.array, two_bones((0.0, 0.0), (0.1, -0.3), 0.2, 1))
    np.testing.assert_allclose(end, [0.1, -0.3])
    assert np.hypot(*(middle - start)) == pytest.approx(0.2)
    assert np.hypot(*(end - middle)) == pytest.approx(0.2)
    assert two_bones((0.0, 0.0), (0.0, -9.0), 0.2, 1)[2] == pytest.approx((0.0, -0.4))


def test_skeleton_stands_on_its_ground_at_its_height():
    hands = np.stack([motions.hanging(-1), motions.hanging(1)])
    legs = motions.Legs()
    pose = Pose(0.7, legs.lift, legs.hip, np.zeros(2), legs.feet, hands)
    joints = skeleton(pose, height=0.4, ground=0.9)
    x1, y1, x2, y2 = joints.box()
    assert joints.legs[:, 2, 1] == pytest.approx([0.9, 0.9])
    assert y2 - y1 == pytest.approx(0.4 * 1.03, abs=0.01)
    assert (x1 + x2) / 2 == pytest.approx(0.7)
    for limbs, bone in ((joints.arms, ARM_BONE), (joints.legs, LEG_BONE)):
        np.testing.assert_allclose(np.linalg.norm(np.diff(limbs, axis=1), axis=-1), 0.4 * bone, rtol=1e-6)
