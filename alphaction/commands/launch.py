"""Plan a training for the devices that are here, show the plan and the command, ask once, and start it."""

from __future__ import annotations

from alphaction.utils.errors import run_command
from alphaction.workflows.finetune.launch.start import main


def run() -> None:
    """Run the command line of this process."""
    run_command(main)
