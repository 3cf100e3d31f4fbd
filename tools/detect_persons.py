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

from alphaction.config import load_cfg
from alphaction.data.formats.box_spelling import BOX_FORMAT_CHOICES, NORMALIZED_CHOICES
from alphaction.utils.arguments import CommandParser
from alphaction.utils.errors import UserError, run_command
from alphaction.utils.logging import set_up_logging
from alphaction.utils.numbers import ABOVE_ZERO, FRACTION, POSITIVE
from alphaction.workflows.detect.commands import DetectorOptions, detect_for_dataset, import_for_dataset
from alphaction.workflows.detect.import_boxes import KINDS, ImportRules
from alphaction.workflows.detect.person_detector import DEVICES
from alphaction.workflows.detect.weights import DEFAULT_MODEL, MODELS

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
    parser.add_argument("--score", type=FRACTION, metavar="S", help="keep scores from S on (default: 0.5; import: 0)")
    parser.add_argument("--every-class", action="store_true", help="boxes of every class, not only of persons")
    parser.add_argument("--max-per-frame", type=POSITIVE, default=100, metavar="K", help="default: %(default)s")
    detector = parser.add_argument_group("detecting")
    detector.add_argument("--model", choices=sorted(MODELS), default=DEFAULT_MODEL, help="default: %(default)s")
    detector.add_argument(
        "--weights", type=Path, metavar="FILE", help="state dict of the model, any classes (default: COCO weights)"
    )
    detector.add_argument("--no-persons", action="store_true", help="with --every-class: leave persons out")
    detector.add_argument("--batch-size", type=POSITIVE, default=4, metavar="B", help="frames (default: %(default)s)")
    detector.add_argument("--device", choices=DEVICES, default="auto", help="default: %(default)s")
    detector.add_argument(
        "--short-side", type=POSITIVE, default=800, metavar="P", help="frames are resized to it (default: %(default)s)"
    )
    other = parser.add_argument_group("boxes of another detector")
    other.add_argument("--import", dest="path", type=Path, metavar="FILE", help="file or folder of boxes")
    other.add_argument("--from", dest="kind", choices=KINDS, help="its format; required with --import")
    other.add_argument("--class-id", metavar="ID", help="class of persons (default: coco 1, yolo 0, csv person)")
    other.add_argument("--frames", action="store_true", help="numbers in names or rows count frames, not seconds")
    other.add_argument(
        "--frame-rate", type=ABOVE_ZERO, metavar="R", help="numbered frames per second (default: the video's)"
    )
    other.add_argument(
        "--first-frame", type=int, choices=(0, 1), default=1, help="number of the first frame (default: %(default)s)"
    )
    other.add_argument("--images", type=Path, metavar="FILE", help="coco: JSON with the images of the ids")
    other.add_argument("--box-format", choices=BOX_FORMAT_CHOICES, default="auto", help="csv")
    other.add_argument(
        "--normalized", choices=NORMALIZED_CHOICES, default="auto", help="csv: fractions, or pixels (no)"
    )
    parser.add_argument(
        "opts", nargs="*", metavar="KEY VALUE", help="config keys to override, such as DATASETS.DATA_DIR /mnt/data"
    )
    return parser


def main() -> None:
    """Parse the flags, make the boxes and print what was found."""
    args = make_parser().parse_intermixed_args()
    if (args.path is None) != (args.kind is None):
        raise UserError(f"--import and --from belong together: give both (--from {', '.join(KINDS)})")
    set_up_logging(None, is_main=True)
    cfg = load_cfg(args.config_file, args.opts)
    if args.path is None:
        options = DetectorOptions(
            model=args.model,
            weights=args.weights,
            device=args.device,
            score=0.5 if args.score is None else args.score,
            every_class=args.every_class,
            persons=not args.no_persons,
            short_side=args.short_side,
            max_per_frame=args.max_per_frame,
            batch_size=args.batch_size,
        )
        print(detect_for_dataset(cfg, args.dataset_name, args.output, options, args.force))
        return
    rules = ImportRules(
        class_id=args.class_id,
        every_class=args.every_class,
        box_format=args.box_format,
        normalized=args.normalized,
        frames=args.frames,
        frame_rate=args.frame_rate,
        first_frame=args.first_frame,
        images=args.images,
        min_score=args.score or 0.0,
        max_per_frame=args.max_per_frame,
    )
    print(import_for_dataset(cfg, args.dataset_name, args.output, args.path, args.kind, rules, args.force))


if __name__ == "__main__":
    run_command(main)
