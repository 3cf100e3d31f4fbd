"""One exported file, run: tensors by name in, tensors by name out, all on the CPU's side.

Axes: those of the inputs and outputs that the file names.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from alphaction.checkpoint.exported_file import ONNX, TORCHSCRIPT, ExportedFile, member_text, opened_archive
from alphaction.utils.errors import CheckpointError
from alphaction.utils.imports import require_optional
from alphaction.utils.values import Value, parse_json

logger = logging.getLogger(__name__)

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


class Runner(Protocol):
    """Runs a file."""

    def __call__(self, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the outputs for all inputs, by name.

        Raises:
            CheckpointError: the file cannot be run on them.
        """


def open_runner(file: ExportedFile, device: torch.device) -> Runner:
    """Return what runs a file.

    Args:
        file: what it says of itself.
        device: where it is wanted. ONNX runs on a GPU if onnxruntime can; the formats of torch run on the CPU, for
            which they were exported.

    Raises:
        UserError: onnxruntime is missing.
        CheckpointError: the file is damaged.
    """
    if file.format == ONNX:
        return _OnnxRunner(file, device)
    if device.type != "cpu":
        logger.warning("%s runs on the CPU, for which it was exported; an ONNX file runs on a GPU, too", file.path)
    return _TorchRunner(file)


class _OnnxRunner:
    def __init__(self, file: ExportedFile, device: torch.device) -> None:
        onnxruntime = require_optional("onnxruntime", f"MODEL.WEIGHT {file.path}")
        self._file = file
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = torch.get_num_threads()
        providers = [_CPU]
        if device.type == "cuda":
            if _CUDA in onnxruntime.get_available_providers():
                providers = [(_CUDA, {"device_id": device.index or 0}), _CPU]
            else:
                logger.warning("onnxruntime is installed without CUDA and runs on the CPU: pip install onnxruntime-gpu")
        # onnxruntime's errors have no common class but Exception.
        try:
            self._session = onnxruntime.InferenceSession(str(file.path), options, providers=providers)
        except Exception as error:
            raise _unreadable(file, f"onnxruntime {onnxruntime.__version__}", error) from error

    def __call__(self, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        feed = {name: given[name].detach().cpu().contiguous().numpy() for name in self._file.inputs}
        try:
            values = self._session.run(list(self._file.outputs), feed)
        except Exception as error:
            raise _not_run(self._file, given, error) from error
        return {name: torch.from_numpy(value) for name, value in zip(self._file.outputs, values, strict=True)}


class _TorchRunner:
    def __init__(self, file: ExportedFile) -> None:
        self._file = file
        try:
            self._module = _load_script(file.path) if file.format == TORCHSCRIPT else _load_program(file.path)
        except CheckpointError:
            raise
        # What torch raises for a damaged archive has no common class either.
        except Exception as error:
            raise _unreadable(file, f"torch {torch.__version__}", error) from error

    def __call__(self, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        try:
            # Neither autocast nor inference mode were on when the network was recorded.
            with torch.inference_mode(False), torch.no_grad(), torch.autocast("cpu", enabled=False):
                values = self._module(*(_plain_tensor(given[name]) for name in self._file.inputs))
        except Exception as error:
            raise _not_run(self._file, given, error) from error
        return dict(zip(self._file.outputs, values, strict=True))


def _plain_tensor(tensor: Tensor) -> Tensor:
    tensor = tensor.detach().cpu()
    return tensor.clone() if tensor.is_inference() else tensor.contiguous()


def _load_script(path: Path) -> torch.nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # that torch prefers its newer format
        return torch.jit.load(str(path), map_location="cpu")


def _load_program(path: Path) -> torch.nn.Module:
    refuse_pickles(path)
    with path.open("rb") as file, _tensors_only():
        return torch.export.load(file).module()


def refuse_pickles(path: Path) -> None:
    """Refuse a file of torch.export with pickled objects, which torch would load: that runs code from the file.

    Our exports have none: their weights lie there as bytes.

    Raises:
        CheckpointError: there are some, or the list of its tensors cannot be read.
    """

    def error(place: str, problem: str) -> CheckpointError:
        return CheckpointError(f"{path}: {place or 'its list of tensors'}: {problem} Export the checkpoint again.")

    with opened_archive(path) as archive:
        for entry in archive.infolist():
            if not entry.filename.endswith("_config.json"):
                continue
            held = Value(parse_json(member_text(path, archive, entry), error), error, entry.filename)
            for _, tensor in held["config"].items():
                if tensor["use_pickle"].is_true() or not tensor["tensor_meta"].given:
                    raise tensor.error("a pickled object, which could run any code; exports of this program have none.")


@contextmanager
def _tensors_only() -> Iterator[None]:
    """Let torch.load read nothing but tensors within the block, whatever its caller allows."""
    name = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _unreadable(file: ExportedFile, program: str, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{file.path}: {program} cannot read it ({_first_line(error)}). Copy it again, or export the checkpoint "
        f"{file.made_from} again."
    )


def _not_run(file: ExportedFile, given: Mapping[str, Tensor], error: Exception) -> CheckpointError:
    shapes = ", ".join(f"{name} {list(given[name].shape)}" for name in file.inputs if name in given)
    return CheckpointError(f"{file.path}: it cannot be run on {shapes} ({_first_line(error)}).")


def _first_line(error: Exception) -> str:
    lines = (line.strip() for line in str(error).splitlines())
    return next((line[:300] for line in lines if line), type(error).__name__)
