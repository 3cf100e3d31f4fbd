#!/usr/bin/env python
"""Predict the actions in a video and write it with every person's box, id, class names and scores on each frame.

Actions are predicted once a second. Boxes at those seconds come from a file or from torchvision's person detector;
between them they are linked to tracks and interpolated. Sound is not kept.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from alphaction.utils.requirements import require_packages

require_packages()

from alphaction.config import load_cfg
from alphaction.engine.test import test_weights
from alphaction.utils.errors import run_command
from alphaction.utils.logging import logged_run
from alphaction.utils.options import CommandParser, add_options, read_options
from alphaction.workflows.predict.video import predict_video
from alphaction.workflows.predict.video_options import VideoOptions

EXAMPLE = """examples:
  python tools/predict_video.py --config-file config_files/tiny/toy.yaml --video data/toy/videos/val_000.mp4 \\
      --detections data/toy/boxes/val_person_detections.csv --object-boxes data/toy/boxes/val_object_detections.csv \\
      --output output/val_000.mp4 MODEL.WEIGHT output/tiny_toy/model_final.pth
  python tools/predict_video.py --config-file output/mine/config.yaml --video street.mp4 --detector \\
      --output street_actions.mp4 --csv street.csv MODEL.WEIGHT output/mine/model_final.pth

The detector keeps scores from TEST.BOX_THRESH on (detect_persons.py: --score) and runs where the model runs, by
MODEL.DEVICE (detect_persons.py: --device): write TEST.BOX_THRESH 0.5 MODEL.DEVICE cpu at the end of the command.

Without MODEL.WEIGHT the last checkpoint of the config's OUTPUT_DIR is used."""


def parse_arguments(args: list[str] | None = None) -> argparse.Namespace:
    """Return the flags: those of :class:`VideoOptions`, the config file and overrides."""
    parser = CommandParser(description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--config-file", required=True, metavar="F", help="YAML file that the weights were trained with"
    )
    add_options(parser, VideoOptions)
    parser.add_argument("opts", nargs="*", metavar="KEY VALUE", help="config keys to override")
    return parser.parse_intermixed_args(args)


def main() -> None:
    """Parse the flags and predict."""
    args = parse_arguments()
    options = read_options(VideoOptions, args)
    options.check({"--config-file": Path(args.config_file)})
    cfg = load_cfg(args.config_file, args.opts)
    cfg.MODEL.WEIGHT = os.path.expanduser(cfg.MODEL.WEIGHT)
    with logged_run(None, is_main=True):
        print(predict_video(cfg, test_weights(cfg, args.opts), options))


if __name__ == "__main__":
    run_command(main)
