"""Make the boxes of persons for the annotated keyframes of a registered dataset, as a csv (person_boxes).

torchvision's Faster R-CNN finds them, or the detector in an ONNX file (--onnx), or one of transformers (--hf-model);
--import takes the boxes of any other detector. The csv is written beside the dataset and named in its dataset.yaml, so
that the next run uses it. An interrupted run continues where it stopped.
Coordinates in the csv are fractions of the frame: video, second, x1, y1, x2, y2, score. With --videos it looks at every
second of videos that are no dataset yet: what tools/prepare_dataset.py --segments spread --person-boxes needs.

--every-class keeps every class that the detector knows (COCO: 80, persons included): boxes for object_boxes, of which a
model uses the MODEL.IA_STRUCTURE.MAX_OBJECT best of a keyframe. Add --no-persons to leave these to things.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from alphaction.config import load_cfg
from alphaction.data.formats.known_formats import DETECTION_FORMATS
from alphaction.utils.errors import UserError, run_command
from alphaction.utils.logging import set_up_logging
from alphaction.utils.options import CommandParser, add_options, read_options
from alphaction.workflows.detect.dataset_boxes import BoxTarget, detect_for_dataset, import_for_dataset
from alphaction.workflows.detect.detect_videos import VideoTarget, detect_in_videos, import_for_videos
from alphaction.workflows.detect.detector_options import DetectorOptions
from alphaction.workflows.detect.import_boxes import ImportRules
from alphaction.workflows.predict.video_list import split_keys

EXAMPLE = """examples:
  python tools/detect_persons.py --dataset-name pets_val
  python tools/detect_persons.py --dataset-name pets --every-class --no-persons
  python tools/detect_persons.py --dataset-name pets_val --onnx yolo11m.onnx
  python tools/detect_persons.py --dataset-name pets_val --hf-model PekingU/rtdetr_r50vd
  python tools/detect_persons.py --dataset-name pets_val --import runs/detect/predict/labels --from yolo --frames
  python tools/detect_persons.py --dataset-name toy_val --output output/toy_val.csv --no-register
  python tools/detect_persons.py --videos /videos/shop --output shop_persons.csv"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser."""
    parser = CommandParser(description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--dataset-name", metavar="N", help="registered dataset, such as toy_val; toy: every split of it"
    )
    where.add_argument(
        "--videos", type=Path, metavar="DIR", help="every second of the videos of a folder that is no dataset yet"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="csv to write; .gz compresses (default: boxes/detected_persons_SPLIT.csv beside the dataset.yaml)",
    )
    parser.add_argument("--force", action="store_true", help="replace --output if it exists")
    parser.add_argument(
        "--register",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="name the file in the dataset.yaml, also in place of another (default: yes)",
    )
    parser.add_argument("--config-file", metavar="F", help="YAML file of an experiment, for its DATASETS keys")
    # Without --score a detector keeps its better boxes, an import all of them.
    add_options(parser, DetectorOptions, defaults={"score": None})
    other = parser.add_argument_group("boxes of another detector")
    other.add_argument(
        "--import", dest="paths", nargs="+", action="extend", metavar="FILE", help="files of boxes, or folders of them"
    )
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
    if (args.paths is None) != (args.kind is None):
        raise UserError(f"--import and --from belong together: give both (--from {', '.join(DETECTION_FORMATS)})")
    detector = next((flag for flag, value in (("--onnx", args.onnx), ("--hf-model", args.hf_model)) if value), None)
    if args.paths is not None and detector is not None:
        raise UserError(f"--import takes boxes from files, and {detector} finds them: give one of them")
    words, keys = split_keys(args.paths or [], (".csv", ".tsv", ".txt", ".json", ".gz"))
    paths = [Path(word).expanduser() for word in words]
    set_up_logging(None, is_main=True)
    score = DetectorOptions.score if args.score is None else args.score
    options = read_options(DetectorOptions, args, score=score)
    rules = read_options(ImportRules, args, min_score=args.score or 0.0)
    if args.videos is not None:
        videos = VideoTarget(args.videos, args.output, args.force)
        detecting = not paths
        print(detect_in_videos(videos, options) if detecting else import_for_videos(videos, paths, args.kind, rules))
        return
    cfg = load_cfg(args.config_file, [*keys, *args.opts])
    target = BoxTarget(args.dataset_name, args.output, args.force, args.register)
    if not paths:
        print(detect_for_dataset(cfg, target, options))
        return
    print(import_for_dataset(cfg, target, paths, args.kind, rules))


def run() -> None:
    """Run the command line of this process."""
    run_command(main, goes_on=True)
