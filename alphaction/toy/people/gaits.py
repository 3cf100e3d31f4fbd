"""Walking, running and climbing: legs that carry the body at its speed, and arms that swing with them."""

from __future__ import annotations

import numpy as np

from alphaction.toy.people.channels import INDEX, NEUTRAL


def gait(phases: np.ndarray, stride: float, *, run: float = 0.0, climb: float = 0.0, arms: float = 1.0) -> np.ndarray:
    """Return poses [T, channels] of a gait.

    Args:
        phases: in cycles of two steps.
        stride: how far a foot swings to the front and to the back of the hip, in leg lengths.
        run: 0 walks, 1 runs: knees and elbows bend, the trunk leans, and both feet leave the ground.
        climb: how high the feet are lifted onto the next step, in leg lengths.
        arms: how far they swing.
    """
    rows = np.tile(NEUTRAL, (len(phases), 1))

    def put(name: str, values: np.ndarray | float) -> None:
        rows[:, INDEX[name]] = values

    for foot, hand, shift in (("rf", "l", 0.0), ("lf", "r", 0.5)):
        angle = 2 * np.pi * (phases + shift)
        raised = np.maximum(np.sin(angle), 0.0)
        put(f"{foot}z", -stride * np.cos(angle) + (0.1 * run - 0.05) * raised)
        put(f"{foot}y", raised * (0.13 + 0.30 * run + climb) + 0.12 * run * np.maximum(-np.cos(angle), 0) ** 2)
        swing = -np.cos(angle) * arms
        put(f"{hand}x", 0.12 + 0.06 * run - 0.1 * run * np.maximum(swing, 0))
        put(f"{hand}y", -0.94 + run * (0.42 + 0.30 * np.maximum(swing, 0)) + 0.05 * np.abs(swing))
        put(f"{hand}z", (0.40 + 0.12 * run) * swing + 0.12 * run + 0.05)
    bob = np.cos(4 * np.pi * phases)
    put("hip", 0.965 - 0.02 * bob - 0.07 * run - 0.04 * climb)
    put("lift", 0.045 * run * np.maximum(-bob, 0))
    put("pitch", 0.03 + 0.17 * run + 0.25 * climb)
    put("side", 0.03 * np.sin(2 * np.pi * phases))
    put("twist", 0.13 * (1 + run) * arms * np.cos(2 * np.pi * phases))
    return rows
