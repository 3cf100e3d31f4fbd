#!/usr/bin/env python
"""Cut movies into one-second clips and keyframe images, as AVA is prepared. No ffmpeg is needed.

Second t of MOVIE.mp4 becomes clip_root/MOVIE/{t}.mp4, its first frame kframe_root/MOVIE/{t}.jpg. The defaults are
AVA's: seconds 895 to 1805, 25 frames a second, frames reduced to a short side of 360 pixels. For your own videos give
--start 0 --end 0 (the whole video), and --fps 0 --short-side 0 to keep their rate and size.

An interrupted run goes on where it stopped: finished files are kept. A movie that cannot be read does not stop the
others; it is listed at the end, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from alphaction.utils.arguments import CommandParser
from alphaction.utils.errors import run_command
from alphaction.workflows.prepare.movies import CutSummary, cut_movies, find_movies

EXAMPLE = """examples:
  python tools/process_ava_videos.py --movie_root data/AVA/movies/trainval --clip_root data/AVA/clips/trainval \\
      --kframe_root data/AVA/keyframes/trainval --process_num 8
  python tools/process_ava_videos.py --movie_root data/pets/videos --clip_root data/pets/clips --start 0 --end 0"""


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--movie_root", "--movie-root", required=True, type=Path, metavar="DIR", help="folder of the movies")
    add("--clip_root", "--clip-root", required=True, type=Path, metavar="DIR", help="folder for the clips")
    add("--kframe_root", "--kframe-root", type=Path, metavar="DIR", help="folder for the keyframes; default: none")
    add(
        "--process_num",
        "--process-num",
        "--processes",
        type=int,
        default=4,
        metavar="N",
        help="movies that are cut at the same time, by one core each (default: %(default)s)",
    )
    add("--start", type=int, default=895, metavar="S", help="first second (default: %(default)s, AVA's)")
    add(
        "--end",
        type=int,
        default=1805,
        metavar="S",
        help="the second after the last (default: %(default)s, AVA's); 0: to the end of each movie",
    )
    add(
        "--fps",
        type=float,
        default=25,
        metavar="F",
        help="frames a second, rounded to a whole number (default: %(default)s); 0: each movie's own rate",
    )
    add(
        "--short-side",
        "--short_side",
        type=int,
        default=360,
        metavar="PX",
        help="reduce larger frames to this height or width (default: %(default)s); 0: keep the size",
    )
    return parser.parse_args()


def main() -> int:
    """Cut, and print what was done."""
    args = parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    summary = CutSummary()
    summary.failures = cut_movies(
        find_movies(args.movie_root),
        args.clip_root,
        args.kframe_root,
        processes=args.process_num,
        start=args.start,
        end=args.end or None,
        fps=args.fps or None,
        short_side=args.short_side or None,
        on_report=summary.add,
    )
    print(summary)
    return 1 if summary.failures else 0


if __name__ == "__main__":
    run_command(main)
