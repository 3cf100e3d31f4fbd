#!/usr/bin/env python
"""Evaluate a checkpoint on the datasets of DATASETS.TEST.

    python test_net.py --config-file config_files/tiny/toy.yaml
    torchrun --nproc_per_node=8 test_net.py --config-file F MODEL.WEIGHT path/to/model.pth

The weights are those of MODEL.WEIGHT if the command line names it, else the last checkpoint in OUTPUT_DIR, else the
config file's MODEL.WEIGHT.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from alphaction.utils.options import CommandParser
from alphaction.utils.requirements import require_packages

require_packages()

from alphaction.engine.run_flags import add_common_arguments
from alphaction.engine.test import test
from alphaction.utils.errors import run_command


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the flags in ``argv`` (default: those of the command line)."""
    parser = CommandParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, keys="")
    add_common_arguments(parser)
    return parser.parse_intermixed_args(argv)


if __name__ == "__main__":
    run_command(lambda: test(parse_arguments()))
