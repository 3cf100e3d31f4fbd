"""What a run does about rare classes, from the labels of its training data: clips again, or weights in the loss."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from yacs.config import CfgNode

from alphaction.data.dataset import ActionDataset
from alphaction.data.joined_dataset import JoinedDataset
from alphaction.data.label_statistics import effective_number_weights, labels_per_class
from alphaction.data.repeat_factors import RepeatFactors
from alphaction.modeling.roi_head.losses import ActionLoss
from alphaction.utils.messages import counted, one_line

_BETA = "MODEL.ROI_ACTION_HEAD.CLASS_BALANCE_BETA"


def balance_classes(cfg: CfgNode, train_set: ActionDataset | JoinedDataset, loss: ActionLoss) -> Iterator[str]:
    """Give the loss the weights of MODEL.ROI_ACTION_HEAD.CLASS_BALANCE_BETA; yield what is done, for the log.

    Clips are repeated by the loader; what DATALOADER.REPEAT_THRESHOLD does is said here as well.
    """
    names = train_set.label_map.names
    if (repeats := RepeatFactors.from_config(cfg, train_set)) is not None:
        yield repeats.summary(names)
    if beta := cfg.MODEL.ROI_ACTION_HEAD.CLASS_BALANCE_BETA:
        counts = sum(labels_per_class(each.annotations, each.label_map) for each in train_set.datasets)
        parts = np.split(counts, np.cumsum([group.size for group in loss.groups])[:-1])
        weights = np.concatenate([effective_number_weights(part, beta) for part in parts])
        loss.weigh_classes(torch.from_numpy(weights))
        yield f"{_BETA} {beta:g}: {_weights_text(weights, counts, names)}"
        if repeats is not None and repeats.num_repeated:
            yield (
                "rare classes count twice, by repeated clips and by weights in the loss: set "
                f"DATALOADER.REPEAT_THRESHOLD 0 or {_BETA} 0 to do one of them"
            )


def _weights_text(weights: np.ndarray, counts: np.ndarray, names: list[str]) -> str:
    seen = np.flatnonzero(counts)
    if not len(seen):
        return "no class has a label, and none a weight"
    least, most = (seen[pick(weights[seen])] for pick in (np.argmin, np.argmax))
    ends = [f'{weights[k]:.3g} ("{one_line(names[k])}", {counted(int(counts[k]), "label")})' for k in (least, most)]
    without = len(counts) - len(seen)
    lacking = f"; {counted(without, 'class', 'classes')} without labels: 1" if without else ""
    return f"the losses of the classes have weights from {ends[0]} to {ends[1]}{lacking}"
