#!/usr/bin/env python
"""Convert AVA csv annotations to the COCO-like JSON that public AVA tools exchange: bbox in pixels, action_ids per box.

Training and evaluation read the csv as well; this file is for other programs. The sizes of the frames come from the
keyframe images that process_ava_videos.py wrote (--img_root), or from the movies (--movie_root).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from alphaction.config.paths_catalog import AVA_LABEL_MAP
from alphaction.data.annotations import read_label_map
from alphaction.utils.arguments import CommandParser
from alphaction.utils.errors import run_command
from alphaction.workflows.prepare.ava_json import KeyframeImages, MovieSizes, convert_ava_csv, read_movie_list

EXAMPLE = """examples:
  python tools/csv2COCO.py --csv_path data/AVA/annotations/ava_train_v2.2.csv \\
      --movie_list data/AVA/annotations/ava_file_names_trainval_v2.1.txt --img_root data/AVA/keyframes/trainval \\
      --json_path data/AVA/annotations/ava_train_v2.2.json --min_json_path data/AVA/annotations/ava_train_v2.2_min.json
  python tools/csv2COCO.py --csv_path data/pets/annotations/pets_val.csv --movie_root data/pets/videos \\
      --label_map data/pets/annotations/pets_action_list.pbtxt --json_path data/pets/annotations/pets_val.json"""


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--csv_path", "--csv-path", required=True, type=Path, metavar="CSV", help="annotations; csv or csv.gz")
    add(
        "--movie_list",
        "--movie-list",
        type=Path,
        metavar="LIST",
        help="movies to include: a text file of names, one a line (a suffix such as .mkv is ignored), or a folder of "
        "movies; boxes of others are left out and counted (default: every movie of the csv)",
    )
    sizes = parser.add_mutually_exclusive_group(required=True)
    sizes.add_argument(
        "--img_root", "--img-root", type=Path, metavar="DIR", help="keyframe images, {movie}/{second}.jpg"
    )
    sizes.add_argument("--movie_root", "--movie-root", type=Path, metavar="DIR", help="folder of the movies, instead")
    add("--json_path", "--json-path", required=True, type=Path, metavar="JSON", help="file to write (.gz: compressed)")
    add(
        "--min_json_path",
        "--min-json-path",
        type=Path,
        metavar="JSON",
        help="also write a small one: no images without boxes, only the keys that are read back",
    )
    add(
        "--label_map",
        "--label-map",
        type=Path,
        default=AVA_LABEL_MAP,
        metavar="PBTXT",
        help="the classes (default: AVA's 80)",
    )
    add(
        "--image_ids",
        "--image-ids",
        choices=("names", "numbers"),
        default="names",
        help='names: "movie/0902", which detections can be matched to without this file; numbers: the position of the '
        "movie in the list, from 1, times 10000, plus the second (default: %(default)s)",
    )
    return parser.parse_args()


def main() -> None:
    """Convert, and print what was written."""
    args = parse_args()
    report = convert_ava_csv(
        args.csv_path,
        args.json_path,
        label_map=read_label_map(args.label_map),
        images=KeyframeImages(args.img_root) if args.img_root else MovieSizes(args.movie_root),
        movies=read_movie_list(args.movie_list) if args.movie_list else None,
        min_json_path=args.min_json_path,
        numbered=args.image_ids == "numbers",
    )
    print(f"{args.json_path}: {report}")


if __name__ == "__main__":
    run_command(main)
