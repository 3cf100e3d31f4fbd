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

from alphaction.config import load_cfg
from alphaction.engine.test import test_weights
from alphaction.utils.arguments import CommandParser
from alphaction.utils.errors import run_command
from alphaction.utils.logging import logged_run
from alphaction.utils.numbers import FRACTION, NOT_NEGATIVE, POSITIVE
from alphaction.workflows.detect.weights import DEFAULT_MODEL, MODELS
from alphaction.workflows.predict.options import VideoOptions
from alphaction.workflows.predict.video import predict_video

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
    """Return the flags."""
    parser = CommandParser(description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--config-file", required=True, metavar="F", help="YAML file that the weights were trained with"
    )
    parser.add_argument("--video", required=True, type=Path, metavar="V", help="video to look at")
    parser.add_argument(
        "--output", required=True, type=Path, metavar="OUT", help="video to write: .mp4, .mkv, .mov, .avi"
    )
    parser.add_argument("--force", action="store_true", help="replace --output, --csv and --tracks if they exist")
    boxes = parser.add_argument_group("boxes of persons, one set a second: one of")
    boxes.add_argument(
        "--detections", type=Path, metavar="FILE", help="csv or JSON; rows name the video, see docs/DATA.md"
    )
    boxes.add_argument(
        "--detector",
        nargs="?",
        const=DEFAULT_MODEL,
        choices=sorted(MODELS),
        help="detect_persons.py's --model: a network of torchvision; alone, %(const)s",
    )
    parser.add_argument(
        "--detector-weights", type=Path, metavar="FILE", help="detect_persons.py's --weights (default: COCO weights)"
    )
    parser.add_argument("--object-boxes", type=Path, metavar="FILE", help="objects, for models that look at them")
    parser.add_argument(
        "--csv", type=Path, metavar="FILE", help="write all scores, as tools/evaluate_ava.py reads them"
    )
    parser.add_argument(
        "--tracks", type=Path, metavar="FILE", help="write boxes with person ids, AVA csv without classes"
    )
    parser.add_argument("--min-score", type=FRACTION, default=0.3, metavar="S", help="show from here; %(default)s")
    parser.add_argument("--max-classes", type=NOT_NEGATIVE, default=3, metavar="N", help="of a person; %(default)s")
    parser.add_argument("--start", type=float, default=0.0, metavar="S", help="first second to look at; %(default)s")
    parser.add_argument("--end", type=float, metavar="S", help="stop here; default: the end of the video")
    parser.add_argument("--scale", type=POSITIVE, metavar="K", help="enlarge frames K times; default: only tiny ones")
    parser.add_argument("opts", nargs="*", metavar="KEY VALUE", help="config keys to override")
    return parser.parse_intermixed_args(args)


def main() -> None:
    """Parse the flags and predict."""
    args = vars(parse_arguments())
    config, opts = args.pop("config_file"), args.pop("opts")
    options = VideoOptions(**args)
    options.check({"--config-file": Path(config)})
    cfg = load_cfg(config, opts)
    cfg.MODEL.WEIGHT = os.path.expanduser(cfg.MODEL.WEIGHT)
    with logged_run(None, is_main=True):
        print(predict_video(cfg, test_weights(cfg, opts), options))


if __name__ == "__main__":
    run_command(main)
