"""An ONNX file: its input, what it says of itself, and a run.

Axes: B frames, H and W rows and columns of the input.
"""

from __future__ import annotations

import ast
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from alphaction.utils.device import choose_device
from alphaction.utils.errors import UserError
from alphaction.utils.files import require_file
from alphaction.utils.imports import require_optional
from alphaction.utils.messages import counted
from alphaction.workflows.detect.detector_flags import DetectorFlags

logger = logging.getLogger(__name__)

_DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}
_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_MAX_TEXT = 1_000_000  # characters of names; of a thousand classes it has 20 thousand


@dataclass(frozen=True)
class ImageInput:
    """The input that takes frames.

    Attributes:
        name: the input's.
        dtype: of its values.
        batch: frames of a run; None: any; 0: no such axis.
        height, width: None: any.
        channels_last: H, W, 3 instead of 3, H, W.
        sizes: name of the input that takes (width, height) of each frame; None: there is none.
        sizes_dtype: of its values.
        mask: name of the input [B, rows, columns] that is 1 where there is a frame, not padding; None: there is none.
        mask_shape: its rows and columns; None: those of the input.
    """

    name: str
    dtype: np.dtype
    batch: int | None
    height: int | None
    width: int | None
    channels_last: bool
    sizes: str | None = None
    sizes_dtype: np.dtype | None = None
    mask: str | None = None
    mask_shape: tuple[int | None, ...] = ()


class OnnxModel:
    """An ONNX file that onnxruntime runs.

    Args:
        path: the file.
        device: "cpu", "cuda", "auto" or a torch device.
        flags: what the command calls these choices, for messages.

    Raises:
        UserError: onnxruntime is not installed, the file cannot be read, or its inputs are not those of a detector.
    """

    def __init__(self, path: Path, device: torch.device | str, flags: DetectorFlags) -> None:
        require_file("--onnx", path, (".onnx",))
        onnxruntime = require_optional("onnxruntime", f"--onnx {path}")
        self.path = path
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = torch.get_num_threads()
        providers = _providers(onnxruntime.get_available_providers(), device, flags)
        # onnxruntime's errors have no common class but Exception.
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=providers)
        except Exception as error:
            raise UserError(
                f"--onnx {path}: onnxruntime {onnxruntime.__version__} cannot read it ({_first_line(error)}). Is it a "
                "whole ONNX file? One of a newer version may need a newer onnxruntime; weights in a file beside it "
                "(.data) have to stay there."
            ) from error
        if providers[0] == _CUDA and self._session.get_providers()[0] != _CUDA:
            logger.warning("--onnx %s: onnxruntime cannot use CUDA here and runs on the CPU", path)
        self.input = _image_input(path, self._session.get_inputs())
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)

    @property
    def names(self) -> tuple[str, ...] | None:
        """The names of the classes that the file states, as YOLO's exports do."""
        return parse_names(self.metadata.get("names", ""))

    def value(self, key: str) -> Any:
        """Return what the file says of ``key`` ("imgsz", "stride", "kpt_shape"), None if nothing."""
        return _parse(self.metadata.get(key, ""))

    def run(self, images: np.ndarray, sizes: list[tuple[int, int]]) -> dict[str, Tensor]:
        """Return the outputs by name; float ones are float32.

        Args:
            images: [B, H, W, 3] of the input's dtype.
            sizes: (width, height) of each frame.

        Raises:
            UserError: onnxruntime fails.
        """
        count, *sides, _ = images.shape
        if not self.input.channels_last:
            images = images.transpose(0, 3, 1, 2)
        if self.input.batch == 0:
            images = images[0]
        feed = {self.input.name: np.ascontiguousarray(images)}
        if self.input.sizes is not None:
            feed[self.input.sizes] = np.array(sizes, dtype=self.input.sizes_dtype)
        if self.input.mask is not None:
            shape = [given or side for given, side in zip(self.input.mask_shape, sides, strict=True)]
            feed[self.input.mask] = np.ones((count, *shape), dtype=np.int64)
        try:
            values = self._session.run(None, feed)
        except Exception as error:
            raise UserError(
                f"--onnx {self.path}: onnxruntime cannot run it on frames of {images.shape} ({_first_line(error)}). If "
                "its size is not free, export it again, or say its size with --onnx-size."
            ) from error
        outputs = zip(self._session.get_outputs(), values, strict=True)
        return {output.name: _as_tensor(value) for output, value in outputs if isinstance(value, np.ndarray)}


def _as_tensor(value: np.ndarray) -> Tensor:
    tensor = torch.from_numpy(np.array(value))
    return tensor.float() if tensor.is_floating_point() else tensor


def _providers(available: list[str], device: torch.device | str, flags: DetectorFlags) -> list[str]:
    """Return the providers to try, by preference."""
    if str(device) == "auto":
        return [_CUDA, _CPU] if _CUDA in available else [_CPU]
    if choose_device(device, flags.device).type == "cpu":
        return [_CPU]
    if _CUDA not in available:
        # A model of actions may well run on the GPU while the detector does not.
        logger.warning("onnxruntime is installed without CUDA and runs on the CPU: pip install onnxruntime-gpu")
        return [_CPU]
    return [_CUDA, _CPU]


def _image_input(path: Path, inputs: list[Any]) -> ImageInput:
    """Return the input that takes frames.

    Raises:
        UserError: there is none, or there are inputs of unknown meaning.
    """
    images = [entry for entry in inputs if entry.type in _DTYPES and len(entry.shape) in (3, 4)]
    others = [entry for entry in inputs if entry not in images]
    sizes = [entry for entry in others if entry.type in ("tensor(int64)", "tensor(int32)") and "size" in entry.name]
    masks = [entry for entry in others if entry.type == "tensor(int64)" and entry.name == "pixel_mask"]
    given = ", ".join(f"{entry.name} {entry.shape} {entry.type}" for entry in inputs)
    if len(images) != 1 or len(others) > len(sizes) + len(masks) or len(sizes) > 1:
        raise UserError(
            f"--onnx {path}: its inputs are {given}. Expected one of frames, [1, 3, height, width] of float, float16 "
            "or uint8 (and, as RT-DETR has it, the sizes of the frames). Export the detector without other inputs."
        )
    image = images[0]
    shape = _fixed(image.shape)
    batch = shape.pop(0) if len(shape) == 4 else 0
    first, last = shape[0], shape[2]
    if 3 not in (first, last) and not (first is None or last is None):
        raise UserError(f"--onnx {path}: its input is {given}: neither the first nor the last axis is red, green, blue")
    channels_last = last == 3 and first != 3
    height, width = shape[:2] if channels_last else shape[1:]
    return ImageInput(
        image.name,
        np.dtype(_DTYPES[image.type]),
        batch,
        height,
        width,
        channels_last,
        sizes[0].name if sizes else None,
        np.dtype(sizes[0].type[7:-1]) if sizes else None,
        masks[0].name if masks else None,
        tuple(_fixed(masks[0].shape)[1:]) if masks else (),
    )


def _fixed(shape: list[int | str | None]) -> list[int | None]:
    """Return the axes of an input, None where they are free."""
    return [side if isinstance(side, int) and side > 0 else None for side in shape]


def parse_names(text: str) -> tuple[str, ...] | None:
    """Return the names of classes that a text states as a list or as number -> name, in Python or JSON; None if not."""
    names = _parse(text)
    if isinstance(names, Mapping):
        try:
            by_number = {int(number): name for number, name in names.items()}
        except (ValueError, TypeError):
            return None
        if sorted(by_number) != list(range(len(by_number))):
            return None
        names = [by_number[number] for number in range(len(by_number))]
    if not isinstance(names, list | tuple) or not names:
        return None
    return tuple(str(name) for name in names)


def _parse(text: str) -> Any:
    """Return the value of a text that Python or JSON wrote; nothing in it is run. None: it is no value."""
    if not text or len(text) > _MAX_TEXT:
        return None
    for read in (ast.literal_eval, json.loads):
        try:
            return read(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:300] or type(error).__name__


def input_text(model: OnnxModel) -> str:
    """Return the input as text: "1 frame of 640x640, float32"."""
    entry = model.input
    size = "any size" if entry.height is None and entry.width is None else f"{entry.width}x{entry.height}"
    frames = "frames" if entry.batch is None else counted(entry.batch or 1, "frame")
    return f"{frames} of {size}, {entry.dtype.name}"
