"""Draw keyframes of a dataset with boxes, classes and detections, and a strip of each clip, as PNG files.

The keyframes are chosen so that together they show as many classes as possible.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from alphaction.config import load_cfg
from alphaction.utils.errors import UserError, run_command
from alphaction.utils.numbers import NOT_NEGATIVE, POSITIVE, Range
from alphaction.utils.options import CommandParser
from alphaction.workflows.inspect.sheets import ShownDataset, choose_keyframes, draw_samples

EXAMPLE = """examples:
  python tools/visualize_dataset.py --dataset-name toy_train --num-samples 10 --output-dir output/toy_sheets
  python tools/visualize_dataset.py --dataset-name toy_val --video val_000 --second 3 --output-dir output/toy_sheets \\
      --config-file config_files/tiny/toy.yaml"""


def main() -> None:
    """Parse the flags and draw."""
    parser = CommandParser(description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset-name", required=True, metavar="N", help="a registered dataset, such as toy_train")
    parser.add_argument("--output-dir", required=True, type=Path, metavar="D", help="folder for the PNG files")
    parser.add_argument("--num-samples", type=POSITIVE, default=10, metavar="K", help="keyframes, default %(default)s")
    parser.add_argument("--seed", type=NOT_NEGATIVE, default=0, metavar="S", help="another seed, other keyframes")
    parser.add_argument("--video", metavar="V", help="with --second: draw this one keyframe")
    parser.add_argument("--second", type=Range(0), metavar="T", help="second of the keyframe in --video")
    parser.add_argument("--config-file", metavar="F", help="experiment whose clips the strip shows; default: defaults")
    parser.add_argument("opts", nargs="*", metavar="KEY VALUE", help="config keys to override")
    args = parser.parse_intermixed_args()
    if (args.video is None) != (args.second is None):
        raise UserError("--video and --second belong together: give both or none")
    shown = ShownDataset.from_config(load_cfg(args.config_file, args.opts), args.dataset_name)
    if args.video is not None:
        positions = [shown.keyframe(args.video, args.second)]
    else:
        positions = choose_keyframes(shown.tables.annotations, shown.tables.label_map, args.num_samples, args.seed)
    print(draw_samples(shown, args.output_dir, positions))


def run() -> None:
    """Run the command line of this process."""
    run_command(main)
