"""CENTER_FEATURES, POSITION_INIT_STD and MEMORY_OWN_SECOND: what blocks learn from, off by default.

Axes: N persons, B clips, S seconds, P persons a second, D channels.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from modeling.interaction.cases import BLOCK, CASES, DIM, INNER, MASKED, OPTIONS, build, make_inputs

from alphaction.config import get_cfg
from alphaction.data.keyframes import Keyframe
from alphaction.memory import MemoryPool
from alphaction.modeling.interaction import build_interaction_structure
from alphaction.modeling.interaction.block import InteractionBlock, Slots
from alphaction.modeling.interaction.center import MOMENTUM, RunningCenter
from alphaction.modeling.interaction.structure import StructureOptions

CENTERED = replace(MASKED, center=True)


def test_the_first_rows_set_the_mean_and_later_ones_move_it() -> None:
    center = RunningCenter(2)
    center.update(torch.tensor([[2.0, 0.0], [4.0, 8.0]]))
    torch.testing.assert_close(center.mean, torch.tensor([3.0, 4.0]))
    center.update(torch.zeros(0, 2))
    torch.testing.assert_close(center.mean, torch.tensor([3.0, 4.0]))
    for _ in range(20):
        center.update(torch.tensor([[3.0, 4.0]]))
    center.update(torch.tensor([[13.0, 4.0]]))
    torch.testing.assert_close(center.mean, torch.tensor([3.0 + 10 * MOMENTUM, 4.0]))


def test_the_mean_is_subtracted_as_often_as_the_weight_says() -> None:
    center = RunningCenter(2)
    center.update(torch.tensor([[1.0, 2.0]]))
    features = torch.tensor([[5.0, 5.0], [0.0, 0.0], [0.5, 1.0]])
    centered = center(features, torch.tensor([1.0, 0.0, 0.5]))
    torch.testing.assert_close(centered, torch.tensor([[4.0, 3.0], [0.0, 0.0], [0.0, 0.0]]))


def test_half_precision_features_keep_their_type_and_the_mean_its_own() -> None:
    center = RunningCenter(2)
    center.update(torch.tensor([[1.0, 2.0], [4.0, 2.0]], dtype=torch.bfloat16))
    assert (center.mean.dtype, center.mean.tolist()) == (torch.float32, [2.5, 2.0])
    centered = center(torch.tensor([[5.0, 5.0]], dtype=torch.bfloat16), torch.ones(1))
    assert (centered.dtype, centered.tolist()) == (torch.bfloat16, [[2.5, 3.0]])


@pytest.mark.parametrize(("name", "blocks"), CASES)
def test_what_all_features_share_makes_no_difference(name: str, blocks: list) -> None:
    """A vector added to every feature, in training as at test time, changes nothing; without centering it does."""
    torch.manual_seed(0)
    inputs = make_inputs()
    shift = torch.linspace(3.0, -2.0, DIM)
    memory = inputs.memory
    shifted = replace(
        inputs,
        persons=inputs.persons + shift,
        objects=inputs.objects + shift,
        memory=replace(memory, features=memory.features + memory.present[..., None] * shift),
    )
    results = {}
    for options in (CENTERED, MASKED):
        structure = build(name, blocks, options)
        outputs = []
        for given in (inputs, shifted):
            for module in structure.modules():
                if isinstance(module, RunningCenter):
                    module.mean.zero_(), module.steps.zero_()
            structure.train()(given)
            outputs.append(structure.eval()(given))
        results[options.center] = outputs
    torch.testing.assert_close(*results[True], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(*results[False], atol=0.1)


def test_only_training_moves_the_mean() -> None:
    structure = build("serial", ["P", "O", "M"], CENTERED)
    inputs = make_inputs()
    structure.eval()(inputs)
    assert structure.person_center.steps == 0
    structure.train()(inputs)
    assert structure.person_center.steps == structure.object_center.steps == 1
    torch.testing.assert_close(structure.person_center.mean, inputs.persons.mean(0))
    torch.testing.assert_close(structure.object_center.mean, inputs.objects.mean(0))


def test_the_penalty_scales_the_centered_feature() -> None:
    """A remembered feature that PENALTY halves becomes half of what it is after centering."""
    pool = MemoryPool(DIM, max_per_second=2, length=(2, 1))
    feature = torch.arange(1.0, DIM + 1)
    pool.write([Keyframe("v", 1)], feature[None], torch.zeros(1, dtype=torch.long), tag=1.0)
    memory = pool.read([Keyframe("v", 2)], penalty=True, current_tag=2.0)
    mean = torch.full((DIM,), 0.25)
    center = RunningCenter(DIM)
    center.update(mean[None])
    torch.testing.assert_close(center(memory.features, memory.weights)[0, 1, 0], 0.5 * (feature - mean))
    assert memory.weights.sum() == 0.5
    plain = pool.read([Keyframe("v", 2)])
    torch.testing.assert_close(center(plain.features, plain.weights)[0, 1, 0], feature - mean)
    now = memory.with_current(torch.ones(1, DIM), torch.zeros(1, dtype=torch.long), torch.ones(1))
    assert now.weights[0, 2, 0] == 1.0


def test_the_defaults_add_nothing_to_the_state_dict() -> None:
    cfg = get_cfg()
    cfg.MODEL.IA_STRUCTURE.ACTIVE = True
    cfg.MODEL.IA_STRUCTURE.MAX_OBJECT = 5
    assert not StructureOptions.from_config(cfg).center
    plain = build_interaction_structure(cfg)
    assert not any("center" in name for name in plain.state_dict())
    assert all(not position.any() for name, position in plain.named_parameters() if "temporal_position" in name)
    cfg.MODEL.IA_STRUCTURE.CENTER_FEATURES = True
    added = build_interaction_structure(cfg).state_dict().keys() - plain.state_dict().keys()
    assert added == {f"{of}_center.{what}" for of in ("person", "object") for what in ("mean", "steps")}


def test_positions_start_at_random_and_get_a_gradient_from_the_first_step() -> None:
    """Zero positions and a zero bias have no gradient through each other where a query is zero."""
    query = torch.zeros(1, INNER)
    others = Slots(torch.randn(1, 4, 2, INNER), torch.ones(1, 4, 2, dtype=torch.bool))
    found = {}
    for std in (0.0, 0.5):
        torch.manual_seed(0)
        block = InteractionBlock(INNER, INNER, INNER, replace(BLOCK, position_std=std), is_memory=True)
        block(query, others, torch.zeros(1, dtype=torch.long)).sum().backward()
        found[std] = block
    assert not found[0.0].temporal_position_k.grad.any()
    assert found[0.5].temporal_position_k.grad.any()
    assert found[0.5].query.bias.grad.any()
    assert not found[0.5].temporal_position_v.any()
    assert 0.2 < found[0.5].temporal_position_k.std() < 0.8


def test_other_blocks_have_no_positions_to_start() -> None:
    block = InteractionBlock(INNER, INNER, INNER, replace(BLOCK, position_std=0.5))
    assert not block.query.bias.any()
    assert OPTIONS.block.position_std == 0.0


def test_without_the_own_second_a_block_sees_the_memory_only() -> None:
    """The clip's own persons change what others see of them in a P block, but not in an M block."""
    inputs = make_inputs()
    # The last person of the first clip looks different; the others' queries stay.
    first = inputs.clip_index == inputs.clip_index[0]
    changed = int(first.nonzero()[-1])
    persons = inputs.persons.clone()
    persons[changed] += 3.0
    rest = torch.arange(len(persons)) != changed
    for own_second in (True, False):
        structure = build("serial", ["M"], replace(MASKED, memory_own_second=own_second))
        results = [structure(replace(inputs, persons=given))[rest] for given in (inputs.persons, persons)]
        assert torch.equal(*results) is not own_second


def test_an_empty_memory_without_the_own_second_adds_nothing_but_the_query() -> None:
    inputs = replace(make_inputs(), memory=None)
    structure = build("serial", ["M"], replace(MASKED, memory_own_second=False))
    block = structure.M_block_1
    query = structure.person_dim_reduce(inputs.persons)
    torch.testing.assert_close(structure(inputs), block.shortcut(query) + block.out.bias)
