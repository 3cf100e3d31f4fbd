"""Evaluate a checkpoint on the datasets of DATASETS.TEST.

    python test_net.py --config-file config_files/tiny/toy.yaml
    torchrun --nproc_per_node=8 test_net.py --config-file F MODEL.WEIGHT path/to/model.pth

The weights are those of MODEL.WEIGHT if the command line names it, else the last checkpoint in OUTPUT_DIR, else the
config file's MODEL.WEIGHT.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from alphaction.engine.run_flags import add_common_arguments
from alphaction.engine.test import test
from alphaction.utils.errors import run_command
from alphaction.utils.options import CommandParser
from alphaction.workflows.report.after_run import report_after_run


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the flags in ``argv`` (default: those of the command line)."""
    parser = CommandParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, keys="")
    add_common_arguments(parser)
    parser.add_argument("--report", action="store_true", help="also write OUTPUT_DIR/report.html, a page about the run")
    return parser.parse_intermixed_args(argv)


def main() -> None:
    """Evaluate, and make the report if asked to."""
    args = parse_arguments()
    test(args)
    if args.report:
        report_after_run(args)


def run() -> None:
    """Run the command line of this process."""
    run_command(main)
