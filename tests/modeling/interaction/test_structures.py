"""Axes: N persons, M objects, B clips, K slots of a clip, S seconds, P persons a second, D channels."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from modeling.interaction.cases import (
    BLOCK,
    CASES,
    DIM,
    INNER,
    MASKED,
    OPTIONS,
    OUT,
    build,
    make_inputs,
    naive_structure,
)
from torch import nn

from alphaction.config import get_cfg
from alphaction.memory import MemoryFeatures, MemoryWindow
from alphaction.modeling.interaction import InteractionInputs, InteractionStructure, build_interaction_structure
from alphaction.modeling.interaction.block import BlockOptions, InteractionBlock, Slots, attend_within_clip
from alphaction.modeling.interaction.structure import StructureOptions
from alphaction.modeling.registries import INTERACTION_STRUCTURES
from alphaction.utils.errors import UserError


def test_every_structure_is_tested() -> None:
    assert {name for name, _ in CASES} == set(INTERACTION_STRUCTURES.names())


# --- the block


def test_attention_by_hand() -> None:
    """D = 4, so logits are halved: log 3 and 0 for the first clip's slots, weights 3/4 and 1/4."""
    query = torch.tensor([[2 * math.log(3), 0, 0, 0], [0.0, 0, 0, 0]])
    keys = torch.tensor([[[1.0, 0, 0, 0], [0, 1, 0, 0]], [[5, 5, 5, 5], [9, 9, 9, 9]]])
    values = torch.tensor([[[4.0, 0, 0, 8], [0, 4, 0, 8]], [[1, 1, 1, 1], [3, 3, 3, 3]]])
    attended = attend_within_clip(query, keys, values, torch.tensor([0, 1]))
    torch.testing.assert_close(attended, torch.tensor([[3.0, 1, 0, 8], [2, 2, 2, 2]]))


def test_block_by_hand() -> None:
    options = BlockOptions(dim_inner=2, layer_norm=True, memory_slots=0)
    block = InteractionBlock(2, 2, 2, options)
    for conv in (block.query, block.key, block.value, block.out):
        nn.init.zeros_(conv.weight)
    with torch.no_grad():
        block.value.weight[:] = torch.eye(2).view(2, 2, 1, 1, 1)
        block.out.weight[:] = torch.tensor([[2.0, 0], [0, 3]]).view(2, 2, 1, 1, 1)
        block.out.bias[:] = torch.tensor([0.5, 0.25])
    # Equal weights: the mean of the slots is (3, 1); normalized (1, -1); ReLU (1, 0); out (2.5, 0.25); plus the query.
    slots = Slots(torch.tensor([[[4.0, 2.0], [2.0, 0.0]]]), torch.tensor([[True, True]]))
    found = block(torch.tensor([[10.0, 20.0]]), slots, torch.tensor([0]))
    torch.testing.assert_close(found, torch.tensor([[12.5, 20.25]]), rtol=1e-4, atol=1e-4)


def test_zero_init_passes_the_query_through() -> None:
    block = InteractionBlock(INNER, INNER, INNER, BlockOptions(dim_inner=INNER, zero_init=True))
    query = torch.randn(2, INNER)
    slots = Slots(torch.randn(1, 3, INNER), torch.ones(1, 3, dtype=torch.bool))
    assert torch.equal(block(query, slots, torch.tensor([0, 0])), query)


def test_initial_weights() -> None:
    structure = INTERACTION_STRUCTURES.get("dense")(
        StructureOptions(dim_in=200, dim_out=200, block=BlockOptions(dim_inner=200, init_std=0.02)), ["P", "M", "O"]
    )
    for name, parameter in structure.named_parameters():
        if name.endswith("weight") and ".out." not in name:
            assert parameter.std().item() == pytest.approx(0.02, rel=0.05), name
        else:
            assert not parameter.any(), name


# --- the structures, against a loop over persons


@pytest.mark.parametrize("options", [OPTIONS, MASKED], ids=["all slots", "masked"])
@pytest.mark.parametrize(("name", "blocks"), CASES)
@torch.no_grad()
def test_structure_equals_a_loop_over_persons(name: str, blocks: list, options: StructureOptions) -> None:
    structure, inputs = build(name, blocks, options), make_inputs()
    found = structure(inputs)
    assert found.shape == (6, OUT)
    torch.testing.assert_close(found, naive_structure(name, blocks, structure, inputs), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "blocks"), CASES)
@torch.no_grad()
def test_without_reduction(name: str, blocks: list) -> None:
    structure, inputs = build(name, blocks, replace(OPTIONS, reduce=False)), make_inputs()
    assert not [key for key in structure.state_dict() if "dim_reduce" in key]
    found = structure(inputs)
    torch.testing.assert_close(found, naive_structure(name, blocks, structure, inputs), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "blocks"), CASES)
@pytest.mark.parametrize("persons", [(2, 0, 4), (0, 0, 0)])
def test_every_parameter_takes_part_in_every_step(name: str, blocks: list, persons: tuple) -> None:
    """A parameter without a gradient would make DistributedDataParallel wait or fail."""
    structure = build(name, blocks, replace(OPTIONS, block=replace(BLOCK, dropout=0.1, layer_norm=True))).train()
    full = make_inputs(persons)
    bare = replace(make_inputs(persons, (0, 0, 0)), memory=None)
    for inputs in (full, bare):
        structure.zero_grad()
        structure(inputs).square().sum().backward()
        for key, parameter in structure.named_parameters():
            assert parameter.grad is not None, key
            if inputs is full and sum(persons):
                # A key's bias shifts all logits alike, which a softmax does not notice.
                assert parameter.grad.any() or key.endswith("key.bias"), key


@pytest.mark.parametrize(("name", "blocks"), CASES)
@torch.no_grad()
def test_another_clip_changes_nothing_for_the_first(name: str, blocks: list) -> None:
    structure, inputs = build(name, blocks), make_inputs((3, 2), (1, 2))
    alone = InteractionInputs(
        persons=inputs.persons[:3],
        clip_index=inputs.clip_index[:3],
        scores=inputs.scores[:3],
        num_clips=1,
        objects=inputs.objects[:1],
        object_clip_index=inputs.object_clip_index[:1],
        memory=MemoryFeatures(inputs.memory.features[:1], inputs.memory.present[:1], 2),
    )
    torch.testing.assert_close(structure(inputs)[:3], structure(alone), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "blocks"), CASES)
@torch.no_grad()
def test_the_order_of_persons_does_not_matter(name: str, blocks: list) -> None:
    structure, inputs = build(name, blocks), make_inputs()
    order = torch.tensor([1, 0, 5, 3, 2, 4])  # within the clips 0, 0, 2, 2, 2, 2
    shuffled = replace(inputs, persons=inputs.persons[order], scores=inputs.scores[order])
    torch.testing.assert_close(structure(shuffled), structure(inputs)[order], rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_no_objects_at_all_are_empty_slots() -> None:
    structure = build("serial", ["O", "P"])
    inputs = make_inputs(objects=(0, 0, 0))
    without = replace(inputs, objects=None, object_clip_index=None)
    assert torch.equal(structure(inputs), structure(without))


@torch.no_grad()
def test_only_the_best_scored_persons_are_attended_to() -> None:
    structure, inputs = build("serial", ["P"]), make_inputs((5,), (0,))
    inputs = replace(inputs, scores=torch.tensor([0.1, 0.9, 0.8, 0.7, 0.2]))
    before = structure(inputs)
    persons = inputs.persons.clone()
    persons[4] += 1  # the fourth best of three
    after = structure(replace(inputs, persons=persons))
    assert torch.equal(before[:4], after[:4])
    assert not torch.allclose(before[4], after[4])  # it still asks
    persons[3] += 1
    assert not torch.allclose(structure(replace(inputs, persons=persons))[0], before[0])


@torch.no_grad()
def test_without_memory_the_batch_remembers_itself() -> None:
    structure, inputs = build("serial", ["M"]), make_inputs()
    empty = MemoryFeatures(torch.zeros(3, 4, 2, DIM), torch.zeros(3, 4, 2, dtype=torch.bool), 2)
    expected = structure(replace(inputs, memory=empty))
    assert torch.equal(structure(replace(inputs, memory=None)), expected)


def test_memory_of_another_shape() -> None:
    inputs = make_inputs()
    memory = MemoryFeatures.empty(3, MemoryWindow(2, 6, 2), like=inputs.persons)
    with pytest.raises(ValueError, match=r"\(9, 2, 6\).*\(4, 2, 6\)"):
        build("serial", ["M"])(replace(inputs, memory=memory))


def test_live_persons_in_the_memory_get_gradients() -> None:
    structure, inputs = build("serial", ["M"]), make_inputs((2, 1), (0, 0))
    nn.init.constant_(structure.M_block_1.value.bias, 9.0)  # what is attended to shall pass the ReLU
    persons = inputs.persons.requires_grad_()
    structure(inputs)[0].sum().backward()
    # The other person of the clip is attended to; the person of the other clip is not.
    assert persons.grad[1].any()
    assert not persons.grad[2].any()


# --- the config


def config(**keys: object):
    cfg = get_cfg()
    small = {"ACTIVE": True, "DIM_IN": DIM, "DIM_INNER": INNER, "DIM_OUT": OUT, "MAX_OBJECT": 2} | keys
    for key, value in small.items():
        cfg.MODEL.IA_STRUCTURE[key] = value
    return cfg


def test_inactive_by_default() -> None:
    assert build_interaction_structure(get_cfg()) is None


def test_no_bias_means_no_bias() -> None:
    structure = build_interaction_structure(config(NO_BIAS=True))
    assert not [name for name, _ in structure.named_parameters() if name.endswith("bias")]
    assert [name for name, _ in build_interaction_structure(config()).named_parameters() if name.endswith("bias")]


def test_temporal_position_can_be_left_out() -> None:
    structure = build_interaction_structure(config(TEMPORAL_POSITION=False))
    assert not [name for name, _ in structure.named_parameters() if "temporal_position" in name]
    assert structure(make_inputs_of(structure)).shape == (2, OUT)


def make_inputs_of(structure: InteractionStructure) -> InteractionInputs:
    return replace(make_inputs((2,), (1,)), memory=None)


def test_length_and_rate_of_the_memory() -> None:
    structure = build_interaction_structure(config(LENGTH=(3, 1), MAX_PER_SEC=4, I_BLOCK_LIST=["M"]))
    assert structure.M_block_1.temporal_position_k.shape == (5, 1, INNER, 1, 1, 1)
    memory = MemoryFeatures.empty(1, MemoryWindow(3, 1, 4), like=torch.ones(2, DIM))
    assert structure(replace(make_inputs((2,), (1,)), memory=memory)).shape == (2, OUT)


@pytest.mark.parametrize("layer_norm", [True, False])
def test_layer_norm_has_no_parameters_and_matters(layer_norm: bool) -> None:
    structure = build_interaction_structure(config(LAYER_NORM=layer_norm, USE_ZERO_INIT_CONV=False, CONV_INIT_STD=0.5))
    other = build_interaction_structure(config(LAYER_NORM=not layer_norm))
    other.load_state_dict(structure.state_dict())
    inputs = make_inputs_of(structure)
    assert not torch.allclose(structure(inputs), other(inputs))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"STRUCTURE": "densest"}, '"dense"'),
        ({"I_BLOCK_LIST": []}, r"I_BLOCK_LIST is \[\]; .*a list "),
        ({"I_BLOCK_LIST": ["P", "X"]}, r"'X'"),
        ({"I_BLOCK_LIST": [["P"], ["O"]]}, "I_BLOCK_LIST .*a list "),
        ({"STRUCTURE": "parallel", "I_BLOCK_LIST": ["P", "O"]}, "a list of lists"),
        ({"STRUCTURE": "parallel", "I_BLOCK_LIST": []}, "a list of lists"),
        ({"STRUCTURE": "parallel", "I_BLOCK_LIST": [["P", "O"], ["P"]]}, "equally long"),
        ({"MAX_OBJECT": 0}, r'"O" block.*MAX_OBJECT is 0.*MAX_OBJECT to 5'),
        ({"MAX_PERSON": 0}, "MAX_PERSON is 0"),
        ({"MAX_PER_SEC": 0}, "MAX_PER_SEC is 0"),
    ],
)
def test_mistakes_are_named(keys: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_interaction_structure(config(**keys))


def test_no_objects_are_needed_without_object_blocks() -> None:
    structure = build_interaction_structure(config(MAX_OBJECT=0, I_BLOCK_LIST=["P", "M"]))
    assert not structure.uses_objects
    assert structure.uses_memory
    assert not build_interaction_structure(config(I_BLOCK_LIST=["P", "O"])).uses_memory
