"""A thread that prepares the next item while the last one is used."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Generic, TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True)
class _Item(Generic[_T]):
    """What the thread hands over: a value, an error, or word that there is no more."""

    value: _T | None = None
    error: BaseException | None = None
    is_last: bool = False


def ahead(items: Generator[_T, None, None], prepare: Callable[[_T], _T]) -> Generator[_T, None, None]:
    """Yield ``prepare(item)`` of all items in order; a thread takes and prepares up to two more than were asked for.

    Args:
        items: taken by the thread, and closed by it when it or this ends; its errors arrive here, in its place.
        prepare: runs in the thread.
    """
    ready: queue.Queue[_Item[_T]] = queue.Queue(1)
    left = threading.Event()

    def work() -> None:
        try:
            with closing(items):
                for item in items:
                    ready.put(_Item(prepare(item)))
                    if left.is_set():
                        return
            ready.put(_Item(is_last=True))
        except BaseException as error:
            ready.put(_Item(error=error))

    threading.Thread(target=work, name="batches ahead", daemon=True).start()
    try:
        while not (item := ready.get()).is_last:
            if item.error is not None:
                raise item.error
            yield item.value
    finally:
        left.set()
        # The thread may wait for room for one item. It puts no second one.
        while not ready.empty():
            ready.get_nowait()
