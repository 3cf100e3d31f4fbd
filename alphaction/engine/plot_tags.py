"""The names under which metrics are plotted: groups that TensorBoard and others show together."""

from __future__ import annotations

from collections.abc import Sequence

from alphaction.engine.best_metric import AVERAGE_PREFIX
from alphaction.utils.messages import one_line

_SPEED = ("step_time", "data_time", "data_share", "memory_mb", "eta_seconds")


def plot_tag(name: str, datasets: Sequence[str] = ()) -> str:
    """Return the tag of a metric: its group, a slash, and its name.

    ``train/loss``, ``speed/step_time``; of an evaluation ``val/mAP`` and ``val/AP/CLASS``, with the name of the dataset
    behind ``val/`` where there are several; of the averaged weights the same in the group ``val_ema``.

    Args:
        name: as in metrics.jsonl. Classes and datasets may have any name, with slashes too.
        datasets: names of the evaluated datasets.
    """
    for begin, group in ((AVERAGE_PREFIX, "val_ema"), ("", "val")):
        for dataset in sorted(datasets, key=len, reverse=True):  # "toy/val" before "toy"
            if name.startswith(f"{begin}{dataset}/"):
                metric = name[len(begin) :]
                if len(datasets) == 1:
                    metric = metric[len(dataset) + 1 :]
                return one_line(f"{group}/{metric}")
    return one_line(f"{'speed' if name in _SPEED else 'train'}/{name}")
