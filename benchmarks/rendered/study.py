"""Trainings on parts of a dataset, from random and from rendered weights: run what is missing, report what there is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from alphaction import ActionDetector
from alphaction.utils.atomic import write_text_atomically
from alphaction.utils.output_folder import read_record, write_record
from alphaction.workflows.finetune.finetune_options import FinetuneOptions
from alphaction.workflows.finetune.generate import generate_config
from benchmarks.ablation.seed_statistics import Summary
from benchmarks.rendered.options import FROZEN, RENDERED, StudyOptions
from benchmarks.rendered.subsets import Source

OUTCOME, TABLE = "outcome.json", "label_efficiency.md"


@dataclass(frozen=True)
class Cell:
    """A training of the study: percent of the training keyframes, seed, where it starts, and what is trained."""

    share: int
    seed: int
    start: str
    mode: str

    @property
    def name(self) -> str:
        """Name of its folder."""
        return f"{self.share}_percent_{self.mode}_{self.start}_seed_{self.seed}"


@dataclass(frozen=True)
class Outcome:
    """What a training came to.

    Attributes:
        mean_ap: of the last weights, in [0, 1]; none are chosen by it.
        keyframes: that it was trained on.
        iterations: of the training.
        cpu_seconds: of training and evaluation, without features that were computed before.
    """

    mean_ap: float
    keyframes: int
    iterations: int
    cpu_seconds: float


def cells_of(options: StudyOptions) -> Iterator[Cell]:
    """Yield the trainings: all of a seed first, the cheap ones before the others."""
    for seed in options.seeds:
        for mode in options.modes:
            for share in options.shares:
                for start in options.starts:
                    yield Cell(share, seed, start, mode)


def run_study(options: StudyOptions) -> None:
    """Run the trainings that are missing, with a line for each that ends, and write the table after each."""
    source = Source.open(options.catalog)
    for cell in cells_of(options):
        folder = options.output / source.name / cell.name
        if read_record(folder, OUTCOME) is not None:
            continue
        outcome = run_cell(cell, source, options, folder)
        write_record(folder, OUTCOME, asdict(outcome))
        print(
            f"{source.name} {cell.name}: mAP {100 * outcome.mean_ap:.2f}, {outcome.keyframes} keyframes, "
            f"{outcome.iterations} iterations, {outcome.cpu_seconds / 60:.1f} min of CPU",
            flush=True,
        )
        report(options)
    report(options)


def run_cell(cell: Cell, source: Source, options: StudyOptions, folder: Path) -> Outcome:
    """Train and evaluate once, by the config that the generator writes for this part of the data."""
    name, keyframes = source.write(folder / "data", cell.share, cell.seed, options.held_out)
    catalog = str((folder / "data" / "dataset.yaml").resolve())
    rendered = cell.start == RENDERED
    config = generate_config(
        FinetuneOptions(
            dataset_name=name,
            backbone="tiny",
            num_gpus=0,
            weights=options.weights if rendered else "",
            max_iter=options.iterations or None,
            lr=(options.lr or None) if rendered else None,
            output_dir=str(folder / "run"),
            catalog=(catalog,),
        )
    )
    path = folder / "config.yaml"
    write_text_atomically(path, config.text)
    keys: dict[str, Any] = {
        "SOLVER.EVAL_PERIOD": config.cfg.SOLVER.MAX_ITER,
        "SOLVER.CHECKPOINT_PERIOD": config.cfg.SOLVER.MAX_ITER,
        "DATALOADER.NUM_WORKERS": 0,  # so that the process's own time is all of it
        "DATALOADER.CLIP_CACHE": str(options.output / "clips"),
    }
    if cell.mode == FROZEN:
        keys |= {"MODEL.BACKBONE.FREEZE": "all", "DATALOADER.FEATURE_CACHE": str(options.output / "features")}
    start = time.process_time()
    run = ActionDetector.from_config(path).train(
        catalog, seed=cell.seed, new_head=rendered, report=False, output_dir=str(folder / "run"), keys=keys
    )
    mean_ap = run.metrics[f"{name}_val/mAP"]
    return Outcome(mean_ap, keyframes, config.cfg.SOLVER.MAX_ITER, time.process_time() - start)


def report(options: StudyOptions) -> None:
    """Write the table of the trainings that have ended, and print it."""
    source = Source.open(options.catalog)
    found: dict[tuple[int, str, str], list[Outcome]] = {}
    for cell in cells_of(options):
        record = read_record(options.output / source.name / cell.name, OUTCOME)
        if record is not None:
            found.setdefault((cell.share, cell.mode, cell.start), []).append(Outcome(**record))
    columns = [f"{mode}, {start}" for mode in options.modes for start in options.starts]
    lines = [f"| {source.name}: keyframes | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for share in options.shares:
        cells = [found.get((share, mode, start), []) for mode in options.modes for start in options.starts]
        count = next((outcomes[0].keyframes for outcomes in cells if outcomes), 0)
        lines.append(f"| {share}% ({count}) | {' | '.join(map(_points, cells))} |")
    write_text_atomically(options.output / f"{source.name}_{TABLE}", "\n".join(lines) + "\n")


def _points(outcomes: list[Outcome]) -> str:
    """Return "41.2 ± 1.3 (3)": mAP in points, mean and deviation over seeds, their number."""
    if not outcomes:
        return "-"
    summary = Summary.of([100 * outcome.mean_ap for outcome in outcomes])
    spread = "" if summary.std is None else f" ± {summary.std:.1f}"
    return f"{summary.mean:.1f}{spread} ({len(outcomes)})"
