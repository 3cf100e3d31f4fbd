"""From options, a config and a machine to the command that trains, with the plan of the run that it starts."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from yacs.config import CfgNode

import alphaction
from alphaction.checkpoint import FINAL_CHECKPOINT, LAST_CHECKPOINT
from alphaction.checkpoint.run_folder import checkpoint_files, holds_run, last_checkpoint, newest_checkpoint
from alphaction.config import load_cfg
from alphaction.engine.run_flags import train_parser
from alphaction.engine.run_plan import plan_text
from alphaction.engine.train import plan_run
from alphaction.solver import SCHEDULE_KEYS
from alphaction.utils.command_text import PROGRAM, uses_verbs
from alphaction.utils.errors import CheckpointError, UserError
from alphaction.workflows.finetune.launch.execute import TORCHRUN
from alphaction.workflows.finetune.launch.launch_options import LaunchOptions
from alphaction.workflows.finetune.launch.machine import Machine, gpu_warnings, ram_warnings
from alphaction.workflows.finetune.launch.processes import Processes, choose_processes

_NO_WEIGHTS = (
    "--new-classes has no effect, as MODEL.WEIGHT is empty: the whole network starts from random weights, the head "
    "too. `-- MODEL.WEIGHT FILE` would give it a backbone."
)
TRAIN_SCRIPT = Path(alphaction.__file__).resolve().parents[1] / "train_net.py"


@dataclass(frozen=True)
class Launch:
    """A command that trains, and the plan of its run.

    Attributes:
        command: program and arguments.
        env: environment variables to set besides those that are there.
        cfg: the config that the run would train with.
        rows: (what, value), the lines of the plan.
        notes: what was decided and might surprise.
        warnings: what may go wrong.
    """

    command: tuple[str, ...]
    env: dict[str, str]
    cfg: CfgNode
    rows: Mapping[str, str]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def command_line(self) -> str:
        """The command as a shell takes it."""
        settings = [f"{name}={shlex.quote(value)}" for name, value in self.env.items()]
        return " ".join([*settings, shlex.join(self.command)])

    def __str__(self) -> str:
        return f"{plan_text(self.rows, self.notes, self.warnings)}\nCommand\n  {self.command_line}"


def plan_launch(options: LaunchOptions, machine: Machine) -> Launch:
    """Choose the processes, and have the run planned that they would start. Writes and starts nothing.

    Only the GPUs of a dry run need not be here.

    Raises:
        UserError: for anything that would stop the training; the message has the remedy.
    """
    cfg = load_cfg(options.config, options.overrides)
    if options.requeued and not options.resume and holds_run(Path(cfg.OUTPUT_DIR)):
        options = _continued_options(options)
        cfg = load_cfg(options.config, options.overrides)
    processes = choose_processes(cfg, options, machine)
    if not options.resume:
        _refuse_earlier_run(Path(cfg.OUTPUT_DIR))
    arguments = ["--config-file", options.config, *_flags(cfg, options), *options.overrides, *processes.overrides]
    args = train_parser().parse_intermixed_args(arguments)
    run = plan_run(args, processes.total, processes.device, writes=not options.node_rank)
    here = gpu_warnings(machine.gpus, processes.per_node) if processes.device == "cuda" else ram_warnings(machine)
    return Launch(
        command=(sys.executable, *_launcher(processes, options), *_script(), *arguments),
        env=_environment(processes, machine),
        cfg=run.cfg,
        rows={**run.rows, "device": processes.description},
        notes=(*processes.notes, *([_NO_WEIGHTS] if _starts_at_random(cfg, options) else []), *run.notes),
        warnings=(*processes.warnings, *run.warnings, *here),
    )


def _continued_options(options: LaunchOptions) -> LaunchOptions:
    """Return the options that continue the run which these have started: it has its head, and its scaled schedule."""
    pairs = zip(options.overrides[::2], options.overrides[1::2], strict=True)
    overrides = tuple(word for pair in pairs if pair[0] not in SCHEDULE_KEYS for word in pair)
    return replace(options, resume=True, new_classes=False, overrides=overrides)


def _refuse_earlier_run(folder: Path) -> None:
    """Raise a :class:`UserError` if a new run would meet an earlier one in its folder."""
    pointer, final = folder / LAST_CHECKPOINT, f"{FINAL_CHECKPOINT}.pth"
    if not holds_run(folder):
        return
    found = pointer if pointer.is_file() else checkpoint_files(folder)[0]
    run, more = f"a run ({found.name})", "Continue it: --resume. "
    continued = _continued(folder)
    if continued is None and found != pointer:
        more = ""  # It is damaged, or another program wrote it.
    elif continued is not None and continued.name == final:
        run = f"a finished run ({final})"
        more = (
            "Train it for longer: --resume, and `-- SOLVER.MAX_ITER N` with more iterations than it has "
            "(SOLVER.PATIENCE 0 if it ended early). "
        )
    raise UserError(
        f"OUTPUT_DIR {folder} already holds {run}. {more}Start another one beside it: "
        f"`-- OUTPUT_DIR {shlex.quote(f'{folder}_2')}`."
    )


def _continued(folder: Path) -> Path | None:
    """Return the checkpoint that --resume would look at first, None if there is none."""
    with suppress(CheckpointError):
        return last_checkpoint(folder)
    with suppress(CheckpointError):
        newest = newest_checkpoint(folder)
        return newest and newest.path
    return None


def _starts_at_random(cfg: CfgNode, options: LaunchOptions) -> bool:
    """Return whether there are no weights of which --new-classes could leave out the head."""
    return options.new_classes and not options.resume and not cfg.MODEL.WEIGHT


def _flags(cfg: CfgNode, options: LaunchOptions) -> list[str]:
    """Return the flags of train_net.py."""
    flags = ["--resume"] if options.resume else ["--transfer"] if cfg.MODEL.WEIGHT else []
    flags += [] if options.resume else ["--adjust-lr"]  # A run that is continued keeps its schedule.
    flags += ["--no-head"] if options.new_classes and not _starts_at_random(cfg, options) else []
    flags += ["--use-tfboard"] if options.tensorboard else []
    flags += ["--compile"] if options.compile else []
    flags += ["--skip-val-in-train"] if options.skip_val else []
    # Without evaluation in between there need not be any data for the one at the end.
    flags += ["--skip-final-test"] if options.skip_val and not cfg.DATASETS.TEST else []
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


def _script() -> tuple[str, ...]:
    """Return train_net.py, by its name where the current folder is the clone; or ``alphaction train``."""
    if uses_verbs():
        return ("-m", PROGRAM, "train")
    return (TRAIN_SCRIPT.name if Path.cwd() == TRAIN_SCRIPT.parent else str(TRAIN_SCRIPT),)


def _environment(processes: Processes, machine: Machine) -> dict[str, str]:
    """Share the cores among several processes; torchrun would give each one thread."""
    if processes.per_node == 1 or "OMP_NUM_THREADS" in machine.environ:
        return {}
    return {"OMP_NUM_THREADS": str(max(1, machine.cores // processes.per_node))}
