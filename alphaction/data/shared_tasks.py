"""Tasks that worker processes share, with results in the order of the tasks."""

from __future__ import annotations

from collections import deque
from typing import Any

from alphaction.data.worker_pool import Task, WorkerPool
from alphaction.utils.errors import ResourceError, StallError

# Tasks that a worker is given: the one that it does, and one to go on with while nobody reads what it has done.
_AT_ONCE = 2
_LOOK = 1.0  # seconds between two looks at whether all workers go on


class SharedTasks:
    """Gives each task to the worker with the fewest, so that one that is slow for a while holds up no others.

    Args:
        pool: workers without any tasks.
    """

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool
        self._given: list[deque[int]] = [deque() for _ in range(len(pool))]  # numbers of what each has not finished
        self._waiting: deque[tuple[int, Task]] = deque()
        self._done: dict[int, Any] = {}
        self._submitted = self._asked = 0

    def submit(self, task: Task) -> None:
        """Let a worker do another task.

        Raises:
            StallError: if the worker takes none.
        """
        self._waiting.append((self._submitted, task))
        self._submitted += 1
        self._hand_out()

    def result(self) -> Any:
        """Wait for the result of the oldest task that was not asked for yet.

        Raises:
            UserError: that ended the task.
            StallError: if any worker is dead or does not go on.
            ResourceError: if any worker lacks memory.
        """
        while self._asked not in self._done:
            for worker, result in self._pool.finished(_LOOK):
                if isinstance(result, (StallError, ResourceError)):
                    raise result
                self._done[self._given[worker].popleft()] = result
            self._hand_out()
        result = self._done.pop(self._asked)
        self._asked += 1
        if isinstance(result, Exception):
            raise result
        return result

    def _hand_out(self) -> None:
        while self._waiting:
            worker = min(range(len(self._given)), key=lambda number: len(self._given[number]))
            if len(self._given[worker]) == _AT_ONCE:
                return
            number, task = self._waiting.popleft()
            self._given[worker].append(number)
            self._pool.submit(worker, task)
