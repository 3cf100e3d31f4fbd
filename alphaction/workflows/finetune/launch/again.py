"""The launcher's command, as a shell takes it, for the run that it starts: Ctrl-C there says how to go on."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

from alphaction.solver import SCHEDULE_KEYS
from alphaction.utils.command_text import RESUMED_BY, STARTED_BY, runnable_here
from alphaction.workflows.finetune.launch.launch_options import PROGRAM

_VENV = "ALPHACTION_VENV"


def commands_for_run(words: Sequence[str]) -> dict[str, str]:
    """Return the variables of the environment that tell a run how it is started again, and continued.

    Args:
        words: what the launcher was given; sound.
    """
    return {STARTED_BY: start_command(words), RESUMED_BY: resume_command(words)}


def start_command(words: Sequence[str]) -> str:
    """Return the command that starts the launcher with these words."""
    # It may have stood before the command, and not be there any longer.
    chosen = f"{_VENV}={shlex.quote(os.environ[_VENV])} " if os.environ.get(_VENV) else ""
    return chosen + runnable_here(shlex.join([*PROGRAM.split(), *words]))


def resume_command(words: Sequence[str]) -> str:
    """Return the command that continues the run that the launcher starts with these words."""
    cut = words.index("--") if "--" in words else len(words)
    flags, overrides = list(words[:cut]), list(words[cut + 1 :])
    if "--resume" not in flags:
        # The run has its head by then, and its schedule, which was scaled.
        flags = [*(flag for flag in flags if flag not in ("--new-classes", "--requeued")), "--resume"]
        pairs = zip(overrides[::2], overrides[1::2], strict=True)
        overrides = [word for pair in pairs if pair[0] not in SCHEDULE_KEYS for word in pair]
    return start_command([*flags, *(["--", *overrides] if overrides else [])])
