"""The command lines that follow a training, ready to be copied."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from alphaction.checkpoint import BEST_WEIGHTS, FINAL_CHECKPOINT
from alphaction.checkpoint.run_folder import CONFIG_FILE
from alphaction.data.dataset import ActionDataset
from alphaction.data.video.whole_movies import MovieSource
from alphaction.engine.run_config import RunConfig
from alphaction.utils.command_text import runnable_here


def next_commands(
    run: RunConfig, test_sets: Sequence[ActionDataset], train_set: ActionDataset, *, tests_end: bool = False
) -> dict[str, str]:
    """Return the commands that test, choose thresholds, predict and report, with the best weights where there are any.

    Args:
        run: the run, which has ended.
        test_sets: what it was evaluated on; without any, nothing is tested or chosen.
        train_set: what it was trained on.
        tests_end: the test is one of the weights at the end, which may be better than the best known ones.
    """
    folder = Path(run.cfg.OUTPUT_DIR)
    best = folder / f"{BEST_WEIGHTS}.pth"
    final = folder / f"{FINAL_CHECKPOINT}.pth"
    weights = best if best.is_file() else final
    config = folder / CONFIG_FILE
    experiment = ["--config-file", str(config if config.is_file() else run.args.config_file)]
    changes = [] if config.is_file() else list(run.args.opts)
    ending = [*changes, "MODEL.WEIGHT", str(weights)]
    tested = [*changes, "MODEL.WEIGHT", str(final if tests_end else weights)]
    commands = {
        "predict": ["tools/predict_video.py", *experiment, *_input_flags(run, (*test_sets, train_set)[0]), *ending],
        "report": ["tools/report.py", "--run", str(folder)],
    }
    if test_sets:
        # The weights that the prediction takes, of whatever iteration: the detections of the run are of the last one.
        calibrated = ["--weights", str(weights), "--evaluate", *([] if config.is_file() else [*experiment, *changes])]
        commands = {
            "test": ["test_net.py", *experiment, "--report", *tested],
            "calibrate": ["tools/calibrate.py", *calibrated],
            **commands,
        }
    return {name: runnable_here(f"python {shlex.join(words)}") for name, words in commands.items()}


def _input_flags(run: RunConfig, dataset: ActionDataset) -> list[str]:
    """Return the flags of a prediction on a video of a dataset, with its boxes where it has any."""
    flags = ["--video", "path/to/video.mp4", "--detector"]
    example = dataset.tables
    if isinstance(example.source, MovieSource) and example.spec is not None:
        video = example.source.path(str(dataset.keyframes[0].video))
        flags = ["--video", os.path.normpath(video)]
        boxes, objects = example.spec.person_boxes, example.spec.object_boxes
        flags += ["--detector"] if boxes is None else ["--detections", os.path.normpath(boxes)]
        if example.object_boxes is not None and objects is not None:
            flags += ["--object-boxes", os.path.normpath(objects)]
    return [*flags, "--output", str(Path(run.cfg.OUTPUT_DIR) / "predictions.mp4")]
