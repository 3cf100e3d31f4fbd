"""python -m benchmarks.active: does it pay to label the most uncertain keyframes first? Measured on the toy world.

A study that was interrupted goes on when it is started again.
"""

from __future__ import annotations

from alphaction.utils.errors import run_command
from alphaction.utils.options import CommandParser, add_options, read_options
from benchmarks.active.options import ActiveOptions
from benchmarks.active.study import report, run_study


def main() -> None:
    """Parse the flags and run the study."""
    parser = CommandParser(prog="python -m benchmarks.active", description=__doc__)
    add_options(parser, ActiveOptions)
    parser.add_argument("--report-only", action="store_true", help="run nothing: report what has ended")
    args = parser.parse_args()
    (report if args.report_only else run_study)(read_options(ActiveOptions, args))


if __name__ == "__main__":
    run_command(main, goes_on=True)
