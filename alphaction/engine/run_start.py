"""What a run does with its folder before the first step, under its lock."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from alphaction.checkpoint import StartPoint
from alphaction.checkpoint.run_folder import (
    EARLIER_REPORT,
    REPORT_FILE,
    SUMMARY_FILE,
    WRITTEN_NAMES,
    number_final,
    set_earlier_run_aside,
)
from alphaction.checkpoint.weights_beside import AVERAGED_WEIGHTS, number_averaged
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

    A new run has the folder for itself. In one that goes on, nothing is there until its end that an end leaves:
    ``model_final.pth``, ``model_ema.pth``, ``report.html``, ``summary.json``.
    """
    resumes = start.action == "resume"
    weights = folder / f"{AVERAGED_WEIGHTS}.pth"
    if not resumes and (aside := set_earlier_run_aside(folder, start.path)) is not None:
        get_logger().warning("the files of the earlier run in %s are in %s now", folder, aside)
        if start.path is not None and start.path.resolve().parent == folder.resolve():
            get_logger().warning(
                "%s, which this run begins with, stays where it is: until this run writes a file of that name, it is "
                "of the earlier run",
                start.path,
            )
    # What tells of the end first, the end itself last: a kill in between leaves nothing that tells of what is gone.
    (folder / SUMMARY_FILE).unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        os.replace(folder / REPORT_FILE, folder / EARLIER_REPORT)
    begins_with = not resumes and start.path is not None and weights.exists() and weights.samefile(start.path)
    if not begins_with and (numbered := number_averaged(folder)) is not None:
        get_logger().info("%s, from where a run ended before, is %s now", weights.name, numbered.name)
    if resumes and (numbered := number_final(folder)) is not None:
        get_logger().info("model_final.pth, from where this run ended before, is %s now", numbered.name)
