"""Training every fold, one after the other, and summing them up; what is finished is kept."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from alphaction.checkpoint.run_folder import holds_run
from alphaction.engine.evaluate import DETECTIONS_FILE, results_folder
from alphaction.utils.errors import DataError, UserError, saying_how_to_go_on
from alphaction.utils.messages import counted, problem_list
from alphaction.utils.output_folder import read_record, write_record
from alphaction.utils.signals import ended_by
from alphaction.workflows.finetune.folds.fold_record import FINISHED, LOG, STARTED, FoldFolder, read_folds
from alphaction.workflows.finetune.folds.pooled import Pooled, pool, pooled_text

_LAUNCHER = "alphaction.workflows.finetune.launch"
_LAST_LINES = 12
# Time to save and end after SIGTERM, in seconds.
_PATIENCE = 60.0


def run_folds(path: Path, overrides: Sequence[str] = (), *, sum_only: bool = False) -> Pooled:
    """Train and evaluate what is not finished, then evaluate all videos together.

    Args:
        path: a folder of folds.
        overrides: KEY VALUE pairs for every training.
        sum_only: train nothing.

    Raises:
        UserError: there are no folds, one was trained or begun with other files or settings, one failed (it is named),
            or with ``sum_only`` one is missing.
    """
    folder = read_folds(path)
    _check_files(folder)
    _check_trainings(folder, None if sum_only else overrides)
    missing = [number for number in range(1, folder.folds + 1) if not is_finished(folder, number)]
    if sum_only and missing:
        names = ", ".join(folder.name(number) for number in missing)
        raise UserError(f"--sum-only: {names} of {folder.folds} folds are not finished. Train them: {folder.command()}")
    print(f"{counted(folder.folds, 'fold')} in {folder.path}, {folder.folds - len(missing)} finished", flush=True)
    with saying_how_to_go_on(lambda: _how_to_go_on(folder, overrides)):
        for number in missing:
            _run(folder, number, overrides)
    pooled = pool(folder)
    print(pooled_text(pooled), flush=True)
    return pooled


def is_finished(folder: FoldFolder, number: int) -> bool:
    """Return whether a fold was trained and evaluated."""
    held = read_record(folder.place(number), FINISHED)
    return bool(held) and detections_of(folder, number).is_file()


def detections_of(folder: FoldFolder, number: int) -> Path:
    """Return the detections of a fold on the videos that it did not train on."""
    return results_folder(folder.run(number), f"{folder.base(number)}_val") / DETECTIONS_FILE


def _check_files(folder: FoldFolder) -> None:
    lacking = [folder.config(number) for number in range(1, folder.folds + 1) if not folder.config(number).is_file()]
    lacking += [] if folder.catalog.is_file() else [folder.catalog]
    if lacking:
        problems = [f"{path} is missing" for path in lacking]
        raise DataError(
            problem_list(f"{folder.path} is not complete:", problems)
            + ". Write the folds again: tools/generate_finetune_config.py with --folds and --force."
        )


def _check_trainings(folder: FoldFolder, overrides: Sequence[str] | None) -> None:
    """Refuse to sum up or continue what was trained with other files, or other overrides (None: with whichever).

    A training that began before the videos were divided anew has seen some that it would be validated on.
    """
    problems, stale = [], []
    for number in range(1, folder.folds + 1):
        held = _training(folder, number)
        if not held:
            continue
        before = held.get("overrides")
        if held.get("files") != folder.fingerprint(number):
            what = f"with another config or other data than {folder.place(number)} has now"
        elif overrides is not None and before != list(overrides):
            what = f"with other KEY VALUE pairs than this command has ({shlex.join(before or []) or 'none'})"
        else:
            continue
        problems.append(f"{folder.name(number)} was trained {what}")
        stale += [path for path in (folder.run(number), folder.place(number) / FINISHED) if path.exists()]
    if problems:
        raise UserError(
            f"{problem_list('trainings do not fit:', problems)}.\nTrain anew, after\n"
            f"  rm -r {shlex.join(map(str, stale))}\n"
            "or go back to what was there."
        )


def _training(folder: FoldFolder, number: int) -> dict[str, Any] | None:
    """Return what a fold was trained with, or is being trained with as far as it has got; None if it has not begun."""
    finished = read_record(folder.place(number), FINISHED)
    if finished or not holds_run(folder.run(number)):
        return finished
    return read_record(folder.place(number), STARTED)


def _run(folder: FoldFolder, number: int, overrides: Sequence[str]) -> None:
    """Train and evaluate one fold."""
    name, log = folder.name(number), folder.place(number) / LOG
    facts = {"files": folder.fingerprint(number), "overrides": list(overrides)}
    if not holds_run(folder.run(number)):
        write_record(folder.place(number), STARTED, facts)
    command = _command(folder, number, overrides)
    print(f"[{number}/{folder.folds}] {name}: training; its output goes to {log}", flush=True)
    start = time.monotonic()
    with log.open("a", encoding="utf-8") as output:
        print(f"$ {shlex.join(command)}", file=output, flush=True)
        # In a session of its own: Ctrl-C reaches this process alone, which then lets the training save and end.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        try:
            status = process.wait()
        finally:
            _end(process)
    if status or not detections_of(folder, number).is_file():
        how = f"was {ended_by(-status)}" if status < 0 else f"ended with status {status}"
        how = how if status else f"has left no {detections_of(folder, number)}"
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:]
        raise UserError(
            f"{name} {how}. The last lines of {log}:\n"
            + "".join(f"    {line}\n" for line in lines)
            + f"The same command goes on from there: {folder.command(overrides)}"
        )
    seconds = round(time.monotonic() - start)
    write_record(folder.place(number), FINISHED, {**facts, "seconds": seconds})
    print(f"[{number}/{folder.folds}] {name}: finished after {timedelta(seconds=seconds)}", flush=True)


def _command(folder: FoldFolder, number: int, overrides: Sequence[str]) -> list[str]:
    """Return the command line of the launcher, which starts the training of a fold or continues it."""
    catalog = folder.place(number) / "dataset.yaml"
    places = ["OUTPUT_DIR", str(folder.run(number)), "DATASETS.CATALOG", f'["{catalog}"]']
    flags = [*folder.launch, "--requeued", "--yes"]
    return [sys.executable, "-m", _LAUNCHER, str(folder.config(number)), *flags, "--", *overrides, *places]


def _end(process: subprocess.Popen) -> None:
    """Let a training that is still there save and end, with all that it has started."""
    if process.poll() is not None:
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _how_to_go_on(folder: FoldFolder, overrides: Sequence[str]) -> str:
    done = sum(is_finished(folder, number) for number in range(1, folder.folds + 1))
    return (
        f"{done} of {counted(folder.folds, 'fold')} are finished. The same command goes on from there:\n"
        f"  {folder.command(overrides)}"
    )
