"""Colors that are shifted on the device, beside OpenCV's.

Axes: B clips, C channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from alphaction.data.device_colors import shift_colors
from alphaction.data.normalize import normalize_clips
from alphaction.data.transforms import ClipAugmentation, ColorShift

SHIFTS = [ColorShift(0, 0, 0), ColorShift(11, 0.05, -0.1), ColorShift(-20, -0.1, 0.1), ColorShift(170, 0.5, 0.4)]


@pytest.fixture(scope="module")
def all_colors():
    """uint8 [1, 52, 2704, 3]: every fifth level of each channel."""
    levels = np.arange(0, 256, 5)
    return np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(1, 52, -1, 3).astype(np.uint8)


def channels_first(frames):
    return torch.from_numpy(frames).permute(3, 0, 1, 2)


@pytest.mark.parametrize("shift", SHIFTS)
def test_the_device_and_opencv_agree_to_a_gray_level(all_colors, shift):
    levels = torch.tensor([shift.levels], dtype=torch.int16)
    shifted = shift_colors(channels_first(all_colors)[None], levels)[0].permute(1, 2, 3, 0).numpy()
    difference = np.abs(shifted - shift(all_colors))
    assert difference.max() <= 1
    assert np.count_nonzero(difference) <= 20


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("shape", [(2, 33, 20, 3), (1, 1, 1, 3), (3, 1, 7, 3), (1, 5, 1, 3)])
def test_shifts_are_those_of_a_table_of_levels(shift, shape):
    frames = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    hue, saturation, value = shift.levels
    levels = np.arange(256)
    table = np.stack(
        [(levels + hue) % 256, np.clip(levels + saturation, 0, 255), np.clip(levels + value, 0, 255)], axis=1
    )
    for frame, shifted in zip(frames, shift(frames), strict=True):
        hsv = cv2.LUT(cv2.cvtColor(frame, cv2.COLOR_RGB2HSV_FULL), table[None].astype(np.uint8))
        np.testing.assert_array_equal(shifted, cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL))


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("color", [None, SHIFTS[1]])
def test_pathways_hold_their_frames_with_channels_last(flip, color):
    frames = np.random.default_rng(0).integers(0, 256, (5, 9, 7, 3), dtype=np.uint8)
    before = frames.copy()
    positions = [np.array([1, 3]), np.array([0, 1, 2, 4, 4]), np.array([], dtype=int)]
    slow, fast, none = ClipAugmentation(flip, color).pathways(iter(frames), positions)
    expected = frames if color is None else color(frames)
    expected = expected[:, :, ::-1] if flip else expected
    for clip, of_pathway in ((slow, positions[0]), (fast, positions[1])):
        assert clip.permute(1, 2, 3, 0).is_contiguous()
        np.testing.assert_array_equal(clip.numpy(), expected[of_pathway].transpose(3, 0, 1, 2))
    assert none is None
    np.testing.assert_array_equal(frames, before)


def test_a_frame_that_repeats_is_changed_once(monkeypatch):
    frame, calls = np.zeros((4, 4, 3), np.uint8), []
    flip = cv2.flip
    monkeypatch.setattr(cv2, "flip", lambda *args, **kwargs: calls.append(1) or flip(*args, **kwargs))
    (clip,) = ClipAugmentation(True).pathways([frame] * 6, [np.arange(6)])
    assert clip.shape == (3, 6, 4, 4)
    assert len(calls) == 1


def test_normalization_shifts_what_is_left_and_keeps_padding_zero(clip_batch):
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (2, *size, 3), dtype=np.uint8) for size in ((8, 12), (10, 9))]
    now = clip_batch([channels_first(shift(each)) for shift, each in zip(SHIFTS[1:], frames, strict=False)], None)
    later = clip_batch([channels_first(each) for each in frames], [shift.levels for shift in SHIFTS[1:3]])
    mean, std = (100.0, 110.0, 120.0), (50.0, 60.0, 70.0)
    for to_bgr in (False, True):
        expected, found = (normalize_clips(batch, mean, std, to_bgr) for batch in (now, later))
        assert found.color_shifts is None
        assert (found.fast - expected.fast).abs().max() <= 1 / 50 + 1e-6
        assert not found.fast[0, :, :, 8:].any()
        assert not found.fast[1, :, :, :, 9:].any()


@pytest.fixture
def clip_batch():
    """Function: clips [3, T, H, W] of several sizes and their shifts, or None -> batch."""
    from alphaction.data.collate import BatchCollator
    from alphaction.data.keyframes import Keyframe
    from alphaction.data.sample import ClipSample

    def make(clips, shifts):
        boxes = torch.zeros((0, 4))
        samples = [
            ClipSample(
                index=0,
                keyframe=Keyframe("movie", index),
                slow=None,
                fast=clip,
                size=(clip.shape[3], clip.shape[2]),
                boxes=boxes,
                unit_boxes=boxes.double(),
                scores=boxes[:, 0],
                labels=None,
                object_boxes=boxes,
                color_shift=None if shifts is None else torch.tensor(shifts[index], dtype=torch.int16),
            )
            for index, clip in enumerate(clips)
        ]
        return BatchCollator(4)(samples)

    return make
