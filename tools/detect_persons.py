#!/usr/bin/env python
"""Make the boxes of persons for the annotated keyframes of a registered dataset, as a csv (person_boxes).

torchvision's Faster R-CNN finds them, or --import takes the boxes of any other detector. An interrupted run continues
where it stopped. Coordinates in the csv are fractions of the frame: video, second, x1, y1, x2, y2, score.

--every-class keeps every class that the detector knows (COCO: 80, persons included): boxes for object_boxes, of which a
model uses the MODEL.IA_STRUCTURE.MAX_OBJECT best of a keyframe. Add --no-persons to leave these to things.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from alphaction.utils.requirements import require_packages

require_packages()

from alphaction.config import load_cfg
from alphaction.data.formats.known_formats import DETECTION_FORMATS
from alphaction.utils.errors import UserError, run_command
from alphaction.utils.logging import set_up_logging
from alphaction.utils.options import CommandParser, add_options, read_options
from alphaction.workflows.detect.dataset_boxes import detect_for_dataset, import_for_dataset
from alphaction.workflows.detect.detector_options import DetectorOptions
from alphaction.workflows.detect.import_boxes import ImportRules

EXAMPLE = """examples:
  python tools/detect_persons.py --dataset-name toy_val --output data/toy/detected_val.csv
  python tools/detect_persons.py --dataset-name toy_val --output data/toy/objects_val.csv --every-class --no-persons
  python tools/detect_persons.py --dataset-name toy_val --output data/toy/yolo_val.csv \\
      --import runs/detect/predict/labels --from yolo --frames"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser."""
    parser = CommandParser(description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset-name", required=True, metavar="N", help="registered dataset, such as toy_val")
    parser.add_argument("--output", required=True, type=Path, metavar="FILE", help="csv to write (.gz compresses)")
    parser.add_argument("--force", action="store_true", help="replace --output if it exists")
    parser.add_argument("--config-file", metavar="F", help="YAML file of an experiment, for its DATASETS keys")
    # Without --score a detector keeps its better boxes, an import all of them.
    add_options(parser, DetectorOptions, defaults={"score": None})
    other = parser.add_argument_group("boxes of another detector")
    other.add_argument("--import", dest="path", type=Path, metavar="FILE", help="file or folder of boxes")
    other.add_argument(
        "--from", dest="kind", choices=tuple(DETECTION_FORMATS), help="its format; required with --import"
    )
    add_options(other, ImportRules)
    parser.add_argument(
        "opts", nargs="*", metavar="KEY VALUE", help="config keys to override, such as DATASETS.DATA_DIR /mnt/data"
    )
    return parser


def main() -> None:
    """Parse the flags, make the boxes and print what was found."""
    args = make_parser().parse_intermixed_args()
    if (args.path is None) != (args.kind is None):
        raise UserError(f"--import and --from belong together: give both (--from {', '.join(DETECTION_FORMATS)})")
    set_up_logging(None, is_main=True)
    cfg = load_cfg(args.config_file, args.opts)
    if args.path is None:
        score = DetectorOptions.score if args.score is None else args.score
        options = read_options(DetectorOptions, args, score=score)
        print(detect_for_dataset(cfg, args.dataset_name, args.output, options, args.force))
        return
    rules = read_options(ImportRules, args, min_score=args.score or 0.0)
    print(import_for_dataset(cfg, args.dataset_name, args.output, args.path, args.kind, rules, args.force))


if __name__ == "__main__":
    run_command(main)
