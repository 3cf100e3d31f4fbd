#!/usr/bin/env python
"""Render a toy dataset: videos of moving figures with AVA annotations, to try out training in minutes."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import fields
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from alphaction.toy import ToyOptions, make_toy_dataset
from alphaction.toy.make import RECORD
from alphaction.toy.world import WORLDS
from alphaction.utils.arguments import CommandParser
from alphaction.utils.errors import run_command

EXAMPLE = """example:
  python tools/make_toy_dataset.py --output data/toy
  python tools/make_toy_dataset.py --output data/toy_large --num-train 200 --seconds 20 --width 256 --height 192

The folder gets videos/, annotations/, boxes/, dataset.yaml and toy.json (the options). dataset.yaml registers both
splits under the folder's name: toy_train and toy_val, or toy_large_train and toy_large_val. The same options give the
same dataset; a folder that already has it is left as it is."""

HELP = {
    "world": f"kind of scenes: {', '.join(sorted(WORLDS))}",
    "num_train": "training videos",
    "num_val": "validation videos",
    "seconds": "length of a video",
    "fps": "frames per second",
    "width": "frame width in pixels, even",
    "height": "frame height in pixels, even; figures are about 0.4 of it",
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
            default=option.default,
            metavar="NAME" if option.name == "world" else "N",
            help=f"{HELP[option.name]} (default: {option.default})",
        )
    parser.add_argument("--force", action="store_true", help="replace a toy dataset of other options")
    return parser.parse_args()


def main() -> None:
    """Make the dataset and print what is in it."""
    args = parse_args()
    options = ToyOptions(**{option.name: getattr(args, option.name) for option in fields(ToyOptions)})
    folder = make_toy_dataset(args.output, options, force=args.force, progress=True)
    counts = json.loads((folder / RECORD).read_text(encoding="utf-8"))["boxes_per_class"]
    print(f"{folder}: {options.num_train} + {options.num_val} videos; labeled boxes (train, val):")
    for name, count in counts.items():
        print(f"  {name:<28} {count['train']:>5} {count['val']:>5}")


if __name__ == "__main__":
    run_command(main)
