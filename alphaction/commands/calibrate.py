"""Choose a threshold for each class on a validation set, and keep it in the checkpoint.

A threshold is the score from which on a class counts as seen; predict_video.py then shows what reaches it. Results of
evaluations (mAP) do not change. By default the detections are taken that the training wrote when it evaluated the
checkpoint. The data that thresholds are chosen on flatters them a little; the last lines say how they do on videos that
did not choose them.
"""

from __future__ import annotations

import argparse

from alphaction.checkpoint import stored_thresholds
from alphaction.commands.test import parse_arguments as parse_test_arguments
from alphaction.engine.setup import processes_from_environment
from alphaction.engine.test import test
from alphaction.utils.errors import UserError, run_command
from alphaction.utils.options import CommandParser, add_options, read_options
from alphaction.workflows.calibrate.calibrate import calibrate, find_weights, remove_thresholds
from alphaction.workflows.calibrate.calibrate_options import CalibrateOptions
from alphaction.workflows.calibrate.threshold_text import calibration_lines, stored_lines

EXAMPLE = """examples:
  python tools/calibrate.py --run output/tiny_toy
  python tools/calibrate.py --run output/tiny_toy --precision 0.8
  python tools/calibrate.py --weights output/tiny_toy/model_0000400.pth --evaluate
  python tools/calibrate.py --run output/tiny_toy --show
  python tools/calibrate.py --run output/tiny_toy --remove"""


def main() -> None:
    """Parse the flags and calibrate, show or remove."""
    parser = CommandParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter, keys=""
    )
    add_options(parser, CalibrateOptions)
    parser.add_argument("opts", nargs="*", metavar="KEY VALUE", help="config keys to override")
    args = parser.parse_intermixed_args()
    if processes_from_environment()[1] > 1:
        raise UserError("a checkpoint is calibrated by one process: run this command without torchrun")
    options = read_options(CalibrateOptions, args)
    if options.show or options.remove:
        weights = find_weights(options)
        if options.show:
            print("\n".join(stored_lines(weights, stored_thresholds(weights))))
        else:
            print(f"{weights}: {'thresholds removed' if remove_thresholds(weights) else 'has no thresholds'}")
        return
    done = calibrate(options, args.opts, lambda given: test(parse_test_arguments(given)))
    print("\n".join(calibration_lines(done)))


def run() -> None:
    """Run the command line of this process."""
    run_command(main)
