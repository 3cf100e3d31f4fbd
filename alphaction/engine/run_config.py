"""The config of a run, from the command line of train_net.py: read, scaled to its processes, and checked."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

from yacs.config import CfgNode

from alphaction.checkpoint import find_start, read_recorded_config
from alphaction.checkpoint.run_folder import CONFIG_FILE
from alphaction.config import load_cfg, validate_cfg
from alphaction.engine.plot_services import check_services, services_of
from alphaction.engine.weights import check_zoo_name
from alphaction.solver import (
    RecordedSchedule,
    check_scaled,
    check_unscaled,
    keep_schedule,
    scale_schedule,
    scaled_overrides,
    unused_values,
)
from alphaction.utils.errors import UserError
from alphaction.utils.files import check_writable


@dataclass(frozen=True)
class RunConfig:
    """A config made ready for a run.

    Attributes:
        args: the flags of train_net.py.
        cfg: the config with the schedule of the run; its numbers of classes may still be the defaults.
        num_processes: processes over all machines.
        scaling: how the config's schedule was changed, in words.
        scaled: whether the config's values were changed by that.
        notes: what might surprise about it.
    """

    args: argparse.Namespace
    cfg: CfgNode
    num_processes: int
    scaling: str
    scaled: bool = False
    notes: tuple[str, ...] = ()

    @property
    def evaluates(self) -> bool:
        """Whether the run evaluates at all, in between or at the end."""
        return not (self.args.skip_val_in_train and self.args.skip_final_test)


def configure_run(args: argparse.Namespace, num_processes: int, *, writes: bool = True) -> RunConfig:
    """Return the config of a run.

    Args:
        args: the flags of train_net.py.
        num_processes: processes over all machines.
        writes: whether this process writes to OUTPUT_DIR.

    Raises:
        UserError: for anything wrong in the config, before or after it is scaled, an OUTPUT_DIR that cannot be
            written to, and a service of --log-to that cannot be used.
    """
    cfg = load_cfg(args.config_file, args.opts)
    cfg.MODEL.WEIGHT = os.path.expanduser(cfg.MODEL.WEIGHT)
    check_zoo_name(cfg.MODEL.WEIGHT)
    run = _with_schedule(args, cfg, num_processes)
    _refuse_patience(args, cfg)
    splits = ("TRAIN", "TEST") if run.evaluates else ("TRAIN",)
    if run.scaled:
        check_scaled(cfg, num_processes, run.scaling, splits)
    else:
        validate_cfg(cfg, num_processes, splits=splits)
    if writes:
        check_services(services_of(args))
        check_writable("OUTPUT_DIR", Path(cfg.OUTPUT_DIR) / CONFIG_FILE)
    return run


def _refuse_patience(args: argparse.Namespace, cfg: CfgNode) -> None:
    """Raise a :class:`UserError` if a run is to end early by evaluations that it does not make."""
    if args.skip_val_in_train and cfg.SOLVER.PATIENCE > 0:
        raise UserError(
            f"SOLVER.PATIENCE {cfg.SOLVER.PATIENCE} ends a training after so many evaluations that are not better, and "
            "--skip-val-in-train leaves them out. Leave out the flag, or set SOLVER.PATIENCE 0."
        )


def _with_schedule(args: argparse.Namespace, cfg: CfgNode, num_processes: int) -> RunConfig:
    """Give ``cfg`` the schedule of the run: its own, scaled or not, or that of the run that --resume continues."""
    given = args.opts[::2]
    if args.resume:
        start = find_start(cfg.OUTPUT_DIR, cfg.MODEL.WEIGHT, resume=True)
        recorded = RecordedSchedule(*read_recorded_config(start.path))
        scaling = keep_schedule(cfg, recorded, num_processes, given)
        notes = tuple(unused_values(cfg, load_cfg(args.config_file), given))
        if args.adjust_lr:
            notes = (*notes, "--adjust-lr is not used: --resume keeps the schedule of the run.")
        return RunConfig(args, cfg, num_processes, scaling, notes=notes)
    if not args.adjust_lr:
        return RunConfig(args, cfg, num_processes, "The schedule of the config is used as it is (no --adjust-lr).")
    check_unscaled(cfg)
    before = cfg.clone()
    scaling = scale_schedule(cfg, num_processes)
    notes = tuple(scaled_overrides(before, cfg, given))
    return RunConfig(args, cfg, num_processes, scaling, scaled=cfg != before, notes=notes)
