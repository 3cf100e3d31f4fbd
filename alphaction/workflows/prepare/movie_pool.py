"""Running one job per movie in several processes, with a progress bar, and stopping at once on Ctrl-C."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import cv2
from pebble import ProcessExpired, ProcessPool
from tqdm import tqdm

from alphaction.utils.signals import handling

Result = TypeVar("Result")
Job = Callable[[Path, Callable[[], None]], Result]
_REFRESH = 0.5
_LONGEST_START = 60.0  # seconds that workers may take to import what they need
_DIED = (
    "its worker process died, also when it worked on nothing else: the file crashes the decoder, or memory ran out. "
    "Re-encode it (ffmpeg -i OLD -c:v libx264 NEW.mp4), or leave it out"
)


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
            yield from _parallel(job, movies, processes, bar)
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
    died = []
    for movie, result in _in_workers(job, movies, processes, context, seconds, bar):
        if result is None:
            died.append(movie)
        else:
            bar.update()
            yield movie, result
    # Memory may have run out for all of them together: a movie is only to blame if its process dies again, alone.
    for movie, result in _in_workers(job, died, 1, context, seconds, bar):
        bar.update()
        yield movie, _DIED if result is None else result


def _in_workers(
    job: Job[Result], movies: Sequence[Path], processes: int, context: Any, seconds: Any, bar: tqdm
) -> Iterator[tuple[Path, Result | str | None]]:
    """Yield each movie and its result, as they finish; None where the process died."""
    if not movies:
        return
    workers, started = min(processes, len(movies)), context.Value("q", 0)
    pool = ProcessPool(workers, initializer=_start_worker, initargs=(seconds, started), context=context)
    try:
        with _signals_held_back():  # this starts processes, and the threads that start others
            running = {pool.schedule(_work, (job, movie)): movie for movie in movies}
            _await_start(running, started, workers)
        while running:
            finished, _ = wait(running, timeout=_REFRESH, return_when=FIRST_COMPLETED)
            bar.set_postfix_str(f"{seconds.value} s")
            for future in finished:
                movie = running.pop(future)
                try:
                    yield movie, future.result()
                except ProcessExpired:
                    yield movie, None
                except Exception as error:  # a result that cannot be pickled, for instance
                    yield movie, _reason(error)
    finally:
        pool.stop()
        pool.join()


def _await_start(running: Collection[Future], started: Any, workers: int) -> None:
    """Wait until all workers run: one that is stopped while it still starts ends with a traceback."""
    deadline = time.monotonic() + _LONGEST_START
    while started.value < workers and time.monotonic() < deadline and not all(future.done() for future in running):
        time.sleep(0.02)


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """Let signals that end wait, and Ctrl-C not reach what is started here: it would still be importing modules.

    A mask alone is not enough: other threads, those of NumPy say, take the signal then, and Python raises here all the
    same.
    """
    came: list[int] = []
    mask = getattr(signal, "pthread_sigmask", None)  # Windows has none.
    with handling(lambda number, _: came.append(number)):
        before = mask(signal.SIG_BLOCK, {signal.SIGINT}) if mask else None
        try:
            yield
        finally:
            if mask:
                mask(signal.SIG_SETMASK, before)
    if came:
        signal.raise_signal(came[0])


class _Worker:
    """What a worker shares with the main process; filled in when the worker starts."""

    seconds: Any = None


def _start_worker(seconds: Any, started: Any) -> None:
    # Ctrl-C is the main process's affair, which then terminates the workers. One without a job, on its way out say, has
    # nothing to tidy: an exception there would end in a traceback.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cv2.setNumThreads(1)
    _Worker.seconds = seconds
    with started.get_lock():
        started.value += 1


def _stop(number: int, frame: Any) -> NoReturn:
    raise SystemExit(128 + number)


def _work(job: Job[Result], movie: Path) -> Result | str:
    # An exception, unlike pebble's exit, removes the file that is being written.
    signal.signal(signal.SIGTERM, _stop)
    try:
        return _result_or_reason(job, movie, _count)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _count() -> None:
    with _Worker.seconds.get_lock():
        _Worker.seconds.value += 1


def _result_or_reason(job: Job[Result], movie: Path, on_second: Callable[[], None]) -> Result | str:
    try:
        return job(movie, on_second)
    except Exception as error:  # a faulty movie must not stop the others
        return _reason(error)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(". ")
