"""The pictures of the report, and the figures that they are drawn on. The only module that needs matplotlib."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alphaction.utils.atomic import replacing
from alphaction.utils.errors import UserError
from benchmarks.ablation.arms import LENGTHS, Arm
from benchmarks.ablation.dataset import KINDS
from benchmarks.ablation.results import Results
from benchmarks.ablation.seed_statistics import Summary

_DPI = 110
_CHANCE = {"color": "0.25", "linestyle": "--", "linewidth": 1.2}


def check_plotting() -> None:
    """Raise a :class:`UserError` if there is nothing to draw with: asked before the runs, not after them."""
    if importlib.util.find_spec("matplotlib") is None:
        raise UserError("the plots need matplotlib, which is not installed. Run: pip install -e .[ablation]")


def plot_all(results: Results, folder: Path) -> dict[str, Path]:
    """Draw what the study has arms for; return group -> PNG file in ``folder``."""
    study = results.study
    drawn = {}
    for group in ("structures", "length", "penalty"):
        arms = [arm for arm in study.group(group) if results.minutes(arm.name) is not None]
        if arms:
            drawn[group] = folder / f"ablation_{group}.png"
            figure = plot_lengths(results, arms) if group == "length" else plot_kinds(results, arms)
            save_figure(figure, drawn[group])
    return drawn


def plot_kinds(results: Results, arms: Sequence[Arm]) -> Any:
    """Return a figure with a group of bars for each kind of classes, a bar for each arm, and chance as dashed lines."""
    figure, axes = new_figure(9.0, 3.8)
    width = 0.84 / len(arms)
    for place, arm in enumerate(arms):
        found = [(x, results.kind(arm.name, kind)) for x, kind in enumerate(KINDS)]
        found = [(x, summary) for x, summary in found if summary is not None]
        axes.bar(
            [x - 0.42 + (place + 0.5) * width for x, _ in found],
            [summary.mean for _, summary in found],
            width=0.92 * width,
            yerr=[_spread(summary) for _, summary in found],
            error_kw={"elinewidth": 1.0, "capsize": 2.0},
            label=arm.title,
        )
    for x, kind in enumerate(KINDS):
        chance = results.chance(kind)
        axes.plot([x - 0.46, x + 0.46], [chance, chance], label="chance" if x == 0 else None, **_CHANCE)
    axes.set_xticks(range(len(KINDS)), [f"{kind} classes" for kind in KINDS])
    axes.set_ylim(0, 105)
    axes.set_ylabel("AP, points")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return figure


def plot_lengths(results: Results, arms: Sequence[Arm]) -> Any:
    """Return a figure of the memory classes' AP against how far the memory reaches."""
    data = results.study.data
    figure, axes = new_figure(7.5, 3.8)
    lengths = [LENGTHS[arm.name] for arm in arms]
    for name in data.of_kind("memory"):
        found = [(n, results.class_ap(arm.name, name)) for n, arm in zip(lengths, arms, strict=True)]
        found = [(n, summary) for n, summary in found if summary is not None]
        axes.errorbar(
            [n for n, _ in found],
            [summary.mean for _, summary in found],
            yerr=[_spread(summary) for _, summary in found],
            marker="o",
            capsize=3.0,
            label=name,
        )
    axes.axhline(results.chance("memory"), label="chance", **_CHANCE)
    axes.axvline(data.lag, color="tab:red", linewidth=1.0, label=f"lag, {data.lag} s")
    axes.set_xticks(sorted({*lengths, data.lag}))
    axes.set_xlabel("memory before and after, s")
    axes.set_ylabel("AP, points")
    axes.set_ylim(0, 105)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return figure


def new_figure(width: float, height: float) -> tuple[Any, Any]:
    """Return an empty figure of a size in inches and its axes; it draws with Agg, without any window."""
    check_plotting()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="0.9")
    axes.set_axisbelow(True)
    return figure, axes


def _spread(summary: Summary) -> float:
    """Return the length of an error bar; none is drawn for NaN."""
    return float("nan") if summary.std is None else summary.std


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure as a PNG file."""
    with replacing(path) as part:
        # Without the version of matplotlib, equal numbers give equal files.
        figure.savefig(part, format="png", metadata={"Software": None})
