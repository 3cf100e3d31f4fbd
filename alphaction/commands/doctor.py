"""Check this machine: packages, devices, video decoders, memory, disk, and what is missing for which feature.

Every line is ok, a note (something else than training and predicting does not work, or is slow) or a problem; below it
stands what to do. The exit status is 0 if training and predicting work, else 1.
"""

from __future__ import annotations

import argparse

from alphaction.doctor.examine import examine, report_json, report_text, works
from alphaction.utils.errors import run_command
from alphaction.utils.options import CommandParser


def main() -> int:
    """Examine, print the report; return the exit status."""
    parser = CommandParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--online", action="store_true", help="also check whether public weights can be downloaded")
    args = parser.parse_args()
    report = examine(args.online)
    print(report_json(report) if args.json else "\n".join(report_text(report)))
    return 0 if works(report) else 1


def run() -> None:
    """Run the command line of this process."""
    run_command(main)
