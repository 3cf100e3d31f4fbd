"""Compare two runs on the same data, and say whether their difference is more than noise.

A and B are folders of runs (OUTPUT_DIR), folders of evaluations in them, or results csv. Nothing is trained, and no
network runs: the detections there are compared with the labels, on the same draws of the validation videos. Several
trainings of one side, with different seeds, are named with --a and --b.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from alphaction.utils.errors import UserError, run_command
from alphaction.utils.options import CommandParser, add_options, read_options
from alphaction.workflows.compare.compare_options import CompareOptions
from alphaction.workflows.compare.compare_runs import compare_runs
from alphaction.workflows.compare.comparison_text import comparison_text

EXAMPLE = """examples:
  python tools/compare_runs.py output/toy_a output/toy_b
  python tools/compare_runs.py --a output/toy_a_seed* --b output/toy_b_seed*
  python tools/compare_runs.py output/toy_a/inference/toy_val output/toy_a/inference_ema/toy_val
  python tools/compare_runs.py a.csv b.csv --groundtruth val.csv --label-map action_list.pbtxt"""


def main() -> None:
    """Parse the flags, compare, and print what came out."""
    parser = CommandParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter, keys=""
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="A B",
        help="the two runs; then KEY VALUE: config keys that say where the dataset is now, such as DATASETS.DATA_DIR",
    )
    add_options(parser, CompareOptions)
    args = parser.parse_intermixed_args()
    sides, overrides = {}, args.words
    if not args.a and not args.b:
        if len(args.words) < 2:
            raise UserError("two runs are compared: name their folders, A B (all flags: --help)")
        sides = {"a": (Path(args.words[0]),), "b": (Path(args.words[1]),)}
        overrides = args.words[2:]
    if overrides and not overrides[0].isupper():
        raise UserError(f"{overrides[0]}: two runs are compared. Several of a side are named with --a A1 A2 --b B1 B2.")
    print(comparison_text(compare_runs(read_options(CompareOptions, args, **sides), overrides)))


def run() -> None:
    """Run the command line of this process."""
    run_command(main)
