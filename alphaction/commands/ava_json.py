"""Convert AVA csv annotations to the COCO-like JSON that public AVA tools exchange: bbox in pixels, action_ids per box.

Training and evaluation read the csv as well; this file is for other programs. The sizes of the frames come from the
keyframe images that process_ava_videos.py wrote (--img_root), or from the movies (--movie_root).
"""

from __future__ import annotations

import argparse

from alphaction.utils.errors import run_command
from alphaction.utils.options import CommandParser, add_options, read_options
from alphaction.workflows.prepare.ava_json import AvaJsonOptions, convert

EXAMPLE = """examples:
  python tools/csv2COCO.py --csv_path data/AVA/annotations/ava_train_v2.2.csv \\
      --movie_list data/AVA/annotations/ava_file_names_trainval_v2.1.txt --img_root data/AVA/keyframes/trainval \\
      --json_path data/AVA/annotations/ava_train_v2.2.json --min_json_path data/AVA/annotations/ava_train_v2.2_min.json
  python tools/csv2COCO.py --csv_path data/pets/annotations/pets_val.csv --movie_root data/pets/videos \\
      --label_map data/pets/annotations/pets_action_list.pbtxt --json_path data/pets/annotations/pets_val.json"""


def main() -> None:
    """Convert, and print what was written."""
    parser = CommandParser(description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, AvaJsonOptions)
    options = read_options(AvaJsonOptions, parser.parse_args())
    print(f"{options.json_path}: {convert(options)}")


def run() -> None:
    """Run the command line of this process."""
    run_command(main)
