#!/usr/bin/env python
"""Train an action detector.

    python train_net.py --config-file config_files/tiny/toy.yaml
    torchrun --nproc_per_node=8 train_net.py --config-file config_files/resnet50_4x16f_baseline.yaml --use-tfboard

A run whose OUTPUT_DIR holds a checkpoint goes on from it; --transfer starts anew from the weights of MODEL.WEIGHT.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from alphaction.engine.arguments import add_common_arguments
from alphaction.engine.train import train
from alphaction.utils.arguments import CommandParser
from alphaction.utils.errors import run_command


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the flags in ``argv`` (default: those of the command line)."""
    parser = CommandParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_common_arguments(parser)
    parser.add_argument("--transfer", action="store_true", help="MODEL.WEIGHT gives weights only: start at iteration 0")
    parser.add_argument("--no-head", action="store_true", help="do not load the action head from MODEL.WEIGHT")
    parser.add_argument("--use-tfboard", action="store_true", help="write TensorBoard files to OUTPUT_DIR/tensorboard")
    parser.add_argument(
        "--adjust-lr",
        action="store_true",
        help="scale batch, learning rate and iterations from SOLVER.REFERENCE_GPUS to the processes of this run",
    )
    parser.add_argument("--skip-val-in-train", action="store_true", help="do not evaluate every SOLVER.EVAL_PERIOD")
    parser.add_argument("--skip-final-test", action="store_true", help="do not evaluate at the end")
    return parser.parse_intermixed_args(argv)


if __name__ == "__main__":
    run_command(lambda: train(parse_arguments()))
