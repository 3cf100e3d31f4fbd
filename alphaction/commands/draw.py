"""Draw what a model predicted on keyframes of a dataset beside the ground truth, as one PNG.

It shows the detections.csv that test_net.py or train_net.py wrote; nothing is computed again.
"""

from __future__ import annotations

import argparse

from alphaction.config import load_cfg
from alphaction.engine.evaluate import DETECTIONS_FILE, results_folder
from alphaction.engine.pictures import PictureOptions, draw_predictions
from alphaction.utils.errors import UserError, run_command
from alphaction.utils.options import CommandParser, add_options, read_options

EXAMPLE = """example:
  python tools/draw_predictions.py --config-file config_files/tiny/toy.yaml --output output/tiny_toy/predictions.png"""


def main() -> None:
    """Parse the flags and draw."""
    parser = CommandParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter, keys=""
    )
    parser.add_argument("--config-file", required=True, metavar="F", help="YAML file of the experiment")
    parser.add_argument("--dataset-name", metavar="N", help="default: the first of DATASETS.TEST")
    add_options(parser, PictureOptions)
    parser.add_argument("opts", nargs="*", metavar="KEY VALUE", help="config keys to override")
    args = parser.parse_intermixed_args()
    cfg = load_cfg(args.config_file, args.opts)
    if not (args.dataset_name or cfg.DATASETS.TEST):
        raise UserError("DATASETS.TEST is empty: name a dataset there, or with --dataset-name")
    name = args.dataset_name or cfg.DATASETS.TEST[0]
    detections = results_folder(cfg.OUTPUT_DIR, name) / DETECTIONS_FILE
    print(draw_predictions(cfg, name, detections, read_options(PictureOptions, args)))


def run() -> None:
    """Run the command line of this process."""
    run_command(main)
