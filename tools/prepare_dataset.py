#!/usr/bin/env python
"""Make a dataset of your own videos and annotations: data/NAME/dataset.yaml, which registers NAME_train and NAME_val.

It opens the videos, reads the annotations of any supported tool, collects or matches the classes, and writes AVA csv
files and a label map. Videos are not copied. Everything that is decided, clipped or left out is printed.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from alphaction.data.annotations import GROUPS
from alphaction.data.formats.box_spelling import BOX_FORMAT_CHOICES, NORMALIZED_CHOICES
from alphaction.utils.arguments import CommandParser
from alphaction.utils.cores import available_cores
from alphaction.utils.errors import run_command
from alphaction.workflows.prepare.importers import FORMATS
from alphaction.workflows.prepare.options import PrepareOptions, take_places
from alphaction.workflows.prepare.prepare import prepare_dataset
from alphaction.workflows.prepare.split import WAYS

EXAMPLE = """examples:
  python tools/prepare_dataset.py --name kitchen --videos /videos/kitchen --train train.csv --val val.csv \\
      --label-map actions.pbtxt --person-boxes persons.csv
  python tools/prepare_dataset.py --name shop --videos /videos/shop --annotations cvat_export.xml --val-fraction 0.25
  python tools/prepare_dataset.py --name yard --videos /videos/yard --annotations exports/ --class-group movement

With --annotations (or --train without --val), one set of files is divided: by video so that every class is in both
parts, or by time where videos are few. Formats: AVA csv, COCO-like JSON with action_ids (AVA's usual conversion) or
category_id, VIA 3 project, CVAT for video 1.1 XML, Label Studio video JSON; they are told by content."""


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--name", required=True, metavar="N", help="name of the dataset: letters, digits, _ and -")
    add("--videos", required=True, type=Path, metavar="DIR", help="folder of the video files")
    some = parser.add_mutually_exclusive_group(required=True)
    some.add_argument("--train", nargs="+", type=Path, metavar="FILE", help="annotation files, or a folder of them")
    some.add_argument(
        "--annotations", nargs="+", type=Path, dest="train", metavar="FILE", help="the same, to be divided (no --val)"
    )
    add("--val", nargs="+", type=Path, default=[], metavar="FILE", help="annotation files of the validation")
    add("--label-map", type=Path, metavar="FILE", help="pbtxt file of the classes (default: collected)")
    add("--format", choices=("auto", *FORMATS), default="auto", help="format of the annotations (default: by content)")
    add("--box-format", choices=BOX_FORMAT_CHOICES, default="auto", help="how csv and JSON write boxes")
    add("--normalized", choices=NORMALIZED_CHOICES, default="auto", help="boxes in fractions of the frame: yes or no")
    add("--output", type=Path, metavar="DIR", help="folder to write (default: DATASETS.DATA_DIR/N, data/N)")
    add("--person-boxes", nargs="+", type=Path, default=[], metavar="FILE", help="detected persons, of any split")
    add("--object-boxes", nargs="+", type=Path, default=[], metavar="FILE", help="detected objects, of any split")
    add("--train-exclusions", type=Path, metavar="FILE", help="csv video,second of keyframes to leave out")
    add("--val-exclusions", type=Path, metavar="FILE", help="the same for the validation")
    add(
        "--keyframe-interval",
        type=int,
        default=1,
        metavar="S",
        help="seconds between keyframes of interpolated tracks (default: %(default)s)",
    )
    add(
        "--action-attribute",
        nargs="+",
        dest="action_attributes",
        default=[],
        metavar="NAME",
        help="attributes of VIA, CVAT or Label Studio that are actions (default: those that can be; they are printed)",
    )
    add(
        "--val-fraction", type=float, metavar="F", help="share of the validation where there is no --val (default: 0.2)"
    )
    add("--split-by", choices=WAYS, default="auto", help="divide by video or by time (default: by what the data allow)")
    add("--class-group", choices=GROUPS, help="group of classes for which nothing tells it (default: object)")
    add("--cut-clips", action="store_true", help="also write one-second clips and keyframes, and register the clips")
    add(
        "--processes",
        "--process-num",
        type=int,
        default=min(available_cores(), 8),
        metavar="N",
        help="processes that cut clips (default: %(default)s)",
    )
    add(
        "--force",
        action="store_true",
        help="replace files that an earlier run of this command did not write, or that were changed since",
    )
    add("overrides", nargs="*", metavar="KEY VALUE", help="DATASETS.DATA_DIR, DATASETS.CATALOG: where datasets are")
    flags, overrides = take_places(sys.argv[1:])
    args = parser.parse_intermixed_args(flags)
    args.overrides = [*overrides, *args.overrides]
    return args


def main() -> None:
    """Make the dataset; the package prints what it holds."""
    args = parse_args()
    given = {field.name: getattr(args, field.name) for field in fields(PrepareOptions)}
    prepare_dataset(PrepareOptions(**{k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}))


if __name__ == "__main__":
    run_command(main)
