"""What a network gave: its outputs by their form, by their parts, and by the grid of its cells.

Axes: B frames, N places or anchors, Q queries, K boxes that were found, C classes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

# Of a YOLO; the coarser and finer ones are for larger and smaller things.
_STRIDES = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32), (16, 32))

_MOST = 0.9


@dataclass(frozen=True)
class Facts:
    """What else tells of the outputs.

    Attributes:
        source: the file, for messages.
        size: (height, width) of the input of this run.
        names: of the classes, as the file says; None: it does not.
        task: "detect", "segment", "pose", ... as YOLO's exports say; "" otherwise.
        keypoints: numbers of a person's keypoints, for task "pose".
        takes_sizes: whether the sizes of the frames are an input.
        pixels: --onnx-pixels.
    """

    source: str
    size: tuple[int, int]
    names: tuple[str, ...] | None = None
    task: str = ""
    keypoints: int = 0
    takes_sizes: bool = False
    pixels: str | None = None


@dataclass(frozen=True)
class Parts:
    """Names of the outputs that hold finished boxes; ``number``: how many of the rows are boxes."""

    boxes: str
    scores: str
    labels: str
    number: str | None = None


def described(outputs: Mapping[str, Tensor]) -> str:
    """Return the outputs as text: names, shapes and types."""
    return ", ".join(
        f"{name} {list(value.shape)} {str(value.dtype).removeprefix('torch.')}" for name, value in outputs.items()
    )


def grid(number: int, size: tuple[int, int]) -> tuple[int, tuple[int, ...]] | None:
    """Return boxes per cell (1 or 3) and strides, if ``number`` is that of a YOLO's boxes on an input of that size."""
    for strides in _STRIDES:
        cells = sum(math.ceil(size[0] / stride) * math.ceil(size[1] / stride) for stride in strides)
        for boxes in (1, 3):
            if number == boxes * cells:
                return boxes, strides
    return None


def one_table(outputs: Mapping[str, Tensor]) -> str | None:
    """Return the name of the output [B, N, C] if it is the only table; masks and maps of features may be beside it."""
    tables = [name for name, value in outputs.items() if value.ndim == 3]
    others = [value for value in outputs.values() if value.ndim < 3]
    return tables[0] if len(tables) == 1 and not others else None


def mask_channels(outputs: Mapping[str, Tensor]) -> int:
    """Return the number of mask prototypes, [B, channels, H, W], 0 without."""
    maps = [value.shape[1] for value in outputs.values() if value.ndim == 4]
    return maps[0] if len(maps) == 1 else 0


def query_parts(outputs: Mapping[str, Tensor]) -> tuple[str, str] | None:
    """Return the names of boxes [B, Q, 4] and logits [B, Q, C], if these are the outputs.

    What transformers calls "logits" and "pred_boxes" may have the layers' outputs beside it.
    """
    for logits in ("logits", "pred_logits"):
        if logits in outputs and "pred_boxes" in outputs:
            return "pred_boxes", logits
    tables = {name: value for name, value in outputs.items() if value.ndim == 3 and value.is_floating_point()}
    if len(tables) != 2 or any(value.ndim < 3 for value in outputs.values()):
        return None
    names = list(tables)
    boxes = [name for name in names if tables[name].shape[2] == 4]
    if len(boxes) == 2:  # 4 classes
        boxes = [name for name in names if re.search("box|dets", name, re.IGNORECASE)]
    if len(boxes) != 1 or tables[names[0]].shape[:2] != tables[names[1]].shape[:2]:
        return None
    return boxes[0], names[1 - names.index(boxes[0])]


def finished_parts(outputs: Mapping[str, Tensor]) -> Parts | None:
    """Return which outputs are boxes [K, 4] or [B, K, 4], scores and labels of as many, and their number, if any."""
    boxes = [name for name, value in outputs.items() if value.ndim in (2, 3) and value.shape[-1] == 4]
    boxes = [name for name in boxes if outputs[name].is_floating_point()]
    if len(boxes) != 1:
        return None
    shape = outputs[boxes[0]].shape[:-1]
    left = {name: value for name, value in outputs.items() if value.ndim <= 2 and name != boxes[0]}
    numbers = [name for name, value in left.items() if len(shape) == 2 and value.numel() == shape[0]]
    if shape[-1] == 1:  # one box: only the name tells
        numbers = [name for name in numbers if "num" in name.lower()]
    row = {name: value for name, value in left.items() if value.shape == shape and name not in numbers}
    labels = [name for name, value in row.items() if not value.is_floating_point()]
    if not labels:
        labels = [name for name in row if re.search("label|class|cls", name, re.IGNORECASE)]
    if not labels:
        # Numbers of classes are whole, scores are not.
        labels = [name for name, value in row.items() if torch.equal(value, value.round()) and bool(value.any())]
    scores = [name for name in row if name not in labels]
    if len(labels) != 1 or len(scores) != 1:
        return None
    return Parts(boxes[0], scores[0], labels[0], numbers[0] if numbers else None)


def finished_form(table: Tensor) -> str | None:
    """Return what rows [K, 6 and more] of four coordinates, a score and a class give.

    Returns:
        "corners" (x1, y1, x2, y2); "centers" (center, width and height, fractions of the input); "" if these are no
        such rows, and None if there is nothing in them.
    """
    if table.shape[1] < 6:
        return ""
    table = table[table[:, :6].any(dim=1)]
    if not len(table):
        return None
    scores = ((table[:, 4] >= 0) & (table[:, 4] <= 1)).all()
    classes = (table[:, 5] == table[:, 5].round()).all() and (table[:, 5] >= 0).all()
    if not (scores and classes):
        return ""
    # Some of the poorer boxes of a network that learns the sides apart are inside out.
    ordered = (table[:, 2:4] >= table[:, :2]).all(dim=1).float().mean() > _MOST
    return "corners" if ordered or in_pixels(table[:, :4]) else "centers"


def in_pixels(boxes: Tensor) -> bool:
    """Return whether some coordinate is too large to be a fraction: no network's boxes all lie in two pixels."""
    return bool((boxes.abs() > 2).any())
