"""Train an action detector.

    python train_net.py --config-file config_files/tiny/toy.yaml
    python train_net.py --config-file config_files/tiny/toy.yaml --plan
    torchrun --nproc_per_node=8 train_net.py --config-file config_files/resnet50_4x16f_baseline.yaml --use-tfboard

A run whose OUTPUT_DIR holds a checkpoint continues from it; --transfer starts a new one from the weights of
MODEL.WEIGHT.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from alphaction.engine.run_flags import train_parser
from alphaction.engine.train import plan_run, train
from alphaction.utils.errors import run_command
from alphaction.workflows.report.after_run import end_training


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the flags in ``argv`` (default: those of the command line)."""
    return train_parser(__doc__).parse_intermixed_args(argv)


def main() -> None:
    """Train, or only say how."""
    args = parse_arguments()
    if args.plan:
        print(plan_run(args))
        return
    end_training(args, train(args), report=not args.skip_report)


def run() -> None:
    """Run the command line of this process."""
    run_command(main)
