"""What Ctrl-C during the prediction of videos says: what is written, and the command that goes on."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from alphaction.utils.command_text import this_command
from alphaction.utils.messages import counted
from alphaction.workflows.predict.ledger import Ledger
from alphaction.workflows.predict.video_options import VideoOptions


def how_to_go_on(jobs: Sequence[VideoOptions], ledger: Ledger | None = None) -> str:
    """Return how far the run came, and a command that is not refused because of what it has written.

    Args:
        jobs: the videos of the run; they share csv, tracks and --force.
        ledger: of several videos, which knows what is done.
    """
    first = jobs[0]
    if ledger is not None:
        done = ledger.overview().done
        # --force would make them again.
        arguments = [word for word in sys.argv[1:] if word != "--force"] if done else None
        state = f"{done} of {counted(len(jobs), 'video')} {'is' if done == 1 else 'are'} done. " if done else ""
        goes_on = "goes on with the others" if done else "starts again"
        what = "The command" if done and first.force else "The same command"
        without = ", without --force," if done and first.force else ""
        return f"{state}{what}{without} {goes_on}:\n  {this_command(arguments)}"
    there = [path for path in (first.output, first.csv, first.tracks) if path is not None and path.exists()]
    if first.force or not there:
        return f"The same command starts again:\n  {this_command()}"
    command = this_command(["--force", *sys.argv[1:]])
    return f"With --force it starts again:\n  {command}"
