"""Render a toy dataset: videos of moving figures with AVA annotations, to try out training in minutes."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from pathlib import Path

from alphaction.config.dataset_keys import keys_that_find
from alphaction.config.paths_catalog import CATALOG_FILE
from alphaction.toy import ToyOptions, make_toy_dataset
from alphaction.toy.make import RECORD, summary
from alphaction.toy.world import WORLDS, build_world
from alphaction.utils.command_text import STARTED_BY, runnable_here
from alphaction.utils.errors import run_command
from alphaction.utils.messages import text_table
from alphaction.utils.options import CommandParser, add_options
from alphaction.utils.output_folder import read_record

EXAMPLE = """example:
  python tools/make_toy_dataset.py --output data/toy
  python tools/make_toy_dataset.py --output data/toy_large --num-train 200 --seconds 20 --width 256 --height 192
  python tools/make_toy_dataset.py --world interactions --output data/interactions
  python tools/make_toy_dataset.py --world people --output data/people

Worlds: in "actions", persons move, handle objects and deal with a partner; it is for a first training. In
"interactions", classes are decided by the person himself, by another person, by an object, or by what happens seconds
before or after, out of a clip's sight; it shows what each part of an interaction structure adds. In "people", bodies
of all builds do all kinds of things before many cameras; it is for pretraining (config_files/tiny/rendered.yaml), takes
about half an hour to render, and is nothing to learn from in minutes.

The folder gets videos/, annotations/, boxes/, exports/ (the annotations again, as CVAT exports a job for each video),
dataset.yaml and toy.json (the options, and each class's kind, boxes and AP of chance, as they are printed).
dataset.yaml registers both splits under the folder's name: toy_train and toy_val, or people_train and
people_val. The same options give the same dataset; a folder that already has it is left as it is."""

CHOSEN = [field.name for field in fields(ToyOptions) if field.name != "world"]


def parse_args() -> argparse.Namespace:
    """Read the command line; what is not given is None, but for the world."""
    epilog = f"{EXAMPLE}\n\ndefaults of the worlds:\n" + "\n".join(text_table(list(defaults()), indent="  "))
    parser = CommandParser(description=__doc__, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("data/toy"), help="folder to make (default: %(default)s)")
    add_options(parser, ToyOptions, defaults=dict.fromkeys(CHOSEN))
    parser.add_argument("--force", action="store_true", help="replace a toy dataset of other options")
    return parser.parse_args()


def defaults() -> Iterator[list[object]]:
    """Yield the rows of a table of the options' defaults, with a column for each world."""
    yield ["", *WORLDS]
    for name in CHOSEN:
        yield ["--" + name.replace("_", "-"), *(asdict(world.defaults)[name] for world in WORLDS.values())]


def main() -> None:
    """Make the dataset and print what is in it."""
    args = parse_args()
    chosen = {name: getattr(args, name) for name in CHOSEN if getattr(args, name) is not None}
    options = replace(build_world(args.world).defaults, **chosen)
    folder = make_toy_dataset(args.output, options, force=args.force, progress=True)
    record = read_record(folder, RECORD) or {}
    print(f"{folder}: {options.num_train} + {options.num_val} videos (train, val)")
    print("\n".join(summary(record)))
    if STARTED_BY not in os.environ:  # the demo, which goes on by itself
        print("\nNext:", *next_commands(folder), sep="\n  ")


def next_commands(folder: Path) -> list[str]:
    """Return the commands that lead from the dataset in ``folder`` to a config, whose writer names those after it."""
    name, keys = folder.name, keys_that_find(folder.name, folder / CATALOG_FILE)
    commands = (
        f"python tools/visualize_dataset.py --dataset-name {name}_train --output-dir output/{name}_pictures{keys}",
        f"python tools/generate_finetune_config.py --dataset-name {name} --backbone tiny -o output/{name}.yaml{keys}",
    )
    return [runnable_here(command) for command in commands]


def run() -> None:
    """Run the command line of this process."""
    run_command(main)
