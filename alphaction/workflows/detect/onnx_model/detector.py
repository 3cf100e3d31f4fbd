"""Boxes of persons (or of every class) by the detector in an ONNX file.

Axes: B frames of a run, H and W rows and columns.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted
from alphaction.workflows.detect.detected_boxes import (
    BACKGROUND,
    COCO_80,
    COCO_91,
    Classes,
    DetectedBoxes,
    Wanted,
    check_frame,
    find_person,
)
from alphaction.workflows.detect.detector_flags import DETECT_PERSONS, DetectorFlags
from alphaction.workflows.detect.onnx_model.build import YOLOX
from alphaction.workflows.detect.onnx_model.decode import FRACTION, FRAME, Found, Layout
from alphaction.workflows.detect.onnx_model.model import OnnxModel, input_text
from alphaction.workflows.detect.onnx_model.outputs import Facts
from alphaction.workflows.detect.onnx_model.prepare import (
    BYTES,
    FIT_WORDS,
    LETTERBOX,
    WHOLE,
    InputSize,
    Placement,
    Preparation,
    place,
    to_values,
)
from alphaction.workflows.detect.onnx_model.resolve import resolve

logger = logging.getLogger(__name__)


class OnnxDetector:
    """Finds persons with an ONNX file.

    Args:
        model: the file.
        wanted: which boxes are kept.
        layout: what its outputs mean; None: it is recognized on the first frames.
        pixels: the values that it takes; None: by the layout.
        size: long side of the frames if the file leaves their size free; None: what the file says, else 640.
        person_class: name or label of the class that is a person; None: "person".

    Raises:
        UserError: the values do not go with the file.
    """

    def __init__(
        self,
        model: OnnxModel,
        wanted: Wanted,
        *,
        layout: str | None = None,
        pixels: str | None = None,
        size: int | None = None,
        person_class: str | None = None,
    ) -> None:
        self._model, self._wanted = model, wanted
        self._layout_name, self._pixels, self._person_class = layout, pixels, person_class
        self._size = _input_size(model, size)
        if model.input.dtype == np.uint8 and pixels not in (None, BYTES):
            raise UserError(f"--onnx-pixels {pixels}: {model.path} takes uint8, which are 0-255")
        self._layout: Layout | None = None
        self._facts: Facts | None = None
        self._classes: Classes | None = None

    @classmethod
    def from_file(
        cls,
        path: Path,
        wanted: Wanted,
        *,
        layout: str | None = None,
        pixels: str | None = None,
        size: int | None = None,
        person_class: str | None = None,
        device: torch.device | str = "auto",
        flags: DetectorFlags = DETECT_PERSONS,
    ) -> OnnxDetector:
        """Return a detector with the network in ``path``; see the class.

        Args:
            device: "cpu", "cuda", "auto" (CUDA if onnxruntime has it) or a torch device.
            flags: what the command calls these choices, for messages.

        Raises:
            UserError: onnxruntime is missing, or the file cannot be read or is no detector.
        """
        model = OnnxModel(path, device, flags)
        return cls(model, wanted, layout=layout, pixels=pixels, size=size, person_class=person_class)

    def detect(self, frames: Sequence[np.ndarray]) -> list[DetectedBoxes]:
        """Return the boxes of each frame.

        Args:
            frames: uint8 [H, W, 3] RGB; sizes may differ.

        Raises:
            UserError: at the first frames, what the outputs mean is not clear, or none of the classes is a person.
        """
        for frame in frames:
            check_frame(frame)
        # A batch of free size would need frames of one size, and is hardly faster on a CPU.
        step = self._model.input.batch or 1
        found = []
        for start in range(0, len(frames), step):
            found += self._detect(frames[start : start + step], step)
        return found

    def _detect(self, frames: Sequence[np.ndarray], batch: int) -> list[DetectedBoxes]:
        if self._layout is None and not self._recognize(frames, batch):
            none = torch.zeros(0)
            return [Classes((), None).select(none.reshape(0, 4), none, none.long(), self._wanted) for _ in frames]
        outputs, placements, size = self._run(frames, batch, self._layout.preparation)
        if self._layout.name == YOLOX and size != self._facts.size:
            # Its boxes are relative to the cells, which lie otherwise where the size is free.
            self._facts = replace(self._facts, size=size)
            self._layout = resolve(outputs, self._facts, YOLOX)
        return [
            self._boxes(outputs, index, frame, placement, size)
            for index, (frame, placement) in enumerate(zip(frames, placements, strict=True))
        ]

    def _recognize(self, frames: Sequence[np.ndarray], batch: int) -> bool:
        """Find out what the outputs mean, with a run on these frames; return whether they tell."""
        model = self._model
        # A network without an axis for the batch is torchvision's, and resizes frames itself.
        fit = WHOLE if model.input.batch == 0 else LETTERBOX
        outputs, _, size = self._run(frames, batch, Preparation(fit))
        keypoints = model.value("kpt_shape")
        self._facts = facts = Facts(
            str(model.path),
            size,
            model.names,
            model.metadata.get("task", ""),
            prod(keypoints) if isinstance(keypoints, list | tuple) else 0,
            model.input.sizes is not None,
            self._pixels,
        )
        layout = resolve(outputs, facts, self._layout_name)
        if layout is None:
            return False
        names, open_end = _class_names(layout, model)
        person = find_person(names, self._person_class, self._wanted, model.path)
        self._layout, self._classes = layout, Classes(names, person, open_end=open_end)
        known = "any number of classes" if open_end else counted(len(names), "class", "classes")
        logger.info(
            "--onnx %s: %s, pixels %s%s, frames %s; layout %s; %s, persons are %s",
            model.path,
            input_text(model),
            layout.preparation.pixels if model.input.dtype != np.uint8 else BYTES,
            " (blue first)" if layout.preparation.bgr else "",
            FIT_WORDS[layout.preparation.fit],
            layout.name,
            known,
            "none of them" if person is None else f'{person} "{names[person]}"',
        )
        return True

    def _run(
        self, frames: Sequence[np.ndarray], batch: int, preparation: Preparation
    ) -> tuple[dict[str, Tensor], list[Placement], tuple[int, int]]:
        """Return the outputs, where each frame lies in the input, and the input's (height, width)."""
        model = self._model
        size = self._size.of_frame(*frames[0].shape[:2], preparation.fit)
        placed = [place(frame, size, preparation.fit) for frame in frames]
        images = [to_values(image, preparation, model.input.dtype) for image, _ in placed]
        sizes = [(frame.shape[1], frame.shape[0]) for frame in frames]
        missing = batch - len(frames)  # of the last batch of a file that takes a fixed number of frames
        outputs = model.run(np.stack(images + images[:1] * missing), sizes + sizes[:1] * missing)
        return outputs, [placement for _, placement in placed], size

    def _boxes(
        self,
        outputs: Mapping[str, Tensor],
        index: int,
        frame: np.ndarray,
        placement: Placement,
        size: tuple[int, int],
    ) -> DetectedBoxes:
        """Return the wanted boxes of a frame of the batch."""
        layout, classes, wanted = self._layout, self._classes, self._wanted
        found: Found = layout.decode(outputs, index)
        found = found.where(classes.keep(found.labels, wanted) & (found.scores >= wanted.score))
        boxes = found.boxes
        if layout.unit == FRACTION:
            boxes = boxes * torch.tensor([size[1], size[0]] * 2)
        if layout.unit == FRAME:
            placement = Placement(0, 0, frame.shape[1], frame.shape[0])
        found = Found(boxes, found.scores, found.labels)
        if layout.nms_iou is not None:
            found = found.without_overlaps(layout.nms_iou)
        return classes.select(placement.fractions(found.boxes), found.scores, found.labels, wanted)


def _class_names(layout: Layout, model: OnnxModel) -> tuple[list[str], bool]:
    """Return the name of each label, and whether there may be more labels.

    Raises:
        UserError: there are other numbers of classes and names.
    """
    names = list(model.names or ())
    if names:
        if layout.first_label == 1 and names[0].casefold() not in (BACKGROUND, "background"):
            names = [BACKGROUND, *names]
        if layout.num_classes not in (None, len(names)):
            raise UserError(
                f"--onnx {model.path} names {counted(len(names), 'class', 'classes')}, and its outputs have "
                f"{layout.num_classes}: export it again."
            )
        return names, False
    if layout.num_classes is None:
        coco = COCO_91 if layout.first_label == 1 else COCO_80
        logger.warning(
            '--onnx %s names no classes: label %d is taken as "person", as in COCO; --person-class says another',
            model.path,
            layout.first_label,
        )
        return list(coco), True
    for coco in (COCO_80, COCO_91):
        if layout.num_classes == len(coco):
            return list(coco), False
    return [f"class {label}" for label in range(layout.num_classes)], False


def _input_size(model: OnnxModel, size: int | None) -> InputSize:
    """Return the sizes that the file takes.

    Raises:
        UserError: --onnx-size contradicts the file.
    """
    height, width = model.input.height, model.input.width
    if size is not None and not (height is None or width is None) and size != max(height, width):
        raise UserError(f"--onnx-size {size}: {model.path} takes frames of {width}x{height} only; leave it out")
    stated, stride = model.value("imgsz"), model.value("stride")
    sides = [side for side in (stated if isinstance(stated, list | tuple) else [stated]) if isinstance(side, int)]
    stride = int(stride) if isinstance(stride, int | float) and 1 <= stride <= 512 else 32
    return InputSize(height, width, size or max([side for side in sides if 0 < side <= 8192], default=640), stride)
