"""From options, a config and a machine to the command that trains, with all that is worth knowing before it starts."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from yacs.config import CfgNode

import alphaction
from alphaction.config import load_cfg, validate_cfg
from alphaction.utils.errors import UserError
from alphaction.utils.files import check_writable
from alphaction.workflows.finetune.launch.data import PlannedData, read_planned_data
from alphaction.workflows.finetune.launch.gpus import Machine, gpu_warnings, ram_warnings
from alphaction.workflows.finetune.launch.options import LaunchOptions
from alphaction.workflows.finetune.launch.processes import Processes, choose_processes
from alphaction.workflows.finetune.launch.run import TORCHRUN
from alphaction.workflows.finetune.launch.scaling import SCALED_KEYS, ScheduleScaling, plan_scaling
from alphaction.workflows.finetune.launch.start import (
    EarlierRun,
    describe_start,
    find_earlier_run,
    start_flags,
    weight_warnings,
)

TRAIN_SCRIPT = Path(alphaction.__file__).resolve().parents[1] / "train_net.py"


@dataclass(frozen=True)
class Launch:
    """A planned training.

    Attributes:
        command: program and arguments.
        env: environment variables to set besides those that are there.
        rows: (what, value), the lines of the plan.
        notes: what was decided and might surprise.
        warnings: what may go wrong.
    """

    command: tuple[str, ...]
    env: dict[str, str]
    rows: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def command_line(self) -> str:
        """The command as a shell takes it."""
        settings = [f"{name}={shlex.quote(value)}" for name, value in self.env.items()]
        return " ".join([*settings, shlex.join(self.command)])

    def __str__(self) -> str:
        width = max(len(label) for label, _ in self.rows)
        lines = [f"  {label:{width}}  {line}" for label, line in _by_line(self.rows)]
        lines += [f"note: {note}" for note in self.notes]
        lines += [f"warning: {warning}" for warning in self.warnings]
        return "\n".join(["Plan", *lines, "Command", f"  {self.command_line}"])


def plan(options: LaunchOptions, machine: Machine) -> Launch:
    """Check the config, the data and the machine, and return what would be started. Writes and starts nothing.

    A dry run may be planned away from the data, the weights and the GPUs: what is missing is then a warning.

    Raises:
        UserError: for anything that would stop the training; the message has the remedy.
    """
    cfg = load_cfg(options.config, options.overrides)
    cfg.MODEL.WEIGHT = os.path.expanduser(cfg.MODEL.WEIGHT)
    processes = choose_processes(cfg, options, machine)
    earlier = find_earlier_run(cfg, options)
    flags = start_flags(cfg, options)
    scaling = plan_scaling(cfg, options, processes.total, earlier)
    _validate(cfg, options, processes, scaling)

    warnings = [*processes.warnings, *_output_problems(cfg, options)]
    data = read_planned_data(cfg, tolerant=options.dry_run)
    warnings.extend(data.problems)
    if cfg.MODEL.WEIGHT and not Path(cfg.MODEL.WEIGHT).is_file():
        warnings.append(f"MODEL.WEIGHT {cfg.MODEL.WEIGHT} does not exist here.")
    else:
        warnings.extend(weight_warnings(cfg, options, data.label_map))
    if processes.device == "cuda":
        warnings.extend(gpu_warnings(machine.gpus, processes.per_node))
    else:
        warnings.extend(ram_warnings(machine))

    notes = [*processes.notes, *scaling.notes]
    if earlier is not None and earlier.iteration >= cfg.SOLVER.MAX_ITER:
        notes.append(
            f"SOLVER.MAX_ITER {cfg.SOLVER.MAX_ITER} is reached already: only the evaluation is left. A higher one goes "
            "on: `-- SOLVER.MAX_ITER N`."
        )
    arguments = ["--config-file", options.config, *flags, *scaling.flags, *_other_flags(cfg, options)]
    arguments += [*options.overrides, *processes.overrides, *scaling.overrides]
    return Launch(
        command=(sys.executable, *_launcher(processes, options), _script(), *arguments),
        env=_environment(processes, machine),
        rows=tuple(_rows(cfg, options, processes, scaling, earlier, data)),
        notes=tuple(notes),
        warnings=tuple(warnings),
    )


def _validate(cfg: CfgNode, options: LaunchOptions, processes: Processes, scaling: ScheduleScaling) -> None:
    splits = ("TRAIN", "TEST") if _evaluates(cfg, options) else ("TRAIN",)
    try:
        validate_cfg(cfg, num_processes=processes.total, check_files=not options.dry_run, splits=splits)
    except UserError as error:
        if not scaling.scaled or not any(key in str(error) for key in SCALED_KEYS):
            raise
        # The remedies name values after scaling, which would be scaled again if they were given as they stand.
        raise UserError(
            f"{error}\nThese are values after scaling. {scaling.description} To give values that are not scaled, add "
            f"SOLVER.REFERENCE_GPUS {cfg.SOLVER.REFERENCE_GPUS} after -- and set the others that depend on it."
        ) from error


def _output_problems(cfg: CfgNode, options: LaunchOptions) -> Iterable[str]:
    """Return why the run could not write its files, for a dry run, which may be planned away from its machine.

    Raises:
        UserError: where it is to start now.
    """
    if options.node_rank:
        return []  # Only the first machine writes.
    try:
        check_writable("OUTPUT_DIR", Path(cfg.OUTPUT_DIR) / "config.yaml")
    except UserError as error:
        if not options.dry_run:
            raise
        return [str(error)]
    return []


def _evaluates(cfg: CfgNode, options: LaunchOptions) -> bool:
    """Return whether the run evaluates at its end: always, but for --skip-val without any data to evaluate on."""
    return bool(cfg.DATASETS.TEST) or not options.skip_val


def _other_flags(cfg: CfgNode, options: LaunchOptions) -> list[str]:
    flags = ["--use-tfboard"] if options.tensorboard else []
    flags += ["--skip-val-in-train"] if options.skip_val else []
    flags += [] if _evaluates(cfg, options) else ["--skip-final-test"]
    return flags + ([] if options.seed is None else ["--seed", str(options.seed)])


def _launcher(processes: Processes, options: LaunchOptions) -> list[str]:
    """Return what stands between Python and train_net.py."""
    if processes.total == 1:
        return []
    if processes.nodes == 1:
        return [*TORCHRUN, "--standalone", f"--nproc_per_node={processes.per_node}"]
    return [
        *TORCHRUN,
        f"--nnodes={processes.nodes}",
        f"--node_rank={options.node_rank}",
        f"--nproc_per_node={processes.per_node}",
        f"--master_addr={options.master_addr}",
        f"--master_port={options.master_port}",
    ]


def _script() -> str:
    """Return the path of train_net.py, short where the current folder is the clone."""
    if not TRAIN_SCRIPT.is_file():
        raise UserError(f"{TRAIN_SCRIPT} does not exist: training is started from a clone (`pip install -e .` in it).")
    return TRAIN_SCRIPT.name if Path.cwd() == TRAIN_SCRIPT.parent else str(TRAIN_SCRIPT)


def _environment(processes: Processes, machine: Machine) -> dict[str, str]:
    """Share the cores among several processes; torchrun would give each one thread."""
    if processes.per_node == 1 or "OMP_NUM_THREADS" in machine.environ:
        return {}
    return {"OMP_NUM_THREADS": str(max(1, machine.cores // processes.per_node))}


def _rows(
    cfg: CfgNode,
    options: LaunchOptions,
    processes: Processes,
    scaling: ScheduleScaling,
    earlier: EarlierRun | None,
    data: PlannedData,
) -> Iterable[tuple[str, str]]:
    solver = cfg.SOLVER
    share = solver.VIDEOS_PER_BATCH // processes.total
    steps = solver.ACCUMULATION_STEPS
    yield "config", options.config
    yield "start", describe_start(cfg, options, earlier)
    yield "training data", data.training
    at_end = " (at the end only)" if options.skip_val and _evaluates(cfg, options) else ""
    yield "evaluation", data.evaluation + at_end
    yield "device", processes.description
    yield "scaling", scaling.description
    yield "batch", f"{solver.VIDEOS_PER_BATCH} clips, {share} a process" + (f" in {steps} parts" if steps > 1 else "")
    yield "iterations", _iterations(cfg, earlier, data)
    yield "learning rate", f"{solver.BASE_LR:g} ({solver.OPTIMIZER}, {solver.SCHEDULER})"
    yield "output", cfg.OUTPUT_DIR


def _iterations(cfg: CfgNode, earlier: EarlierRun | None, data: PlannedData) -> str:
    solver = cfg.SOLVER
    text = str(solver.MAX_ITER)
    if data.num_keyframes:
        text += f", {solver.MAX_ITER * solver.VIDEOS_PER_BATCH / data.num_keyframes:.1f} epochs"
    if earlier is not None:
        text += f"; {max(0, solver.MAX_ITER - earlier.iteration)} to go"
    return text


def _by_line(rows: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    for label, text in rows:
        for number, line in enumerate(text.splitlines() or [""]):
            yield ("" if number else label), line
