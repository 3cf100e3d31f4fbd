#!/usr/bin/env python
"""Train models with and without each part of the interaction structures on a toy world, and report what each part does.

Every arm is trained with every seed by train_net.py. A study that was interrupted continues when it is started again.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from alphaction.utils.requirements import require_packages

require_packages()

from alphaction.utils.errors import run_command
from alphaction.utils.options import CommandParser, add_options, read_options
from benchmarks.ablation.arms import ARMS, GROUPS
from benchmarks.ablation.plan import StudyOptions
from benchmarks.ablation.study import run_ablation

DEFAULTS = StudyOptions()
PAGE = Path("docs/ablation.md")
EXAMPLE = f"""examples:
  python tools/ablation.py
  python tools/ablation.py --arms baseline,M --seeds 0 --output output/trial \\
      SOLVER.MAX_ITER 20 SOLVER.STEPS [] SOLVER.WARMUP_ITERS 2
  python tools/ablation.py --report-only

groups of arms: {", ".join(GROUPS)}
arms: {", ".join(arm.name for arm in ARMS)}

The dataset is made if --data does not hold it. Each run writes to OUTPUT/runs/ARM/seed_S, with all its output in the
file log; decoded clips are shared in OUTPUT/cache. All numbers are written to OUTPUT/results.json as well. The page is
docs/ablation.md, or OUTPUT/ablation.md if --data, other seeds, arms or KEY VALUE are given."""


def parse_arguments(args: list[str] | None = None) -> argparse.Namespace:
    """Return the flags."""
    parser = CommandParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter, keys=""
    )
    add_options(parser, StudyOptions)
    parser.add_argument("--report", type=Path, metavar="MD", help="page to write; see below")
    parser.add_argument("--report-only", action="store_true", help="run nothing: write the page from what is finished")
    parser.add_argument(
        "--update", action="store_true", help="change only the tables of these arms in a page that is there (docs)"
    )
    parser.add_argument("opts", nargs="*", metavar="KEY VALUE", help="config keys to override in every run")
    return parser.parse_intermixed_args(args)


def main() -> None:
    """Parse the flags, run the study and write the report."""
    args = parse_arguments()
    options, report = read_options(StudyOptions, args, overrides=tuple(args.opts)), args.report
    if report is None:
        # The page in docs is about the whole study of the usual dataset.
        whole = replace(options, output=DEFAULTS.output, jobs=None, force=False) == DEFAULTS
        report = PAGE if whole or args.update else options.output / PAGE.name
    run_ablation(options, report, report_only=args.report_only, update=args.update)


if __name__ == "__main__":
    run_command(main, goes_on=True)
