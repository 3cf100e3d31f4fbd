"""Boxes of persons (or of every class) on single frames, by torchvision's Faster R-CNN.

Axes: H and W rows and columns of a frame, m boxes before the choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from alphaction.utils.device import choose_device
from alphaction.workflows.detect.detected_boxes import Classes, DetectedBoxes, Wanted, check_frame, find_person
from alphaction.workflows.detect.detector_flags import DETECT_PERSONS, DetectorFlags
from alphaction.workflows.detect.detector_options import DEFAULT_SHORT_SIDE, DetectorOptions
from alphaction.workflows.detect.detector_weights import DEFAULT_MODEL, build_model, class_names


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
        person_class: name or label of the class that is a person; None: "person".

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
        person_class: str | None = None,
    ) -> None:
        self.wanted = Wanted(score, every_class, persons, max_per_frame)
        self.classes = Classes(names, find_person(names, person_class, self.wanted, "the detector"))
        self.device = torch.device(device)
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
        model: str = DEFAULT_MODEL,
        short_side: int = DEFAULT_SHORT_SIDE,
        max_per_frame: int = DetectorOptions.max_per_frame,
        person_class: str | None = None,
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
            person_class: name or label of the class that is a person; None: "person", label 1.
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
            person_class=person_class,
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
        return [self._select(output, frame) for output, frame in zip(outputs, frames, strict=True)]

    def _select(self, output: dict[str, torch.Tensor], frame: np.ndarray) -> DetectedBoxes:
        """Return the wanted boxes of a frame, of ``boxes`` [m, 4], ``scores`` [m] and ``labels`` [m]."""
        height, width = frame.shape[:2]
        size = torch.tensor([width, height, width, height], dtype=torch.float64)
        boxes = output["boxes"].cpu().double() / size
        return self.classes.select(boxes, output["scores"], output["labels"], self.wanted)


def _as_image(frame: np.ndarray, device: torch.device) -> torch.Tensor:
    check_frame(frame)
    # uint8 travels to the device: a quarter of the bytes of float32.
    return torch.from_numpy(np.ascontiguousarray(frame)).to(device).permute(2, 0, 1).float().div(255)
