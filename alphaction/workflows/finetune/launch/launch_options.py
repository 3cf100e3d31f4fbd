"""The command line of tools/finetune_quickstart.sh, checked as far as that needs neither config nor machine."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields

from alphaction.utils.errors import UserError
from alphaction.utils.messages import nearest
from alphaction.utils.numbers import NOT_NEGATIVE, POSITIVE, SEED, whole
from alphaction.utils.options import CommandParser, add_options, option, read_options

PROGRAM = "bash tools/finetune_quickstart.sh"
EXAMPLES = f"""examples:
  {PROGRAM} config_files/tiny/toy.yaml --cpu
  {PROGRAM} my_config.yaml --new-classes -- MODEL.WEIGHT weights.pth
  {PROGRAM} my_config.yaml --num-gpus 2 --resume
  {PROGRAM} my_config.yaml --num-gpus 8 --dry-run -- SOLVER.MAX_ITER 2000

Batch, learning rate and iterations are scaled from SOLVER.REFERENCE_GPUS of the config to the processes of this run.
Values after -- replace those of the config before that; add SOLVER.REFERENCE_GPUS N to give them for N processes.
--resume keeps the schedule of the run instead, whatever the config holds now; values after -- replace its values."""
_MACHINES = "several machines (start the command on each; tools/slurm_train.sbatch does)"
_DEVICE = {"num_gpus", "cpu"}


@dataclass(frozen=True)
class LaunchOptions:
    """What the user asked for: the config, the config keys and values after ``--`` in turn, and the flags."""

    config: str
    overrides: tuple[str, ...] = ()
    num_gpus: int | None = option(
        None, within=NOT_NEGATIVE, metavar="N", help="GPUs of each machine (default: all; none: the CPU)"
    )
    cpu: bool = option(False, help="train on the CPU, one process per machine")
    new_classes: bool = option(
        False,
        help="take the backbone only from MODEL.WEIGHT and start a new action head (default: take the head, too)",
    )
    resume: bool = option(False, help="continue from the last checkpoint in OUTPUT_DIR")
    tensorboard: bool = option(True, help="write no TensorBoard files")
    skip_val: bool = option(False, help="no evaluation during training; the one at the end stays")
    seed: int | None = option(None, within=SEED, metavar="S", help="seed of the run (default: 0)")
    nnodes: int = option(1, within=POSITIVE, metavar="N", group=_MACHINES, help="number of machines")
    node_rank: int | None = option(
        None, within=NOT_NEGATIVE, metavar="R", group=_MACHINES, help="number of this machine, from 0"
    )
    master_addr: str = option("", metavar="A", group=_MACHINES, help="name or address of machine 0")
    master_port: int = option(
        29500,
        within=whole(1, 65535),
        metavar="P",
        group=_MACHINES,
        help="free port of machine 0 (default: %(default)s)",
    )
    dry_run: bool = option(False, help="show the plan and the command, start nothing")
    yes: bool = option(False, help="do not ask before the start")

    def overrides_key(self, key: str) -> bool:
        """Return whether the command line gives the config key ``key``."""
        return key in self.overrides[::2]


def parse_options(argv: Sequence[str]) -> LaunchOptions:
    """Return the options in ``argv`` (without the program's name).

    Raises:
        UserError: for an unknown option, config keys before ``--``, or options that do not agree.
        SystemExit: from argparse, for malformed values and --help.
    """
    words = list(argv)
    cut = words.index("--") if "--" in words else len(words)
    parser = _parser()
    args, unknown = parser.parse_known_args(words[:cut])
    if unknown:
        raise UserError(_explain_unknown(parser, unknown))
    if args.config is None:
        raise UserError(f"CONFIG is missing: {PROGRAM} CONFIG [options]. --help lists the options.")
    if args.num_gpus == 0:
        raise UserError("--num-gpus 0: expected 1 or more; --cpu trains without GPUs")
    options = read_options(LaunchOptions, args, overrides=tuple(words[cut + 1 :]))
    _check_nodes(options)
    return options


def _explain_unknown(parser: argparse.ArgumentParser, unknown: list[str]) -> str:
    first = unknown[0]
    if first.startswith("-"):
        known = sorted(set(re.findall(r"(?<![\w-])--([a-z][a-z-]*)", parser.format_help())))
        # Without the dashes, which make all options alike.
        near = nearest(first.split("=")[0].lstrip("-"), known, cutoff=0.6)
        hint = f'Did you mean "--{near}"? ' if near else ""
        return f"unknown option {first}. {hint}Known: {', '.join(f'--{name}' for name in known)}."
    if first.replace("_", "").replace(".", "").isupper():
        return f"config keys go after --: write `-- {' '.join(unknown)}` at the end of the command."
    return f"{first}: one CONFIG is expected, and this is a second one. Config keys go after --."


def _check_nodes(options: LaunchOptions) -> None:
    if options.nnodes == 1:
        if options.node_rank:
            raise UserError(f"--node-rank {options.node_rank} needs --nnodes N with N above {options.node_rank}.")
        return
    given = {"--node-rank": options.node_rank is not None, "--master-addr": bool(options.master_addr)}
    if missing := [flag for flag, is_given in given.items() if not is_given]:
        raise UserError(
            f"--nnodes {options.nnodes} also needs {' and '.join(missing)}: start the command on every machine, with "
            "--node-rank 0, 1, ... and the name or address of machine 0 as --master-addr."
        )
    if options.node_rank >= options.nnodes:
        raise UserError(
            f"--node-rank {options.node_rank}: expected 0 to {options.nnodes - 1}, as there are --nnodes "
            f"{options.nnodes}."
        )


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
    add_options(device, LaunchOptions, skip={entry.name for entry in fields(LaunchOptions)} - _DEVICE)
    device.add_argument("--single-gpu", dest="num_gpus", action="store_const", const=1, help="the same as --num-gpus 1")
    add_options(parser, LaunchOptions, skip=_DEVICE)
    return parser
