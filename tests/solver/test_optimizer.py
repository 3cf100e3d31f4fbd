"""Which parameter gets which learning rate and weight decay."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from alphaction.config import get_cfg
from alphaction.solver import build_optimizer


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(1, 2, 1)
        self.bn = nn.BatchNorm3d(2)
        self.ia_structure = nn.Linear(2, 2)
        self.frozen = nn.Linear(2, 2).requires_grad_(False)


def test_groups_hold_the_rates_of_the_config():
    cfg = get_cfg()
    cfg.SOLVER.BASE_LR, cfg.SOLVER.BIAS_LR_FACTOR, cfg.SOLVER.IA_LR_FACTOR = 0.1, 2, 10.0
    cfg.SOLVER.WEIGHT_DECAY, cfg.SOLVER.WEIGHT_DECAY_BIAS, cfg.SOLVER.WEIGHT_DECAY_BN = 0.01, 0.02, 0.03
    network = Network()
    optimizer = build_optimizer(cfg, network)
    found = {}
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            found[names[id(parameter)]] = (pytest.approx(group["lr"]), group["weight_decay"])
    assert found == {
        "conv.weight": (0.1, 0.01),
        "conv.bias": (0.2, 0.02),
        "bn.weight": (0.1, 0.03),
        "bn.bias": (0.1, 0.03),
        "ia_structure.weight": (1.0, 0.01),
        "ia_structure.bias": (2.0, 0.02),
    }
    assert isinstance(optimizer, torch.optim.SGD)
    assert all(group["momentum"] == 0.9 for group in optimizer.param_groups)
