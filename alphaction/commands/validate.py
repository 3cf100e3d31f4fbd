"""Check a dataset before training on it: files, videos, boxes, labels, splits, person boxes.

Prints the facts, then errors, warnings and notes, each with file, row and remedy, then one verdict. The exit status is
1 if there is an error, 0 if not, and 2 if the command itself is wrong (an unknown dataset, a malformed config).
"""

from __future__ import annotations

import argparse
import json

from alphaction.config import load_cfg
from alphaction.utils.atomic import write_text_atomically
from alphaction.utils.errors import run_command
from alphaction.utils.options import CommandParser
from alphaction.workflows.inspect.report_text import format_report
from alphaction.workflows.inspect.validate_dataset import validate_all, validate_dataset

EXAMPLE = """examples:
  python tools/validate_dataset.py --all toy
  python tools/validate_dataset.py --all pets --config-file config_files/tiny/pets.yaml
  python tools/validate_dataset.py --dataset-name toy_train --json report.json"""


def main() -> int:
    """Parse the flags, validate, print the report; return the exit status."""
    parser = CommandParser(description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--dataset-name", metavar="N", help="one split, such as toy_train")
    which.add_argument("--all", metavar="N", help="every split of a dataset, such as toy, also against each other")
    parser.add_argument(
        "--config-file", metavar="F", help="check against this config: input size, frame rate, thresholds, movements"
    )
    parser.add_argument("--json", metavar="FILE", help="write the report as JSON as well; - prints it instead")
    parser.add_argument("--no-decode", action="store_true", help="open the videos, but decode no sample clips")
    parser.add_argument("opts", nargs="*", metavar="KEY VALUE", help="config keys to override")
    args = parser.parse_intermixed_args()
    cfg = load_cfg(args.config_file, args.opts)
    validate, name = (validate_all, args.all) if args.all else (validate_dataset, args.dataset_name)
    report = validate(cfg, name, thorough=not args.no_decode, chosen=bool(args.config_file))
    if args.json:
        text = json.dumps(report.to_dict(), indent=1, allow_nan=False)
        if args.json == "-":
            print(text)
        else:
            write_text_atomically(args.json, text + "\n")
    if args.json != "-":
        print(format_report(report))
    return 0 if report.ok else 1


def run() -> None:
    """Run the command line of this process."""
    run_command(main)
