"""What came of the study: a table, and a picture of mAP against labeled boxes."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from alphaction.utils.atomic import write_text_atomically
from alphaction.workflows.annotate.choose import ORDERS, RANDOM, UNCERTAIN
from benchmarks.ablation.plots import new_figure, save_figure
from benchmarks.ablation.seed_statistics import Summary
from benchmarks.active.options import ActiveOptions
from benchmarks.active.rounds import ALL, START, Cell, Outcome

TABLE, PICTURE = "active.md", "active.png"
_TITLES = {UNCERTAIN: "uncertain first", RANDOM: "random"}
_COLORS = {UNCERTAIN: "tab:red", RANDOM: "tab:blue"}

Outcomes = Mapping[Cell, Outcome]


def write_report(outcomes: Outcomes, options: ActiveOptions) -> list[Path]:
    """Write table and picture of the rounds that have ended; return the files."""
    table, picture = options.output / TABLE, options.output / PICTURE
    write_text_atomically(table, table_of(outcomes, options))
    save_figure(plot(outcomes, options), picture)
    return [table, picture]


def table_of(outcomes: Outcomes, options: ActiveOptions) -> str:
    """Return a table in Markdown: mAP in points for each number of labeled keyframes, mean and deviation over seeds.

    The difference is that of each seed, whose rounds start from the same keyframes.
    """
    columns = [f"{what}, {_TITLES[order]}" for what in ("boxes", "mAP") for order in ORDERS]
    lines = [f"| labeled keyframes | {' | '.join(columns)} | difference |", "|---|---|---|---|---|---|"]
    for number in range(options.rounds + 1):
        found = {order: _by_seed(outcomes, options, order, number) for order in ORDERS}
        seeds = sorted(set(found[UNCERTAIN]) & set(found[RANDOM]))
        differences = [100 * (found[UNCERTAIN][seed].mean_ap - found[RANDOM][seed].mean_ap) for seed in seeds]
        boxes = [mean_boxes(found[order]) for order in ORDERS]
        scores = [points(found[order]) for order in ORDERS]
        difference = _spread_text(Summary.of(differences), "+") if number else ""
        lines.append(f"| {(number + 1) * options.budget} | {' | '.join([*boxes, *scores, difference])} |")
    if every := _by_seed(outcomes, options, ALL, 0):
        keyframes = len(next(iter(every.values())).labeled)
        lines.append(
            f"| all {keyframes} | {mean_boxes(every)} | {mean_boxes(every)} | {points(every)} | {points(every)} | |"
        )
    return "\n".join(lines) + "\n"


def points(found: Mapping[int, Outcome]) -> str:
    """Return "41.2 ± 1.3": mAP in points, mean and deviation over seeds."""
    return _spread_text(Summary.of([100 * outcome.mean_ap for outcome in found.values()]))


def mean_boxes(found: Mapping[int, Outcome]) -> str:
    """Return the mean number of labeled boxes over seeds."""
    summary = Summary.of([outcome.boxes for outcome in found.values()])
    return "" if summary is None else f"{summary.mean:.0f}"


def plot(outcomes: Outcomes, options: ActiveOptions) -> Any:
    """Return a figure: a line for each order through its means over seeds, a dot for each seed."""
    figure, axes = new_figure(6.5, 3.8)
    for order in ORDERS:
        rounds = [_by_seed(outcomes, options, order, number) for number in range(options.rounds + 1)]
        rounds = [found for found in rounds if found]
        boxes = [[outcome.boxes for outcome in found.values()] for found in rounds]
        scores = [[100 * outcome.mean_ap for outcome in found.values()] for found in rounds]
        axes.plot(
            [Summary.of(values).mean for values in boxes],
            [Summary.of(values).mean for values in scores],
            color=_COLORS[order],
            label=_TITLES[order],
        )
        axes.scatter([*chain(*boxes)], [*chain(*scores)], s=10, color=_COLORS[order], alpha=0.5)
    if every := _by_seed(outcomes, options, ALL, 0):
        label = f"all {next(iter(every.values())).boxes} boxes"
        mean = Summary.of([100 * outcome.mean_ap for outcome in every.values()]).mean
        axes.axhline(mean, color="0.25", linestyle="--", linewidth=1.2, label=label)
    axes.set_xlabel("labeled boxes")
    axes.set_ylabel("mAP, points")
    axes.legend(loc="lower right", frameon=False)
    return figure


def _by_seed(outcomes: Outcomes, options: ActiveOptions, order: str, number: int) -> dict[int, Outcome]:
    """Return seed -> outcome of a round that has ended; all orders share the start."""
    order = order if number or order == ALL else START
    cells = {seed: Cell(order, seed, number) for seed in options.seeds}
    return {seed: outcomes[cell] for seed, cell in cells.items() if cell in outcomes}


def _spread_text(summary: Summary | None, sign: str = "") -> str:
    if summary is None:
        return "not run"
    mean = f"{summary.mean:{sign}.1f}"
    return mean if summary.std is None else f"{mean} ± {summary.std:.1f}"
