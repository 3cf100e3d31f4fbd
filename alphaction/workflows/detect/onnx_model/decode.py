"""From the outputs of a network to boxes, one function for each layout.

Axes: B frames, N places or anchors, Q queries, K rows of what was found, C classes, m boxes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.ops import batched_nms, box_convert

from alphaction.workflows.detect.onnx_model.prepare import Preparation

INPUT, FRACTION, FRAME = "input", "fraction", "frame"
"""What coordinates count: pixels of the input, fractions of it, or pixels of the frame."""


@dataclass(frozen=True)
class Found:
    """Boxes of one frame: [m, 4] x1, y1, x2, y2, scores [m], labels int64 [m]."""

    boxes: Tensor
    scores: Tensor
    labels: Tensor

    def where(self, use: Tensor) -> Found:
        """Return the boxes that ``use`` (bool or indices) names."""
        return Found(self.boxes[use], self.scores[use], self.labels[use])

    def without_overlaps(self, iou: float) -> Found:
        """Return the boxes that non-maximum suppression within each class leaves."""
        return self.where(batched_nms(self.boxes, self.scores, self.labels, iou))


Decoder = Callable[[Mapping[str, Tensor], int], Found]
"""The outputs by name, and which frame of the batch."""


@dataclass(frozen=True)
class Layout:
    """What the outputs of a network mean.

    Attributes:
        name: as --onnx-layout calls it.
        decode: makes boxes of them.
        preparation: what the network wants of a frame.
        unit: what the coordinates count.
        num_classes: None: the outputs do not tell, as they name labels only.
        first_label: the label of the first class: 1 where 0 is the background.
        nms_iou: boxes of a class that overlap more are one; None: the network sees to that.
    """

    name: str
    decode: Decoder
    preparation: Preparation
    unit: str = INPUT
    num_classes: int | None = None
    first_label: int = 0
    nms_iou: float | None = None


def best_class(boxes: Tensor, scores: Tensor) -> Found:
    """Return each box with the best of its scores [N, C]."""
    best, labels = scores.max(dim=1)
    return Found(boxes, best, labels)


def yolo_without_objectness(table: Tensor, num_classes: int) -> Found:
    """Read [N, 4 + C and more]: center, width and height, then the scores of the classes (YOLOv8 and later)."""
    return best_class(box_convert(table[:, :4], "cxcywh", "xyxy"), table[:, 4 : 4 + num_classes])


def yolo_with_objectness(table: Tensor, num_classes: int) -> Found:
    """Read [N, 5 + C and more]: as above with the objectness before the classes, by which they are multiplied."""
    scores = table[:, 5 : 5 + num_classes] * table[:, 4:5]
    return best_class(box_convert(table[:, :4], "cxcywh", "xyxy"), scores)


def yolox_places(table: Tensor, size: tuple[int, int], strides: tuple[int, ...]) -> Tensor:
    """Return YOLOX's table with its boxes in pixels: centers are relative to their cell, sizes logarithms, in strides.

    Source of the method: Ge et al., "YOLOX: Exceeding YOLO Series in 2021", https://arxiv.org/abs/2107.08430.

    Args:
        table: [N, 5 + C].
        size: (height, width) of the input.
        strides: pixels of a cell, in the order of the rows.
    """
    corners, steps = [], []
    for stride in strides:
        rows, columns = torch.meshgrid(torch.arange(size[0] // stride), torch.arange(size[1] // stride), indexing="ij")
        corners.append(torch.stack([columns.flatten(), rows.flatten()], dim=1))
        steps.append(torch.full((rows.numel(), 1), float(stride)))
    corner, step = torch.cat(corners), torch.cat(steps)
    return torch.cat([(table[:, :2] + corner) * step, table[:, 2:4].exp() * step, table[:, 4:]], dim=1)


def finished_rows(table: Tensor) -> Found:
    """Read [K, 6 and more]: x1, y1, x2, y2, score, class; rows of zeros fill up the table."""
    table = table[table[:, :6].any(dim=1)]
    return Found(table[:, :4], table[:, 4], table[:, 5].long())


def finished_queries(table: Tensor) -> Found:
    """Read [Q, 6]: center, width and height, score, class."""
    found = finished_rows(table)
    return Found(box_convert(found.boxes, "cxcywh", "xyxy"), found.scores, found.labels)


def sigmoid_queries(boxes: Tensor, logits: Tensor) -> Found:
    """Read boxes [Q, 4] (center, width, height) and logits [Q, C] of independent classes; a box may have several.

    Of all pairs of box and class as many are kept as there are boxes, as the networks' own code does.
    """
    scores, pairs = logits.sigmoid().flatten().topk(len(boxes))
    return Found(box_convert(boxes, "cxcywh", "xyxy")[pairs // logits.shape[1]], scores, pairs % logits.shape[1])


def softmax_queries(boxes: Tensor, logits: Tensor) -> Found:
    """Read boxes [Q, 4] (center, width, height) and logits [Q, C + 1], of which the last is "no object"."""
    return best_class(box_convert(boxes, "cxcywh", "xyxy"), logits.softmax(dim=1)[:, :-1])
