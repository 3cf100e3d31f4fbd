"""One process of several that stop together: ``stopping.py SCENARIO FILE``; writes what it found to FILE as JSON."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import torch.distributed as dist

from alphaction.engine.stop import Stop, StopAsked
from alphaction.utils.errors import Preempted

STEPS = 12


def steps(stop: Stop, rank: int, signalled: int | None) -> list[tuple[int, bool]]:
    """Take steps, each of which waits for all processes; process ``signalled`` gets a signal in the fourth.

    Returns the iterations at which the verdict was to end (True) or to save (False).
    """
    found = []
    for iteration in range(1, STEPS + 1):
        if iteration == 4 and rank == signalled:
            os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(0.02 * (1 + rank))
        dist.barrier()
        number, save = stop.verdict()
        if number or save:
            found.append((iteration, bool(number)))
        if number:
            break
        # The clock of the main process alone finds a checkpoint due, once.
        stop.vote(save_due=rank == 0 and iteration == 6)
    return found


def shares(stop: Stop, rank: int) -> list[str]:
    """Go through shares of unequal length, of which process 0 has one that takes long; process 1 gets a signal."""
    done = []
    try:
        for number in stop.between(range(600 if rank == 0 else 3)):
            if rank == 1 and number == 1:
                os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.05)
            done.append(number)
    except StopAsked as early:
        return [str(early), "whole" if len(done) == 600 else "cut short"]
    return ["not stopped"]


def main() -> None:
    scenario, file = sys.argv[1:]
    dist.init_process_group("gloo")
    rank, stop = dist.get_rank(), Stop()
    with stop.listening():
        stop.join()
        try:
            with stop.deferred(lambda: "It goes on."):
                if scenario == "shares":
                    found = shares(stop, rank)
                else:
                    found = steps(stop, rank, int(scenario) if scenario.isdigit() else None)
                if scenario.isdigit():
                    stop.leave(signal.SIGUSR1)
        except Preempted as error:
            found.append(str(error))
    Path(f"{file}{rank}").write_text(json.dumps(found))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
