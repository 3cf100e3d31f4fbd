#!/usr/bin/env python
"""Render a toy dataset: videos of moving figures with AVA annotations, to try out training in minutes."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import fields, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from alphaction.toy import ToyOptions, make_toy_dataset
from alphaction.toy.make import RECORD, summary
from alphaction.toy.world import WORLDS, build_world
from alphaction.utils.arguments import CommandParser
from alphaction.utils.errors import run_command

EXAMPLE = """example:
  python tools/make_toy_dataset.py --output data/toy
  python tools/make_toy_dataset.py --output data/toy_large --num-train 200 --seconds 20 --width 256 --height 192
  python tools/make_toy_dataset.py --world interactions --output data/interactions

Worlds: in "actions", persons move, handle objects and deal with a partner; it is for a first training. In
"interactions", classes are decided by the person himself, by another person, by an object, or by what happens seconds
before or after, out of a clip's sight; it shows what each part of an interaction structure adds.

The folder gets videos/, annotations/, boxes/, dataset.yaml and toy.json (the options, and each class's kind, boxes and
AP of chance, as they are printed). dataset.yaml registers both splits under the folder's name: toy_train and toy_val,
or interactions_train and interactions_val. The same options give the same dataset; a folder that already has it is
left as it is."""

HELP = {
    "world": f"kind of scenes: {', '.join(sorted(WORLDS))}",
    "num_train": "training videos",
    "num_val": "validation videos",
    "seconds": "length of a video",
    "fps": "frames per second",
    "width": "frame width in pixels, even",
    "height": "frame height in pixels, even; figures are 0.4 to 0.64 of it",
    "seed": "start of all random choices",
}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("data/toy"), help="folder to make (default: data/toy)")
    for option in fields(ToyOptions):
        parser.add_argument(
            "--" + option.name.replace("_", "-"),
            type=type(option.default),
            default=option.default if option.name == "world" else None,
            metavar="NAME" if option.name == "world" else "N",
            help=f"{HELP[option.name]} (default: {describe_default(option.name)})",
        )
    parser.add_argument("--force", action="store_true", help="replace a toy dataset of other options")
    return parser.parse_args()


def describe_default(name: str) -> str:
    """Return an option's default; where worlds differ, each one's."""
    values = {world: getattr(WORLDS[world].defaults, name) for world in WORLDS}
    if name == "world":
        return ToyOptions.world
    if len(set(values.values())) == 1:
        return str(next(iter(values.values())))
    return ", ".join(f"{value} for {world}" for world, value in values.items())


def main() -> None:
    """Make the dataset and print what is in it."""
    args = parse_args()
    chosen = {option.name: getattr(args, option.name) for option in fields(ToyOptions)}
    options = replace(build_world(args.world).defaults, **{name: v for name, v in chosen.items() if v is not None})
    folder = make_toy_dataset(args.output, options, force=args.force, progress=True)
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    print(f"{folder}: {options.num_train} + {options.num_val} videos (train, val)")
    print("\n".join(summary(record)))


if __name__ == "__main__":
    run_command(main)
