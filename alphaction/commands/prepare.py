"""Make a dataset of your own videos and annotations: data/NAME/dataset.yaml, which registers NAME_train and NAME_val.

It opens the videos, reads the annotations of any supported tool, collects or matches the classes, and writes AVA csv
files and a label map. Videos are not copied. Everything that is decided, clipped or left out is printed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from alphaction.utils.cores import available_cores
from alphaction.utils.errors import run_command
from alphaction.utils.options import CommandParser, add_options, read_options
from alphaction.workflows.prepare.prepare import prepare_dataset
from alphaction.workflows.prepare.prepare_options import PrepareOptions, take_places

EXAMPLE = """examples:
  python tools/prepare_dataset.py --name kitchen --videos /videos/kitchen --train train.csv --val val.csv \\
      --label-map actions.pbtxt --person-boxes persons.csv
  python tools/prepare_dataset.py --name shop --videos /videos/shop --annotations cvat_export.xml --val-fraction 0.25
  python tools/prepare_dataset.py --name yard --videos /videos/yard --annotations exports/ --class-group movement
  python tools/prepare_dataset.py --name gym --videos /videos/gym --annotations timeline.json --segments spread \\
      --person-boxes gym_persons.csv

With --annotations (or --train without --val), one set of files is divided: by video so that every class is in both
parts, or by time where videos are few. Formats, recognized by content: csv (AVA's columns, or any with a header),
CVAT (for video or for images, XML or zip), VIA 3 project, Label Studio (JSON or JSON-MIN), Vidat JSON, FiftyOne's
samples.json, COCO JSON (also of Roboflow and CVAT; action_ids, category_id or attributes). Of predictions from
tools/export_annotations.py those count that were confirmed.
Labels of a stretch of time without a box (VIA, Label Studio, Vidat) go to boxes with --segments spread."""


def parse_args() -> PrepareOptions:
    """Read the command line."""
    parser = CommandParser(description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    files = parser.add_mutually_exclusive_group(required=True)
    for flag, meaning in (
        ("--train", "annotation files, or a folder of them"),
        ("--annotations", "the same, to be divided (no --val)"),
    ):
        files.add_argument(flag, nargs="+", action="extend", type=Path, dest="train", metavar="FILE", help=meaning)
    add_options(parser, PrepareOptions, defaults={"processes": min(available_cores(), 8)})
    parser.add_argument(
        "overrides", nargs="*", metavar="KEY VALUE", help="DATASETS.DATA_DIR, DATASETS.CATALOG: where datasets are"
    )
    flags, places = take_places(sys.argv[1:])
    args = parser.parse_intermixed_args(flags)
    return read_options(PrepareOptions, args, overrides=(*places, *args.overrides))


def main() -> None:
    """Make the dataset; the package prints what it holds."""
    prepare_dataset(parse_args())


def run() -> None:
    """Run the command line of this process."""
    run_command(main)
