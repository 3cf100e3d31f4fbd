"""A model for inference alone: batch norms folded into convolutions, weights laid out as the CPU wants them."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval

from alphaction.layers import Conv3d, FrozenBatchNorm3d, Linear, fold_norm

_MARK = "_optimized_for_inference"
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def optimize_for_inference(model: nn.Module, *, share_weights: bool = False) -> nn.Module:
    """Return a copy of ``model`` that predicts the same, faster; to train it makes no sense.

    In the copy, which is in evaluation mode,

    * batch norms, frozen or not, are folded into the convolutions before them: those that a module names in
      ``norms_after``, and those right after a convolution in a ``nn.Sequential``;
    * on the CPU, kernels have channels last in memory;
    * plain convolutions and linear layers, also those of other packages, run as :func:`alphaction.layers.conv3d` and
      :func:`alphaction.layers.linear` do, which are the usual ones on all devices but the CPU.

    What is left to do on a GPU is the folding: a multiplication of the weights less at each call. Where a model has
    nothing to fold either, as transformers, the copy computes what the model does, and costs some milliseconds to make.

    Args:
        model: a detector, or any part of one; it stays as it is. If it is optimized already, it is returned.
        share_weights: the copy uses the tensors of ``model`` where they need no change, instead of copies. It is then
            good until the model is trained on; make another one after that.
    """
    if is_optimized(model):
        return model
    optimized = _copied(model, share_weights).eval()
    with torch.no_grad():
        for module in list(optimized.modules()):
            _fold_named(module)
            if type(module).forward is nn.Sequential.forward:
                _fold_in_order(module)
        for module in optimized.modules():
            _use_fast_layers(module)
    mark_optimized(optimized)
    return optimized


def mark_optimized(model: nn.Module) -> None:
    """Let :func:`is_optimized` be true of a model."""
    setattr(model, _MARK, True)


def is_optimized(model: nn.Module) -> bool:
    """Return whether :func:`optimize_for_inference` made ``model``."""
    return bool(vars(model).get(_MARK, False))


def _copied(model: nn.Module, share_weights: bool) -> nn.Module:
    # What deepcopy finds in its memo it takes for copied already.
    tensors = (*model.parameters(), *model.buffers()) if share_weights else ()
    return copy.deepcopy(model, {id(tensor): tensor for tensor in tensors})


def _fold_named(module: nn.Module) -> None:
    for conv_name, norm_name in getattr(module, "norms_after", {}).items():
        conv, norm = getattr(module, conv_name), getattr(module, norm_name)
        if isinstance(norm, FrozenBatchNorm3d) or _has_statistics(norm):
            setattr(module, conv_name, fold_norm(conv, norm))
            setattr(module, norm_name, nn.Identity())


def _fold_in_order(layers: nn.Sequential) -> None:
    for index in range(len(layers) - 1):
        conv, norm = layers[index], layers[index + 1]
        if type(conv) not in _CONVOLUTIONS:
            continue
        if isinstance(norm, FrozenBatchNorm3d):
            layers[index], layers[index + 1] = fold_norm(conv, norm), nn.Identity()
        elif _has_statistics(norm):
            layers[index], layers[index + 1] = fuse_conv_bn_eval(conv, norm), nn.Identity()


def _has_statistics(norm: nn.Module | None) -> bool:
    return isinstance(norm, _BatchNorm) and norm.running_mean is not None


def _use_fast_layers(module: nn.Module) -> None:
    if type(module) is nn.Linear:
        module.__class__ = Linear
    elif isinstance(module, nn.Conv3d):
        if type(module) is nn.Conv3d and module.padding_mode == "zeros" and not isinstance(module.padding, str):
            module.__class__ = Conv3d
        weight = module.weight
        if weight.device.type == "cpu" and not weight.is_contiguous(memory_format=torch.channels_last_3d):
            laid_out = weight.detach().contiguous(memory_format=torch.channels_last_3d)
            module.weight = nn.Parameter(laid_out, requires_grad=weight.requires_grad)
