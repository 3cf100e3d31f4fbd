"""Batch, learning rate and iterations of a planned run.

A config's schedule is written for SOLVER.REFERENCE_GPUS processes. A new run has it scaled, by ``train_net.py
--adjust-lr``, to the processes that it starts with, and the run's config.yaml then names those: planning from that file
changes nothing. A run that goes on keeps the schedule that its checkpoint holds, on whatever number of processes and
whatever the config holds by now: its iteration would stand for another number of clips otherwise. Only the number of
clips that a process takes at once is then kept in bounds, by SOLVER.ACCUMULATION_STEPS.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from yacs.config import CfgNode

from alphaction.config import load_cfg
from alphaction.solver import check_unscaled, scale_schedule
from alphaction.utils.errors import UserError
from alphaction.workflows.finetune.launch.options import LaunchOptions
from alphaction.workflows.finetune.launch.start import EarlierRun

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
SCHEDULE_KEYS = (
    *SCALED_KEYS,
    "SOLVER.SCHEDULER",
    "SOLVER.GAMMA",
    "SOLVER.WARMUP_ON",
    "SOLVER.WARMUP_FACTOR",
    "SOLVER.WARMUP_METHOD",
)
_REFERENCE = "SOLVER.REFERENCE_GPUS"
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
        UserError: if the config's schedule has a wrong value before it is scaled, or the run to go on with has a batch
            that does not split over the processes.
    """
    if earlier is not None and earlier.setting(_REFERENCE) is not None:
        return _keep_schedule(cfg, options, processes, earlier)
    before = {key: _get(cfg, key) for key in SCALED_KEYS}
    if processes == before[_REFERENCE]:
        return ScheduleScaling(f"none: {_REFERENCE} is {processes}, which is what the run is for")
    check_unscaled(cfg, check_files=not options.dry_run)
    scaling = ScheduleScaling(scale_schedule(cfg, processes), scaled=True, flags=["--adjust-lr"])
    scaling.notes.extend(_scaled_overrides(cfg, options, before))
    return scaling


def _keep_schedule(cfg: CfgNode, options: LaunchOptions, processes: int, earlier: EarlierRun) -> ScheduleScaling:
    """Give ``cfg`` the schedule of the earlier run, but for what the command line says."""
    reference = earlier.setting(_REFERENCE)
    if options.overrides_key(_REFERENCE) and reference != cfg.SOLVER.REFERENCE_GPUS:
        raise UserError(
            f"--resume: {_REFERENCE} {cfg.SOLVER.REFERENCE_GPUS} is given, but the schedule of the run is for "
            f"{reference} process(es), and values after -- replace its values as they are. Leave {_REFERENCE} out."
        )
    before = {key: _get(cfg, key) for key in (*SCHEDULE_KEYS, _ACCUMULATION)}
    for key in SCHEDULE_KEYS:
        if not options.overrides_key(key) and (value := earlier.setting(key)) is not None:
            cfg.merge_from_list([key, value])
    _fit_processes(cfg, options, processes, earlier)
    scaling = ScheduleScaling(f"none: the run keeps its schedule, which is for {reference} process(es)")
    if processes != reference:
        scaling.notes.append(
            f"The run keeps the schedule that it began with, for {reference} process(es); it goes on with {processes}."
        )
    scaling.notes.extend(_unused_values(cfg, options))
    changed = [key for key in before if _get(cfg, key) != before[key]]
    scaling.overrides = [text for key in changed for text in (key, _as_text(_get(cfg, key)))]
    return scaling


def _unused_values(cfg: CfgNode, options: LaunchOptions) -> Iterator[str]:
    """Say where the file of the config has another schedule than the run that goes on: it may have been edited."""
    file = load_cfg(options.config)
    with suppress(UserError):  # One that cannot be scaled is shown as it is.
        scale_schedule(file, cfg.SOLVER.REFERENCE_GPUS)
    unused = {"TEST.VIDEOS_PER_BATCH"}  # Follows the processes, and changes no result.
    if cfg.SOLVER.SCHEDULER == "half_period_cosine":
        unused |= {"SOLVER.STEPS", "SOLVER.GAMMA"}
    compared = [key for key in SCHEDULE_KEYS if key not in unused and not options.overrides_key(key)]
    different = [
        f"{key} {_shown(_get(file, key))} (the run: {_shown(_get(cfg, key))})"
        for key in compared
        if not _same(_get(file, key), _get(cfg, key))
    ]
    if different:
        yield (
            f"--resume keeps the schedule of the run. {options.config} has another one, which is not used: "
            f"{', '.join(different)}. To change a value of the run, give it after --."
        )


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


def _fit_processes(cfg: CfgNode, options: LaunchOptions, processes: int, earlier: EarlierRun) -> None:
    """Share the batch of the earlier run among another number of processes, none taking more clips at once."""
    before = earlier.world_size or earlier.setting(_REFERENCE)
    batch = cfg.SOLVER.VIDEOS_PER_BATCH
    if batch < 1:
        return  # The checks of the config say so.
    if batch % processes:
        counts = [str(count) for count in range(1, min(batch, 64) + 1) if batch % count == 0]
        raise UserError(
            f"--resume: the run's batch of {batch} clips does not split evenly over {processes} processes. Go on with "
            f"{', '.join(counts)} of them (--num-gpus), or start a new run from its weights."
        )
    if processes != before and not options.overrides_key("TEST.VIDEOS_PER_BATCH"):
        cfg.TEST.VIDEOS_PER_BATCH = max(1, round(cfg.TEST.VIDEOS_PER_BATCH / before)) * processes
    if not options.overrides_key(_ACCUMULATION):
        share, most = batch // processes, max(1, batch // (before * (earlier.setting(_ACCUMULATION) or 1)))
        cfg.SOLVER.ACCUMULATION_STEPS = next(
            steps for steps in range(1, share + 1) if share % steps == 0 and share // steps <= most
        )


def _same(one: object, other: object) -> bool:
    """Compare values; a rate that was scaled there and back may differ in its last digits."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6)
    return list(one) == list(other) if isinstance(one, list | tuple) else one == other


def _get(cfg: CfgNode, key: str) -> object:
    section, name = key.split(".")
    return cfg[section][name]


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else _as_text(value)


def _as_text(value: object) -> str:
    return str(list(value)) if isinstance(value, list | tuple) else repr(value)
