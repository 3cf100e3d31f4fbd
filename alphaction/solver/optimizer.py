"""SGD or AdamW, with learning rates and weight decays of their own for biases, norms, layers and the IA structure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from yacs.config import CfgNode

from alphaction.utils.registry import Registry

IA_PREFIX = "ia_structure"
_HEAD_PREFIX = "roi_heads."
# Tables of positions in backbones: VideoMAE's ViT; MViTv2, once for each axis; Swin. Class tokens are vectors.
_POSITION_TABLES = ("pos_embed.table", "rel_pos_h", "rel_pos_w", "rel_pos_t", "relative_position_bias_table")
_NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)

OPTIMIZERS: Registry[Callable[[list[dict[str, Any]], CfgNode], Optimizer]] = Registry("SOLVER.OPTIMIZER")
"""Builders that take (parameter groups, the SOLVER node)."""


@OPTIMIZERS.register("sgd")
def _sgd(groups: list[dict[str, Any]], solver: CfgNode) -> Optimizer:
    return SGD(groups, lr=solver.BASE_LR, momentum=solver.MOMENTUM, fused=_fused(groups))


@OPTIMIZERS.register("adamw")
def _adamw(groups: list[dict[str, Any]], solver: CfgNode) -> Optimizer:
    return AdamW(groups, lr=solver.BASE_LR, betas=(solver.MOMENTUM, 0.999), fused=_fused(groups))


def _fused(groups: list[dict[str, Any]]) -> bool | None:
    """Return whether the update is one kernel over all parameters; None: what torch chooses.

    On the CPU (1.5 M, 76 M and 92 M parameters, one core) it took a quarter to two thirds of the time of a loop over
    tensors or of torch's lists of tensors; SGD gives equal weights to the last bit. CUDA was not measured: there it
    stays with torch's choice, which are lists.
    """
    devices = {parameter.device.type for group in groups for parameter in group["params"]}
    return True if devices == {"cpu"} else None


def build_optimizer(cfg: CfgNode, model: nn.Module) -> Optimizer:
    """Return SOLVER.OPTIMIZER over the trainable parameters of ``model``, grouped by learning rate and weight decay.

    The parameters of a norm use WEIGHT_DECAY_BN at the base rate; any other bias uses BASE_LR * BIAS_LR_FACTOR and
    WEIGHT_DECAY_BIAS; other vectors (scales of layers, class tokens) and the backbone's tables of positions (ViT's
    learned one, relative positions of MViT and Swin) WEIGHT_DECAY_BN at the base rate: the recipes of VideoMAE and
    Video Swin exempt them. Parameters of the action head have their rate multiplied by HEAD_LR_FACTOR, those of
    its IA structure by IA_LR_FACTOR, too, those of the backbone's layers by their share of LAYER_DECAY, see
    :func:`layer_shares`.

    Args:
        cfg: the whole config.
        model: where LAYER_DECAY is not 1, its ``backbone`` has ``layers()``.
    """
    solver = cfg.SOLVER
    norm_parameters = {
        id(parameter)
        for module in model.modules()
        if isinstance(module, _NORMS)
        for parameter in module.parameters(recurse=False)
    }
    shares = _shares_of_parameters(solver.LAYER_DECAY, model)
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        lr, decay = solver.BASE_LR, solver.WEIGHT_DECAY
        if id(parameter) in norm_parameters:
            decay = solver.WEIGHT_DECAY_BN
        elif name.endswith("bias"):
            lr, decay = lr * solver.BIAS_LR_FACTOR, solver.WEIGHT_DECAY_BIAS
        elif parameter.ndim <= 1 or (name.startswith("backbone.") and name.endswith(_POSITION_TABLES)):
            decay = solver.WEIGHT_DECAY_BN
        if IA_PREFIX in name.split("."):
            lr *= solver.IA_LR_FACTOR
        if name.startswith(_HEAD_PREFIX):
            lr *= solver.HEAD_LR_FACTOR
        lr *= shares.get(id(parameter), 1)
        groups.setdefault((lr, decay), []).append(parameter)
    parameters = [{"params": params, "lr": lr, "weight_decay": decay} for (lr, decay), params in groups.items()]
    return OPTIMIZERS.get(solver.OPTIMIZER)(parameters, solver)


def layer_shares(decay: float, num_layers: int) -> list[float]:
    """Return what the learning rate of each layer of a backbone is multiplied by, from the stem to the last block.

    Layer-wise decay as in BEiT (Bao et al., arXiv 2106.08254) and VideoMAE (Tong et al., arXiv 2203.12602): the last
    block learns at ``decay`` times the full rate, every layer before it at ``decay`` times the next one's.

    Args:
        decay: SOLVER.LAYER_DECAY.
        num_layers: the stem and the blocks.
    """
    return [decay ** (num_layers - number) for number in range(num_layers)]


def describe_rates(cfg: CfgNode, model: nn.Module) -> str:
    """Return the base rate and those of the head and of the backbone's layers, in words for the log."""
    rate, head = cfg.SOLVER.BASE_LR, cfg.SOLVER.BASE_LR * cfg.SOLVER.HEAD_LR_FACTOR
    shares = _shares_of_parameters(cfg.SOLVER.LAYER_DECAY, model)
    trained = [shares[id(p)] for p in model.parameters() if p.requires_grad and id(p) in shares]
    if not trained:
        return f"{rate:g}" if head == rate else f"{rate:g}, {head:g} at the head"
    return (
        f"{head:g} at the head, {rate * max(trained):.3g} to {rate * min(trained):.3g} from the last to the first "
        f"trained layer of the backbone, SOLVER.LAYER_DECAY {cfg.SOLVER.LAYER_DECAY:g}"
    )


def _shares_of_parameters(decay: float, model: nn.Module) -> Mapping[int, float]:
    """Return id of each parameter in a layer of the backbone -> its share; empty without decay."""
    if decay == 1:
        return {}
    layers: Sequence[Sequence[nn.Module]] = model.backbone.layers()
    shares: dict[int, float] = {}
    for share, layer in zip(layer_shares(decay, len(layers)), layers, strict=True):
        for module in layer:
            for parameter in module.parameters():
                shares.setdefault(id(parameter), share)
    return shares
