"""python -m benchmarks.rendered: what weights trained on rendered people are worth, by the number of labeled keyframes.

A study that was interrupted goes on when it is started again.
"""

from __future__ import annotations

from alphaction.utils.errors import run_command
from alphaction.utils.options import CommandParser, add_options, read_options
from benchmarks.rendered.options import StudyOptions
from benchmarks.rendered.study import report, run_study


def main() -> None:
    """Parse the flags and run the study."""
    parser = CommandParser(prog="python -m benchmarks.rendered", description=__doc__)
    add_options(parser, StudyOptions)
    parser.add_argument("--report-only", action="store_true", help="run nothing: report what has ended")
    args = parser.parse_args()
    (report if args.report_only else run_study)(read_options(StudyOptions, args))


if __name__ == "__main__":
    run_command(main, goes_on=True)
