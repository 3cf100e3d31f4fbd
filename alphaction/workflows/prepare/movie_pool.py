"""Running one job per movie in several processes, with a progress bar, and stopping at once on Ctrl-C."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import cv2
from tqdm import tqdm

Result = TypeVar("Result")
Job = Callable[[Path, Callable[[], None]], Result]
_REFRESH = 0.5
_DIED = (
    "its worker process died, also when it worked on nothing else: the file crashes the decoder, or memory ran out. "
    "Re-encode it (ffmpeg -i OLD -c:v libx264 NEW.mp4), or leave it out"
)


class _StoppedError(Exception):
    """The main process asked this worker to stop."""


class _Signals:
    """What a worker shares with the main process; filled in when the worker starts."""

    seconds: Any = None
    stop: Any = None


def run_in_processes(job: Job[Result], movies: Sequence[Path], processes: int) -> Iterator[tuple[Path, Result | str]]:
    """Yield each movie and ``job(movie, on_second)``, as they finish.

    The result of a movie whose job raises, or crashes its process, is the reason, text; the others are not affected.

    Args:
        job: called with a movie and what it has to call after each second of it; picklable.
        movies: one job each.
        processes: number of processes; 1: this one, which a crash would end.
    """
    with tqdm(total=len(movies), desc="cutting", unit="movie", disable=None) as bar:
        if processes > 1:
            yield from _parallel(job, movies, min(processes, len(movies)), bar)
            return
        seconds = 0

        def count() -> None:
            nonlocal seconds
            seconds += 1
            bar.set_postfix_str(f"{seconds} s")

        for movie in movies:
            result = _result_or_reason(job, movie, count)
            bar.update()
            yield movie, result


def _parallel(
    job: Job[Result], movies: Sequence[Path], processes: int, bar: tqdm
) -> Iterator[tuple[Path, Result | str]]:
    # Not a fork: decoders and OpenCV start threads, which do not survive one.
    context = multiprocessing.get_context("spawn")
    seconds = context.Value("q", 0)
    waiting = deque(movies)
    while waiting:
        suspects = yield from _until_a_worker_dies(job, waiting, processes, context, seconds, bar)
        for movie in suspects:
            # One crash takes the work of all processes with it; only a movie that crashes by itself is to blame.
            if (yield from _until_a_worker_dies(job, deque([movie]), 1, context, seconds, bar)):
                bar.update()
                yield movie, _DIED


def _until_a_worker_dies(
    job: Job[Result], waiting: deque[Path], processes: int, context: Any, seconds: Any, bar: tqdm
) -> Generator[tuple[Path, Result | str], None, list[Path]]:
    """Work off ``waiting`` and yield the results; return the movies that were in work when a process died, if any."""
    stop = context.Event()
    executor = ProcessPoolExecutor(processes, context, initializer=_start_worker, initargs=(seconds, stop))
    running: dict[Future, Path] = {}
    suspects: list[Path] = []
    try:
        while running or (waiting and not suspects):
            # No more than are being worked on, so that those in work are known.
            while waiting and len(running) < processes and not suspects:
                movie = waiting.popleft()
                try:
                    with _ctrl_c_held_back():  # this starts processes
                        running[executor.submit(_work, job, movie)] = movie
                except BrokenProcessPool:
                    suspects.append(movie)
            finished, _ = wait(running, timeout=_REFRESH, return_when=FIRST_COMPLETED)
            bar.set_postfix_str(f"{seconds.value} s")
            for future in finished:
                movie = running.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    suspects.append(movie)
                    continue
                except Exception as error:  # a result that cannot be pickled, for instance
                    result = _reason(error)
                bar.update()
                yield movie, result
    finally:
        stop.set()
        executor.shutdown(cancel_futures=True)
    return suspects


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """Let Ctrl-C wait, for this process and those that it starts: they would be hit while they still import modules."""
    if os.name != "posix":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker(seconds: Any, stop: Any) -> None:
    # Ctrl-C reaches every process of the terminal; the main one tells the workers to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    _Signals.seconds, _Signals.stop = seconds, stop


def _work(job: Job[Result], movie: Path) -> Result | str:
    return _result_or_reason(job, movie, _count_or_stop)


def _result_or_reason(job: Job[Result], movie: Path, on_second: Callable[[], None]) -> Result | str:
    try:
        return job(movie, on_second)
    except _StoppedError:
        raise
    except Exception as error:  # whatever is wrong with one movie must not stop the others
        return _reason(error)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(". ")


def _count_or_stop() -> None:
    with _Signals.seconds.get_lock():
        _Signals.seconds.value += 1
    if _Signals.stop.is_set():
        raise _StoppedError
