"""A simulated detector: true boxes with jitter and scores, some missed, and some false ones."""

from __future__ import annotations

import numpy as np

MISS_RATE = 0.03
FALSE_RATE = 0.05
JITTER = 0.035
TRUE_SCORES, FALSE_SCORES = (0.82, 0.995), (0.3, 0.9)


def noisy_boxes(
    boxes: np.ndarray, rng: np.random.Generator, false_size: tuple[float, float] = (0.13, 0.38)
) -> tuple[np.ndarray, np.ndarray]:
    """Return what a detector finds of ``boxes`` in one frame.

    Args:
        boxes: true boxes [n, 4], x1, y1, x2, y2 as fractions of the frame.
        rng: source of the noise.
        false_size: width and height of a false box, as fractions of the frame.

    Returns:
        Boxes [m, 4] in the same form, best first, and scores [m] in (0, 1).
    """
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    boxes = boxes[rng.random(len(boxes)) >= MISS_RATE]
    sizes = np.tile(boxes[:, 2:] - boxes[:, :2], (1, 2))
    found = boxes + sizes * rng.normal(0, JITTER, size=boxes.shape).clip(-2 * JITTER, 2 * JITTER)
    scores = rng.uniform(*TRUE_SCORES, size=len(found))
    false_count = int(rng.random() < FALSE_RATE)
    size = np.array(false_size) * rng.uniform(0.7, 1.3, size=(false_count, 1))
    corner = rng.random((false_count, 2)) * (1 - size)
    found = np.concatenate([found, np.concatenate([corner, corner + size], axis=1)]).clip(0.0, 1.0)
    scores = np.concatenate([scores, rng.uniform(*FALSE_SCORES, size=false_count)])
    order = np.argsort(-scores, kind="stable")
    return found[order], scores[order]
