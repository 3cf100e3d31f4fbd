"""COSINE_SCALE: scores that do not grow with queries and keys, off by default.

Axes: N persons, B clips, K slots of a clip, D channels.
"""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from modeling.interaction.cases import BLOCK, CASES, COSINE, INNER, OPTIONS, build, make_inputs, naive_structure
from torch import Tensor

from alphaction.config import get_cfg
from alphaction.modeling.interaction import build_interaction_structure
from alphaction.modeling.interaction.block import InteractionBlock, Slots
from alphaction.modeling.interaction.structure import StructureOptions

SCALE = 3.0


def make_block(scale: float) -> InteractionBlock:
    """A block whose query, key, value and output are those that it is given."""
    block = InteractionBlock(INNER, INNER, INNER, replace(BLOCK, bias=False, cosine_scale=scale))
    for conv in (block.query, block.key, block.value, block.out):
        with torch.no_grad():
            conv.weight.copy_(torch.eye(INNER)[:, :, None, None, None])
    return block


def attend(block: InteractionBlock, query: Tensor, others: Tensor) -> Tensor:
    """What a person finds in the slots of its clip: [D] and [K, D] to [D]."""
    slots = Slots(others[None], torch.ones(1, len(others), dtype=torch.bool))
    return block(query[None], slots, torch.zeros(1, dtype=torch.long))[0] - query


def test_the_score_is_the_cosine_times_the_scale() -> None:
    """A slot at 0 and one at 90 degrees: their weights are as exp(3) to 1, whatever their lengths."""
    query = torch.tensor([0.5, 0.0, 0.0, 0.0])
    others = torch.tensor([[2.0, 0.0, 0.0, 0.0], [0.0, 9.0, 0.0, 0.0]])
    share = math.exp(SCALE) / (math.exp(SCALE) + 1)
    torch.testing.assert_close(
        attend(make_block(SCALE), query, others), torch.tensor([share * 2.0, (1 - share) * 9.0, 0.0, 0.0])
    )


@pytest.mark.parametrize(("name", "blocks"), CASES)
def test_it_agrees_with_a_loop_over_persons(name: str, blocks: list) -> None:
    torch.manual_seed(0)
    structure, inputs = build(name, blocks, COSINE), make_inputs()
    torch.testing.assert_close(
        structure(inputs), naive_structure(name, blocks, structure, inputs), atol=1e-4, rtol=1e-4
    )


def test_long_queries_leave_the_attention_where_it_is() -> None:
    """With the dot product they leave it all to one slot, and no gradient to the query."""
    torch.manual_seed(0)
    query, others = torch.randn(INNER), torch.randn(5, INNER).abs()
    found, gradients = {}, {}
    for scale in (0.0, SCALE):
        block = make_block(scale)
        found[scale] = attend(block, query, others)
        with torch.no_grad():
            block.query.weight.mul_(1000.0)
        longer = attend(block, query, others)
        longer.square().sum().backward()
        gradients[scale] = 1000.0 * block.query.weight.grad.norm()  # of a relative change
        if scale:
            torch.testing.assert_close(longer, found[scale])
        else:
            assert (others - longer).norm(dim=1).min() < 1e-4
    assert gradients[0.0] < 0.01
    assert gradients[SCALE] > 0.1


def test_no_slot_has_more_than_the_scale_allows() -> None:
    others = torch.eye(INNER)[0] * torch.tensor([[1.0], [-1.0]])
    slots = torch.cat([others[:, :1], torch.eye(2), torch.zeros(2, 1)], dim=1)
    block = make_block(SCALE)
    with torch.no_grad():  # Values distinguish the slots; keys are what queries match.
        block.key.weight.zero_()[0, 0] = 1.0
    weights = attend(block, torch.tensor([7.0, 0.0, 0.0, 0.0]), slots)[1:3]
    torch.testing.assert_close(weights, torch.tensor([SCALE, -SCALE]).softmax(0))


def test_empty_slots_have_bounded_gradients() -> None:
    """Their keys are 0 while the biases are: a block of which all of them are attended to still trains."""
    torch.manual_seed(0)
    block = InteractionBlock(INNER, INNER, INNER, replace(BLOCK, cosine_scale=SCALE))
    assert not block.key.bias.any()
    attend(block, torch.randn(INNER), torch.stack([torch.randn(INNER), torch.zeros(INNER)])).sum().backward()
    assert 0 < block.key.bias.grad.norm() < 1e3
    assert all(parameter.grad.isfinite().all() for parameter in block.parameters())


def test_half_precision() -> None:
    torch.manual_seed(0)
    structure, inputs = build("serial", ["P", "O", "M"], COSINE), make_inputs()
    with torch.autocast("cpu", torch.bfloat16):
        half = structure(inputs)
    torch.testing.assert_close(half.float(), structure(inputs), atol=0.15, rtol=0.05)


def test_the_key_turns_it_on_and_adds_no_weights() -> None:
    cfg = get_cfg()
    cfg.MODEL.IA_STRUCTURE.ACTIVE = True
    cfg.MODEL.IA_STRUCTURE.MAX_OBJECT = 5
    assert StructureOptions.from_config(cfg).block.cosine_scale == OPTIONS.block.cosine_scale == 0.0
    names = build_interaction_structure(cfg).state_dict().keys()
    cfg.MODEL.IA_STRUCTURE.COSINE_SCALE = SCALE
    structure = build_interaction_structure(cfg)
    assert structure.state_dict().keys() == names
    blocks = [module for module in structure.modules() if isinstance(module, InteractionBlock)]
    assert blocks
    assert all(block.cosine_scale == SCALE for block in blocks)
