"""Flags that train_net.py and test_net.py share."""

from __future__ import annotations

import argparse


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the config file, KEY VALUE overrides, the seed and what launchers pass."""
    parser.add_argument("--config-file", required=True, metavar="F", help="YAML file of the experiment")
    parser.add_argument("--seed", type=_seed, default=0, metavar="N", help="seed of the run (default: %(default)s)")
    # torch.distributed.launch passes one of the two spellings, depending on the version of PyTorch.
    parser.add_argument("--local-rank", "--local_rank", type=int, default=None, help=argparse.SUPPRESS)
    parser.add_argument(
        "opts", nargs="*", metavar="KEY VALUE", help="config keys to override, for example SOLVER.BASE_LR 0.01"
    )


def _seed(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"{value}: expected 0 to 2**32 - 1")
    return value
