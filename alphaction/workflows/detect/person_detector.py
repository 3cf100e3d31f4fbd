"""Boxes of persons (or of every class) on single frames, by torchvision's Faster R-CNN.

Axes: H and W rows and columns of a frame, n boxes of a frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from alphaction.utils.device import choose_device
from alphaction.utils.errors import UserError
from alphaction.workflows.detect.detector_flags import DETECT_PERSONS, DetectorFlags
from alphaction.workflows.detect.detector_options import DetectorOptions
from alphaction.workflows.detect.detector_weights import build_model, class_names

PERSON = "person"


@dataclass(frozen=True)
class DetectedBoxes:
    """What was found on one frame, best score first.

    Attributes:
        boxes: float64 [n, 4] x1, y1, x2, y2 as fractions (0 to 1) of the frame.
        scores: float32 [n] in [0, 1].
        labels: n class names, such as "person".
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: list[str]

    def __len__(self) -> int:
        """Return the number of boxes, n."""
        return len(self.scores)


class PersonDetector:
    """Finds persons on frames.

    Args:
        model: takes a list of float [3, H, W] images in [0, 1] and returns for each a dict with ``boxes`` [m, 4]
            (xyxy pixels), ``labels`` int64 [m] and ``scores`` [m], as torchvision's detection models do.
        names: class name of each label; label 0 is the background.
        device: where the model runs.
        score: keep boxes of at least this score.
        every_class: keep the boxes of every class; otherwise those of persons only.
        persons: False leaves persons out; only with ``every_class``.
        max_per_frame: keep at most so many boxes of a frame, best score first.

    Raises:
        UserError: persons are wanted and the model knows none, or neither persons nor other classes are wanted.
    """

    def __init__(
        self,
        model: nn.Module,
        names: Sequence[str],
        device: torch.device | str = "cpu",
        *,
        score: float = DetectorOptions.score,
        every_class: bool = False,
        persons: bool = True,
        max_per_frame: int = DetectorOptions.max_per_frame,
    ) -> None:
        if not (every_class or persons):
            raise UserError("persons are left out and every_class is off: nothing is left to detect")
        if not every_class and PERSON not in names:
            raise UserError(f'the detector has no class "{PERSON}" (its classes: {", ".join(names[1:])})')
        self.device = torch.device(device)
        self.names = list(names)
        self.score = score
        self.max_per_frame = max_per_frame
        wanted = [index > 0 and (persons if name == PERSON else every_class) for index, name in enumerate(names)]
        self._wanted = torch.tensor(wanted)
        self.model = model.to(self.device).eval()

    @classmethod
    def from_torchvision(
        cls,
        weights: Path | None,
        device: torch.device | str,
        *,
        score: float = DetectorOptions.score,
        every_class: bool = False,
        persons: bool = True,
        model: str = DetectorOptions.model,
        short_side: int = DetectorOptions.short_side,
        max_per_frame: int = DetectorOptions.max_per_frame,
        flags: DetectorFlags = DETECT_PERSONS,
    ) -> PersonDetector:
        """Return a detector with torchvision's network ``model``.

        Args:
            weights: its state dict; None: the COCO weights, from torch.hub's cache, else downloaded into it.
            device: "cpu", "cuda", "auto" (CUDA where there is one) or a torch device.
            score: keep boxes of at least this score.
            every_class: keep boxes of every class, not only persons.
            persons: False leaves persons out; only with ``every_class``.
            model: name of the network, one of :data:`alphaction.workflows.detect.detector_weights.MODELS`.
            short_side: frames are resized to this short side, in pixels (the long side to at most 5/3 of it).
            max_per_frame: keep at most so many boxes of a frame.
            flags: what the command calls these choices, for messages.

        Raises:
            UserError: the weights are missing, cannot be fetched or belong to another network; CUDA is absent.
        """
        network, num_classes = build_model(
            model, weights, score=score, short_side=short_side, max_per_frame=max_per_frame, flags=flags
        )
        return cls(
            network,
            class_names(num_classes),
            choose_device(device, flags.device),
            score=score,
            every_class=every_class,
            persons=persons,
            max_per_frame=max_per_frame,
        )

    @torch.inference_mode()
    def detect(self, frames: Sequence[np.ndarray]) -> list[DetectedBoxes]:
        """Return the boxes of each frame; one batch, so give as many frames as fit into memory.

        Args:
            frames: uint8 [H, W, 3] RGB; sizes may differ.
        """
        if not frames:
            return []
        images = [_as_image(frame, self.device) for frame in frames]
        outputs = self.model(images)
        return [
            self._select(output, (frame.shape[1], frame.shape[0]))
            for output, frame in zip(outputs, frames, strict=True)
        ]

    def _select(self, output: dict[str, torch.Tensor], size: tuple[int, int]) -> DetectedBoxes:
        """Return the wanted boxes of a frame of ``size`` (width, height), clipped to it."""
        boxes, scores = output["boxes"].cpu().double(), output["scores"].cpu().float()
        labels = output["labels"].cpu()
        boxes = (boxes / torch.tensor([*size, *size], dtype=torch.float64)).clamp(0, 1)
        solid = (boxes[:, 2:] > boxes[:, :2]).all(dim=1)
        use = torch.nonzero(self._wanted[labels] & (scores >= self.score) & solid).flatten()
        use = use[scores[use].argsort(descending=True, stable=True)][: self.max_per_frame]
        names = [self.names[label] for label in labels[use].tolist()]
        return DetectedBoxes(boxes[use].numpy(), scores[use].numpy(), names)


def _as_image(frame: np.ndarray, device: torch.device) -> torch.Tensor:
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise ValueError(f"a frame must be uint8 [H, W, 3], got {frame.dtype} {list(frame.shape)}")
    # uint8 travels to the device: a quarter of the bytes of float32.
    return torch.from_numpy(np.ascontiguousarray(frame)).to(device).permute(2, 0, 1).float().div(255)
