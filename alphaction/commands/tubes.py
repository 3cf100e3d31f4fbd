"""Compute frame-mAP and video-mAP of tubes, as for JHMDB-21, UCF101-24 and MultiSports.

Ground truth and predictions are JSON files of tubes (tools/predict_video.py --tubes), or csv files of boxes frame by
frame. All files may be gzip.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from alphaction.data.formats.annotation_file import RATE
from alphaction.evaluation.tubes.evaluate_tubes import TubeOptions, evaluate_tube_files
from alphaction.evaluation.tubes.tube_result import format_tubes, write_tube_result
from alphaction.utils.errors import UserError, run_command
from alphaction.utils.files import check_writable
from alphaction.utils.numbers import FRACTION, NOT_NEGATIVE
from alphaction.utils.options import CommandParser

EXAMPLE = """examples:
  python tools/evaluate_tubes.py --groundtruth annotated.json --predictions output/tubes.json
  python tools/evaluate_tubes.py --groundtruth tubes.csv --label-map actions.pbtxt --predictions output/tubes.json \\
      --extent events --min-score 0.1 --json output/result.json

A csv file names its columns in its first line: video, frame (or second), x1, y1, x2, y2 as fractions of the frame,
class (id or name), of predictions score, and person where a video can have several.

Tubes of a person are of all classes, each with the mean of its scores at the keyframes: right for trimmed videos, in
which an action lasts as long as the video (JHMDB-21). In untrimmed ones (UCF101-24, MultiSports) take the events."""


def parse_args() -> argparse.Namespace:
    """Return the flags of the command line."""
    parser = CommandParser(description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groundtruth", type=Path, required=True, metavar="G", help="annotated tubes, JSON or csv")
    parser.add_argument("--predictions", type=Path, required=True, metavar="P", help="predicted tubes, JSON or csv")
    parser.add_argument("--label-map", type=Path, metavar="L", help="names the class ids of csv files")
    parser.add_argument(
        "--extent",
        choices=("person", "events"),
        default="person",
        help="what a predicted tube of a JSON file is: a person from first to last frame, or an event (default: "
        "%(default)s)",
    )
    parser.add_argument(
        "--min-score",
        type=FRACTION,
        metavar="S",
        help="with --extent events: collect them anew, of all classes from this score on (default: those in the file)",
    )
    parser.add_argument(
        "--frame-rate", type=RATE, metavar="FPS", help="of csv files with seconds (default: that in the JSON file)"
    )
    parser.add_argument(
        "--first-frame",
        type=NOT_NEGATIVE,
        metavar="N",
        help="number of the first frame in csv files (default: 0 if a frame 0 occurs, else 1)",
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="also write the result as JSON")
    return parser.parse_args()


def main() -> None:
    """Evaluate the predictions, and print the result."""
    args = parse_args()
    if args.min_score is not None and args.extent != "events":
        raise UserError("--min-score is of use with --extent events only")
    if args.json:
        check_writable("--json", args.json)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options = TubeOptions(args.extent == "events", args.min_score, args.frame_rate, args.first_frame)
    result = evaluate_tube_files(args.groundtruth, args.predictions, args.label_map, options)
    print(format_tubes(result))
    if args.json:
        write_tube_result(args.json, result)
        print(f"\nWrote {args.json}")


def run() -> None:
    """Run the command line of this process."""
    run_command(main)
