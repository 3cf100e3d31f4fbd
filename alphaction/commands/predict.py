"""Predict the actions in videos and write each with every person's box, id, class names and scores on each frame.

A camera, a stream or a file can be predicted live, while it runs.

Actions are predicted once a second. Boxes at those seconds come from a file or from a person detector: torchvision's,
that in an ONNX file, or one of transformers. Between them they are linked to tracks and interpolated. Sound is kept.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from alphaction.engine.setup import processes_from_environment
from alphaction.engine.test import test_weights
from alphaction.utils.config_files import add_carried_config_flag, find_config
from alphaction.utils.errors import Interrupted, UserError, run_command, saying_how_to_go_on
from alphaction.utils.logging import logged_run
from alphaction.utils.messages import counted, shortened
from alphaction.utils.options import CommandParser, add_options, read_options
from alphaction.utils.signals import handling
from alphaction.workflows.live.live_options import LiveOptions, live_video
from alphaction.workflows.live.prediction import LivePrediction
from alphaction.workflows.live.stop import Stop
from alphaction.workflows.predict.interruption import how_to_go_on
from alphaction.workflows.predict.ledger import Ledger
from alphaction.workflows.predict.progress import Costs, Progress
from alphaction.workflows.predict.record import settings_of
from alphaction.workflows.predict.shares import this_process
from alphaction.workflows.predict.video import predict_videos
from alphaction.workflows.predict.video_list import find_videos, jobs_for, named_paths, split_keys
from alphaction.workflows.predict.video_options import VideoFailure, VideoOptions
from alphaction.workflows.predict.weights_config import config_for

EXAMPLE = """examples:
  python tools/predict_video.py --config-file config_files/tiny/toy.yaml --video data/toy/videos/val_000.mp4 \\
      --detections data/toy/boxes/val_person_detections.csv --object-boxes data/toy/boxes/val_object_detections.csv \\
      --output output/val_000.mp4 MODEL.WEIGHT output/tiny_toy/model_final.pth
  python tools/predict_video.py --config-file output/mine/config.yaml --video street.mp4 --detector \\
      --output street_actions.mp4 --csv street.csv MODEL.WEIGHT output/mine/model_final.pth
  python tools/predict_video.py --config-file output/mine/config.yaml --video recordings --detector --output predicted
  python tools/predict_video.py --config-file output/mine/config.yaml --video recordings --onnx yolo11m.onnx \\
      --output predicted
  torchrun --standalone --nproc_per_node=4 tools/predict_video.py --config-file output/mine/config.yaml \\
      --video recordings --detector --output predicted
  python tools/predict_video.py --config-file output/mine/config.yaml --video 0 --detector --show --jsonl live.jsonl
  python tools/predict_video.py --config-file output/mine/config.yaml --video rtsp://camera/stream \\
      --onnx yolo11m.onnx --output live.mkv --csv live.csv

Several videos may be shared by any number of processes, by torchrun, srun or a job array of Slurm. The same command
does what is missing.

The detector keeps scores from TEST.BOX_THRESH on (detect_persons.py: --score) and runs where the model runs, by
MODEL.DEVICE (detect_persons.py: --device): write TEST.BOX_THRESH 0.5 MODEL.DEVICE cpu at the end of the command.

Without MODEL.WEIGHT the last checkpoint of the config's OUTPUT_DIR is used."""


def parse_arguments(args: list[str] | None = None) -> argparse.Namespace:
    """Return the flags: those of :class:`VideoOptions`, the videos, the config file and overrides."""
    parser = CommandParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter, keys=""
    )
    add_carried_config_flag(parser)
    parser.add_argument(
        "--video",
        required=True,
        nargs="+",
        action="extend",
        metavar="V",
        help="videos to predict: files, folders of them (not those inside), patterns in quotes, or text files with one "
        "path a line (.txt); or one that is live: the number of a camera, or an address (rtsp://...)",
    )
    add_options(parser, VideoOptions)
    add_options(parser, LiveOptions)
    parser.add_argument("opts", nargs="*", metavar="KEY VALUE", help="config keys to override")
    parsed = parser.parse_intermixed_args(args)
    videos, keys = split_keys(parsed.video)
    parsed.video, parsed.opts = videos, [*keys, *parsed.opts]
    return parsed


def main() -> int:
    """Parse the flags and predict; return the exit status."""
    args = parse_arguments()
    config_file = None if args.config_file is None else find_config(args.config_file)
    live = read_options(LiveOptions, args)
    video = live_video(args.video, live)
    if video is not None:
        return predict_live(args, config_file, video, live)
    return predict_files(args, config_file)


def predict_live(args: argparse.Namespace, config_file: Path | None, video: str, live: LiveOptions) -> int:
    """Predict a video while it runs; return the exit status."""
    if processes_from_environment()[1] > 1:
        raise UserError("a live video is predicted by one process: run this command without torchrun")
    options = read_options(VideoOptions, args, video=Path(video))
    cfg, config_file = config_for(config_file, args.opts)
    cfg.MODEL.WEIGHT = os.path.expanduser(cfg.MODEL.WEIGHT)
    stop = Stop()
    with logged_run(None, is_main=True):
        prediction = LivePrediction(
            cfg, test_weights(cfg, args.opts), video, options, live, stop, config_file=config_file
        )
        try:
            with handling(stop.handle):
                prediction.run()
        finally:
            print(prediction.summary(), flush=True)
    if stop.number is not None:
        raise Interrupted(prediction.how_it_ended(), stop.number)
    return 0


def predict_files(args: argparse.Namespace, config_file: Path | None) -> int:
    """Predict files; return the exit status, 1 if one of several could not be predicted."""
    args.video = named_paths(args.video)
    videos = find_videos(args.video)
    one = len(args.video) == 1 and list(videos) == args.video
    jobs = jobs_for(read_options(VideoOptions, args, video=next(iter(videos))), videos, one)
    jobs[0].check_flags()
    if one:
        jobs[0].check({} if config_file is None else {"--config-file": config_file})
    cfg, config_file = config_for(config_file, args.opts)
    cfg.MODEL.WEIGHT = os.path.expanduser(cfg.MODEL.WEIGHT)
    failures: list[VideoFailure] = []
    is_main = this_process()[0] == 0
    if one and processes_from_environment()[1] > 1:
        raise UserError("one video is predicted by one process: run this command without torchrun")
    with logged_run(None, is_main):
        weights = test_weights(cfg, args.opts)
        ledger = None if one else Ledger(jobs, settings_of(cfg, weights, jobs[0]))
        progress, costs = Progress(ledger if is_main else None), Costs()
        with saying_how_to_go_on(lambda: how_to_go_on(jobs, ledger)):
            for result in predict_videos(cfg, weights, jobs, config_file=config_file, ledger=ledger):
                if isinstance(result, VideoFailure):
                    failures.append(result)
                    print(shortened(f"skipped: {result}"), file=sys.stderr)
                else:
                    print(result, flush=True)
                    costs.add(result.length, result.cpu)
                progress.tell()
        if str(costs):
            print(costs, flush=True)
    if failures:
        title = f"{len(failures)} of {counted(len(jobs), 'video')} could not be predicted; the others are written:"
        short = [f"{failure.video}: {failure.short}" for failure in failures]
        print(shortened("\n  - ".join([f"error: {title}", *short])), file=sys.stderr)
    return 1 if failures else 0


def run() -> None:
    """Run the command line of this process."""
    run_command(main)
