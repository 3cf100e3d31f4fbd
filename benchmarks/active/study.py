"""The whole study: run what is missing, report what there is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted, listed, problem_list
from alphaction.utils.output_folder import read_record, write_record
from alphaction.workflows.annotate.choose import ORDERS
from benchmarks.ablation.plots import check_plotting
from benchmarks.active.options import NETWORK, ROUND, ActiveOptions
from benchmarks.active.report import table_of, write_report
from benchmarks.active.rounds import ALL, START, Cell, Outcome, run_round, train_before
from benchmarks.active.world import BEFORE, open_pool

RECORD = "study.json"
RUNS, OUTCOME = "runs", "outcome.json"


def cells_of(options: ActiveOptions) -> Iterator[Cell]:
    """Yield the rounds of a study, each after the one that it goes on from: all of a seed first."""
    for seed in options.seeds:
        yield Cell(START, seed, 0)
        yield Cell(ALL, seed, 0)
        for number in range(1, options.rounds + 1):
            for order in ORDERS:
                yield Cell(order, seed, number)


def run_study(options: ActiveOptions) -> None:
    """Run the rounds that are missing, with a line for each that ends, and write the report.

    Raises:
        UserError: the folder holds a study of other settings, or a training failed.
    """
    check_plotting()
    check_settings(options)
    pool = open_pool(options)
    weights = train_before(options, options.output / BEFORE)
    runs = options.output / RUNS
    for cell in cells_of(options):
        if read_outcome(options, cell) is not None:
            continue
        before = None if cell.before is None else read_outcome(options, cell.before)
        outcome = run_round(cell, before, pool, options, weights, runs)
        write_record(runs / cell.name, OUTCOME, asdict(outcome))
        print(
            f"seed {cell.seed}, {cell.order}, round {cell.number}: {len(outcome.labeled)} keyframes, "
            f"{outcome.boxes} boxes, mAP {100 * outcome.mean_ap:.1f}",
            flush=True,
        )
    report(options)


def report(options: ActiveOptions) -> None:
    """Print the table of the rounds that have ended; it is also written to files, with a picture.

    Raises:
        UserError: none has.
    """
    found = {cell: outcome for cell in cells_of(options) if (outcome := read_outcome(options, cell)) is not None}
    if not found:
        raise UserError(f"--report-only: {options.output} has no round of these seeds that has ended.")
    files = write_report(found, options)
    print(table_of(found, options))
    print(f"{len(found)} of {counted(len(list(cells_of(options))), 'training')}; wrote {listed(files)}")


def read_outcome(options: ActiveOptions, cell: Cell) -> Outcome | None:
    """Return what a round came to; None: it has not ended."""
    record = read_record(options.output / RUNS / cell.name, OUTCOME)
    return None if record is None else Outcome(**record)


def check_settings(options: ActiveOptions) -> None:
    """Write down the settings of a new study, and refuse to go on with one of others; seeds can be added.

    Raises:
        UserError: names what differs.
    """
    settings = settings_of(options)
    found = read_record(options.output, RECORD)
    if found is None:
        options.output.mkdir(parents=True, exist_ok=True)
        write_record(options.output, RECORD, settings)
        return
    changes = [f"{key}: there {found.get(key)}, now {new}" for key, new in settings.items() if found.get(key) != new]
    if changes:
        raise UserError(
            problem_list(f"--output {options.output} holds a study of other settings", changes)
            + "\nName another folder, or give the earlier settings."
        )


def settings_of(options: ActiveOptions) -> dict[str, Any]:
    """Return all that decides an outcome, in types of JSON."""
    own = asdict(replace(options, data=Path(), output=Path(), seeds=()))
    chosen = {name: value for name, value in own.items() if name not in ("data", "output", "seeds", "rounds")}
    return json.loads(json.dumps({**chosen, **NETWORK, **ROUND}))
