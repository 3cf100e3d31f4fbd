"""Starting the runs, some at a time, and stopping them all if one fails or a person has had enough."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from alphaction.checkpoint import FINAL_CHECKPOINT
from alphaction.utils.errors import UserError
from benchmarks.ablation.plan import Run
from benchmarks.ablation.record import RunRecord, device_name, new_record, read_run

LOG = "log"
_LAST_LINES = 12
# Time to end after SIGTERM, in seconds; torchrun gives its processes 30.
_PATIENCE = 40.0


@dataclass
class _Started:
    run: Run
    record: RunRecord
    process: subprocess.Popen
    since: float


def run_all(
    runs: Sequence[Run],
    jobs: int,
    threads: int,
    on_end: Callable[[Run, RunRecord], None],
    *,
    poll: float = 0.5,
    inherited: Sequence[int] = (),
) -> None:
    """Run every run to its end, in order, ``jobs`` at a time; each writes to a file ``log`` in its folder.

    Whatever ends this function early also ends the runs; they can continue from their checkpoints.

    Args:
        runs: none of them finished.
        jobs: runs at a time.
        threads: CPU threads of each.
        on_end: called for every run that has finished.
        poll: seconds between two looks at the processes.
        inherited: file descriptors that runs keep open: a lock on one of them lasts until the last run has ended, even
            if this process is killed.

    Raises:
        UserError: a run failed; with the last lines of its log and its command.
        KeyboardInterrupt: on Ctrl-C, SIGTERM and SIGHUP.
    """
    waiting, active = deque(runs), []
    env = dict(os.environ)
    with _signals_interrupt():
        try:
            while waiting or active:
                while waiting and len(active) < jobs:
                    active.append(_start(waiting.popleft(), env, threads, inherited))
                time.sleep(poll)
                for started in [job for job in active if _is_due(job)]:
                    active.remove(started)
                    _stop([started])
                    active.append(_start(started.run, env, threads, inherited))
                for started in [job for job in active if job.process.poll() is not None]:
                    active.remove(started)
                    _finish(started)
                    on_end(started.run, started.record)
        finally:
            _stop(active)


def _start(run: Run, env: Mapping[str, str], threads: int, inherited: Sequence[int]) -> _Started:
    record = read_run(run) or new_record(run)
    record.starts, record.threads, record.finished = record.starts + 1, threads, False
    record.device = device_name(run.device)
    record.broken = record.broken or _is_half_way(run)
    record.write(run)
    threads = str(max(1, threads // run.processes))
    env = {**env, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    with (run.folder / LOG).open("a", encoding="utf-8") as log:
        # In a session of its own: Ctrl-C reaches the study alone, which then ends each run and what it has started.
        process = subprocess.Popen(
            run.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=env,
            start_new_session=True,
            pass_fds=inherited,
        )
    return _Started(run, record, process, time.monotonic())


def _is_due(started: _Started) -> bool:
    """Return whether it is time to interrupt a run that is to be interrupted, which happens once."""
    return not started.record.broken and started.process.poll() is None and _is_half_way(started.run)


def _is_half_way(run: Run) -> bool:
    """Return whether a run that is to be interrupted has a checkpoint, but not that of its end."""
    file = run.restart_at
    return file is not None and file.exists() and FINAL_CHECKPOINT not in file.read_text(encoding="utf-8")


def _finish(started: _Started) -> None:
    """Record the end of a run by itself."""
    run, status = started.run, started.process.returncode
    _close_record(started)
    if run.restart_at is not None and not started.record.broken:
        raise UserError(
            f"the run {run} was over before it could be stopped half way. Remove {run.folder}, and raise "
            "SOLVER.MAX_ITER."
        )
    if not started.record.finished:
        how = f"ended with status {status}" if status else f"ended without {run.result}"
        lines = _last_lines(run.folder / LOG)
        raise UserError(
            f"the run {run} {how}. The others were stopped. The last lines of {run.folder / LOG}:\n"
            + "".join(f"  {line}\n" for line in lines)
            + f"Alone it runs with:\n  {shlex.join(run.command)}"
        )


def _close_record(started: _Started) -> None:
    """Write down how long a process ran and whether it did what it should."""
    run, record = started.run, started.record
    record.seconds += time.monotonic() - started.since
    as_planned = record.broken or run.restart_at is None
    record.finished = as_planned and started.process.returncode == 0 and run.result.is_file()
    record.write(run)


def _stop(active: Sequence[_Started]) -> None:
    """End processes, and what they have started."""
    for started in active:
        if started.process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(started.process.pid, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE
    for started in active:
        try:
            started.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(started.process.pid, signal.SIGKILL)
            started.process.wait()
        _close_record(started)


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Let SIGTERM and SIGHUP do what Ctrl-C does; runs in sessions of their own would outlive the study otherwise.

    One that is ignored stays so: nohup lets a study outlive its terminal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = [name for name in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(name) is not signal.SIG_IGN]
    before = {name: signal.signal(name, signal.default_int_handler) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def _last_lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:]
