"""Training steps of a network: with torch's own layers, as built, with activations computed again, in bfloat16.

Times are those of a clip, from its pixels to updated weights, with gradients judged and clipped as in training, objects
and a full memory made up where the model uses them. The reference runs torch's own layers (``F.conv3d``, ROIAlign's own
gradient) on frames with channels first, and updates weights in a loop over tensors. "gradient" is the norm of the
difference from the reference's gradient over the norm of that; "activations" is what autograd keeps between the two
passes. Two more tables are of the update alone: a loop, lists of tensors, one fused kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer
from yacs.config import CfgNode

from alphaction.config import load_cfg
from alphaction.engine.setup import autocast_for
from alphaction.modeling import DetectionModel, build_detection_model
from alphaction.utils.device import choose_device
from alphaction.utils.heap import keep_freed_memory
from alphaction.utils.messages import counted
from alphaction.utils.numbers import POSITIVE
from alphaction.utils.options import option
from benchmarks import CONFIGS
from benchmarks.speed.activations import counting_activations
from benchmarks.speed.clips import PIXELS, full_memory, make_batch, training_size
from benchmarks.speed.made_up_steps import made_up_step
from benchmarks.speed.measure import Case, Comparison, compare
from benchmarks.speed.torch_layers import layers_of_torch

_CONFIG = CONFIGS / "tiny/toy.yaml"
SMALLEST = ("--config-file", str(_CONFIG), "--rows", "64", "--columns", "64", "--clips", "2")
_LOOP = "loop over tensors"
_KINDS: dict[str, dict[str, bool]] = {
    _LOOP: {"foreach": False, "fused": False},
    "lists of tensors": {"foreach": True},
    "one fused kernel": {"fused": True},
}


@dataclass(frozen=True)
class Options:
    """What to run; each field is described by its help."""

    config_file: Path = option(_CONFIG, metavar="F", help="the experiment (default: that of the toy dataset)")
    rows: int | None = option(None, within=PIXELS, metavar="N", help="of a frame (default: as in training)")
    columns: int | None = option(None, within=PIXELS, metavar="N", help="of a frame (default: as in training)")
    clips: int = option(8, within=POSITIVE, metavar="N", help="of a step (default: %(default)s)")
    persons: int = option(3, within=POSITIVE, metavar="N", help="of a clip (default: %(default)s)")
    device: str = option("cpu", metavar="D", help="cpu, cuda or auto (default: %(default)s)")
    bf16: bool = option(False, help="also with SOLVER.AMP bf16")


def run(options: Options, repetitions: int) -> Iterator[Comparison]:
    """Yield a table of whole steps, and one of the updates of each optimizer."""
    device = choose_device(options.device, "--device")
    if device.type == "cpu":
        keep_freed_memory()
    yield _compare_steps(options, device, repetitions)
    yield from _compare_updates(options, device, repetitions)


def _compare_steps(options: Options, device: torch.device, repetitions: int) -> Comparison:
    cfg = load_cfg(options.config_file, ())
    rows, columns = training_size(cfg)
    size = (options.rows or rows, options.columns or columns)
    changes: dict[str, tuple[Any, ...]] = {
        "torch's layers": (),
        "as built": (),
        "as built, recomputing": ("MODEL.ACTIVATION_CHECKPOINTING", True),
    }
    if options.bf16:
        changes["as built, bf16"] = ("SOLVER.AMP", "bf16")
    cases, reference = [], None
    for name, changed in changes.items():
        own = load_cfg(options.config_file, changed)
        torch.manual_seed(0)
        world = _World(own, device, options, size)
        layers = layers_of_torch if reference is None else nullcontext
        with layers():
            gradient, kept = world.gradient()
        reference = gradient if reference is None else reference
        facts = {
            "gradient": f"{((gradient - reference).norm() / reference.norm()).item():.1e}",
            "activations": f"{kept / 2**20:.0f} MB",
        }
        if layers is layers_of_torch:
            world.optimizer_of(_LOOP)
        cases.append(Case(name, world.runner(layers), options.clips, facts))
    title = (
        f"{options.config_file.stem}: steps of {counted(options.clips, 'clip')} of {size[0]} x {size[1]}, "
        f"{counted(options.persons, 'person')} each; {device.type}, {counted(torch.get_num_threads(), 'thread')}"
    )
    return compare(title, "clip", cases, repetitions=repetitions, device=device.type)


class _World:
    """A network in training, and a batch."""

    def __init__(self, cfg: CfgNode, device: torch.device, options: Options, size: tuple[int, int]) -> None:
        self.model: DetectionModel = build_detection_model(cfg).to(device).train()
        self.batch = make_batch(cfg, options.clips, options.persons, size)
        pool = full_memory(cfg, self.model, self.batch.keyframes)
        self.step = made_up_step(cfg, self.model, self.batch, device, pool)

    def optimizer_of(self, kind: str) -> None:
        """Update weights as :data:`_KINDS` says."""
        for group in self.step.optimizer.param_groups:
            group |= {"foreach": None, "fused": None} | _KINDS[kind]

    def gradient(self) -> tuple[Tensor, int]:
        """Return the gradient of all weights in one vector, and the bytes that autograd keeps for it."""
        torch.manual_seed(0)  # dropout
        device = self.step.runtime.device
        batch = self.batch.to(device)
        with counting_activations(self.model) as activations, autocast_for(self.step.amp, device):
            loss = sum(self.model(batch).losses.values())
        loss.backward()
        gradients = [p.grad.flatten().float() for p in self.model.parameters() if p.grad is not None]
        self.model.zero_grad(set_to_none=True)
        return torch.cat(gradients), activations.bytes

    def runner(self, layers: Callable[[], AbstractContextManager]) -> Callable[[], None]:
        """Return what runs a step within ``layers``."""

        def run_step() -> None:
            with layers():
                self.step.run([self.batch])

        return run_step


def _compare_updates(options: Options, device: torch.device, repetitions: int) -> Iterator[Comparison]:
    cfg = load_cfg(options.config_file, ())
    model = build_detection_model(cfg)
    shapes = [parameter.shape for parameter in model.parameters()]
    count = sum(shape.numel() for shape in shapes) / 1e6
    parameters = f"{count:.1f} M parameters in {counted(len(shapes), 'tensor')}"
    for optimizer in (SGD, AdamW):
        cases = [Case(name, _optimizer(optimizer, name, shapes, device).step) for name in _KINDS]
        title = f"{options.config_file.stem}: updates of {parameters} by {optimizer.__name__}"
        yield compare(title, "update", cases, repetitions=repetitions, device=device.type)


def _optimizer(kind: type[Optimizer], update: str, shapes: list[torch.Size], device: torch.device) -> Optimizer:
    parameters = [nn.Parameter(torch.randn(shape, device=device)) for shape in shapes]
    for parameter in parameters:
        parameter.grad = torch.randn_like(parameter)
    extra = {"momentum": 0.9} if kind is SGD else {}
    return kind(parameters, lr=1e-4, weight_decay=1e-4, **extra, **_KINDS[update])
