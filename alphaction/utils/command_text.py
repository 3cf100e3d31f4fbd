"""The command that is running, as a shell takes it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

_SCRIPT = re.compile(r" (tools/\w+\.(?:py|sh)|(?:train|test)_net\.py)(?= |$)")
STARTED_BY = "ALPHACTION_STARTED_BY"
"""Variable of the environment: the command that started this program, where that is another one."""
RESUMED_BY = "ALPHACTION_RESUMED_BY"
"""Variable of the environment: the command that continues the training of this program."""


def python_command() -> str:
    """Return what starts this Python: "python" where that is on PATH, else its path."""
    found = shutil.which("python")
    # An environment has python3 as well. The folder decides: environments share the program that their python links to.
    same = found and os.path.samefile(found, sys.executable)
    here = same and os.path.dirname(os.path.abspath(found)) == os.path.dirname(os.path.abspath(sys.executable))
    return "python" if here else sys.executable


def this_command(arguments: Sequence[str] | None = None) -> str:
    """Return the command line of this program, started by torchrun again where it was.

    Args:
        arguments: what follows the script; None: what it was given, or the command of another program that started it.
    """
    if arguments is None and STARTED_BY in os.environ:
        return os.environ[STARTED_BY]
    given = sys.argv[1:] if arguments is None else arguments
    words = [word for word in given if not word.startswith(("--local-rank", "--local_rank"))]
    return shlex.join([*_launcher(), sys.argv[0], *words])


def _launcher() -> list[str]:
    """Return what the script was started with: Python, and torchrun's module as its variables tell."""
    told = os.environ
    everywhere, here = (int(told.get(name) or 1) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    if everywhere == 1 or "TORCHELASTIC_RUN_ID" not in told:
        return [python_command()]
    torchrun = [python_command(), "-m", "torch.distributed.run"]
    if everywhere == here:
        return [*torchrun, "--standalone", f"--nproc_per_node={here}"]
    machines = [f"--nnodes={everywhere // here}", f"--node_rank={told['GROUP_RANK']}", f"--nproc_per_node={here}"]
    return [*torchrun, *machines, f"--master_addr={told['MASTER_ADDR']}", f"--master_port={told['MASTER_PORT']}"]


def runnable_here(command: str) -> str:
    """Return a command that is written for the folder of the clone, ``python tools/x.py ...``, for the current one.

    It gets this Python, where ``python`` is another one.
    """
    clone = Path(__file__).resolve().parents[2]

    def path(found: re.Match[str]) -> str:
        there = clone / found[1]
        return found[0] if Path(found[1]).is_file() or not there.is_file() else f" {shlex.quote(str(there))}"

    if command.startswith("python "):
        command = shlex.quote(python_command()) + command[len("python") :]
    return _SCRIPT.sub(path, command, count=1)
