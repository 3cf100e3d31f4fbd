"""The plan of a run as text, which ``train_net.py --plan`` and the launcher show."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from yacs.config import CfgNode

from alphaction.checkpoint import StartPoint
from alphaction.config.class_groups import GROUPS, groups_text, head_groups
from alphaction.data.dataset import ActionDataset
from alphaction.data.joined_dataset import JoinedDataset
from alphaction.data.repeat_factors import RepeatFactors
from alphaction.data.table_checks import used_videos
from alphaction.engine.run_config import RunConfig
from alphaction.utils.messages import counted, text_table


@dataclass(frozen=True)
class RunPlan:
    """A run that has been prepared up to its first step, on a model without memory for its weights.

    Attributes:
        cfg: the config that it would train with; frozen.
        start: what it starts from.
        start_iteration: iterations that are done already.
        rows: (what, value), the lines of the plan.
        notes: what was decided and might surprise.
        warnings: what the log of the run would warn of before the first step.
    """

    cfg: CfgNode
    start: StartPoint
    start_iteration: int
    rows: Mapping[str, str]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        return plan_text(self.rows, self.notes, self.warnings)


def plan_text(rows: Mapping[str, str], notes: Iterable[str], warnings: Iterable[str]) -> str:
    """Return the lines of a plan; a value may have several."""
    cells = [
        ("" if number else label, line)
        for label, text in rows.items()
        for number, line in enumerate(text.splitlines() or [""])
    ]
    lines = text_table(cells, left=2, indent="  ")
    lines += [f"note: {note}" for note in notes]
    lines += [f"warning: {warning}" for warning in warnings]
    return "\n".join(["Plan", *lines])


def plan_rows(
    run: RunConfig,
    device: str,
    start: str,
    start_iteration: int,
    train_set: ActionDataset | JoinedDataset,
    test_sets: Sequence[ActionDataset],
    *,
    rates: str,
    features: str | None,
) -> dict[str, str]:
    """Return the lines of a plan.

    Args:
        run: the config, with the schedule of the run and the classes of the data.
        device: what each process runs on.
        start: what the run starts from.
        start_iteration: iterations that are done already.
        train_set, test_sets: the opened datasets.
        rates: learning rates.
        features: what is computed before the first step; None: nothing.
    """
    cfg, solver = run.cfg, run.cfg.SOLVER
    batch = solver.VIDEOS_PER_BATCH
    parts = f" in {solver.ACCUMULATION_STEPS} parts" if solver.ACCUMULATION_STEPS > 1 else ""
    return {
        "config": run.args.config_file,
        "start": start,
        "training data": _described(train_set.datasets),
        "evaluation": _described(test_sets) + _when(run.args) if test_sets else "none",
        "classes": _classes(cfg),
        "device": f"{device}, {counted(run.num_processes, 'process', 'processes')}",
        "scaling": run.scaling,
        "batch": f"{counted(batch, 'clip')}, {batch // run.num_processes} a process{parts}",
        "iterations": _length(solver, start_iteration, len(train_set), RepeatFactors.from_config(cfg, train_set)),
        **({"features": features} if features else {}),
        "learning rate": f"{rates} ({solver.OPTIMIZER}, {solver.SCHEDULER})",
        "output": cfg.OUTPUT_DIR,
    }


def warnings_of(records: Iterable[logging.LogRecord]) -> tuple[str, ...]:
    """Return the messages among log records that are warnings."""
    return tuple(record.getMessage() for record in records if record.levelno >= logging.WARNING)


def _classes(cfg: CfgNode) -> str:
    groups = head_groups(cfg)
    ava = groups[: len(GROUPS)]
    if len(groups) == len(ava):
        text = f"movement, object, person: {', '.join(str(group.size) for group in ava)}"
    else:
        text = groups_text(groups)
    return f"{cfg.MODEL.ROI_ACTION_HEAD.NUM_CLASSES} ({text})"


def _described(datasets: Sequence[ActionDataset]) -> str:
    return "\n".join(map(_described_one, datasets))


def _described_one(dataset: ActionDataset) -> str:
    videos = len(used_videos(dataset.keyframes))
    source = "ground truth" if dataset.training or dataset.uses_ground_truth_boxes else "detected"
    return f"{dataset.name}: {counted(len(dataset), 'keyframe')} of {counted(videos, 'video')}, {source} boxes"


def _when(args: argparse.Namespace) -> str:
    if args.skip_val_in_train:
        return "\n(at the end only)"
    return "\n(not at the end)" if args.skip_final_test else ""


def _length(solver: CfgNode, start_iteration: int, num_clips: int, repeats: RepeatFactors | None) -> str:
    epoch = num_clips if repeats is None else repeats.epoch
    text = f"{solver.MAX_ITER}, {solver.MAX_ITER * solver.VIDEOS_PER_BATCH / epoch:.1f} epochs"
    if epoch != num_clips:
        text += f" of {epoch} clips, those with rare classes repeated (DATALOADER.REPEAT_THRESHOLD)"
    return text + (f"; {max(0, solver.MAX_ITER - start_iteration)} to go" if start_iteration else "")
