"""What Ctrl-C during the prediction of videos says: what is written, and the command that goes on."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from alphaction.utils.command_text import this_command
from alphaction.utils.messages import counted
from alphaction.workflows.predict.video_options import VideoOptions


def how_to_go_on(jobs: Sequence[VideoOptions]) -> str:
    """Return how far the run came, and a command that is not refused because of what it has written.

    Args:
        jobs: the videos of the run; they share csv, tracks and --force.
    """
    first = jobs[0]
    tables = [path for path in (first.csv, first.tracks) if path is not None]
    written = [job.output for job in jobs if job.output.exists()]
    there = [path for path in [*written, *tables] if path.exists()]
    if first.force or not there:
        return f"The same command starts again:\n  {this_command()}"
    if not tables and len(written) < len(jobs):
        done = f"{len(written)} of {counted(len(jobs), 'video')} {'is' if len(written) == 1 else 'are'} written"
        return f"{done}. The same command goes on with the others:\n  {this_command()}"
    why = f", as {' and '.join(map(str, tables))} would lack the rows of those that are written" if tables else ""
    command = this_command(["--force", *sys.argv[1:]])
    return f"With --force it starts again from the first video{why}:\n  {command}"
