"""Plan a training from a config and this machine, show the plan, ask once, and start it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from alphaction.utils.errors import saying_how_to_go_on
from alphaction.workflows.finetune.launch.again import commands_for_run, start_command
from alphaction.workflows.finetune.launch.command import plan_launch
from alphaction.workflows.finetune.launch.execute import execute
from alphaction.workflows.finetune.launch.launch_options import LaunchOptions, parse_options
from alphaction.workflows.finetune.launch.machine import look_around
from alphaction.workflows.finetune.prompts import confirm


def confirmed(options: LaunchOptions, terminal: bool) -> bool:
    """Ask once whether to start; without a question where ``--yes`` is given or nobody is there to answer."""
    return options.yes or not terminal or confirm("Start?")


def main(argv: Sequence[str] | None = None) -> int:
    """Plan, show, ask and start; return the exit status: that of the training, 1 if the answer was no."""
    words = list(sys.argv[1:] if argv is None else argv)
    options = parse_options(words)
    with saying_how_to_go_on(lambda: _start_again(words)):
        return _plan_and_start(options, words)


def _plan_and_start(options: LaunchOptions, words: Sequence[str]) -> int:
    print("Checking the config, the data and the weights ...", flush=True)  # Many videos take a while.
    launch = plan_launch(options, look_around())
    print(launch, flush=True)
    if options.dry_run:
        print("Nothing is started (--dry-run).")
        return 0
    terminal = sys.stdin is not None and sys.stdin.isatty()
    if not terminal and not options.yes:
        print("There is no terminal to ask on: the training starts without a question, as with --yes.", flush=True)
    if confirmed(options, terminal):
        return execute(launch.command, {**launch.env, **commands_for_run(words)})
    print("Not started.")
    return 1


def _start_again(words: Sequence[str]) -> str:
    return f"Nothing was started. The same command starts again:\n  {start_command(words)}"
