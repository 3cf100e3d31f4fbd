"""--compile: the backbone as fused kernels that torch.compile makes.

Only the backbone is compiled. It is where the time goes, and it sees clips alone: no number of persons or objects, no
memory. What changes between its calls are the number of clips and the size of frames. torch compiles for the first
number as it is, and once more, for any number, when it has changed. So it does with sizes on a GPU. On the CPU, where
convolutions are views of views (:mod:`alphaction.layers.convolution`), it would think for minutes about a size that may
be any: there it compiles for each size, and after eight graphs runs what is not compiled.

The model keeps its class, its attributes and the names of its state: a checkpoint does not tell whether it was
compiled.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor
from yacs.config import CfgNode

from alphaction.modeling.detector import DetectionModel
from alphaction.utils.errors import UserError
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import first_lines

INDUCTOR = "inductor"
_COMPILERS = ("g++", "clang++", "c++", "cl")


def require_compiler(device: torch.device) -> None:
    """Compile something small, so that a run which cannot compile ends before it starts.

    Raises:
        UserError: names what is missing.
    """
    require_tools(device)
    try:
        torch.compile(torch.neg, backend=INDUCTOR)(torch.ones(2, device=device))
    except Exception as error:  # whatever compilers and drivers come up with
        raise UserError(
            f"--compile: torch {torch.__version__} cannot compile for {device.type} here:\n"
            + "\n".join(first_lines(str(error).strip().splitlines(), 3))
            + "\nRepair the compiler, or leave out --compile."
        ) from error
    finally:
        torch.compiler.reset()


def refuse_checkpointing(cfg: CfgNode) -> None:
    """Raise a :class:`UserError` if a training recomputes activations, which torch.compile takes no part in."""
    if cfg.MODEL.ACTIVATION_CHECKPOINTING:
        raise UserError(
            "--compile does not go with MODEL.ACTIVATION_CHECKPOINTING True: torch cannot compile how blocks are "
            "recomputed. Set it to False, or leave out --compile."
        )


def require_tools(device: torch.device) -> None:
    """Raise a :class:`UserError` if what torch.compile needs for ``device`` is not installed; compile nothing."""
    if problem := missing_tool(device):
        raise UserError(f"--compile: {problem}, or leave out --compile.")


def missing_tool(device: torch.device) -> str | None:
    """Return which tool of torch.compile is missing for a device, and how to get it; None: all are there."""
    if device.type == "cuda":
        return None if find_spec("triton") else f"{sys.executable} has no triton. Install it (pip install triton)"
    chosen = os.environ.get("CXX")
    if any(shutil.which(name) for name in ([chosen] if chosen else _COMPILERS)):
        return None
    missing = f"CXX names {chosen}, which is not there" if chosen else "there is no C++ compiler on this machine"
    return f"{missing}. Install one (Debian, Ubuntu: apt install g++; macOS: xcode-select --install)"


def compile_backbone(model: DetectionModel, backend: str | Callable[..., Any] = INDUCTOR) -> None:
    """Let the backbone of a detector run as compiled code; in place.

    Compiled are the calls to come; the first takes a minute or more. Copies, such as those for an evaluation within a
    training, are not compiled.

    Args:
        model: the detector, before it is put into DistributedDataParallel; for inference, the optimized one.
        backend: of ``torch.compile``.
    """
    compiled = torch.compile(model.backbone._call_impl, backend=backend)

    def call(*inputs: Any, **named: Any) -> Any:
        for frames in (*inputs, *named.values()):
            if isinstance(frames, Tensor) and frames.device.type == "cpu":
                torch._dynamo.mark_static(frames, [2, 3, 4])
        return compiled(*inputs, **named)

    # As nn.Module.compile does; a copy of the module leaves it out.
    model.backbone._compiled_call_impl = call
    get_logger().info("the backbone is compiled at its first clips, which takes a minute or more")
