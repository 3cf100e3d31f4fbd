"""What a run does with its folder before the first step, under its lock."""

from __future__ import annotations

from pathlib import Path

from alphaction.checkpoint import StartPoint
from alphaction.checkpoint.run_folder import WRITTEN_NAMES, number_final, set_earlier_run_aside
from alphaction.engine.run_lock import RUN_LOCK, STALE_SECONDS, RunLock, remove_left_claims
from alphaction.utils.atomic import remove_parts
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import counted


def tidy_folder(lock: RunLock | None) -> None:
    """Say whose lock was left behind, and remove what killed runs have left half written; only the main process does.

    Args:
        lock: of this run; None on the other processes.
    """
    if lock is None:
        return
    folder = lock.path.parent
    if lock.note:
        get_logger().info(lock.note)
    # Another run that is about to be refused may be writing its lock.
    left = remove_parts(folder, (RUN_LOCK,), older_than=STALE_SECONDS) + remove_parts(folder, WRITTEN_NAMES)
    remove_left_claims(folder)
    if left:
        get_logger().info(
            "removed %s that a killed run had left half written: %s",
            counted(len(left), "file"),
            ", ".join(path.name for path in left),
        )


def begin_in_folder(folder: Path, start: StartPoint) -> None:
    """Make sure that the files of a run that begins or goes on are not mixed with those of an earlier one.

    A new run has the folder for itself. In one that goes on, no ``model_final.pth`` is there until its end.
    """
    if start.action != "resume":
        if (aside := set_earlier_run_aside(folder, start.path)) is not None:
            get_logger().warning("the files of the earlier run in %s are in %s now", folder, aside)
    elif start.path.parent.resolve() == folder.resolve() and (numbered := number_final(folder)) is not None:
        get_logger().info("model_final.pth, where this run ended before, is %s now", numbered.name)
