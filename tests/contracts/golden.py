"""Weights and inputs of the golden cases, whose outputs lie in tests/assets/reference/golden.

Every number follows from a seed, so neither weights nor clips need storing. Each name has its own seed: a test may
build part of a model and still get the weights of the whole.

Axes: B clips, T frames, H and W rows and columns, N persons, M objects, D feature channels.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

REFERENCE_DIR = Path(__file__).resolve().parents[1] / "assets" / "reference"

IMAGE_SIZE = (96, 64)  # width, height
KEYFRAMES = (("movA", 902), ("movB", 1500))
MEMORY_OFFSETS = (-31, -30, -7, -1, 1, 2, 12, 30, 31)  # seconds from the keyframe
FEATURE_DIM = 2304


def reference_shapes(experiment: str) -> dict[str, list[int]]:
    """Return ``{parameter name: shape}`` of an experiment, in the order of its state dict."""
    path = REFERENCE_DIR / "state_dicts" / f"{experiment}.json.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return json.load(file)


def golden_outputs(experiment: str) -> dict[str, np.ndarray]:
    """Return the recorded outputs of an experiment: ``slow_feature.mean_thw``, ``scores``, ..."""
    with np.load(REFERENCE_DIR / "golden" / f"{experiment}.npz", allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def golden_weight(name: str, shape: Sequence[int]) -> Tensor:
    """Return the golden value of the entry ``name`` (its full name, ``backbone.slow.conv1.weight``) of a state dict."""
    shape = tuple(shape)
    rs = np.random.RandomState(zlib.crc32(name.encode()))
    if name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    if name.endswith("running_var"):
        value = 0.5 + rs.rand(*shape)
    elif name.endswith("running_mean"):
        value = 0.1 * rs.standard_normal(shape)
    elif name.endswith("bias"):
        value = 0.05 * rs.standard_normal(shape)
    elif "temporal_position" in name:
        value = 0.1 * rs.standard_normal(shape)
    elif "dense_params" in name:
        value = rs.standard_normal(shape)
    elif len(shape) == 1:
        value = 0.25 + 0.25 * rs.rand(*shape)
    else:
        value = rs.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
    return torch.from_numpy(np.asarray(value).astype(np.float32))


def golden_state_dict(names_to_shapes: Mapping[str, Sequence[int]]) -> dict[str, Tensor]:
    """Return golden weights for ``{full name: shape}``; tensors stand for their shapes, so a state dict will do too."""
    return {
        name: golden_weight(name, shape.shape if isinstance(shape, Tensor) else shape)
        for name, shape in names_to_shapes.items()
    }


def golden_clip(frame_num: int) -> Tensor:
    """Return the normalized clips, float32 [B=2, 3, T=frame_num, H=64, W=96]."""
    width, height = IMAGE_SIZE
    clip = np.random.RandomState(7).standard_normal((2, 3, frame_num, height, width))
    return torch.from_numpy(clip.astype(np.float32))


def golden_pathways(frame_num: int, tau: int, alpha: int) -> tuple[Tensor, Tensor]:
    """Return the slow and fast frames cut from :func:`golden_clip` as in evaluation."""
    clip = golden_clip(frame_num)
    stride = tau // alpha
    return clip[:, :, (tau - 1) // 2 :: tau], clip[:, :, (stride - 1) // 2 :: stride]


def golden_person_boxes() -> tuple[Tensor, Tensor]:
    """Return xyxy pixel boxes float32 [N=5, 4] and the clip of each, int64 [5]."""
    boxes = [(4, 6, 40, 58), (30.5, 2, 70, 60), (50, 10, 94, 62), (0, 0, 95, 63), (20, 20, 44, 52)]
    return torch.tensor(boxes, dtype=torch.float32), torch.tensor([0, 0, 0, 1, 1])


def golden_object_boxes() -> tuple[Tensor, Tensor]:
    """Return xyxy pixel boxes float32 [M=3, 4] and the clip of each, int64 [3]."""
    boxes = [(10, 30, 22, 44), (60, 40, 80, 55), (70, 10, 90, 30)]
    return torch.tensor(boxes, dtype=torch.float32), torch.tensor([0, 0, 1])


def golden_memory() -> Iterator[tuple[str, int, Tensor]]:
    """Yield (movie, second, features float32 [n, D]) of the persons remembered around each keyframe.

    The keyframes' own seconds are not among them: they hold the features that are extracted in the first pass.
    """
    rs = np.random.RandomState(11)
    for movie, second in KEYFRAMES:
        for offset in MEMORY_OFFSETS:
            features = 0.5 * np.abs(rs.standard_normal((1 + abs(offset) % 3, FEATURE_DIM)))
            yield movie, second + offset, torch.from_numpy(features.astype(np.float32))
