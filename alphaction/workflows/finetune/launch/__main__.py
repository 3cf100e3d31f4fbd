"""Plan a training from a config and this machine, show the plan, ask once, and start it.

tools/finetune_quickstart.sh ends here:
``python -m alphaction.workflows.finetune.launch CONFIG [options] [-- KEY VALUE ...]``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from alphaction.utils.errors import run_command
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
    options = parse_options(sys.argv[1:] if argv is None else argv)
    print("Checking the config, the data and the weights ...", flush=True)  # Many videos take a while.
    launch = plan_launch(options, look_around())
    print(launch, flush=True)
    if options.dry_run:
        print("Nothing is started (--dry-run).")
        return 0
    if confirmed(options, sys.stdin is not None and sys.stdin.isatty()):
        return execute(launch.command, launch.env)
    print("Not started.")
    return 1


if __name__ == "__main__":
    run_command(main)
