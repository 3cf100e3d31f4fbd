"""A linear probe: how well a linear classifier tells the actions of a dataset by a frozen backbone's features.

python -m benchmarks.rendered.probe --catalog config_files/tiny/pets_dataset.yaml --config config_files/tiny/pets.yaml \
    --weights random output/rendered/model_final.pth

It takes seconds to a minute for each file of weights. Its figures compare weights with each other; boxes are the
annotated ones, so they are no results of detection.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import Tensor, nn

from alphaction.checkpoint import load_weights
from alphaction.config import load_cfg
from alphaction.config.paths_catalog import find_dataset
from alphaction.data.collate import BatchCollator
from alphaction.data.dataset import ActionDataset
from alphaction.data.sample import SampleRequest
from alphaction.engine.classes import adopt_label_map
from alphaction.evaluation.average_precision import ranked_average_precision
from alphaction.modeling import build_detection_model

RANDOM = "random"
BATCH = 8
WEIGHT_DECAYS = (1e-3, 1e-2, 1e-1)


@torch.no_grad()
def features(cfg: object, split: str, weights: str, *, fresh_norm: bool) -> tuple[Tensor, Tensor]:
    """Return the pooled features [N, C] and labels [N, classes] of all annotated boxes of a split.

    Args:
        cfg: a config whose classes are those of the dataset.
        split: name of a registered dataset.
        weights: a file, or "random".
        fresh_norm: batch norms use the statistics of each batch, as in training, rather than the stored ones.
    """
    dataset = ActionDataset.from_config(cfg, find_dataset(cfg, split), training=True)
    adopt_label_map(cfg, dataset.label_map)
    torch.manual_seed(0)
    model = build_detection_model(cfg)
    if weights != RANDOM:
        load_weights(model, weights, no_head=True)
    model.eval()
    if fresh_norm:
        for module in model.modules():
            if isinstance(module, nn.BatchNorm3d):
                module.train()
    collate = BatchCollator(cfg.DATALOADER.SIZE_DIVISIBILITY)
    found, labels = [], []
    for first in range(0, len(dataset), BATCH):
        clips = [dataset[SampleRequest(i, 0)] for i in range(first, min(first + BATCH, len(dataset)))]
        found.append(model.extract_features(collate(clips)).person.flatten(1))
        labels += [clip.labels for clip in clips]
    return torch.cat(found).float(), torch.cat(labels).float()


def classify(train: tuple[Tensor, Tensor], test: Tensor, decay: float) -> Tensor:
    """Return the scores [N, classes] of a logistic regression per class with weight decay, fitted by L-BFGS."""
    x, y = train
    mean, std = x.mean(0), x.std(0) + 1e-3
    x, test = (x - mean) / std, (test - mean) / std
    layer = nn.Linear(x.shape[1], y.shape[1])
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(layer(x), y, reduction="sum") / len(x)
        loss = loss + decay * layer.weight.square().sum() / 2
        loss.backward()
        return loss

    optimizer.step(closure)
    return layer(test).detach()


def mean_ap(scores: Tensor, labels: Tensor) -> float:
    """Return the mean AP over the classes that have a label, of boxes that are given."""
    aps = []
    for column in range(labels.shape[1]):
        positive = labels[:, column].numpy() > 0
        if positive.any():
            target = np.where(positive, np.arange(len(positive)), -1)
            aps.append(ranked_average_precision(scores[:, column].numpy(), target, int(positive.sum())))
    return float(np.mean(aps))


def main() -> None:
    """Print a line for each file of weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalog", type=Path, required=True, help="dataset.yaml with a train and a val split")
    parser.add_argument("--config", default="config_files/tiny/base.yaml", help="clips and frame size")
    parser.add_argument("--weights", nargs="+", default=[RANDOM], help="files, or random")
    parser.add_argument("--fresh-norm", action="store_true", help="statistics of batches instead of stored ones")
    parser.add_argument("options", nargs="*", default=[], help="KEY VALUE")
    args = parser.parse_intermixed_args()
    name = yaml.safe_load(args.catalog.read_text())["name"]
    head = "MODEL.ROI_ACTION_HEAD.PROPOSAL_JITTER"
    keys = ["DATASETS.CATALOG", [str(args.catalog)], "INPUT.FLIP_PROB", 0.0, "INPUT.COLOR_JITTER", False]
    keys += [f"{head}_X", [0, 0], f"{head}_Y", [0, 0], *args.options]
    for weights in args.weights:
        start, cfg = time.process_time(), load_cfg(args.config, keys)
        (train, val), norm = (f"{name}_train", f"{name}_val"), args.fresh_norm
        known, asked = features(cfg, train, weights, fresh_norm=norm), features(cfg, val, weights, fresh_norm=norm)
        figures = [f"{mean_ap(classify(known, asked[0], decay), asked[1]):.4f}" for decay in WEIGHT_DECAYS]
        seconds = time.process_time() - start
        print(f"{name} {weights}: mAP {' '.join(figures)} ({seconds:.0f} s of CPU)", flush=True)


if __name__ == "__main__":
    main()
