#!/usr/bin/env python
"""Train models with and without each part of the interaction structures on a toy world, and report what each part does.

Every arm is trained with every seed by train_net.py. A study that was interrupted goes on when it is started again.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from alphaction.utils.arguments import CommandParser
from alphaction.utils.errors import run_command
from alphaction.utils.numbers import NOT_NEGATIVE, POSITIVE
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
    parser = CommandParser(description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", type=Path, default=DEFAULTS.data, metavar="DIR", help="folder of the dataset; %(default)s")
    add("--output", type=Path, default=DEFAULTS.output, metavar="DIR", help="folder of the runs; %(default)s")
    add("--seeds", type=seeds, default=DEFAULTS.seeds, metavar="S,S,...", help="of every arm; default: 0,1,2")
    add("--arms", type=names, default=DEFAULTS.arms, metavar="A,A,...", help="arms or groups of arms; default: all")
    add("--jobs", type=POSITIVE, metavar="N", help="runs at a time; default: one a core, on a GPU one")
    add("--report", type=Path, metavar="MD", help="page to write; see below")
    add("--report-only", action="store_true", help="run nothing: write the page from what is finished")
    add("--force", action="store_true", help="redo runs that were made with other settings")
    add("opts", nargs="*", metavar="KEY VALUE", help="config keys to override in every run")
    return parser.parse_intermixed_args(args)


def seeds(text: str) -> tuple[int, ...]:
    """Return the seeds of a list like 0,1,2, each once."""
    if not text.strip():
        raise argparse.ArgumentTypeError("no seed is given; expected whole numbers with commas between them")
    return tuple(dict.fromkeys(NOT_NEGATIVE(number) for number in text.split(",")))


def names(text: str) -> tuple[str, ...]:
    """Return the names of a list like baseline,M."""
    found = tuple(name.strip() for name in text.split(","))
    if not all(found):
        raise argparse.ArgumentTypeError(f'"{text}": expected names with commas between them, as in baseline,M')
    return found


def main() -> None:
    """Parse the flags, run the study and write the report."""
    args = vars(parse_arguments())
    report, report_only = args.pop("report"), args.pop("report_only")
    options = StudyOptions(overrides=tuple(args.pop("opts")), **args)
    if report is None:
        # The page in docs is about the whole study of the usual dataset.
        whole = replace(options, output=DEFAULTS.output, jobs=None, force=False) == DEFAULTS
        report = PAGE if whole else options.output / PAGE.name
    run_ablation(options, report, report_only=report_only)


if __name__ == "__main__":
    run_command(main)
