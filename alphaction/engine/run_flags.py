"""The flags of train_net.py, and those that test_net.py shares with it."""

from __future__ import annotations

import argparse

from alphaction.engine.plot_services import LOG_TO
from alphaction.utils.numbers import SEED
from alphaction.utils.options import CommandParser


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the config file, KEY VALUE overrides, the seed and what launchers pass."""
    parser.add_argument("--config-file", required=True, metavar="F", help="YAML file of the experiment")
    parser.add_argument("--seed", type=SEED, default=0, metavar="N", help="seed of the run (default: %(default)s)")
    parser.add_argument(
        "--compile",
        action="store_true",
        help="run the backbone as code that torch.compile makes of it, which takes a minute or more at the start",
    )
    # torch.distributed.launch passes one of the two spellings, depending on the version of PyTorch.
    parser.add_argument("--local-rank", "--local_rank", type=int, default=None, help=argparse.SUPPRESS)
    parser.add_argument(
        "opts", nargs="*", metavar="KEY VALUE", help="config keys to override, for example SOLVER.BASE_LR 0.01"
    )


def train_parser(description: str | None = None) -> CommandParser:
    """Return the parser of train_net.py, to be used with ``parse_intermixed_args``."""
    parser = CommandParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter, keys="")
    add_common_arguments(parser)
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--transfer", action="store_true", help="MODEL.WEIGHT gives weights only: start at iteration 0")
    start.add_argument(
        "--resume",
        action="store_true",
        help="continue the run in OUTPUT_DIR with its own schedule, whatever the config holds and on any number of "
        "processes; refused where there is none (default: continue a run that is there, with the config's schedule)",
    )
    parser.set_defaults(anew=False)  # only said by calls in Python, which mean a new run unless they ask to go on
    parser.add_argument("--no-head", action="store_true", help="do not load the action head from MODEL.WEIGHT")
    parser.add_argument("--use-tfboard", action="store_true", help="write TensorBoard files to OUTPUT_DIR/tensorboard")
    parser.add_argument(
        "--log-to",
        action="append",
        default=[],
        choices=LOG_TO,
        metavar="SERVICE",
        help="also show the run there: wandb, mlflow, or tensorboard (the same as --use-tfboard); may be repeated",
    )
    parser.add_argument(
        "--adjust-lr",
        action="store_true",
        help="scale batch, learning rate and iterations from SOLVER.REFERENCE_GPUS to the processes of this run",
    )
    parser.add_argument("--skip-val-in-train", action="store_true", help="do not evaluate every SOLVER.EVAL_PERIOD")
    parser.add_argument("--skip-final-test", action="store_true", help="do not evaluate at the end")
    parser.add_argument("--skip-report", action="store_true", help="do not write OUTPUT_DIR/report.html at the end")
    parser.add_argument(
        "--plan",
        action="store_true",
        help="check config, data and weights as the run would, print what it would do, and stop; writes nothing "
        "(WORLD_SIZE=N plans for N processes)",
    )
    return parser
