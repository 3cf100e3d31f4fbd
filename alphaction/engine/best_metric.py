"""What decides which evaluation is the best one: SOLVER.BEST_METRIC, found among what the evaluations give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan

from alphaction.data.dataset import ActionDataset
from alphaction.evaluation import metric_names
from alphaction.utils.errors import UserError
from alphaction.utils.messages import listed, nearest

AVERAGE_PREFIX = "ema/"
"""Before the metrics of the averaged weights."""
_LOSS = "loss"
_SHOWN = 8


@dataclass(frozen=True)
class Metric:
    """A metric of evaluations, by which they are compared.

    Attributes:
        name: "DATASET/METRIC", as evaluations give it.
        lower: whether lower is better.
        dataset: the evaluation set.
    """

    name: str
    lower: bool = False
    dataset: str = ""

    def better(self, value: float, than: float) -> bool:
        """Return whether a value is better than another one; NaN never is, and any number is better than NaN."""
        if isnan(value) or isnan(than):
            return not isnan(value)
        return value < than if self.lower else value > than

    def of(self, metrics: Mapping[str, float | None]) -> tuple[float, str]:
        """Return the value of an evaluation, and whether the weights of the "model" or their average, "ema", have it.

        It is NaN where the evaluation has none.
        """
        own, averaged = (_number(metrics.get(f"{prefix}{self.name}")) for prefix in ("", AVERAGE_PREFIX))
        return (averaged, "ema") if self.better(averaged, own) else (own, "model")


def find_metric(wanted: str, datasets: Sequence[ActionDataset]) -> Metric:
    """Return the metric that SOLVER.BEST_METRIC names.

    Args:
        wanted: the key's value.
        datasets: the evaluation sets, at least one; names without a dataset are of the first.

    Raises:
        UserError: if no evaluation gives it; names those that are alike.
    """
    given = {dataset.name: _names(dataset) for dataset in datasets}
    first = datasets[0].name
    for dataset in (first, *given):
        name = wanted if dataset == first and wanted in given[first] else wanted.removeprefix(f"{dataset}/")
        if name in given[dataset] and (dataset == first or name != wanted):
            return Metric(f"{dataset}/{name}", name == _LOSS, dataset)
    choices = given[first] + [f"{name}/{metric}" for name, metrics in given.items() for metric in metrics]
    near = nearest(wanted, choices) or nearest(f"AP/{wanted}", choices)
    hint = f'Did you mean "{near}"? ' if near else ""
    raise UserError(
        f"SOLVER.BEST_METRIC is {wanted}: {_why(wanted, datasets)}. {hint}Known: {listed(given[first], _SHOWN)}"
        f"{_others(list(given))}."
    )


def _names(dataset: ActionDataset) -> list[str]:
    mean, *others = metric_names(dataset.annotations, dataset.label_map, dataset.eval_label_map)
    return [mean, _LOSS, *others]


def _others(names: Sequence[str]) -> str:
    return f"; the same of {listed(names[1:])} with its name before it, {names[1]}/mAP" if len(names) > 1 else ""


def _why(wanted: str, datasets: Sequence[ActionDataset]) -> str:
    """Return why no evaluation gives a metric."""
    for dataset in datasets:
        name = wanted.removeprefix(f"{dataset.name}/").removeprefix("AP/")
        counted = dataset.eval_label_map or dataset.label_map
        if any(entry.name == name for entry in counted.classes) and wanted.endswith(f"AP/{name}"):
            return f"{dataset.name} has no label of that class, and so no AP"
        if any(entry.name == name for entry in dataset.label_map.classes) and wanted.endswith(f"AP/{name}"):
            return f"that class does not count in evaluations on {dataset.name}"
    return f"no evaluation on {listed(dataset.name for dataset in datasets)} gives it"


def _number(value: float | None) -> float:
    return nan if value is None else value
