"""Cut movies into one-second clips and keyframe images, as AVA is prepared. No ffmpeg is needed.

Second t of MOVIE.mp4 becomes clip_root/MOVIE/{t}.mp4, its first frame kframe_root/MOVIE/{t}.jpg. The defaults are
AVA's: seconds 895 to 1805, 25 frames a second, frames reduced to a short side of 360 pixels. For your own videos give
--start 0 --end 0 (the whole video), and --fps 0 --short-side 0 to keep their rate and size.

An interrupted run continues where it stopped: finished files are kept. A movie that cannot be read does not stop the
others; it is listed at the end, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import logging

from alphaction.utils.errors import run_command
from alphaction.utils.options import CommandParser, add_options, read_options
from alphaction.workflows.prepare.movies import AvaCutOptions, cut_as_ava

EXAMPLE = """examples:
  python tools/process_ava_videos.py --movie_root data/AVA/movies/trainval --clip_root data/AVA/clips/trainval \\
      --kframe_root data/AVA/keyframes/trainval --process_num 8
  python tools/process_ava_videos.py --movie_root data/pets/videos --clip_root data/pets/clips --start 0 --end 0"""


def main() -> int:
    """Cut, and print what was done."""
    parser = CommandParser(description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, AvaCutOptions)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    summary = cut_as_ava(read_options(AvaCutOptions, parser.parse_args()))
    print(summary)
    return 1 if summary.failures else 0


def run() -> None:
    """Run the command line of this process."""
    run_command(main, goes_on=True)
