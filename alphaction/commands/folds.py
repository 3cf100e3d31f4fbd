"""Train and evaluate the folds of a cross-validation, and sum them up.

tools/generate_finetune_config.py --folds K writes the folder. Folds that are finished are kept, and one that was
interrupted goes on from its last checkpoint. The sum is the mAP of all videos together, each predicted by the network
that has not seen it, with its bootstrap interval, and the mean of the folds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from alphaction.utils.errors import run_command
from alphaction.utils.key_values import check_key_values
from alphaction.utils.options import CommandParser
from alphaction.workflows.finetune.folds.run_folds import run_folds

EXAMPLE = """examples:
  python tools/run_folds.py output/toy_folds
  python tools/run_folds.py output/toy_folds SOLVER.MAX_ITER 200
  python tools/run_folds.py output/toy_folds --sum-only"""


def main() -> None:
    """Parse the flags, and run the folds."""
    parser = CommandParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter, keys=""
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder of the folds")
    parser.add_argument("--sum-only", action="store_true", help="train nothing: sum up what is finished")
    parser.add_argument("opts", nargs="*", metavar="KEY VALUE", help="config keys to override in every training")
    args = parser.parse_intermixed_args()
    check_key_values(args.opts)
    run_folds(args.folder, args.opts, sum_only=args.sum_only)


def run() -> None:
    """Run the command line of this process."""
    run_command(main)
