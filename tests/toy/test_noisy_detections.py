"""The pretended detector."""

from __future__ import annotations

import numpy as np
import pytest
from torchvision.ops import box_iou

from alphaction.toy import noisy_detections


def test_rates_scores_and_jitter():
    rng = np.random.default_rng(0)
    true = np.array([[0.1, 0.2, 0.25, 0.6], [0.5, 0.5, 0.7, 0.9]])
    found = false = 0
    trials = 4000
    import torch

    for _ in range(trials):
        boxes, scores = noisy_detections.noisy_boxes(true, rng)
        assert np.all(np.diff(scores) <= 0)
        assert np.all((boxes >= 0) & (boxes <= 1))
        assert np.all(boxes[:, 2:] > boxes[:, :2])
        good = box_iou(torch.from_numpy(true), torch.from_numpy(boxes)).numpy() > 0.6
        found += int(good.any(1).sum())
        false += int((~good.any(0)).sum())
    assert 1 - found / (2 * trials) == pytest.approx(noisy_detections.MISS_RATE, abs=0.01)
    assert false / trials == pytest.approx(noisy_detections.FALSE_RATE, abs=0.015)


def test_nobody_there():
    boxes, scores = noisy_detections.noisy_boxes(np.zeros((0, 4)), np.random.default_rng(1))
    assert boxes.shape == (len(scores), 4)
