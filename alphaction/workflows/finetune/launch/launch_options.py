"""The command line of tools/finetune_quickstart.sh, checked as far as that needs neither config nor machine.

Only the standard library is needed for it, so that mistakes are said before anything is installed:
``python -m alphaction.workflows.finetune.launch.launch_options CONFIG [options]`` checks them and does nothing else.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields

from alphaction.utils.config_files import find_config
from alphaction.utils.errors import UserError, run_command
from alphaction.utils.files import missing_file
from alphaction.utils.key_values import check_key_values
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
    requeued: bool = option(
        False, help="--resume if OUTPUT_DIR holds a checkpoint, else start: for jobs that a scheduler starts again"
    )
    tensorboard: bool = option(True, help="write no TensorBoard files")
    skip_val: bool = option(False, help="no evaluation during training; the one at the end stays")
    compile: bool = option(False, help="run the backbone as code that torch.compile makes of it")
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
        UserError: for an unknown option, config keys before ``--`` or without a value, or options that do not agree.
        SystemExit: from argparse, for malformed values and --help.
    """
    words = list(argv)
    cut = words.index("--") if "--" in words else len(words)
    parser = _parser()
    args, unknown = parser.parse_known_args(words[:cut])
    if unknown:
        raise UserError(_explain_unknown(parser, unknown))
    if not args.config:
        given = "missing" if args.config is None else 'empty ("", an unset variable?)'
        raise UserError(f"CONFIG is {given}: {PROGRAM} CONFIG [options]. --help lists the options.")
    if args.num_gpus == 0:
        raise UserError("--num-gpus 0: expected 1 or more; --cpu trains without GPUs")
    check_key_values(words[cut + 1 :])
    options = read_options(LaunchOptions, args, overrides=tuple(words[cut + 1 :]))
    _check_nodes(options)
    return options


def check_config_exists(options: LaunchOptions) -> None:
    """Raise a :class:`UserError` if CONFIG is no file."""
    path = find_config(options.config)
    if not path.is_file():
        raise UserError(f"config file {missing_file(path, ('.yaml', '.yml'))}")


def _explain_unknown(parser: CommandParser, unknown: list[str]) -> str:
    first = unknown[0]
    if first == "--demo":
        return "--demo is for a clone. Here it is: alphaction toy, then alphaction launch tiny/toy.yaml --cpu."
    if first.startswith("-"):
        hint = parser.hint(first, ("CONFIG",))
        return f"unknown option {first}. {hint + ' ' if hint else ''}Known: {', '.join(parser.flags)}."
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


def _parser() -> CommandParser:
    parser = CommandParser(
        prog=PROGRAM,
        usage=f"{PROGRAM} CONFIG [options] [-- KEY VALUE ...]",
        description="Check a config and this machine, show what would be trained, ask, and start the training.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        keys="-- ",
    )
    parser.add_argument("config", nargs="?", metavar="CONFIG", help="YAML file of the experiment")
    device = parser.add_mutually_exclusive_group()
    add_options(device, LaunchOptions, skip={entry.name for entry in fields(LaunchOptions)} - _DEVICE)
    device.add_argument("--single-gpu", dest="num_gpus", action="store_const", const=1, help="the same as --num-gpus 1")
    add_options(parser, LaunchOptions, skip=_DEVICE)
    return parser


if __name__ == "__main__":
    run_command(lambda: check_config_exists(parse_options(sys.argv[1:])))
