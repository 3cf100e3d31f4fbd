"""A graph and its text, written as ONNX, TorchScript or torch.export."""

from __future__ import annotations

import json
import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.export import Dim

from alphaction.checkpoint.exported_file import FACTS, ONNX, SUFFIXES, TORCH_EXPORT, TORCHSCRIPT
from alphaction.utils.errors import UserError
from alphaction.utils.imports import require_optional
from alphaction.utils.messages import listed
from alphaction.workflows.export.graph import (
    CLIPS,
    COLUMNS,
    OBJECTS,
    PERSONS,
    ROWS,
    ActionGraph,
    DetectionGraph,
    example,
)

RECORDED = {CLIPS: 2, ROWS: 96, COLUMNS: 128, PERSONS: 5, OBJECTS: 3}
"""Lengths of the axes of the inputs that torch watches a network compute with. None is 1, which it would take for a
length that stays."""
LARGEST_ONNX = (2 << 30) - (64 << 20)
"""Bytes of weights in an ONNX file: protobuf ends at 2 GB."""
_WINDOWS = "torchvision computes the padding of its windows with numbers of the frames that it was traced with"
_POSITIONS = "torchvision computes its relative positions with numbers of the frames that it was traced with"
_COLORS = re.compile(r"\x1b\[[0-9;]*m")
_TALKATIVE = ("torch.onnx", "torch.export", "torch._export", "onnxscript", "onnx_ir")
NOT_EXPORTED: dict[tuple[str, str], str] = {
    ("Swin3D", TORCHSCRIPT): _WINDOWS,
    ("MViT", TORCHSCRIPT): _POSITIONS,
    ("MViT", ONNX): "torch's exporter of ONNX fails on it (ConversionError)",
}
"""(beginning of CONV_BODY, format) -> why a network cannot be exported so, as measured."""


def require_format(kind: str, body: str, weights_bytes: int) -> None:
    """Refuse what cannot be exported, before anything is computed.

    Args:
        kind: the format.
        body: MODEL.BACKBONE.CONV_BODY.
        weights_bytes: of the network.

    Raises:
        UserError: says why, and which format there is instead.
    """
    why = _refusal(kind, body)
    if why:
        others = [other for other in SUFFIXES if not _refusal(other, body)]
        way = f"--format {' or '.join(others)} works." if others else "It runs from its checkpoint only."
        raise UserError(f"--format {kind}: {body} cannot be exported so: {why}. {way}")
    if kind == ONNX:
        if weights_bytes > LARGEST_ONNX:
            raise UserError(
                f"--format onnx: the weights have {weights_bytes / 2**30:.1f} GB, and an ONNX file ends at 2 GB. "
                f"Choose --format {TORCH_EXPORT}."
            )
        for package in ("onnx", "onnxscript", "onnxruntime"):
            require_optional(package, "--format onnx")


def _refusal(kind: str, body: str) -> str:
    return next((why for (start, of), why in NOT_EXPORTED.items() if of == kind and body.startswith(start)), "")


def write_graph(graph: DetectionGraph | ActionGraph, path: Path, kind: str, facts: Mapping[str, Any]) -> None:
    """Write a graph as a file; nothing else is written.

    Args:
        graph: in evaluation mode, on the CPU.
        path: of the file.
        kind: the format.
        facts: what the file says of itself.

    Raises:
        UserError: torch cannot export the network.
    """
    text = json.dumps(facts)
    inputs = example(graph.inputs, RECORDED)
    try:
        with torch.no_grad(), _quiet():
            _WRITERS[kind](graph, inputs, path, text)
    except (UserError, OSError):
        raise
    # torch has no common class of what its exporters raise.
    except Exception as error:
        others = listed([name for name in SUFFIXES if name != kind])
        raise UserError(
            f"--format {kind}: torch {torch.__version__} cannot export this network ({_first_cause(error)}). "
            f"Try another format: {others}."
        ) from error


def _first_cause(error: BaseException) -> str:
    """Return the first line of what went wrong first: torch wraps it in advice to its developers, in colors."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in _COLORS.sub("", str(error)).splitlines()]
    return f"{type(error).__name__}: {next(filter(None, lines), '')[:300]}"


def _exported_program(graph: nn.Module, inputs: tuple[torch.Tensor, ...]) -> torch.export.ExportedProgram:
    free = tuple(
        {axis: Dim.DYNAMIC for axis, length in enumerate(port.axes) if isinstance(length, str)} for port in graph.inputs
    )
    return torch.export.export(graph, inputs, dynamic_shapes={"tensors": free}, strict=False)


def _write_onnx(graph: nn.Module, inputs: tuple[torch.Tensor, ...], path: Path, text: str) -> None:
    from onnxscript import ir

    program = torch.onnx.export(
        _exported_program(graph, inputs),
        inputs,
        input_names=[port.name for port in graph.inputs],
        output_names=[port.name for port in graph.outputs],
        dynamo=True,
        verbose=False,
    )
    # torch calls free axes s26 and the like.
    ends = (*program.model.graph.inputs, *program.model.graph.outputs)
    for port, value in zip((*graph.inputs, *graph.outputs), ends, strict=True):
        value.shape = ir.Shape(port.axes)
    program.model.metadata_props[FACTS] = text
    program.model.producer_name = "alphaction"
    program.save(str(path), external_data=False)


def _write_torchscript(graph: nn.Module, inputs: tuple[torch.Tensor, ...], path: Path, text: str) -> None:
    traced = torch.jit.trace(graph, inputs, check_trace=False)
    traced.save(str(path), _extra_files={FACTS: text})


def _write_torch_export(graph: nn.Module, inputs: tuple[torch.Tensor, ...], path: Path, text: str) -> None:
    # Given a path, torch insists on an ending that an unfinished file does not have.
    with path.open("wb") as file:
        torch.export.save(_exported_program(graph, inputs), file, extra_files={FACTS: text})


_WRITERS = {ONNX: _write_onnx, TORCHSCRIPT: _write_torchscript, TORCH_EXPORT: _write_torch_export}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the exporters tell of their own work, which is checked afterwards, from the terminal."""
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
