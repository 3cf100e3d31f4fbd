"""Write one HTML page about a run: result, curves, mistakes with pictures, data and settings.

It reads the folder of the run and the files of its datasets; nothing is trained or evaluated. The page needs no network
and no other file.
"""

from __future__ import annotations

import argparse

from alphaction.utils.errors import run_command
from alphaction.utils.options import CommandParser, add_options, read_options
from alphaction.workflows.report.make_report import make_report
from alphaction.workflows.report.report_options import ReportOptions

EXAMPLE = """examples:
  python tools/report.py --run output/tiny_toy
  python tools/report.py --run output/tiny_toy --output toy.html DATASETS.DATA_DIR /data/moved"""


def main() -> None:
    """Parse the flags and write the page."""
    parser = CommandParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter, keys=""
    )
    add_options(parser, ReportOptions)
    parser.add_argument(
        "opts", nargs="*", metavar="KEY VALUE", help="config keys to override, such as DATASETS.DATA_DIR FOLDER"
    )
    args = parser.parse_intermixed_args()
    print(make_report(read_options(ReportOptions, args), args.opts))


def run() -> None:
    """Run the command line of this process."""
    run_command(main)
