"""What is exported of a detector: tensors in, tensors out, no batch and no pool.

A network with a memory is needed in two ways. Live, one run of a clip gives its scores and the features that the caller
remembers: that is :class:`DetectionGraph`. A recording is read once, and classified when the features of all its
seconds are there: :class:`ActionGraph` does that second part alone, without frames.

Axes: B clips, T frames of a pathway, H and W rows and columns, N persons and M objects of all clips, S seconds of the
memory, P persons of a second, D channels of a pooled feature, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from alphaction.memory import MemoryFeatures
from alphaction.modeling import DetectionModel
from alphaction.modeling.interaction import InteractionInputs
from alphaction.modeling.roi_head import ActionHead

SLOW, FAST, SIZES = "slow", "fast", "sizes"
BOXES, CLIP_INDEX, BOX_SCORES = "boxes", "clip_index", "box_scores"
OBJECT_BOXES, OBJECT_CLIP_INDEX = "object_boxes", "object_clip_index"
MEMORY, MEMORY_PRESENT = "memory", "memory_present"
SCORES, LOGITS = "scores", "logits"
PERSON_FEATURES, OBJECT_FEATURES = "person_features", "object_features"

CLIPS, ROWS, COLUMNS, PERSONS, OBJECTS = "clips", "rows", "columns", "persons", "objects"
"""Names of the axes whose length is free."""


@dataclass(frozen=True)
class Port:
    """An input or output of a graph.

    Attributes:
        name: in the file.
        dtype: "uint8", "int64", "float32" or "bool".
        axes: the length of each axis, or the name of a free one.
        meaning: for people who feed it.
    """

    name: str
    dtype: str
    axes: tuple[int | str, ...]
    meaning: str


def _memory_ports(head: ActionHead) -> list[Port]:
    """Return the inputs that the memory of a network is."""
    if not _uses_memory(head):
        return []
    options = head.ia_structure.options
    shape = (CLIPS, options.memory.slots, options.memory.max_per_second)
    own = "filled in by the network" if options.memory_own_second else "left empty"
    return [
        Port(
            MEMORY,
            "float32",
            (*shape, options.dim_in),
            f"person_features of the seconds around each clip, best box first, zeros where nobody is; the clip's own "
            f"second, slot {options.memory.current_slot}, is {own}",
        ),
        Port(MEMORY_PRESENT, "bool", shape, "whether a slot of the memory is filled"),
    ]


def _uses_memory(head: ActionHead) -> bool:
    return head.ia_structure is not None and head.ia_structure.uses_memory


def _memory(head: ActionHead, given: dict[str, Tensor]) -> MemoryFeatures | None:
    if not _uses_memory(head):
        return None
    slot = head.ia_structure.options.memory.current_slot
    return MemoryFeatures(given[MEMORY], given[MEMORY_PRESENT], slot)


class DetectionGraph(nn.Module):
    """From frames and boxes to scores.

    Args:
        model: optimized for inference.
        frames: of the slow and the fast pathway, 0 for one that the network does not read.
    """

    def __init__(self, model: DetectionModel, frames: tuple[int, int]) -> None:
        super().__init__()
        self.model = model
        pathways = zip((SLOW, FAST), frames, strict=True)
        video = [
            Port(name, "uint8", (CLIPS, 3, count, ROWS, COLUMNS), "RGB frames, padded with 0 below and on the right")
            for name, count in pathways
            if count
        ]
        self.inputs = [
            *video,
            Port(SIZES, "int64", (CLIPS, 2), "width and height of the frames without their padding"),
            Port(BOXES, "float32", (PERSONS, 4), "x1, y1, x2, y2 in pixels of these frames, enlarged by extend_scale"),
            Port(CLIP_INDEX, "int64", (PERSONS,), "which clip each person is in, from 0, ascending"),
        ]
        if model.head.ia_structure is not None:
            self.inputs.append(Port(BOX_SCORES, "float32", (PERSONS,), "score of each box: the best are attended to"))
        if model.uses_objects:
            self.inputs += [
                Port(OBJECT_BOXES, "float32", (OBJECTS, 4), "as boxes; best score first within a clip"),
                Port(OBJECT_CLIP_INDEX, "int64", (OBJECTS,), "which clip each object is in"),
            ]
        self.inputs += _memory_ports(model.head)
        classes, channels = model.head.loss.num_classes, model.backbone.dim_out
        self.outputs = [
            Port(SCORES, "float32", (PERSONS, classes), "probability of each class"),
            Port(LOGITS, "float32", (PERSONS, classes), "what the probabilities are made of"),
            Port(PERSON_FEATURES, "float32", (PERSONS, channels), "pooled features, which a memory remembers"),
        ]
        if model.uses_objects:
            self.outputs.append(Port(OBJECT_FEATURES, "float32", (OBJECTS, channels), "pooled features of the objects"))

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs for the inputs, both in the order of :attr:`outputs` and :attr:`inputs`."""
        given = dict(zip((port.name for port in self.inputs), tensors, strict=True))
        sizes, boxes, clip_index = given[SIZES], given[BOXES], given[CLIP_INDEX]
        slow, fast = (self._normalized(given[name], sizes) if name in given else None for name in (SLOW, FAST))
        features = self.model.backbone(slow, fast)
        persons = self.model.head.pooler(features, boxes, clip_index)
        objects = None
        if self.model.uses_objects:
            objects = self.model.head.pooler(features, given[OBJECT_BOXES], given[OBJECT_CLIP_INDEX])
        logits = self.model.head(
            InteractionInputs(
                persons=persons,
                clip_index=clip_index,
                scores=given.get(BOX_SCORES),
                num_clips=sizes.shape[0],
                objects=objects,
                object_clip_index=given.get(OBJECT_CLIP_INDEX),
                memory=_memory(self.model.head, given),
            )
        )
        found = (self.model.probabilities(logits), logits, persons)
        return found if objects is None else (*found, objects)

    def _normalized(self, frames: Tensor, sizes: Tensor) -> Tensor:
        """Return what the first step of the detector makes of uint8 frames; their padding is exactly 0."""
        mean, deviation = (
            torch.tensor(values, device=frames.device).view(1, 3, 1, 1, 1)
            for values in (self.model.pixel_mean, self.model.pixel_std)
        )
        height, width = frames.shape[3:]
        inside_x = torch.arange(width, device=frames.device) < sizes[:, :1]
        inside_y = torch.arange(height, device=frames.device) < sizes[:, 1:]
        inside = inside_y[:, None, None, :, None] & inside_x[:, None, None, None, :]
        values = (frames.to(torch.float32) - mean) / deviation * inside.to(torch.float32)
        return values.flip(1) if self.model.to_bgr else values


class ActionGraph(nn.Module):
    """From the pooled features of a clip, and what is remembered around it, to scores.

    Args:
        model: optimized for inference, with a memory; its head is all that is used.
    """

    def __init__(self, model: DetectionModel) -> None:
        super().__init__()
        self.head = model.head
        channels, classes = model.backbone.dim_out, model.head.loss.num_classes
        self.inputs = [
            Port(PERSON_FEATURES, "float32", (PERSONS, channels), "an output of the other file"),
            Port(CLIP_INDEX, "int64", (PERSONS,), "which clip each person is in, from 0, ascending"),
            Port(BOX_SCORES, "float32", (PERSONS,), "score of each box: the best are attended to"),
        ]
        if model.uses_objects:
            self.inputs += [
                Port(OBJECT_FEATURES, "float32", (OBJECTS, channels), "an output of the other file"),
                Port(OBJECT_CLIP_INDEX, "int64", (OBJECTS,), "which clip each object is in"),
            ]
        self.inputs += _memory_ports(self.head)
        self.outputs = [
            Port(SCORES, "float32", (PERSONS, classes), "probability of each class"),
            Port(LOGITS, "float32", (PERSONS, classes), "what the probabilities are made of"),
        ]

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs for the inputs, both in the order of :attr:`outputs` and :attr:`inputs`."""
        given = dict(zip((port.name for port in self.inputs), tensors, strict=True))
        logits = self.head(
            InteractionInputs(
                persons=given[PERSON_FEATURES],
                clip_index=given[CLIP_INDEX],
                scores=given[BOX_SCORES],
                num_clips=given[MEMORY].shape[0],
                objects=given.get(OBJECT_FEATURES),
                object_clip_index=given.get(OBJECT_CLIP_INDEX),
                memory=_memory(self.head, given),
            )
        )
        return self.head.loss.probabilities(logits), logits


def example(ports: Sequence[Port], sizes: dict[str, int], seed: int = 0) -> tuple[Tensor, ...]:
    """Return inputs of these lengths, the same for each seed; persons and objects lie in all clips.

    Args:
        ports: the inputs of a graph.
        sizes: name of a free axis -> length.
        seed: of the values.
    """
    random = torch.Generator().manual_seed(seed)
    return tuple(_value(port, sizes, random) for port in ports)


def _value(port: Port, sizes: dict[str, int], random: torch.Generator) -> Tensor:
    shape = [sizes.get(axis, axis) for axis in port.axes]
    if port.dtype == "uint8":
        return torch.randint(0, 256, shape, generator=random, dtype=torch.uint8)
    if port.name == SIZES:
        # The first clip fills the frame, others leave a little padding.
        less = torch.arange(shape[0])[:, None] * torch.tensor([3, 2])
        return (torch.tensor([sizes[COLUMNS], sizes[ROWS]]) - less).clamp(min=16)
    if port.axes[-1] == 4 and port.name in (BOXES, OBJECT_BOXES):
        corners = torch.rand(shape[0], 2, generator=random) * 0.5
        sides = 0.2 + torch.rand(shape[0], 2, generator=random) * 0.3
        return torch.cat([corners, corners + sides], dim=1) * torch.tensor([sizes[COLUMNS], sizes[ROWS]] * 2)
    if port.dtype == "int64":
        return torch.arange(shape[0]) * sizes[CLIPS] // max(shape[0], 1)
    if port.dtype == "bool":
        return torch.rand(shape, generator=random) < 0.6
    return torch.rand(shape, generator=random)
