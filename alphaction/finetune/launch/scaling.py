"""Batch, learning rate and iterations of a planned run.

A config's schedule is written for SOLVER.REFERENCE_GPUS processes. A new run has it scaled, by ``train_net.py
--adjust-lr``, to the processes that it starts with, and the run's config.yaml then names those: planning from that file
changes nothing. A run that goes on keeps the schedule that it began with, on whatever number of processes: its
iteration would stand for another number of clips otherwise. Only the number of clips that a process takes at once is
then kept in bounds, by SOLVER.ACCUMULATION_STEPS.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from yacs.config import CfgNode

from alphaction.finetune.launch.options import LaunchOptions
from alphaction.finetune.launch.start import EarlierRun
from alphaction.solver import scale_schedule
from alphaction.utils.errors import UserError

SCALED_KEYS = (
    "SOLVER.VIDEOS_PER_BATCH",
    "SOLVER.BASE_LR",
    "SOLVER.MAX_ITER",
    "SOLVER.WARMUP_ITERS",
    "SOLVER.STEPS",
    "SOLVER.CHECKPOINT_PERIOD",
    "SOLVER.EVAL_PERIOD",
    "TEST.VIDEOS_PER_BATCH",
    "SOLVER.REFERENCE_GPUS",
)
_ACCUMULATION = "SOLVER.ACCUMULATION_STEPS"


@dataclass
class ScheduleScaling:
    """How a config's schedule becomes that of a run.

    Attributes:
        description: the plan's line on scaling.
        scaled: whether anything was scaled.
        flags: flags of train_net.py.
        overrides: keys and values for train_net.py.
        notes: what the user should know.
    """

    description: str
    scaled: bool = False
    flags: list[str] = field(default_factory=list)
    overrides: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def plan_scaling(cfg: CfgNode, options: LaunchOptions, processes: int, earlier: EarlierRun | None) -> ScheduleScaling:
    """Return how the schedule fits ``processes`` processes over all machines; ``cfg`` is changed to it.

    Raises:
        UserError: if the run to go on with has a batch that does not split over the processes.
    """
    target = processes
    if earlier is not None and earlier.reference_gpus is not None:
        target = earlier.reference_gpus
    before = {key: _get(cfg, key) for key in SCALED_KEYS}
    scaling = ScheduleScaling(
        f"none: SOLVER.REFERENCE_GPUS is {cfg.SOLVER.REFERENCE_GPUS}, which is what the run is for"
    )
    if target != before["SOLVER.REFERENCE_GPUS"]:
        scaling.description, scaling.scaled = scale_schedule(cfg, target), True
        scaling.notes.extend(_scaled_overrides(cfg, options, before))
        if target == processes:
            scaling.flags.append("--adjust-lr")
    if earlier is not None and target != processes:
        before[_ACCUMULATION] = cfg.SOLVER.ACCUMULATION_STEPS
        scaling.notes.append(
            f"The run keeps the schedule that it began with, for {target} process(es); it goes on with {processes}."
        )
        _fit_processes(cfg, options, processes, target, earlier)
        changed = [key for key in before if _get(cfg, key) != before[key]]
        scaling.overrides = [text for key in changed for text in (key, _as_text(_get(cfg, key)))]
    return scaling


def _scaled_overrides(cfg: CfgNode, options: LaunchOptions, before: dict[str, object]) -> Iterator[str]:
    """Say which values of the command line are scaled, too: that may not be what was meant."""
    given = [key for key in SCALED_KEYS if options.overrides_key(key) and _get(cfg, key) != before[key]]
    given = [key for key in given if key != "SOLVER.REFERENCE_GPUS"]
    if given:
        listed = ", ".join(f"{key} {_as_text(before[key])} -> {_as_text(_get(cfg, key))}" for key in given)
        yield (
            f"Values given after -- are scaled like those of the config: {listed}. To have them as they are, add "
            f"SOLVER.REFERENCE_GPUS {cfg.SOLVER.REFERENCE_GPUS} (nothing is scaled then)."
        )


def _fit_processes(cfg: CfgNode, options: LaunchOptions, processes: int, target: int, earlier: EarlierRun) -> None:
    """Share the batch of the earlier run among another number of processes."""
    batch = cfg.SOLVER.VIDEOS_PER_BATCH
    if batch % processes:
        counts = [str(count) for count in range(1, min(batch, 64) + 1) if batch % count == 0]
        raise UserError(
            f"--resume: the run's batch of {batch} clips does not split evenly over {processes} processes. Go on with "
            f"{', '.join(counts)} of them (--num-gpus), or start a new run from its weights."
        )
    if not options.overrides_key("TEST.VIDEOS_PER_BATCH"):
        cfg.TEST.VIDEOS_PER_BATCH = max(1, round(cfg.TEST.VIDEOS_PER_BATCH / target)) * processes
    if not options.overrides_key(_ACCUMULATION):
        cfg.SOLVER.ACCUMULATION_STEPS = _accumulation_steps(batch // processes, batch, earlier)


def _accumulation_steps(share: int, batch: int, earlier: EarlierRun) -> int:
    """Return the fewest micro-batches of a process's ``share`` that are not above those of the earlier run."""
    parts = (earlier.world_size or earlier.reference_gpus or 1) * earlier.accumulation_steps
    most = max(1, batch // parts)
    return next(steps for steps in range(1, share + 1) if share % steps == 0 and share // steps <= most)


def _get(cfg: CfgNode, key: str) -> object:
    section, name = key.split(".")
    return cfg[section][name]


def _as_text(value: object) -> str:
    return str(list(value)) if isinstance(value, list | tuple) else repr(value)
