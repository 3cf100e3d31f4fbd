"""Which start of a run's processes this is, where torchrun starts them again (``--max-restarts``).

torchrun keeps its store over all starts, with what the processes of earlier ones left there: addresses at which nobody
listens any more, a signal that has ended them. ``TORCHELASTIC_RESTART_COUNT`` does not tell the starts apart, as each
machine counts its own failures.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from datetime import timedelta
from pathlib import Path

import psutil
import torch.distributed as dist

from alphaction.checkpoint.run_folder import checkpoint_files
from alphaction.utils.distributed import gather_objects

_PERIOD = 0.05  # seconds between two looks


def name_of_attempt(store: dist.Store, rank: int, world_size: int, timeout: float) -> str:
    """Return a name that the processes of this start share, and those of no other one; waits for all of them.

    Process 0 makes it up, and lists who belongs to it; each of the others takes it when it finds itself in the list.

    Args:
        store: where the processes meet.
        rank: this process.
        world_size: number of processes.
        timeout: how long to wait, in seconds.

    Raises:
        RuntimeError: if the other processes do not come in that time.
    """
    store = dist.PrefixStore("alphaction/attempt", store)
    me = secrets.token_hex(8)
    store.set(f"member/{rank}", me)
    deadline = time.monotonic() + timeout
    members = [f"member/{number}" for number in range(world_size)]
    answers = [f"answer/{number}" for number in range(1, world_size)]
    while time.monotonic() < deadline:
        if rank:
            store.wait(["list"], timedelta(seconds=max(deadline - time.monotonic(), 1)))
            said = json.loads(store.get("list"))
            if said[rank : rank + 1] == [me]:
                store.set(f"answer/{rank}", said[0])
                return said[0]
        else:
            store.wait(members, timedelta(seconds=max(deadline - time.monotonic(), 1)))
            store.set("list", json.dumps([me, *(value.decode() for value in store.multi_get(members[1:]))]))
            if store.check(answers) and all(value.decode() == me for value in store.multi_get(answers)):
                return me
        time.sleep(_PERIOD)
    raise RuntimeError("an earlier start of them may still be ending")


def begun_before(folder: Path) -> bool:
    """Return whether torchrun has started the processes again after they had saved a checkpoint in ``folder``.

    ``--transfer`` then is done, and the run goes on. Every process calls this; the first one decides, where there is a
    group.
    """
    found = False
    if os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0":
        try:
            launched = psutil.Process(os.getppid()).create_time()
            found = any(path.stat().st_mtime > launched for path in checkpoint_files(folder))
        except (OSError, psutil.Error):
            found = False  # torchrun is gone.
    return gather_objects(found)[0]
