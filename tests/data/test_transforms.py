"""Resizing, colors, mirroring and normalization.

Axes: B clips, C channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
import torch

from alphaction.data.collate import BatchCollator
from alphaction.data.keyframes import Keyframe
from alphaction.data.normalize import normalize_clips
from alphaction.data.sample import ClipSample
from alphaction.data.transforms import ClipAugmentation, ColorJitter, ColorShift, ResizeRule


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ((480, 360), (341, 256)),
        ((360, 480), (256, 341)),
        ((300, 300), (256, 256)),
        ((1280, 720), (455, 256)),
        ((720, 1280), (256, 455)),
        ((1280, 544), (463, 197)),  # 2.35:1, held by the long side
        ((4000, 100), (464, 12)),
        ((256, 256), (256, 256)),
        ((100000, 10), (464, 1)),
    ],
)
def test_resize_rule(old, new):
    assert ResizeRule(256, 464)(old) == new


def test_color_shift_agrees_with_colorsys():
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, size=(2, 16, 16, 3), dtype=np.uint8)
    shifted = ColorShift(hue=40, saturation=-0.1, value=0.05)(frames)
    for before, after in zip(frames.reshape(-1, 3)[:60], shifted.reshape(-1, 3)[:60], strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*(before / 255))
        expected = colorsys.hsv_to_rgb(
            (hue + 40 / 360) % 1, np.clip(saturation - 0.1, 0, 1), np.clip(value + 0.05, 0, 1)
        )
        assert np.abs(after - np.array(expected) * 255).max() <= 5  # hue, saturation and value have 8 bits


def test_color_shift_of_nothing_and_around_the_circle():
    frames = np.random.default_rng(0).integers(0, 256, size=(1, 32, 32, 3), dtype=np.uint8)
    before = frames.copy()
    still = ColorShift(0, 0, 0)(frames)
    changes = np.abs(still.astype(int) - frames)
    assert changes.max() <= 8
    assert changes.mean() < 1
    np.testing.assert_array_equal(ColorShift(360, 0, 0)(frames), still)
    np.testing.assert_array_equal(frames, before)
    red = np.full((1, 1, 1, 3), (200, 0, 0), np.uint8)
    assert ColorShift(-120, 0, 0)(red).reshape(3).tolist() == pytest.approx([0, 0, 200], abs=6)


def test_color_jitter_range():
    jitter = ColorJitter(20, 0.1, 0.2)
    rng = np.random.default_rng(0)
    shifts = np.array([(s.hue, s.saturation, s.value) for s in (jitter.draw(rng) for _ in range(2000))])
    assert (np.abs(shifts) <= [20, 0.1, 0.2]).all()
    assert (shifts.max(axis=0) > np.array([20, 0.1, 0.2]) * 0.98).all()
    assert (shifts.min(axis=0) < -np.array([20, 0.1, 0.2]) * 0.98).all()


def test_gray_clips():
    rng = np.random.default_rng(0)
    shifts = [ColorJitter(20, 0.1, 0.2, gray=0.25).draw(rng) for _ in range(400)]
    gray = [shift for shift in shifts if shift.saturation == -1]
    assert 80 < len(gray) < 120
    assert all(abs(shift.saturation) <= 0.1 for shift in shifts if shift not in gray)
    frame = np.array([[[200, 30, 90], [0, 0, 255]]], dtype=np.uint8)
    shifted = gray[0](frame[None])[0, 0]
    expected = np.clip(np.array([200, 255]) + gray[0].levels[2], 0, 255)  # of the brightest channel
    assert shifted.tolist() == [[level] * 3 for level in expected]


def test_mirroring_moves_frames_boxes_and_labels_together():
    frames = np.zeros((1, 4, 10, 3), np.uint8)
    frames[:, 1:3, 2:5] = 255  # columns 2, 3 and 4
    flip = ClipAugmentation(flip=True)
    box = flip.boxes(torch.tensor([[2.0, 1.0, 4.0, 2.0]]), 10)
    assert box.tolist() == [[5.0, 1.0, 7.0, 2.0]]
    (clip,) = flip.pathways(frames, [np.array([0])])
    assert (clip[:, :, 1:3, 5:8] == 255).all()
    assert clip.sum() == frames.sum()
    labels = torch.tensor([[1.0, 0, 0, 1]])
    assert flip.labels(labels, torch.tensor([1, 0, 2, 3])).tolist() == [[0, 1, 0, 1]]
    unchanged = ClipAugmentation()
    assert unchanged.labels(labels, torch.tensor([1, 0, 2, 3])) is labels
    assert torch.equal(unchanged.pathways(frames, [np.array([0])])[0], clip.flip(3))


def sample(index, size, frames=2, persons=1, objects=0, fill=100):
    clip = torch.full((3, frames, size[1], size[0]), fill, dtype=torch.uint8)
    return ClipSample(
        index=index,
        keyframe=Keyframe("a", index),
        slow=clip[:, :1],
        fast=clip,
        size=size,
        boxes=torch.full((persons, 4), float(index)),
        unit_boxes=torch.zeros(persons, 4, dtype=torch.float64),
        scores=torch.ones(persons),
        labels=torch.full((persons, 5), float(index)),
        object_boxes=torch.full((objects, 4), float(index)),
    )


def test_collation_pads_and_numbers():
    batch = BatchCollator(16)(
        [sample(4, (20, 10), persons=2), sample(5, (8, 30), persons=0, objects=2), sample(6, (5, 5))]
    )
    assert batch.fast.shape == (3, 3, 2, 32, 32)
    assert batch.slow.shape == (3, 3, 1, 32, 32)
    assert batch.fast.is_contiguous(memory_format=torch.channels_last_3d)
    assert batch.sizes.tolist() == [[20, 10], [8, 30], [5, 5]]
    assert batch.fast[0, :, :, :10, :20].unique().tolist() == [100]
    assert int(batch.fast.long().sum()) == 100 * 3 * 2 * (200 + 240 + 25)
    assert batch.clip_index.tolist() == [0, 0, 2]
    assert batch.object_clip_index.tolist() == [1, 1]
    assert batch.boxes[:, 0].tolist() == [4, 4, 6]
    assert batch.labels.shape == (3, 5)
    assert batch.indices.tolist() == [4, 5, 6]
    assert batch.keyframes[1] == ("a", 5)


def test_collation_without_a_divisor():
    assert BatchCollator(0)([sample(0, (21, 11))]).fast.shape == (1, 3, 2, 11, 21)


def test_normalization():
    batch = BatchCollator(16)([sample(0, (20, 10)), sample(1, (32, 16), fill=30)])
    mean, std = [10.0, 20.0, 30.0], [2.0, 4.0, 5.0]
    normal = normalize_clips(batch, mean, std)
    for channel in range(3):
        expected = (100 - mean[channel]) / std[channel]
        assert normal.fast[0, channel, :, :10, :20].unique().tolist() == pytest.approx([expected])
        assert normal.slow[1, channel].unique().tolist() == pytest.approx([(30 - mean[channel]) / std[channel]])
    assert torch.count_nonzero(normal.fast[0, :, :, 10:]) == 0
    assert torch.count_nonzero(normal.fast[0, :, :, :, 20:]) == 0
    assert batch.fast.dtype == torch.uint8
    torch.testing.assert_close(normalize_clips(batch, mean, std, to_bgr=True).fast, normal.fast.flip(1))
    assert normalize_clips(normal, mean, std).fast is normal.fast
