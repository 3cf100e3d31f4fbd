"""Whether an exported file computes what its checkpoint does.

Axes: those of the inputs and outputs of a graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from yacs.config import CfgNode

from alphaction.utils.errors import CheckpointError
from alphaction.utils.messages import counted, titled_list
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
from alphaction.workflows.export.runners import Runner

TOLERANCE = 1e-4
"""Largest difference of a number; of those above 1, as features and logits, as a fraction of the output's largest."""


@dataclass(frozen=True)
class Parity:
    """What was compared.

    Attributes:
        sizes: the lengths of the free axes, one set for each comparison.
        largest: output -> largest difference over all of them, as :data:`TOLERANCE` counts it.
    """

    sizes: tuple[Mapping[str, int], ...]
    largest: Mapping[str, float]

    def __str__(self) -> str:
        shapes = "; ".join(
            f"{each[CLIPS]} x {each[COLUMNS]}x{each[ROWS]}, {counted(each[PERSONS], 'person')}" for each in self.sizes
        )
        parts = ", ".join(f"{name} {value:.1e}" for name, value in self.largest.items())
        return f"largest differences: {parts} (clips x frame size: {shapes})"


def compared_sizes(cfg: CfgNode) -> tuple[dict[str, int], ...]:
    """Return three sets of lengths: other numbers of clips, frames of other shapes, other numbers of boxes, or none.

    The first has frames as INPUT.MIN_SIZE_TEST gives them of a 4:3 video; sides are multiples of SIZE_DIVISIBILITY.
    """
    step = cfg.DATALOADER.SIZE_DIVISIBILITY
    side = -(-cfg.INPUT.MIN_SIZE_TEST // step) * step
    wide = -(-side * 4 // (3 * step)) * step
    less = max(-(-side * 3 // (4 * step)) * step, step, 32)
    return (
        {CLIPS: 1, ROWS: side, COLUMNS: wide, PERSONS: 4, OBJECTS: 3},
        {CLIPS: 2, ROWS: wide, COLUMNS: less, PERSONS: 7, OBJECTS: 0},
        {CLIPS: 3, ROWS: less, COLUMNS: side, PERSONS: 1, OBJECTS: 6},
    )


def check_parity(
    graph: DetectionGraph | ActionGraph, run: Runner, sizes: Sequence[Mapping[str, int]], name: str
) -> Parity:
    """Compare a file with the graph that it was written from.

    Args:
        graph: in evaluation mode, on the CPU.
        run: runs the file.
        sizes: the lengths of the free axes, one set for each comparison.
        name: of the file, for messages.

    Raises:
        CheckpointError: a shape or a value differs, or the file does not run; says where.
    """
    largest = {port.name: 0.0 for port in graph.outputs}
    problems = []
    for seed, lengths in enumerate(sizes):
        inputs = example(graph.inputs, lengths, seed)
        with torch.no_grad():
            expected = graph(*inputs)
        found = run(dict(zip((port.name for port in graph.inputs), inputs, strict=True)))
        where = ", ".join(f"{axis} {count}" for axis, count in lengths.items())
        for port, wanted in zip(graph.outputs, expected, strict=True):
            value = found[port.name]
            if value.shape != wanted.shape:
                problems.append(f"{port.name} is {list(value.shape)} in place of {list(wanted.shape)} ({where})")
                continue
            difference = _difference(value, wanted)
            largest[port.name] = max(largest[port.name], difference)
            if not difference <= TOLERANCE:  # nor NaN
                problems.append(f"{port.name} differs by {difference:.1e} ({where})")
    if problems:
        raise CheckpointError(
            titled_list(f"{name} does not compute what its checkpoint does, to {TOLERANCE:g}:", problems)
            + " Do not use it."
        )
    return Parity(tuple(sizes), largest)


def _difference(value: torch.Tensor, wanted: torch.Tensor) -> float:
    if wanted.numel() == 0:
        return 0.0
    scale = max(1.0, float(wanted.abs().max()))
    return float((value.double() - wanted.double()).abs().max()) / scale
