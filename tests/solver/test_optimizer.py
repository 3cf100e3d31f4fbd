"""Which parameter gets which learning rate and weight decay."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import pytest
import torch
from torch import nn
from yacs.config import CfgNode

from alphaction.config import get_cfg, load_cfg
from alphaction.modeling import build_detection_model
from alphaction.solver import build_optimizer, describe_rates
from alphaction.solver.optimizer import layer_shares
from alphaction.utils.shapes_only import shapes_only


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(1, 2, 1)
        self.bn = nn.BatchNorm3d(2)
        self.ia_structure = nn.Linear(2, 2)
        self.frozen = nn.Linear(2, 2).requires_grad_(False)


class Stack(nn.Module):
    """A backbone of a stem and two blocks, whose last norm is in no layer, as transformers have them."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(2))
        self.stem = nn.Linear(2, 2)
        self.block1 = nn.ModuleDict({"attention": nn.Linear(2, 6, bias=False), "norm": nn.LayerNorm(2)})
        self.block1.register_parameter("q_bias", nn.Parameter(torch.zeros(2)))
        self.block1.register_parameter("scale", nn.Parameter(torch.ones(2)))
        self.block2 = nn.Sequential(nn.Conv1d(2, 2, 1), nn.GroupNorm(1, 2), nn.RMSNorm(2))
        self.norm = nn.LayerNorm(2)

    def layers(self) -> Sequence[Sequence[nn.Module]]:
        return [[self.stem], [self.block1], [self.block2]]


class Detector(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = Stack()
        self.head = nn.Linear(2, 3)


def rates(cfg: CfgNode, network: nn.Module) -> dict[str, tuple[object, float]]:
    """Return (learning rate, weight decay) of each parameter that is trained."""
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    return {
        names[id(parameter)]: (pytest.approx(group["lr"]), group["weight_decay"])
        for group in build_optimizer(cfg, network).param_groups
        for parameter in group["params"]
    }


def transformer_recipe() -> CfgNode:
    cfg = get_cfg()
    cfg.SOLVER.OPTIMIZER, cfg.SOLVER.BASE_LR, cfg.SOLVER.BIAS_LR_FACTOR = "adamw", 1.0, 1.0
    cfg.SOLVER.WEIGHT_DECAY, cfg.SOLVER.LAYER_DECAY = 0.05, 0.5
    return cfg


def test_groups_hold_the_rates_of_the_config():
    cfg = get_cfg()
    cfg.SOLVER.BASE_LR, cfg.SOLVER.BIAS_LR_FACTOR, cfg.SOLVER.IA_LR_FACTOR = 0.1, 2, 10.0
    cfg.SOLVER.WEIGHT_DECAY, cfg.SOLVER.WEIGHT_DECAY_BIAS, cfg.SOLVER.WEIGHT_DECAY_BN = 0.01, 0.02, 0.03
    network = Network()
    optimizer = build_optimizer(cfg, network)
    assert rates(cfg, network) == {
        "conv.weight": (0.1, 0.01),
        "conv.bias": (0.2, 0.02),
        "bn.weight": (0.1, 0.03),
        "bn.bias": (0.1, 0.03),
        "ia_structure.weight": (1.0, 0.01),
        "ia_structure.bias": (2.0, 0.02),
    }
    assert isinstance(optimizer, torch.optim.SGD)
    assert all(group["momentum"] == 0.9 for group in optimizer.param_groups)


def test_the_head_has_a_rate_of_its_own():
    network = Detector()
    network.roi_heads = nn.ModuleDict(
        {"action": nn.ModuleDict({"fc": nn.Linear(2, 3), "ia_structure": nn.Linear(2, 2)})}
    )
    cfg = transformer_recipe()
    cfg.SOLVER.HEAD_LR_FACTOR, cfg.SOLVER.IA_LR_FACTOR = 10.0, 2.0
    found = rates(cfg, network)
    assert found["roi_heads.action.fc.weight"] == (10.0, 0.05)
    assert found["roi_heads.action.ia_structure.weight"] == (20.0, 0.05)
    assert found["backbone.norm.weight"] == (1.0, 0.0)
    assert describe_rates(cfg, network).startswith("10 at the head, 0.5 to ")


def test_layers_learn_slower_the_nearer_they_are_to_the_frames():
    # n blocks: block i gets decay^(n - i), the stem decay^(n + 1).
    assert layer_shares(0.75, 13) == pytest.approx([0.75**13, *(0.75 ** (12 - i) for i in range(12))])
    assert rates(transformer_recipe(), Detector()) == {
        "backbone.token": (1.0, 0.0),
        "backbone.stem.weight": (0.125, 0.05),
        "backbone.stem.bias": (0.125, 0.0),
        "backbone.block1.q_bias": (0.25, 0.0),
        "backbone.block1.scale": (0.25, 0.0),
        "backbone.block1.attention.weight": (0.25, 0.05),
        "backbone.block1.norm.weight": (0.25, 0.0),
        "backbone.block1.norm.bias": (0.25, 0.0),
        "backbone.block2.0.weight": (0.5, 0.05),
        **{f"backbone.block2.{name}": (0.5, 0.0) for name in ("0.bias", "1.weight", "1.bias", "2.weight")},
        "backbone.norm.weight": (1.0, 0.0),
        "backbone.norm.bias": (1.0, 0.0),
        "head.weight": (1.0, 0.05),
        "head.bias": (1.0, 0.0),
    }


def test_adamw_has_the_betas_of_the_published_recipes():
    optimizer = build_optimizer(transformer_recipe(), Detector())
    assert isinstance(optimizer, torch.optim.AdamW)
    assert {group["betas"] for group in optimizer.param_groups} == {(0.9, 0.999)}


def test_norms_and_biases_have_weight_decays_of_their_own():
    cfg = transformer_recipe()
    cfg.SOLVER.WEIGHT_DECAY_BIAS, cfg.SOLVER.WEIGHT_DECAY_BN, cfg.SOLVER.BIAS_LR_FACTOR = 0.02, 0.03, 2.0
    found = rates(cfg, Detector())
    assert found["backbone.block1.q_bias"] == (0.5, 0.02)
    assert found["backbone.block1.norm.bias"] == (0.25, 0.03)
    assert found["backbone.block1.scale"] == (0.25, 0.03)
    assert found["backbone.token"] == (1.0, 0.03)


@pytest.mark.parametrize(
    ("body", "tables"),
    [
        ("ViT-Small", ["pos_embed.table"]),
        ("MViTv2-Small", ["rel_pos_h", "rel_pos_t", "rel_pos_w"]),
        ("Swin3D-Tiny", ["relative_position_bias_table"]),
    ],
)
def test_only_matrices_that_mix_features_of_a_transformer_decay(body, tables):
    cfg = load_cfg(None, ["MODEL.BACKBONE.CONV_BODY", body, "MODEL.BACKBONE.VIT.POSITIONS", "learned"])
    cfg.SOLVER.WEIGHT_DECAY, cfg.SOLVER.WEIGHT_DECAY_BIAS, cfg.SOLVER.WEIGHT_DECAY_BN = 0.05, 0.0, 0.0
    with shapes_only():
        network = build_detection_model(cfg)
    decays = {name: decay for name, (_, decay) in rates(cfg, network).items()}
    dimensions = {name: parameter.ndim for name, parameter in network.named_parameters()}
    exempt = {name for name in dimensions if dimensions[name] > 1 and not decays[name]}
    assert {name.rpartition(".attn.")[2].removeprefix("backbone.") for name in exempt} == set(tables)
    assert all(name.endswith(".weight") for name, decay in decays.items() if decay)
    assert not any(decays[name] for name in dimensions if dimensions[name] == 1)


def test_the_rates_in_words():
    cfg, network = transformer_recipe(), Detector()
    assert describe_rates(cfg, network) == (
        "1 at the head, 0.5 to 0.125 from the last to the first trained layer of the backbone, SOLVER.LAYER_DECAY 0.5"
    )
    network.backbone.stem.requires_grad_(False)
    assert "0.5 to 0.25 from" in describe_rates(cfg, network)
    network.backbone.requires_grad_(False)
    assert describe_rates(cfg, network) == "1"


def tiny(*overrides: object) -> tuple[CfgNode, nn.Module]:
    cfg = load_cfg(None, ["MODEL.BACKBONE.CONV_BODY", "Slowfast-Tiny", *overrides])
    with shapes_only():
        return cfg, build_detection_model(cfg)


def test_a_slowfast_network_keeps_its_groups():
    cfg, network = tiny("MODEL.BACKBONE.FROZEN_BN", False, "SOLVER.BASE_LR", 0.1, "SOLVER.WEIGHT_DECAY_BN", 0.5)
    groups = build_optimizer(cfg, network).param_groups
    # Weights; batch norms; the biases of laterals, non-local blocks and classifier at twice the rate.
    assert [(group["lr"], group["weight_decay"], len(group["params"])) for group in groups] == [
        (0.1, 1e-4, 39),
        (0.1, 0.5, 68),
        (0.2, 0.0, 5),
    ]


def test_the_stages_of_a_slowfast_network_are_layers():
    cfg, network = tiny("SOLVER.LAYER_DECAY", 0.5, "SOLVER.BASE_LR", 1.0, "SOLVER.BIAS_LR_FACTOR", 1.0)
    found = {name: rate for name, (rate, _) in rates(cfg, network).items()}
    expected = {
        "conv1": 0.5**5,
        "bn1": 0.5**5,
        **{f"{module}{i}": 0.5 ** (5 - i) for module in ("res_nl", "Tconv") for i in range(1, 5)},
    }
    for name, rate in found.items():
        assert rate == (expected[name.split(".")[2]] if name.startswith("backbone.") else 1.0), name


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_on_the_cpu_the_update_is_fused_and_continues_states_of_before(name):
    cfg = get_cfg()
    cfg.merge_from_list(["SOLVER.OPTIMIZER", name])
    torch.manual_seed(0)
    networks = [nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)) for _ in range(2)]
    networks[1].load_state_dict(networks[0].state_dict())
    fused, before = (build_optimizer(cfg, network) for network in networks)
    assert len(fused.param_groups) == 3  # weights, biases, the norm's
    assert fused.defaults["fused"]
    for group in before.param_groups:
        group["fused"] = None
    gradients = [torch.randn_like(parameter) for parameter in networks[0].parameters()]

    def step(network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for parameter, gradient in zip(network.parameters(), gradients, strict=True):
            parameter.grad = gradient.clone()
        optimizer.step()

    step(networks[1], before)
    networks[0].load_state_dict(networks[1].state_dict())
    options = [dict(group) for group in fused.state_dict()["param_groups"]]
    fused.load_state_dict({"state": deepcopy(before.state_dict()["state"]), "param_groups": options})
    for network, optimizer in zip(networks, (fused, before), strict=True):
        step(network, optimizer)
    for mine, theirs in zip(*(network.parameters() for network in networks), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-8)
