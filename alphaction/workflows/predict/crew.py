"""Workers that read, draw and write, whoever is free the next piece, while this process computes.

How much is read ahead has a bound; writing has at most half of the workers as long as the model may wait for clips.
"""

from __future__ import annotations

import heapq
import logging
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from yacs.config import CfgNode

from alphaction.data.worker_pool import Progress, WorkerPool
from alphaction.engine.out_of_memory import naming_what_helps, prediction_advice
from alphaction.utils.errors import UserError
from alphaction.utils.logging import collected_log, get_logger
from alphaction.workflows.predict.work import DRAW, KEPT_DATASETS, WRITE, Desk, OpenVideo, ReadClips, Work

# Seconds between two times that a worker says that it goes on with a long piece of work.
_SIGN_OF_LIFE = 5.0
# Seconds to wait for workers before the caller may look after other things.
_LONGEST_WAIT = 1.0


@dataclass
class Report:
    """What became of a piece of work.

    Attributes:
        value: its result; None if there is an error.
        error: what is wrong with the video.
        seconds: stage -> seconds of CPU.
        log: what it had to say.
    """

    value: Any = None
    error: UserError | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    log: list[logging.LogRecord] = field(default_factory=list)


@dataclass(eq=False)
class Ticket:
    """A piece of work that was given to the crew; its report is there when it is done.

    Attributes:
        work: the piece.
        urgency: the lowest is read first.
        report: None until it is done.
        wanted: False: nobody waits for it any more.
    """

    work: Work
    urgency: tuple[int, ...]
    report: Report | None = None
    wanted: bool = True

    def __lt__(self, other: Ticket) -> bool:
        return self.urgency < other.urgency


class Crew:
    """Worker processes for any number of videos; without any, this process does the work when it is waited for.

    Args:
        cfg: DATALOADER.NUM_WORKERS and DATALOADER.PREFETCH_FACTOR: how many, and how many batches each reads ahead.
    """

    def __init__(self, cfg: CfgNode) -> None:
        self.size = cfg.DATALOADER.NUM_WORKERS
        self._advice = prediction_advice(cfg)
        self._most_ahead = max(1, self.size * cfg.DATALOADER.PREFETCH_FACTOR)
        self._reads: list[Ticket] = []
        self._writes: deque[Ticket] = deque()
        self._running: dict[int, Ticket] = {}
        self._ahead = 0  # batches that are read or being read, and not taken
        self._known: list[deque[int]] = [deque(maxlen=KEPT_DATASETS) for _ in range(max(self.size, 1))]
        self._desk = Desk()
        self._pool = None
        if self.size:
            self._pool = WorkerPool(
                self._work,
                self.size,
                timeout=cfg.SOLVER.TIMEOUT_SECONDS,
                name_clip=lambda work: f"{work.video} ({work.stage})",
                advice=f"lower DATALOADER.NUM_WORKERS (now {self.size}) or DATALOADER.PREFETCH_FACTOR (now "
                f"{cfg.DATALOADER.PREFETCH_FACTOR}), or use smaller batches or frames",
            )

    def close(self) -> None:
        """End the workers, whatever they do."""
        if self._pool is not None:
            self._pool.close()

    def submit(self, work: Work, urgency: tuple[int, ...] = ()) -> Ticket:
        """Give a piece of work."""
        ticket = Ticket(work, urgency)
        if work.stage == WRITE:
            self._writes.append(ticket)
        else:
            heapq.heappush(self._reads, ticket)
        return ticket

    def take(self, ticket: Ticket) -> Any:
        """Return the result of a piece that is done, which makes room for the next one.

        Raises:
            UserError: what was wrong with the video.
        """
        self.drop([ticket])
        if ticket.report.error is not None:
            raise ticket.report.error
        return ticket.report.value

    def drop(self, tickets: Iterable[Ticket]) -> None:
        """Forget pieces of work, whether they are done or not."""
        for ticket in tickets:
            if ticket.wanted and ticket.report is not None and _counts(ticket.work):
                self._ahead -= 1
            ticket.wanted = False

    def advance(self, wait: bool) -> list[Ticket]:
        """Give work to who is free; return what is done since the last time.

        Args:
            wait: for up to a second until something is done, if anything is to be done.
        """
        if self._pool is None:
            ticket = self._next(starved=True) if wait else None
            if ticket is None:
                return []
            ticket.report = self._do_here(self._for_worker(0, ticket.work))
            return [ticket]
        finished = self._hand_out_and_look(0.0)
        return finished or (self._hand_out_and_look(_LONGEST_WAIT) if wait else finished)

    def _hand_out_and_look(self, seconds: float) -> list[Ticket]:
        for number in range(self.size):
            if number in self._running:
                continue
            # What is read ahead may all be of later videos: who waits gets one more, whatever the bound.
            starved = seconds > 0 and all(ticket.work.stage == WRITE for ticket in self._running.values())
            ticket = self._next(starved)
            if ticket is None:
                break
            self._running[number] = ticket
            self._pool.submit(number, [self._for_worker(number, ticket.work)])
        done = []
        for number, report in self._pool.finished(seconds):
            ticket = self._running.pop(number)
            if isinstance(report, UserError):  # it says who is dead, or stuck, or lacks memory
                self._pool.replace(number)
                self._known[number].clear()
                report = Report(error=report)
            for record in report.log:
                get_logger().handle(record)
            ticket.report = report
            if ticket.wanted:
                done.append(ticket)
            elif _counts(ticket.work):
                self._ahead -= 1
        return done

    def _for_worker(self, number: int, work: Work) -> Work:
        """Return the work without the dataset, if the worker has that."""
        if isinstance(work, ReadClips):
            work = work.for_one_who_has(self._known[number])
            if work.dataset is not None:
                self._known[number].append(work.number)
        return work

    def _next(self, starved: bool) -> Ticket | None:
        """Return the piece of work that is due for somebody who is free."""
        writing = sum(ticket.work.stage == WRITE for ticket in self._running.values())
        if self._writes and writing < max(1, self.size // 2):
            return self._writes.popleft()
        while self._reads and not self._reads[0].wanted:
            heapq.heappop(self._reads)
        if self._reads and (starved or self._ahead < self._most_ahead or not _counts(self._reads[0].work)):
            ticket = heapq.heappop(self._reads)
            self._ahead += _counts(ticket.work)
            return ticket
        if self._writes and (not self._reads or writing < self.size - 1):
            return self._writes.popleft()
        return None

    def _work(self, task: list[Work], tell: Progress) -> Report:
        """Do a piece of work, in a worker."""
        (work,) = task
        last = time.monotonic()

        def alive() -> None:
            nonlocal last
            if time.monotonic() - last > _SIGN_OF_LIFE:
                last = time.monotonic()
                tell(0)

        self._desk.alive = alive
        with collected_log() as records:
            report = self._do_here(work)
        for record in records:  # its arguments may be what cannot travel
            record.msg, record.args = record.getMessage(), None
        report.log = records
        return report

    def _do_here(self, work: Work) -> Report:
        began, self._desk.drawing = time.process_time(), 0.0
        report = Report()
        try:
            with naming_what_helps(f"predicting {work.video}", self._advice):
                report.value = work.do(self._desk)
        except UserError as error:
            report.error = error
        spent = time.process_time() - began
        report.seconds = {work.stage: spent - self._desk.drawing}
        if work.stage == WRITE:
            report.seconds[DRAW] = self._desk.drawing
        return report


def _counts(work: Work) -> bool:
    """Return whether the result of a read is large, so that only so many may wait."""
    return work.stage != WRITE and not isinstance(work, OpenVideo)
