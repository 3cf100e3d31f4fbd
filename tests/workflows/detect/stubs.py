"""A network with known outputs, a source of known frames, and random weights in a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torchvision.models.detection import fasterrcnn_mobilenet_v3_large_fpn

from alphaction.data.video.clip_source import ClipSource, Origin, VideoCheck
from alphaction.data.video.file import VideoInfo
from alphaction.utils.errors import UserError

NAMES = ["__background__", "person", "dog", "cup"]


class StubNetwork(nn.Module):
    """Returns, for every image, one box per (label, score), whose x1 in pixels is the image's red value."""

    def __init__(self, found: list[tuple[int, float]]) -> None:
        super().__init__()
        self.found = found
        self.batches: list[int] = []

    def forward(self, images: list[torch.Tensor]) -> list[dict[str, torch.Tensor]]:
        self.batches.append(len(images))
        outputs = []
        for image in images:
            left = float(image[0, 0, 0] * 255)
            boxes = [[left, 10.0 * i, 60.0, 10.0 * i + 10] for i in range(len(self.found))]
            outputs.append(
                {
                    "boxes": torch.tensor(boxes).reshape(-1, 4),
                    "labels": torch.tensor([label for label, _ in self.found], dtype=torch.int64),
                    "scores": torch.tensor([score for _, score in self.found]),
                }
            )
        return outputs


def frame(red: int, width: int = 80, height: int = 50) -> np.ndarray:
    """Return a frame of one color."""
    return np.full((height, width, 3), red, dtype=np.uint8)


class StubSource(ClipSource):
    """Frames of which the red value is the second; seconds in ``broken`` cannot be read."""

    def __init__(self, broken: set[int] = frozenset()) -> None:
        super().__init__(Path("nowhere"))
        self.broken = set(broken)
        self.asked: list[int] = []

    def read(self, video, second, slots, fps, size=None):
        self.asked.append(second)
        if second in self.broken:
            raise UserError("the file is damaged")
        return frame(second)[None]

    def origin(self, video, second, slots, fps):
        return Origin((), fps)

    def check(self, video, seconds, decode=True):
        return VideoCheck(video, None, seconds)

    def _probe(self, video):
        return VideoInfo(80, 50, 10.0, 6.0, 60)


def save_random_weights(path: Path, num_classes: int = 91) -> Path:
    """Save a randomly initialized network, small enough for a test."""
    torch.manual_seed(0)
    model = fasterrcnn_mobilenet_v3_large_fpn(weights=None, weights_backbone=None, num_classes=num_classes)
    torch.save(model.state_dict(), path)
    return path
