"""SGD or AdamW, with separate learning rates and weight decays for biases, batch norms and the IA structure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from yacs.config import CfgNode

from alphaction.utils.registry import Registry

IA_PREFIX = "ia_structure"

OPTIMIZERS: Registry[Callable[[list[dict[str, Any]], CfgNode], Optimizer]] = Registry("SOLVER.OPTIMIZER")
"""Builders that take (parameter groups, the SOLVER node)."""


@OPTIMIZERS.register("sgd")
def _sgd(groups: list[dict[str, Any]], solver: CfgNode) -> Optimizer:
    return SGD(groups, lr=solver.BASE_LR, momentum=solver.MOMENTUM)


@OPTIMIZERS.register("adamw")
def _adamw(groups: list[dict[str, Any]], solver: CfgNode) -> Optimizer:
    return AdamW(groups, lr=solver.BASE_LR, betas=(solver.MOMENTUM, 0.999))


def build_optimizer(cfg: CfgNode, model: nn.Module) -> Optimizer:
    """Return SOLVER.OPTIMIZER over the trainable parameters of ``model``, grouped by learning rate and weight decay.

    A batch norm's parameters use WEIGHT_DECAY_BN at the base rate; any other bias uses BASE_LR * BIAS_LR_FACTOR and
    WEIGHT_DECAY_BIAS; parameters of the IA structure have their rate multiplied by IA_LR_FACTOR.
    """
    solver = cfg.SOLVER
    norm_parameters = {
        id(parameter)
        for module in model.modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm)
        for parameter in module.parameters(recurse=False)
    }
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        lr, decay = solver.BASE_LR, solver.WEIGHT_DECAY
        if id(parameter) in norm_parameters:
            decay = solver.WEIGHT_DECAY_BN
        elif name.endswith("bias"):
            lr, decay = lr * solver.BIAS_LR_FACTOR, solver.WEIGHT_DECAY_BIAS
        if IA_PREFIX in name.split("."):
            lr *= solver.IA_LR_FACTOR
        groups.setdefault((lr, decay), []).append(parameter)
    parameters = [{"params": params, "lr": lr, "weight_decay": decay} for (lr, decay), params in groups.items()]
    return OPTIMIZERS.get(solver.OPTIMIZER)(parameters, solver)
