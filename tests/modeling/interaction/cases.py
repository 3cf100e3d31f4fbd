"""Small interaction structures and inputs for them, and what they should return, computed person by person.

Axes: N persons, M objects, B clips, K slots of a clip, S seconds, P persons a second, D channels.
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alphaction.memory import MemoryFeatures, MemoryWindow
from alphaction.modeling.interaction import InteractionInputs, InteractionStructure
from alphaction.modeling.interaction.block import BlockOptions, InteractionBlock, Slots
from alphaction.modeling.interaction.structure import StructureOptions, block_names
from alphaction.modeling.registries import INTERACTION_STRUCTURES

DIM, INNER, OUT = 6, 4, 5
BLOCK = BlockOptions(dim_inner=INNER, zero_init=False, init_std=0.5, memory_slots=4)
OPTIONS = StructureOptions(
    dim_in=DIM, dim_out=OUT, max_person=3, max_object=2, memory=MemoryWindow(2, 1, max_per_second=2), block=BLOCK
)
MASKED = replace(OPTIONS, block=replace(BLOCK, mask_absent=True))
COSINE = replace(OPTIONS, block=replace(BLOCK, mask_absent=True, cosine_scale=3.0))
LISTS = (["P", "O", "M", "P", "O", "M"], ["P"], ["O"], ["M"], ["M", "P"], ["O", "P", "P"], ["P", "M", "M", "P"])
CASES = [(name, blocks) for name in ("serial", "dense") for blocks in LISTS] + [
    ("parallel", blocks)
    for blocks in ([["P", "O", "M"], ["P", "O", "M"]], [["M"]], [["O", "M"], ["M", "P"], ["P", "P"]], [["P", "M"]])
]


def build(name: str, blocks: list, options: StructureOptions = OPTIONS) -> InteractionStructure:
    structure = INTERACTION_STRUCTURES.get(name)(options, blocks).eval()
    # Positions, biases and dense weights start at 0, where they would hide mistakes.
    for parameter in structure.parameters():
        nn.init.normal_(parameter, std=0.5)
    return structure


def make_inputs(persons: tuple[int, ...] = (2, 0, 4), objects: tuple[int, ...] = (0, 1, 3)) -> InteractionInputs:
    clips = torch.arange(len(persons))
    # In every other second one person is remembered; around the first clip there is a second in which nobody is.
    present = torch.tensor([True, False, True, True]).repeat(len(persons), 2).view(-1, 4, 2)
    present[0, 3] = False
    memory = torch.randn(*present.shape, DIM) * present[..., None]
    return InteractionInputs(
        persons=torch.randn(sum(persons), DIM),
        clip_index=clips.repeat_interleave(torch.tensor(persons)),
        scores=torch.rand(sum(persons)),
        num_clips=len(persons),
        objects=torch.randn(sum(objects), DIM),
        object_clip_index=clips.repeat_interleave(torch.tensor(objects)),
        memory=MemoryFeatures(memory, present, current_slot=2),
    )


# --- a loop over persons


def naive_block(block: InteractionBlock, query: Tensor, others: Slots) -> Tensor:
    """One person's query [D] and the slots of its clip, [K, D] or [S, P, D]."""

    def linear(conv: nn.Conv3d, x: Tensor) -> Tensor:
        return F.conv3d(x[None, :, None, None, None], conv.weight, conv.bias)[0, :, 0, 0, 0]

    logits, values = [], []
    for place in torch.ones_like(others.present).nonzero().tolist():
        if block.mask_absent and not others.present[tuple(place)]:
            continue
        slot = others.features[tuple(place)]
        key, value = linear(block.key, slot), linear(block.value, slot)
        if block.has_positions:
            key = key + block.temporal_position_k[place[0], 0, :, 0, 0, 0]
            value = value + block.temporal_position_v[place[0], 0, :, 0, 0, 0]
        asked = linear(block.query, query)
        if block.cosine_scale:
            logits.append(block.cosine_scale * (asked @ key) / (asked.norm() * key.norm()))
        else:
            logits.append((asked * key).sum() * block.query.out_channels**-0.5)
        values.append(value)
    attended = query.new_zeros(block.query.out_channels)
    if values:
        attended = sum(w * v for w, v in zip(torch.stack(logits).softmax(0), values, strict=True))
    update = linear(block.out, attended.relu())
    return update + (query if block.shortcut is None else linear(block.shortcut, query))


class NaiveSlots:
    """What the blocks of one structure attend to, clip by clip."""

    def __init__(self, structure: InteractionStructure, inputs: InteractionInputs) -> None:
        self.inputs = inputs
        self.objects, self.memory = [], []
        self.rows = [(inputs.clip_index == clip).nonzero()[:, 0] for clip in range(inputs.num_clips)]
        for clip, rows in enumerate(self.rows):
            objects = _fill(inputs.objects[inputs.object_clip_index == clip][:2], 2)
            memory = Slots(inputs.memory.features[clip].clone(), inputs.memory.present[clip].clone())
            best = rows[inputs.scores[rows].argsort(descending=True)][:2]
            current = _fill(inputs.persons[best], 2)
            memory.features[2], memory.present[2] = current.features, current.present
            self.objects.append(objects.map(structure.object_dim_reduce or nn.Identity()))
            self.memory.append(memory.map(structure.mem_dim_reduce or nn.Identity()))

    def of(self, kind: str, clip: int, persons: Tensor) -> Slots:
        if kind != "P":
            return {"O": self.objects, "M": self.memory}[kind][clip]
        rows = self.rows[clip]
        return _fill(persons[rows[self.inputs.scores[rows].argsort(descending=True)][:3]], 3)

    def run(self, block: InteractionBlock, kind: str, query: Tensor, persons: Tensor) -> Tensor:
        return torch.stack(
            [
                naive_block(block, query[row], self.of(kind, int(clip), persons))
                for row, clip in enumerate(self.inputs.clip_index)
            ]
        )


def _fill(rows: Tensor, slots: int) -> Slots:
    features = torch.zeros(slots, rows.shape[1])
    features[: len(rows)] = rows
    return Slots(features, torch.arange(slots) < len(rows))


def naive_structure(name: str, blocks: list, structure: InteractionStructure, inputs: InteractionInputs) -> Tensor:
    slots = NaiveSlots(structure, inputs)
    query = structure.person_dim_reduce(inputs.persons)
    persons = query if structure.person_key_dim_reduce is None else structure.person_key_dim_reduce(inputs.persons)
    if name == "parallel":
        names = iter(block_names([kind for layer in blocks for kind in layer]))
        queries = [query] * len(blocks[0])
        for layer in blocks:
            queries = [
                slots.run(getattr(structure, next(names)), k, q, persons) for q, k in zip(queries, layer, strict=True)
            ]
            for output, kind in zip(queries, layer, strict=True):
                persons = output if kind == "P" else persons
        return sum(queries)
    outputs: list[Tensor] = []
    for position, (block, kind) in enumerate(zip(block_names(blocks), blocks, strict=True)):
        if outputs:
            query = outputs[-1]
        if name == "dense" and position >= 2:
            weights = structure.dense_params[str(position)][:, :, 0, 0, 0].softmax(0)
            query = sum(weights[i] * outputs[i] for i in range(position))
        if outputs:
            persons = query
        outputs.append(slots.run(getattr(structure, block), kind, query, persons))
    return outputs[-1]
