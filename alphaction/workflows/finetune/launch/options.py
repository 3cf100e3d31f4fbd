"""The command line of tools/finetune_quickstart.sh, checked as far as that needs neither config nor machine."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from alphaction.utils.arguments import CommandParser
from alphaction.utils.errors import UserError

PROGRAM = "bash tools/finetune_quickstart.sh"
EXAMPLES = f"""examples:
  {PROGRAM} config_files/tiny/toy.yaml --cpu
  {PROGRAM} my_config.yaml --new-classes -- MODEL.WEIGHT weights.pth
  {PROGRAM} my_config.yaml --num-gpus 2 --resume
  {PROGRAM} my_config.yaml --num-gpus 8 --dry-run -- SOLVER.MAX_ITER 2000

Batch, learning rate and iterations are scaled from SOLVER.REFERENCE_GPUS of the config to the processes of this run.
Values after -- replace those of the config before that; add SOLVER.REFERENCE_GPUS N to give them for N processes.
--resume keeps the schedule of the run instead, whatever the config holds now; values after -- replace its values."""


@dataclass(frozen=True)
class LaunchOptions:
    """What the user asked for.

    Attributes:
        config: path of the YAML file.
        num_gpus: GPUs of each machine; None: all that there are.
        cpu: train on the CPU, one process per machine.
        new_classes: start the whole action head anew, whatever MODEL.WEIGHT holds of it.
        resume: go on from the last checkpoint of OUTPUT_DIR.
        tensorboard: write TensorBoard files.
        skip_val: no evaluation during training; the one at the end stays.
        seed: seed of the run; None: that of train_net.py.
        nnodes: number of machines.
        node_rank: number of this machine, from 0.
        master_addr: address of machine 0, "" for a single machine.
        master_port: port on machine 0 where the processes meet.
        dry_run: show the plan only.
        yes: do not ask.
        overrides: config keys and values in turn.
    """

    config: str
    num_gpus: int | None = None
    cpu: bool = False
    new_classes: bool = False
    resume: bool = False
    tensorboard: bool = True
    skip_val: bool = False
    seed: int | None = None
    nnodes: int = 1
    node_rank: int = 0
    master_addr: str = ""
    master_port: int = 29500
    dry_run: bool = False
    yes: bool = False
    overrides: tuple[str, ...] = ()

    def overrides_key(self, key: str) -> bool:
        """Return whether the command line gives the config key ``key``."""
        return key in self.overrides[::2]


def parse_options(argv: Sequence[str]) -> LaunchOptions:
    """Return the options in ``argv`` (without the program's name).

    Raises:
        UserError: for an unknown option, config keys before ``--``, or options of several machines that do not agree.
        SystemExit: from argparse, for malformed values and --help.
    """
    flags, overrides = _split(list(argv))
    parser = _parser()
    args, unknown = parser.parse_known_args(flags)
    if unknown:
        raise UserError(_explain_unknown(parser, unknown))
    if args.config is None:
        raise UserError(f"CONFIG is missing: {PROGRAM} CONFIG [options]. --help lists the options.")
    given_rank = args.node_rank is not None
    values = {**vars(args), "node_rank": args.node_rank or 0}
    if values.pop("single_gpu"):
        values["num_gpus"] = 1
    options = LaunchOptions(**values, overrides=tuple(overrides))
    _check_nodes(options, given_rank)
    return options


def _split(argv: list[str]) -> tuple[list[str], list[str]]:
    if "--" not in argv:
        return argv, []
    cut = argv.index("--")
    return argv[:cut], argv[cut + 1 :]


def _explain_unknown(parser: argparse.ArgumentParser, unknown: list[str]) -> str:
    first = unknown[0]
    if first.startswith("-"):
        known = sorted(set(re.findall(r"(?<![\w-])--([a-z][a-z-]*)", parser.format_help())))
        # Without the dashes, which make all options alike.
        near = difflib.get_close_matches(first.split("=")[0].lstrip("-"), known, n=1)
        hint = f'Did you mean "--{near[0]}"? ' if near else ""
        return f"unknown option {first}. {hint}Known: {', '.join(f'--{name}' for name in known)}."
    if first.replace("_", "").replace(".", "").isupper():
        return f"config keys go after --: write `-- {' '.join(unknown)}` at the end of the command."
    return f"{first}: one CONFIG is expected, and this is a second one. Config keys go after --."


def _check_nodes(options: LaunchOptions, given_rank: bool) -> None:
    if options.nnodes == 1:
        if options.node_rank:
            raise UserError(f"--node-rank {options.node_rank} needs --nnodes N with N above {options.node_rank}.")
        return
    missing = [
        flag for flag, given in (("--node-rank", given_rank), ("--master-addr", options.master_addr)) if not given
    ]
    if missing:
        raise UserError(
            f"--nnodes {options.nnodes} also needs {' and '.join(missing)}: start the command on every machine, with "
            "--node-rank 0, 1, ... and the name or address of machine 0 as --master-addr."
        )
    if options.node_rank >= options.nnodes:
        raise UserError(
            f"--node-rank {options.node_rank}: expected 0 to {options.nnodes - 1}, as there are --nnodes "
            f"{options.nnodes}."
        )


def _whole_number(low: int, high: int | None = None) -> Callable[[str], int]:
    wanted = f"{low} to {high}" if high is not None else f"{low} or more"

    def convert(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number, {wanted}") from None
        if number < low or (high is not None and number > high):
            raise argparse.ArgumentTypeError(f"{number}: expected {wanted}")
        return number

    return convert


def _gpu_count(text: str) -> int:
    if text.strip() == "0":
        raise argparse.ArgumentTypeError("0: expected 1 or more; --cpu trains without GPUs")
    return _whole_number(1)(text)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog=PROGRAM,
        usage=f"{PROGRAM} CONFIG [options] [-- KEY VALUE ...]",
        description="Check a config and this machine, show what would be trained, ask, and start the training.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("config", nargs="?", metavar="CONFIG", help="YAML file of the experiment")
    device = parser.add_mutually_exclusive_group()
    device.add_argument(
        "--num-gpus", type=_gpu_count, metavar="N", help="GPUs of each machine (default: all; none: the CPU)"
    )
    device.add_argument("--single-gpu", action="store_true", help="the same as --num-gpus 1")
    device.add_argument("--cpu", action="store_true", help="train on the CPU, one process per machine")
    parser.add_argument(
        "--new-classes",
        action="store_true",
        help="take the backbone only from MODEL.WEIGHT and start the action head anew (default: take the head, too)",
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in OUTPUT_DIR")
    parser.add_argument("--no-tensorboard", dest="tensorboard", action="store_false", help="write no TensorBoard files")
    parser.add_argument(
        "--skip-val", action="store_true", help="no evaluation during training; the one at the end stays"
    )
    parser.add_argument("--seed", type=_whole_number(0, 2**32 - 1), metavar="S", help="seed of the run (default: 0)")
    nodes = parser.add_argument_group("several machines (start the command on each; tools/slurm_train.sbatch does)")
    nodes.add_argument("--nnodes", type=_whole_number(1), default=1, metavar="N", help="number of machines")
    nodes.add_argument("--node-rank", type=_whole_number(0), metavar="R", help="number of this machine, from 0")
    nodes.add_argument("--master-addr", default="", metavar="A", help="name or address of machine 0")
    nodes.add_argument(
        "--master-port",
        type=_whole_number(1, 65535),
        default=29500,
        metavar="P",
        help="free port of machine 0 (default: %(default)s)",
    )
    parser.add_argument("--dry-run", action="store_true", help="show the plan and the command, start nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask before the start")
    return parser
