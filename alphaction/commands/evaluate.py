"""Compute AVA's frame-mAP at IoU 0.5 of a results csv.

Rows of the results are video,second,x1,y1,x2,y2,class id,score with coordinates as fractions of the frame.
All files may be gzip.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from alphaction.evaluation import evaluate_files, format_report, write_json
from alphaction.evaluation.bootstrap import RESAMPLES
from alphaction.utils.errors import run_command
from alphaction.utils.files import check_writable
from alphaction.utils.numbers import Range
from alphaction.utils.options import CommandParser

EXAMPLE = """example:
  python tools/evaluate_ava.py \\
      --groundtruth data/AVA/annotations/ava_val_v2.2.csv \\
      --detections output/detections.csv \\
      --label-map data/AVA/annotations/ava_action_list_v2.2_for_activitynet_2019.pbtxt \\
      --exclusions data/AVA/annotations/ava_val_excluded_timestamps_v2.2.csv \\
      --json output/result.json
"""


def parse_args() -> argparse.Namespace:
    """Return the flags of the command line."""
    parser = CommandParser(description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groundtruth", type=Path, required=True, metavar="G", help="annotations (csv or JSON)")
    parser.add_argument("--detections", type=Path, required=True, metavar="D", help="results csv")
    parser.add_argument("--label-map", type=Path, required=True, metavar="L", help="pbtxt of the classes that count")
    parser.add_argument("--exclusions", type=Path, metavar="E", help="csv of video,second that count on neither side")
    parser.add_argument(
        "--json", type=Path, metavar="OUT", help="also write the result, with AP by class name, as JSON"
    )
    parser.add_argument(
        "--resamples",
        type=Range(0, 1_000_000, whole=True),
        default=RESAMPLES,
        metavar="N",
        help="of the videos, for the interval of the mAP (default: %(default)s; 0: no interval)",
    )
    return parser.parse_args()


def main() -> None:
    """Evaluate the detections, and print the result."""
    args = parse_args()
    if args.json:
        check_writable("--json", args.json)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    result = evaluate_files(
        args.groundtruth, args.detections, args.label_map, args.exclusions, resamples=args.resamples
    )
    print(format_report(result))
    if args.json:
        write_json(args.json, result)
        print(f"\nWrote {args.json}")


def run() -> None:
    """Run the command line of this process."""
    run_command(main)
