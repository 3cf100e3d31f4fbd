"""Charts of a training, from the lines of its metrics.jsonl."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from alphaction.config.class_groups import value_names
from alphaction.utils.messages import counted
from alphaction.utils.numbers import is_finite_number
from alphaction.workflows.report.svg import Chart, Series
from alphaction.workflows.report.texts import brief

MOST_POINTS = 100
"""Points of a line; of more of them each stands for the mean of several."""
_COLORS = 6
_LAST = ("data_time",)  # a part of the step, which is named first

Points = list[tuple[float, float]]


def training_charts(lines: Sequence[Mapping[str, Any]], datasets: Sequence[str]) -> list[Chart]:
    """Return the charts of a training; those of which there are no values are left out.

    Args:
        lines: of metrics.jsonl, in the order of their iterations.
        datasets: those that are evaluated on.
    """
    evaluated = [f"{ema}{name}" for name in datasets for ema in ("", "ema/")]
    groups = _groups(lines, datasets)
    charts = [
        _chart(
            lines,
            "Loss",
            _named("loss"),
            short=lambda name: "total" if name == "loss" else _group_of(name, groups),
            words="It should fall and flatten out; a jump upwards means that the learning rate is too high.",
        ),
        _chart(
            lines,
            "Validation loss",
            {f"{name}/loss" for name in evaluated}.__contains__,
            short=_dataset(datasets),
            words="Where it rises while the loss still falls, the network learns the training videos by heart.",
        ),
        _chart(
            lines,
            "Accuracy on training clips",
            _named("accuracy"),
            (0.0, 1.0),
            short=lambda name: _group_of(name, groups),
            words="Share of right answers on training clips; rare classes hardly count in it.",
        ),
        _chart(
            lines,
            "Validation mAP",
            {f"{name}/mAP" for name in evaluated}.__contains__,
            short=_dataset(datasets),
            words="What counts: mean AP of the classes. If it still rises at the end, train longer.",
        ),
        *_group_charts(lines, datasets),
        _chart(lines, "Learning rate", {"lr"}.__contains__, words="The size of the steps: warm-up first, then decay."),
        _chart(
            lines,
            "Seconds per step",
            {"step_time", "data_time"}.__contains__,
            short={"step_time": "step", "data_time": "waiting for data"}.get,
            words="If waiting for data is a large part of a step, raise DATALOADER.NUM_WORKERS.",
        ),
    ]
    return _colored([chart for chart in charts if chart is not None])


def _groups(lines: Sequence[Mapping[str, Any]], datasets: Sequence[str]) -> dict[str, str]:
    """Return the group that each name of a loss term stands for, of those that were evaluated."""
    prefixes = [f"{name}/mAP/" for name in datasets]
    names = dict.fromkeys(name for line in lines for name in line)
    starts = ((name, prefix) for name in names for prefix in prefixes if name.startswith(prefix))
    groups = list(dict.fromkeys(name.removeprefix(prefix) for name, prefix in starts))
    return dict(zip(value_names(groups), groups, strict=True))


def _group_of(name: str, groups: Mapping[str, str]) -> str:
    """Return the group of a loss term or an accuracy, "loss_with_others", by its own name if it is known."""
    term = name.partition("_")[2]
    return groups.get(term, term)


def _colored(charts: Sequence[Chart]) -> list[Chart]:
    """Return the charts with one color for a name in all of them; a line that is alone has the first."""
    colors: dict[str, int] = {}
    for chart in charts:
        for series in chart.series if len(chart.series) > 1 else ():
            colors.setdefault(series.name, 1 + len(colors) % _COLORS)
    return [
        replace(chart, series=tuple(replace(series, color=colors.get(series.name, 1)) for series in chart.series))
        if len(chart.series) > 1
        else chart
        for chart in charts
    ]


def _group_charts(lines: Sequence[Mapping[str, Any]], datasets: Sequence[str]) -> Iterator[Chart | None]:
    for name in datasets:
        prefix = f"{name}/mAP/"
        title = "Validation mAP by group" + (f": {name}" if len(datasets) > 1 else "")
        words = "The same for each group of classes."
        yield _chart(lines, title, lambda key, prefix=prefix: key.startswith(prefix), None, _last_part(prefix), words)


def _last_part(prefix: str) -> Callable[[str], str]:
    return lambda name: name.removeprefix(prefix)


def _named(kind: str) -> Callable[[str], bool]:
    return lambda name: name == kind or (name.startswith(f"{kind}_") and "/" not in name)


def _dataset(datasets: Sequence[str]) -> Callable[[str], str]:
    """Return what names a line of the evaluations: the dataset where there are several, and whose weights."""

    def short(name: str) -> str:
        averaged = name.startswith("ema/")
        dataset = name.removeprefix("ema/").rpartition("/")[0]
        weights = "averaged weights" if averaged else "weights"
        return f"{dataset}, {weights}" if len(datasets) > 1 else weights

    return short


def _chart(
    lines: Sequence[Mapping[str, Any]],
    title: str,
    wanted: Callable[[str], bool],
    y_range: tuple[float, float] | None = None,
    short: Callable[[str], str] = str,
    words: str = "",
) -> Chart | None:
    """Return the chart of all metrics whose name is wanted, or None if no line has any."""
    found: dict[str, Points] = {}
    for line in lines:
        for name, value in line.items():
            if wanted(name) and is_finite_number(value):
                found.setdefault(name, []).append((float(line["iteration"]), float(value)))
    if not found:
        return None
    if len(found) == 2 and "loss" in found and len(set(map(str, found.values()))) == 1:
        del found["loss"]  # the total of one term
    thinned = {name: thin(points) for name, points in found.items()}
    series = [
        Series(brief(short(name), 60), points)
        for name, points in sorted(thinned.items(), key=lambda item: _place(item[0]))
    ]
    merged = -(-max(map(len, found.values())) // MOST_POINTS)
    note = f"Each point is the mean of {counted(merged, 'log line')}." if merged > 1 else ""
    few = max(map(len, thinned.values())) <= 20
    end = float(lines[-1]["iteration"])
    return Chart(title, tuple(series), x_range=(0.0, max(end, 1.0)), y_range=y_range, dots=few, note=note, words=words)


def _place(name: str) -> int:
    return name in _LAST


def thin(points: Points, most: int = MOST_POINTS) -> Points:
    """Return at most ``most`` points, each the mean of equally many in a row."""
    if len(points) <= most:
        return points
    size = -(-len(points) // most)
    values = np.array(points)
    return [tuple(values[start : start + size].mean(axis=0).tolist()) for start in range(0, len(values), size)]
