#!/usr/bin/env python
"""Measure how fast each part is on this machine.

Ratios are the result: every part is timed in turns with what it is compared with. Seconds belong to the machine.
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from alphaction.utils.requirements import require_packages

require_packages()

import torch

from alphaction.utils.atomic import write_text_atomically
from alphaction.utils.errors import fail, run_command
from alphaction.utils.files import check_writable
from alphaction.utils.messages import suggest, text_table
from alphaction.utils.numbers import POSITIVE
from alphaction.utils.options import CommandParser, add_options, read_options
from benchmarks.speed.machine import machine_facts, machine_line

# Modules of benchmarks.speed. Each has a docstring, a dataclass Options whose fields are flags, run(options,
# repetitions), which yields tables, and SMALLEST, for the tests, if flags alone can make it a run of a second or two.
PARTS: tuple[str, ...] = ("data", "tables", "step", "infer", "memory", "evaluate", "videos", "gpu")
LEGEND = """Times are medians, with the lowest and highest value in brackets: wall (elapsed), and CPU of this process.
Ratios are multiples of the first row of each table, turn by turn; less is faster."""
EXAMPLE = """examples:
  python tools/benchmark.py                                     # the parts
  python tools/benchmark.py PART --help
  python tools/benchmark.py PART --threads 1 --repetitions 9 --json figures.json"""


def parse_arguments(args: list[str] | None = None) -> argparse.Namespace:
    """Return the flags of the part that the first argument names, with it as ``part``."""
    args = sys.argv[1:] if args is None else args
    if not args:
        fail("which part is to be measured? One of:\n" + "\n".join(list_parts()))
    part, *flags = args
    form = {"formatter_class": argparse.RawDescriptionHelpFormatter, "epilog": EXAMPLE, "keys": ""}
    if part not in PARTS:
        usage, parts = "%(prog)s PART [flags]", "\n".join(list_parts())
        parser = CommandParser(usage=usage, description=f"{__doc__}\n\nparts:\n{parts}", **form)
        parser.parse_known_args([part])  # --help ends here
        parser.error("the part comes first" if part.startswith("-") else f'no part "{part}". {suggest(part, PARTS)}')
    module = import_module(f"benchmarks.speed.{part}")
    parser = CommandParser(prog=f"benchmark.py {part}", description=module.__doc__, **form)
    add_options(parser, module.Options)
    common = parser.add_argument_group("of every part")
    common.add_argument(
        "--repetitions", type=POSITIVE, default=5, metavar="N", help="turns that count (default: %(default)s)"
    )
    common.add_argument(
        "--threads", type=POSITIVE, metavar="N", help="threads that torch computes with (default: as it chooses)"
    )
    common.add_argument("--json", type=Path, metavar="FILE", help="write every value to this file, too")
    return parser.parse_args(flags, argparse.Namespace(part=part))


def list_parts() -> list[str]:
    """Return a line for each part: its name and what it measures."""
    rows = [(name, import_module(f"benchmarks.speed.{name}").__doc__.split("\n")[0]) for name in PARTS]
    return text_table(rows, left=2, indent="  ")


def main() -> None:
    """Run one part and print its tables."""
    args = parse_arguments()
    module = import_module(f"benchmarks.speed.{args.part}")
    options = read_options(module.Options, args)
    if args.json is not None:
        check_writable("--json", args.json)
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    tables = []
    for table in module.run(options, args.repetitions):
        if not tables:  # not above a message that something is missing here
            print(f"{machine_line()}\n{LEGEND}")
        print("\n".join(["", *table.lines()]), flush=True)
        tables.append(table.to_json())
        if args.json is not None:
            # After each, so that a part that is stopped has not run for nothing.
            content = {"part": args.part, "machine": machine_facts(), "comparisons": tables}
            write_text_atomically(args.json, json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    run_command(main)
