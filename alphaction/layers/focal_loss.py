"""Focal losses (Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, arXiv 1708.02002), element by element.

Both are computed in float32 at least, whatever the dtype of the logits: under autocast they may be bfloat16, in which
a probability near 1 has two digits. The caller sums, averages and weighs.
"""

from __future__ import annotations

import torch
import torchvision
from torch import Tensor
from torch.nn import functional as F


def _at_least_float32(tensor: Tensor) -> Tensor:
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def softmax_focal_loss(logits: Tensor, target_index: Tensor, gamma: float = 2.0, alpha: float = -1.0) -> Tensor:
    """Return ``-(1 - p)**gamma * log(p)`` of the target class of each row, p being its softmax probability.

    Args:
        logits: [N, K] scores of K exclusive classes.
        target_index: int64 [N], 0..K-1.
        gamma: how strongly easy rows are down-weighted, >= 0; 0 gives the cross entropy.
        alpha: factor of every row, in [0, 1]; negative: none.

    Returns:
        float32 [N] (float64 for float64 logits); empty for N = 0.
    """
    log_p = F.log_softmax(_at_least_float32(logits), dim=1).gather(1, target_index[:, None]).squeeze(1)
    # -expm1(log p) is 1 - p without the cancellation near p = 1.
    loss = -((-torch.expm1(log_p)) ** gamma) * log_p
    return alpha * loss if alpha >= 0 else loss


def sigmoid_focal_loss(logits: Tensor, targets: Tensor, gamma: float = 2.0, alpha: float = -1.0) -> Tensor:
    """Return the binary focal loss of every class of every row.

    Args:
        logits: [N, K] scores of K independent classes.
        targets: [N, K], 1 where the class applies, else 0.
        gamma: how strongly easy elements are down-weighted, >= 0; 0 gives the binary cross entropy.
        alpha: weight of positives in [0, 1] (negatives get 1 - alpha); negative: both 1.

    Returns:
        float32 [N, K] (float64 for float64 logits).
    """
    logits = _at_least_float32(logits)
    return torchvision.ops.sigmoid_focal_loss(logits, targets.to(logits.dtype), alpha, gamma, reduction="none")
