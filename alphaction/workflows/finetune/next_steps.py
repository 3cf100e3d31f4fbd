"""The command lines that follow a new config, ready to be copied."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from yacs.config import CfgNode

from alphaction.checkpoint import FINAL_CHECKPOINT
from alphaction.utils.command_text import runnable_here
from alphaction.workflows.finetune.dataset_statistics import DatasetStatistics
from alphaction.workflows.finetune.finetune_options import FinetuneOptions


def next_commands(
    path: Path, cfg: CfgNode, options: FinetuneOptions, statistics: DatasetStatistics, new_head: bool
) -> list[str]:
    """Return the commands that check the data, train, test and predict.

    Args:
        path: the config file.
        cfg: what it holds.
        options: the choices behind it.
        statistics: the figures behind it.
        new_head: whether the weights hold no action head for these classes.
    """
    config = shlex.quote(str(path))
    base = statistics.train.removesuffix("_train")
    names = [f"--dataset-name {shlex.quote(name)}" for name in dict.fromkeys((statistics.train, statistics.val))]
    if base != statistics.train and statistics.val == f"{base}_val":
        names = [f"--all {shlex.quote(base)}"]
    device = f"--num-gpus {options.num_gpus}" if options.num_gpus else "--cpu"
    classes = " --new-classes" if new_head else ""
    python = "python" if options.num_gpus < 2 else f"torchrun --nproc_per_node={options.num_gpus}"
    commands = [
        *(f"python tools/validate_dataset.py {name} --config-file {config}" for name in names),
        f"bash tools/finetune_quickstart.sh {config} {device}{classes}",
        f"{python} test_net.py --config-file {config} --report",
        f"python tools/predict_video.py --config-file {config} {_prediction_flags(cfg, statistics)}",
    ]
    return [runnable_here(command) for command in commands]


def _prediction_flags(cfg: CfgNode, statistics: DatasetStatistics) -> str:
    """Return the flags that predict on a video of the validation split, with its boxes where it has any."""
    if statistics.example_video is None:
        flags = ["--video", "path/to/video.mp4", "--detector"]
    else:
        flags = ["--video", os.path.normpath(statistics.example_video)]
        boxes = statistics.example_boxes
        flags += ["--detector"] if boxes is None else ["--detections", os.path.normpath(boxes)]
        if cfg.MODEL.IA_STRUCTURE.ACTIVE and cfg.MODEL.IA_STRUCTURE.MAX_OBJECT and statistics.example_objects:
            flags += ["--object-boxes", os.path.normpath(statistics.example_objects)]
    folder = Path(cfg.OUTPUT_DIR)
    flags += ["--output", str(folder / "predictions.mp4"), "MODEL.WEIGHT", str(folder / f"{FINAL_CHECKPOINT}.pth")]
    return " ".join(shlex.quote(flag) for flag in flags)
