"""Networks as shapes: the same as real ones but for the values."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from alphaction.utils.shapes_only import shapes_only


def network() -> nn.Module:
    network = nn.Sequential(
        nn.Conv3d(3, 4, 3), nn.BatchNorm3d(4), nn.Flatten(2), nn.LayerNorm(8), nn.Linear(8, 5), nn.ReLU()
    )
    nn.init.zeros_(network[0].bias)
    nn.init.trunc_normal_(network[4].weight, std=0.02)
    return network


@pytest.mark.parametrize("training", [True, False])
def test_shapes_are_those_of_a_real_network_and_nothing_is_drawn(training):
    real = network().train(training)
    expected = real(torch.randn(2, 3, 4, 4, 4)).shape
    state = torch.get_rng_state()
    with shapes_only():
        found = network().train(training)
        output = found(torch.empty(2, 3, 4, 4, 4))
    assert torch.equal(torch.get_rng_state(), state)
    assert output.shape == expected == (2, 4, 5)
    assert output.is_meta
    assert {name: tensor.shape for name, tensor in found.state_dict().items()} == {
        name: tensor.shape for name, tensor in real.state_dict().items()
    }
    assert all(tensor.is_meta for tensor in found.state_dict().values())


def test_only_what_runs_within_is_changed():
    with shapes_only():
        pass
    assert float(nn.init.constant_(torch.empty(1), 2.0)) == 2
