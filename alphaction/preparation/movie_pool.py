"""Running one job per movie in several processes, with a progress bar, and stopping at once on Ctrl-C."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, TypeVar

import cv2
from tqdm import tqdm

Result = TypeVar("Result")
_REFRESH = 0.5
_DIED = "its worker process died: out of memory, or the file crashes the decoder. Run again with one process"


class _StoppedError(Exception):
    """The main process asked this worker to stop."""


class _Signals:
    """What a worker shares with the main process; filled in when the worker starts."""

    seconds: Any = None
    stop: Any = None


def run_in_processes(
    job: Callable[[Path, Callable[[], None]], Result], movies: Sequence[Path], processes: int
) -> Iterator[tuple[Path, Result | str]]:
    """Yield each movie and ``job(movie, on_second)``, as they finish; a crashed worker's result is the reason, text.

    Args:
        job: called with a movie and what it has to call after each second of it; picklable.
        movies: one job each.
        processes: number of processes; 1: this one.
    """
    with tqdm(total=len(movies), desc="cutting", unit="movie", disable=None) as bar:
        if processes == 1 or len(movies) < 2:
            seconds = 0

            def count() -> None:
                nonlocal seconds
                seconds += 1
                bar.set_postfix_str(f"{seconds} s")

            for movie in movies:
                result = job(movie, count)
                bar.update()
                yield movie, result
        else:
            yield from _parallel(job, movies, min(processes, len(movies)), bar)


def _parallel(
    job: Callable[[Path, Callable[[], None]], Result], movies: Sequence[Path], processes: int, bar: tqdm
) -> Iterator[tuple[Path, Result | str]]:
    # Not a fork: decoders and OpenCV start threads, which do not survive one.
    context = multiprocessing.get_context("spawn")
    seconds, stop = context.Value("q", 0), context.Event()
    executor = ProcessPoolExecutor(processes, context, initializer=_start_worker, initargs=(seconds, stop))
    try:
        running: dict[Future, Path] = {executor.submit(_work, job, movie): movie for movie in movies}
        while running:
            finished, _ = wait(running, timeout=_REFRESH, return_when=FIRST_COMPLETED)
            bar.set_postfix_str(f"{seconds.value} s")
            for future in finished:
                movie = running.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    result = _DIED
                bar.update()
                yield movie, result
    finally:
        stop.set()
        executor.shutdown(cancel_futures=True)


def _start_worker(seconds: Any, stop: Any) -> None:
    # Ctrl-C reaches every process of the terminal; the main one tells the workers to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    _Signals.seconds, _Signals.stop = seconds, stop


def _work(job: Callable[[Path, Callable[[], None]], Result], movie: Path) -> Result:
    return job(movie, _count_or_stop)


def _count_or_stop() -> None:
    with _Signals.seconds.get_lock():
        _Signals.seconds.value += 1
    if _Signals.stop.is_set():
        raise _StoppedError
