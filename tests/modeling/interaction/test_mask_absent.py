"""MASK_ABSENT: slots in which nobody and nothing is take no part in the attention.

Axes: N persons, B clips, K slots of a clip, S seconds, P persons a second, D channels.
"""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from modeling.interaction.cases import CASES, INNER, MASKED, OPTIONS, OUT, build, make_inputs
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from alphaction.config import get_cfg
from alphaction.data.keyframes import Keyframe
from alphaction.memory import MemoryPool, MemoryWindow
from alphaction.modeling.interaction import InteractionInputs, InteractionStructure, build_interaction_structure
from alphaction.modeling.interaction.block import BlockOptions, InteractionBlock, Slots, attend_within_clip
from alphaction.modeling.interaction.structure import StructureOptions

NO, YES = False, True
# What is enlarged, and the blocks that it matters to.
LIMITS = {"max_person": "P", "max_object": "O", "max_per_second": "M", "length": "M"}
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"))]


# --- the attention


def test_attention_over_the_present_slots_by_hand() -> None:
    """D = 4, so logits are halved: log 3 and 0 for the slots that are there, weights 3/4 and 1/4."""
    query = torch.tensor([[2 * math.log(3), 0, 0, 0], [1.0, 1, 1, 1], [2, 2, 2, 2]])
    keys = torch.tensor([[[9.0, 9, 9, 9], [1, 0, 0, 0], [0, 1, 0, 0]], [[5, 5, 5, 5], [9, 9, 9, 9], [0, 0, 0, 0]]])
    values = torch.tensor([[[7.0, 7, 7, 7], [4, 0, 0, 8], [0, 4, 0, 8]], [[1, 1, 1, 1], [3, 3, 3, 3], [2, 2, 2, 2]]])
    clip_index = torch.tensor([0, 1, 1])
    attended = attend_within_clip(query, keys, values, clip_index, torch.tensor([[NO, YES, YES], [NO, NO, YES]]))
    torch.testing.assert_close(attended, torch.tensor([[3.0, 1, 0, 8], [2, 2, 2, 2], [2, 2, 2, 2]]))


BACKENDS = {
    "default": None,
    "math": SDPBackend.MATH,
    "efficient": SDPBackend.EFFICIENT_ATTENTION,
    "flash": SDPBackend.FLASH_ATTENTION,
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
def test_a_clip_without_slots_is_attended_as_zeros(backend: SDPBackend | None, device: str) -> None:
    if backend == (SDPBackend.EFFICIENT_ATTENTION if device == "cpu" else SDPBackend.FLASH_ATTENTION):
        pytest.skip(f"takes no masks on {device}")
    inputs = [torch.randn(*shape, 8, device=device).requires_grad_() for shape in ((3,), (2, 4), (2, 4))]
    clip_index = torch.tensor([0, 1, 0], device=device)
    present = torch.tensor([[NO] * 4, [YES, NO, YES, NO]], device=device)
    with nullcontext() if backend is None else sdpa_kernel(backend):
        attended = attend_within_clip(*inputs, clip_index, present)
        attended.square().sum().backward()
    query, keys, values = inputs
    assert not attended[[0, 2]].any()
    weights = (query[1] @ keys[1, [0, 2]].T / math.sqrt(8)).softmax(0)
    torch.testing.assert_close(attended[1], weights @ values[1, [0, 2]], rtol=1e-4, atol=1e-5)
    assert not query.grad[[0, 2]].any()
    assert query.grad[1].any()
    for tensor in (keys, values):
        assert tensor.grad[1, [0, 2]].any(dim=1).all()
        assert not tensor.grad[0].any()  # neither reached by the persons of its clip nor by those of the other
        assert not tensor.grad[1, [1, 3]].any()


def test_no_backend_sees_a_row_in_which_all_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some versions of PyTorch return NaN for it, and NaN gradients."""
    masks, attention = [], F.scaled_dot_product_attention

    def record(*args: Tensor, attn_mask: Tensor, **options: object) -> Tensor:
        masks.append(attn_mask)
        return attention(*args, attn_mask=attn_mask, **options)

    monkeypatch.setattr(F, "scaled_dot_product_attention", record)
    present = torch.tensor([[NO, NO], [NO, YES]])
    attend_within_clip(torch.randn(2, 4), torch.randn(2, 2, 4), torch.randn(2, 2, 4), torch.tensor([0, 1]), present)
    assert masks[0].any(dim=1).tolist() == [True, True]
    assert masks[0][1].tolist() == [NO, NO, NO, YES]


@pytest.mark.parametrize("kind", ["P", "O", "M"])
def test_a_block_with_nothing_around_adds_the_bias_of_its_output(kind: str) -> None:
    options = BlockOptions(dim_inner=INNER, zero_init=False, init_std=0.5, layer_norm=True, memory_slots=3)
    block = InteractionBlock(INNER, INNER, INNER, replace(options, mask_absent=True), is_memory=kind == "M")
    for parameter in block.parameters():
        nn.init.normal_(parameter)
    features = torch.randn(2, 3, 2, INNER) if kind == "M" else torch.randn(2, 3, INNER)
    query = torch.randn(2, INNER, requires_grad=True)
    found = block(query, Slots(features, torch.zeros(features.shape[:-1], dtype=torch.bool)), torch.tensor([0, 1]))
    torch.testing.assert_close(found, query + block.out.bias)
    found.square().sum().backward()
    torch.testing.assert_close(query.grad, 2 * found.detach())
    for name, parameter in block.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.any() == (name == "out.bias"), name


# --- the structures


def with_limit(options: StructureOptions, limit: str) -> StructureOptions:
    """Return the options with more slots, and without temporal positions, whose number must be that of the seconds."""
    grown = {
        "": {},
        "max_person": {"max_person": 7},
        "max_object": {"max_object": 6},
        "max_per_second": {"memory": replace(options.memory, max_per_second=5)},
        "length": {"memory": replace(options.memory, before=5, after=4)},
    }
    return replace(options, block=replace(options.block, memory_slots=0), **grown[limit])


def with_room(inputs: InteractionInputs, limit: str) -> InteractionInputs:
    """Return inputs whose memory has the shape of ``with_limit(options, limit)``, with nobody in what is new."""
    memory = inputs.memory
    # From the last axis backwards: (D), P, S.
    pads = {"max_per_second": (0, 3, 0, 0), "length": (0, 0, 3, 3)}.get(limit, (0, 0, 0, 0))
    memory = replace(
        memory,
        features=F.pad(memory.features, (0, 0, *pads)),
        present=F.pad(memory.present, pads),
        current_slot=memory.current_slot + pads[2],
    )
    return replace(inputs, memory=memory)


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize(("name", "blocks"), CASES)
@torch.no_grad()
def test_more_empty_slots_change_nothing(name: str, blocks: list, limit: str) -> None:
    inputs = make_inputs((2, 0, 2), (1, 0, 2))
    for options in (OPTIONS, MASKED):
        few = build(name, blocks, with_limit(options, ""))
        many = build(name, blocks, with_limit(options, limit))
        many.load_state_dict(few.state_dict())
        before, after = few(inputs), many(with_room(inputs, limit))
        if options is MASKED or LIMITS[limit] not in str(blocks):
            torch.testing.assert_close(after, before, rtol=1e-5, atol=1e-6)
        else:
            assert not torch.allclose(after, before, rtol=1e-3)


@pytest.mark.parametrize(("name", "blocks"), CASES)
@torch.no_grad()
def test_what_lies_in_an_absent_slot_does_not_matter(name: str, blocks: list) -> None:
    structure, inputs = build(name, blocks, MASKED), make_inputs()
    memory = inputs.memory
    other = replace(memory, features=torch.where(memory.present[..., None], memory.features, 100.0))
    torch.testing.assert_close(structure(replace(inputs, memory=other)), structure(inputs))


def test_a_pool_is_masked_where_nothing_was_written() -> None:
    """A second beyond the video's start and one that was not seen yet."""
    options = replace(MASKED, memory=MemoryWindow(3, 2))
    structure = build("serial", ["M"], replace(options, block=replace(options.block, memory_slots=6)))
    pool = MemoryPool(options.dim_in, length=(3, 2))
    inputs = make_inputs((2,), (0,))
    pool.write([Keyframe("a", 0), Keyframe("b", 2)], torch.randn(2, options.dim_in), torch.tensor([0, 1]))
    memory = pool.read([Keyframe("a", 1)])
    assert memory.present.nonzero().tolist() == [[0, 2, 0]]
    structure(replace(inputs, memory=memory)).square().sum().backward()
    reached = structure.M_block_1.temporal_position_v.grad.flatten(1).any(dim=1)
    assert reached.tolist() == [NO, NO, YES, YES, NO, NO]  # the second before, and the clip's own


@pytest.mark.parametrize(("name", "blocks"), CASES)
@pytest.mark.parametrize("persons", [(2, 0, 4), (0, 0, 0)])
def test_every_parameter_takes_part_in_every_step(name: str, blocks: list, persons: tuple) -> None:
    """A parameter without a gradient would make DistributedDataParallel fail, one with NaN ruins the weights."""
    options = replace(MASKED, block=replace(MASKED.block, dropout=0.1, layer_norm=True))
    structure = build(name, blocks, options).train()
    for inputs in (make_inputs(persons), replace(make_inputs(persons, (0, 0, 0)), memory=None)):
        structure.zero_grad()
        inputs.persons.requires_grad_()
        result = structure(inputs)
        assert torch.isfinite(result).all()
        result.square().sum().backward()
        for key, parameter in structure.named_parameters():
            assert torch.isfinite(parameter.grad).all(), key
        assert torch.isfinite(inputs.persons.grad).all()


@pytest.mark.parametrize("options", [OPTIONS, MASKED], ids=["all slots", "masked"])
@pytest.mark.parametrize(("name", "blocks"), CASES)
@torch.no_grad()
def test_nothing_waits_for_the_device(name: str, blocks: list, options: StructureOptions) -> None:
    """On the meta device there is no value to wait for: .item() or a boolean index fails."""
    structure = build(name, blocks, options).to("meta")
    assert structure(to_meta(make_inputs())).shape == (6, OUT)
    bare = replace(make_inputs(), objects=None, object_clip_index=None, memory=None)
    assert structure(to_meta(bare)).shape == (6, OUT)


def to_meta(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.to("meta")
    if is_dataclass(value):
        return replace(value, **{field.name: to_meta(getattr(value, field.name)) for field in fields(value)})
    return value


# --- the config


def from_config(mask_absent: bool | None, **keys: object) -> InteractionStructure:
    cfg = get_cfg()
    node = cfg.MODEL.IA_STRUCTURE
    keys = {"ACTIVE": True, "DIM_IN": OPTIONS.dim_in, "DIM_INNER": INNER, "DIM_OUT": OUT, "MAX_OBJECT": 2} | keys
    for key, value in keys.items():
        node[key] = value
    if mask_absent is not None:
        node.MASK_ABSENT = mask_absent
    return build_interaction_structure(cfg)


@torch.no_grad()
def test_off_by_default_and_the_same_names() -> None:
    keys = {"USE_ZERO_INIT_CONV": False, "CONV_INIT_STD": 0.5}
    default, off, on = (from_config(value, **keys) for value in (None, False, True))
    assert {name: tensor.shape for name, tensor in default.state_dict().items()} == {
        name: tensor.shape for name, tensor in on.state_dict().items()
    }
    for structure in (off, on):
        structure.load_state_dict(default.state_dict())
    inputs = replace(make_inputs(), memory=None)
    assert torch.equal(off(inputs), default(inputs))
    assert not torch.allclose(on(inputs), default(inputs), rtol=1e-3)
