"""Predicting many videos: reading, classifying, drawing and writing at once, and what an hour of video costs.

The reference does one thing after the other in this process (DATALOADER.NUM_WORKERS 0). The CPU column is this process
alone; what all of them spend, by stage, stands behind it.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from yacs.config import CfgNode

from alphaction.config import load_cfg
from alphaction.config.paths_catalog import AVA_LABEL_MAP
from alphaction.data.annotations import LabelMap, read_label_map
from alphaction.data.video.encoder import write_video
from alphaction.engine.classes import adopt_label_map
from alphaction.modeling import build_detection_model
from alphaction.utils.errors import UserError
from alphaction.utils.numbers import NOT_NEGATIVE, POSITIVE
from alphaction.utils.options import option
from alphaction.workflows.predict.video import predict_videos
from alphaction.workflows.predict.video_options import VideoFailure, VideoOptions
from alphaction.workflows.predict.work import STAGES
from benchmarks import CONFIGS
from benchmarks.speed.measure import Case, Comparison, compare

SMALLEST = ("--videos", "1", "--seconds", "1", "--width", "64", "--height", "48", "--workers", "1")
_FPS = 25.0
_PERSONS = ("0.1,0.1,0.4,0.9", "0.5,0.2,0.9,0.9")


@dataclass(frozen=True)
class Options:
    """What is predicted, and by which network; its weights are random."""

    config_file: Path = option(
        CONFIGS / "tiny" / "toy.yaml", metavar="F", help="network (default: config_files/tiny/toy.yaml)"
    )
    videos: int = option(8, within=POSITIVE, metavar="N", help="number of videos (default: %(default)s)")
    seconds: int = option(6, within=POSITIVE, metavar="S", help="length of each (default: %(default)s)")
    width: int = option(320, within=POSITIVE, metavar="W", help="of their frames, even (default: %(default)s)")
    height: int = option(240, within=POSITIVE, metavar="H", help="of their frames, even (default: %(default)s)")
    workers: int = option(2, within=NOT_NEGATIVE, metavar="N", help="DATALOADER.NUM_WORKERS (default: %(default)s)")


def run(options: Options, repetitions: int) -> Iterator[Comparison]:
    """Yield the table."""
    for flag, pixels in (("--width", options.width), ("--height", options.height)):
        if pixels % 2:
            raise UserError(f"{flag} {pixels}: expected an even number, as the videos are H.264")
    with _only_errors_logged(), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        boxes = make_videos(folder, [options.seconds] * options.videos, (options.width, options.height))
        label_map = read_label_map(AVA_LABEL_MAP)
        weights = save_random_weights(load_cfg(options.config_file), label_map, folder / "weights.pth")
        hours = options.videos * options.seconds / 3600
        cases = []
        for title, workers in (("one after the other", 0), (f"{options.workers} workers", options.workers)):
            facts: dict[str, str] = {}
            predict = _prediction(options, workers, weights, boxes, folder, facts, hours)
            cases.append(Case(title, predict, hours, facts))
        size = f"{options.videos} videos of {options.seconds} s, {options.width}x{options.height}"
        yield compare(f"Predicting {size}, {options.config_file.stem}", "hour of video", cases, repetitions=repetitions)


@contextmanager
def _only_errors_logged() -> Iterator[None]:
    logger = logging.getLogger("alphaction")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def make_videos(folder: Path, lengths: Sequence[int], size: tuple[int, int]) -> Path:
    """Write ``v000.mp4`` and so on into a folder, and return the file of two boxes for each of their seconds.

    Args:
        folder: of the videos.
        lengths: in seconds.
        size: (width, height), even.
    """
    draw = np.random.default_rng(0)
    ground = draw.integers(0, 255, (-(-size[1] // 8), -(-size[0] // 8), 3), dtype=np.uint8)
    ground = ground.repeat(8, axis=0).repeat(8, axis=1)[: size[1], : size[0]]
    rows = []
    for number, seconds in enumerate(lengths):
        frames = (np.roll(ground, 2 * frame + number, axis=1) for frame in range(round(seconds * _FPS)))
        write_video(folder / f"v{number:03d}.mp4", frames, _FPS)
        rows += [f"v{number:03d},{second},{box},0.95" for second in range(seconds) for box in _PERSONS]
    boxes = folder / "boxes.csv"
    boxes.write_text("\n".join(rows) + "\n")
    return boxes


def save_random_weights(cfg: CfgNode, label_map: LabelMap, path: Path) -> Path:
    """Write random weights of a config's network for these classes; return their file."""
    adopt_label_map(cfg, label_map)
    torch.manual_seed(0)
    torch.save({"model": build_detection_model(cfg).state_dict(), "label_map": label_map.to_dict()}, path)
    return path


def _prediction(
    options: Options, workers: int, weights: Path, boxes: Path, folder: Path, facts: dict[str, str], hours: float
) -> Callable[[], None]:
    """Return what predicts all videos once, and notes in ``facts`` what that has cost all processes."""

    def predict() -> None:
        cfg = load_cfg(options.config_file, ["DATALOADER.NUM_WORKERS", str(workers)])
        output = folder / "out"
        shutil.rmtree(output, ignore_errors=True)
        jobs = [
            VideoOptions(video, output / video.name, boxes, scale=1) for video in sorted(folder.glob("v[0-9]*.mp4"))
        ]
        spent = dict.fromkeys(STAGES, 0.0)
        for result in predict_videos(cfg, weights, jobs):
            if isinstance(result, VideoFailure):
                raise RuntimeError(str(result))
            for stage, seconds in result.cpu.items():
                spent[stage] += seconds
        facts["all CPU an hour"] = f"{sum(spent.values()) / hours:.0f} s"
        facts.update({stage: f"{seconds / hours:.0f} s" for stage, seconds in spent.items()})

    return predict
