"""The command that is running, as a shell takes it, and others that are named in messages.

Messages and help name the scripts of a clone: ``python tools/validate_dataset.py --all toy``. :func:`as_typed` makes
``alphaction validate --all toy`` of them for who started ``alphaction``, or has no clone.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple

from alphaction.utils.verbs import VERBS

PROGRAM = "alphaction"
_CLONE = Path(__file__).resolve().parents[2]
_BY_SCRIPT = {verb.script.rpartition("/")[2]: verb.name for verb in VERBS.values() if verb.script}
# A script as messages name it, with what starts it; not a file of another name (report.py.mp4), nor what is in quotes:
# the name of a class, say.
_NAMED = re.compile(
    rf"(?P<before>torchrun(?:\s+--?\w\S*)*\s+|(?:python|bash)\s+)?(?<![\w/\\.\"'-])"
    rf"(?P<path>(?:tools/)?(?P<script>{'|'.join(map(re.escape, _BY_SCRIPT))}))(?![\w/\\-]|\.\w)"
)
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


class _Spoken(NamedTuple):
    """Calls in Python that stand for the command lines of a run; see :func:`speaking_python`."""

    starts: str
    goes_on: str
    follow: tuple[str, ...]


_SPOKEN: ContextVar[_Spoken | None] = ContextVar("spoken", default=None)


@contextmanager
def speaking_python(starts: str, goes_on: str, follow: Sequence[str] = ()) -> Iterator[None]:
    """Let messages within the block show calls in Python in place of command lines, as this is no program.

    Args:
        starts: what starts the work, again.
        goes_on: what goes on with it after an interruption.
        follow: what may be done when it has ended.
    """
    token = _SPOKEN.set(_Spoken(starts, goes_on, tuple(follow)))
    try:
        yield
    finally:
        _SPOKEN.reset(token)


def this_command(arguments: Sequence[str] | None = None) -> str:
    """Return the command line of this program, started by torchrun again where it was.

    Args:
        arguments: what follows the script; None: what it was given, or the command of another program that started it.
            Within :func:`speaking_python`, only whether there are any matters.
    """
    spoken = _SPOKEN.get()
    if spoken is not None:
        return spoken.starts if arguments is None else spoken.goes_on
    if arguments is None and STARTED_BY in os.environ:
        return os.environ[STARTED_BY]
    given = sys.argv[1:] if arguments is None else arguments
    words = [word for word in given if not word.startswith(("--local-rank", "--local_rank"))]
    launcher = _launcher()
    if not by_front():
        return shlex.join([*launcher, sys.argv[0], *words])
    verb = sys.argv[0].split()[1]
    if len(launcher) == 1:
        return f"{front_command()} {shlex.join([verb, *words])}"
    return shlex.join([*launcher, "-m", PROGRAM, verb, *words])


def next_calls() -> tuple[str, ...] | None:
    """Return the calls in Python that may follow, within :func:`speaking_python`; None: command lines follow."""
    spoken = _SPOKEN.get()
    return None if spoken is None else spoken.follow


def by_front() -> bool:
    """Return whether a verb of ``alphaction`` was started, not a script."""
    return sys.argv[0].startswith(f"{PROGRAM} ")


def front_command() -> str:
    """Return what starts ``alphaction`` with this Python: its name where that is on PATH, else ``python -m ...``."""
    found = shutil.which(PROGRAM)
    here = found and os.path.dirname(os.path.abspath(found)) == os.path.dirname(os.path.abspath(sys.executable))
    return PROGRAM if here else f"{shlex.quote(python_command())} -m {PROGRAM}"


def uses_verbs() -> bool:
    """Return whether commands are named by the verbs of ``alphaction``: it was started, or there are no scripts."""
    return by_front() or not has_clone()


def has_clone() -> bool:
    """Return whether the package lies in a clone, with the scripts beside it; an installed wheel does not."""
    return (_CLONE / "tools" / "validate_dataset.py").is_file()


def as_typed(text: str) -> str:
    """Return a message, or a help, with the scripts in it as the person can type them.

    What the person typed, such as a file named ``report.py``, stays as it is.

    Args:
        text: names scripts as ``python tools/x.py``, ``torchrun ... train_net.py``, ``tools/x.py`` or ``x.py``.
    """
    return _NAMED.sub(_verb, text) if uses_verbs() else text


def _verb(found: re.Match[str]) -> str:
    before, verb = found["before"] or "", _BY_SCRIPT[found["script"]]
    if not before and any(found["path"] in word for word in sys.argv[1:]):
        return found[0]
    if before.startswith("torchrun"):
        return f"{before}-m {PROGRAM} {verb}"
    return f"{front_command() if before else PROGRAM} {verb}"


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

    It gets this Python, where ``python`` is another one; or is one of ``alphaction``, where that is used.
    """
    if uses_verbs():
        return as_typed(command)

    def path(found: re.Match[str]) -> str:
        there = _CLONE / found[1]
        return found[0] if Path(found[1]).is_file() or not there.is_file() else f" {shlex.quote(str(there))}"

    if command.startswith("python "):
        command = shlex.quote(python_command()) + command[len("python") :]
    return _SCRIPT.sub(path, command, count=1)
