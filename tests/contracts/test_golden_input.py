"""Upstream's evaluation input for one clip, from the video file to the normalized tensor.

Axes: C channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alphaction.data.annotations import ActionClass, AnnotationTable, LabelMap
from alphaction.data.augmentation import TestRules
from alphaction.data.collate import BatchCollator
from alphaction.data.dataset import ActionDataset
from alphaction.data.normalize import normalize_clips
from alphaction.data.sample import SampleRequest
from alphaction.data.tables import DatasetTables
from alphaction.data.temporal import TemporalSampling
from alphaction.data.transforms import ResizeRule
from alphaction.data.video.one_second_clips import OneSecondClipSource

MEAN, STD = [122.7717, 115.9465, 102.9801], [57.375] * 3
GRAY_LEVEL = 1 / 57.375


@pytest.fixture(scope="module", params=[("resnet50_4x16f_baseline", 16, 8), ("resnet101_8x8f_baseline", 8, 4)])
def case(request, test_data):
    """The batch that the pipeline makes of the clip, and the reference's arrays."""
    name, tau, alpha = request.param
    corners = np.array([[100, 50, 160, 170], [300.5, 200.25, 480, 300.25]]) / [480, 360, 480, 360]
    dataset = ActionDataset(
        DatasetTables(
            name="golden",
            label_map=LabelMap((ActionClass(1, "stand", "movement"),)),
            annotations=AnnotationTable.from_columns(["pets_00"] * 2, [3, 3], corners, [1, 1]),
            source=OneSecondClipSource(test_data / "reference" / "clips"),
        ),
        fps=25.0,
        sampling=TemporalSampling(frame_num=64, sample_rate=1, tau=tau, alpha=alpha),
        resize=ResizeRule(256, 464),
        rules=TestRules(min_score=0.8, extend_scale=(0.1, 0.05)),
    )
    with np.load(test_data / "reference" / "golden" / "clip_t3_eval_transform.npz") as arrays:
        golden = {key.removeprefix(f"{name}/"): arrays[key] for key in arrays if key.startswith(name)}
    batch = BatchCollator(16)([dataset[SampleRequest(0, 0)]])
    return normalize_clips(batch, MEAN, STD), golden


def test_frames(case):
    batch, golden = case
    width, height = golden["size_wh"].tolist()
    assert batch.sizes.tolist() == [[width, height]] == [[341, 256]]
    for clip, shape, sparse, step in (
        (batch.slow[0], "slow_shape", "slow_every8px", (1, 8)),
        (batch.fast[0], "fast_shape", "fast_every16px", (4, 16)),
    ):
        inside = clip[:, :, :height, :width]
        assert list(inside.shape) == golden[shape].tolist()
        seen = inside[:, :: step[0], :: step[1], :: step[1]].numpy()
        assert np.abs(seen - golden[sparse]).max() <= 1.001 * GRAY_LEVEL
        # One gray level may come from the decoder; a shifted frame or another interpolation differs nearly everywhere.
        assert np.mean(np.abs(seen - golden[sparse]) > 0.5 * GRAY_LEVEL) < 0.02


def test_padding_is_zero(case):
    batch, _ = case
    assert batch.slow.shape[-2:] == (256, 352)
    assert torch.count_nonzero(batch.fast[..., 341:]) == 0


def test_boxes(case):
    batch, golden = case
    np.testing.assert_allclose(batch.boxes.numpy(), golden["extended_boxes"], rtol=1e-6, atol=1e-4)
    assert batch.boxes.dtype == torch.float32
    np.testing.assert_allclose(batch.unit_boxes.numpy()[0] * [480, 360, 480, 360], [100, 50, 160, 170], atol=1e-9)
