"""What a training that ended early says: what is saved, and the command that continues from it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from alphaction.checkpoint import LAST_CHECKPOINT, StartPoint
from alphaction.checkpoint.run_folder import last_checkpoint
from alphaction.engine.run_config import RunConfig
from alphaction.solver import SCHEDULE_KEYS
from alphaction.utils.command_text import RESUMED_BY, this_command
from alphaction.utils.errors import DataError, ResourceError, StallError


@contextmanager
def errors_say_how_to_resume(text: Callable[[], str]) -> Iterator[None]:
    """Add ``text()`` to those errors within the block that leave the run as it was, so that it can go on."""
    try:
        yield
    except (DataError, ResourceError, StallError) as error:
        with suppress(Exception):  # must not hide the error
            error.args = (f"{error}\n{text()}", *error.args[1:])
        raise


def how_to_resume(run: RunConfig, start: StartPoint, began: float) -> str:
    """Return the last checkpoint and the command that continues the run.

    Args:
        run: the run, which was interrupted.
        start: what it started from.
        began: when it began, in seconds as ``time.time()`` has them; an older checkpoint is that of another run.
    """
    pointer = Path(run.cfg.OUTPUT_DIR) / LAST_CHECKPOINT
    if not pointer.is_file() or (start.action != "resume" and pointer.stat().st_mtime < began):
        period = run.cfg.SOLVER.CHECKPOINT_PERIOD
        return (
            f"No checkpoint was saved yet (SOLVER.CHECKPOINT_PERIOD {period}): the same command starts again:\n"
            f"  {this_command()}"
        )
    name = last_checkpoint(run.cfg.OUTPUT_DIR).name
    command = os.environ.get(RESUMED_BY) or this_command(_arguments(run))
    return f"The run continues from {name} with:\n  {command}"


def _arguments(run: RunConfig) -> list[str]:
    """Return the arguments of train_net.py that continue the run with the schedule that it has."""
    args = run.args
    flags = ["--config-file", str(args.config_file), "--resume"]
    flags += ["--use-tfboard"] if args.use_tfboard else []
    flags += [part for name in args.log_to for part in ("--log-to", name)]
    flags += ["--compile"] if args.compile else []
    flags += ["--skip-val-in-train"] if args.skip_val_in_train else []
    flags += ["--skip-final-test"] if args.skip_final_test else []
    flags += ["--seed", str(args.seed)] if args.seed else []
    for key, value in zip(args.opts[::2], args.opts[1::2], strict=True):
        # The run holds the values as they were scaled.
        if not (run.scaled and key in SCHEDULE_KEYS):
            flags += [key, value]
    return flags
