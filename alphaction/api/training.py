"""Training from Python: the run of train_net.py in this process, and what came of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from yacs.config import CfgNode

from alphaction.api.data_names import trained_splits
from alphaction.api.loading import find_checkpoint
from alphaction.api.overrides import apply_values, fit_schedule
from alphaction.checkpoint.run_folder import CONFIG_FILE, REPORT_FILE
from alphaction.config.paths_catalog import find_dataset
from alphaction.data.annotations import LabelMap, read_label_map
from alphaction.engine.classes import forget_classes
from alphaction.engine.metrics_file import read_metrics
from alphaction.engine.run_flags import train_parser
from alphaction.engine.stop import Stop
from alphaction.engine.train import train
from alphaction.utils.command_text import speaking_python
from alphaction.utils.device import choose_device
from alphaction.utils.errors import UserError
from alphaction.utils.messages import text_table
from alphaction.utils.numbers import is_finite_number
from alphaction.workflows.report.after_run import end_training

if TYPE_CHECKING:
    from alphaction.api.detector import ActionDetector


@dataclass(frozen=True)
class TrainingResult:
    """What came of a training.

    Attributes:
        folder: OUTPUT_DIR: checkpoints, log.txt, metrics.jsonl, config.yaml.
        checkpoint: the best one, else the last.
        report: the page that shows what happened; None: there is none.
        metrics: name -> value of the last evaluation: "pets_val/mAP" and more; empty if there was none.
        history: the lines of metrics.jsonl: "iteration" with "loss", "lr", ..., or with the values of an evaluation.
        detector: the checkpoint, ready to predict.
    """

    folder: Path
    checkpoint: Path
    report: Path | None
    metrics: Mapping[str, float]
    history: Sequence[Mapping[str, Any]]
    detector: ActionDetector | None = None

    def loaded(self, load: Callable[[Path], ActionDetector]) -> TrainingResult:
        """Return the same with its detector."""
        return replace(self, detector=load(self.checkpoint))

    def losses(self) -> dict[int, float]:
        """Return iteration -> loss."""
        return {line["iteration"]: line["loss"] for line in self.history if "loss" in line}

    def __str__(self) -> str:
        rows = [(name, f"{value:.3f}") for name, value in self.metrics.items() if name.count("/") == 1]
        # Not of the checkpoint, which may be that of an evaluation before.
        told = ["  the last evaluation:", *text_table(rows, indent="    ")] if rows else []
        return "\n".join([f"{self.folder}: {self.checkpoint.name}", *told])

    def __repr__(self) -> str:
        return str(self)


def train_detector(
    cfg: CfgNode,
    weights: Path | None,
    label_map: LabelMap | None,
    dataset: str | os.PathLike | Sequence[str],
    val: str | Sequence[str] | None,
    values: Mapping[str, Any],
    flags: Mapping[str, Any],
    *,
    report: bool = True,
) -> TrainingResult:
    """Train, and return what came of it, without the detector.

    Args:
        cfg: the config to start from.
        weights: the weights to start from; None: MODEL.WEIGHT of the config.
        label_map: their classes; None: the config has what it is to have.
        dataset, val: see :meth:`ActionDetector.train`.
        values: config keys that are changed.
        flags: of train_net.py, by the names of its parser.
        report: make the report at the end.

    Raises:
        UserError: as :func:`alphaction.engine.train.train`.
        KeyboardInterrupt: when it was interrupted.
    """
    seed = flags["seed"]
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= seed < 2**32:
        raise UserError(f"seed={seed!r}: expected a whole number from 0 to {2**32 - 1}")
    cfg = _run_config(cfg, weights, label_map, dataset, val, values)
    args = train_parser().parse_intermixed_args(["--config-file", "unused"])
    vars(args).update(flags, opts=[], anew=not flags["resume"])
    folder = Path(cfg.OUTPUT_DIR).expanduser()
    if args.resume:  # The run keeps its schedule but for what is given.
        args.opts = [item for pair in values.items() for item in pair]
    call = f"train({os.fspath(dataset)!r}" if isinstance(dataset, str | os.PathLike) else "train([...]"
    with tempfile.TemporaryDirectory() as scratch:
        args.config_file = str(Path(scratch) / "config.yaml")
        Path(args.config_file).write_text(cfg.dump(), encoding="utf-8")
        follow = (f"result.detector.evaluate({cfg.DATASETS.TEST[0]!r})", 'result.detector.predict("VIDEO.mp4")')
        with speaking_python(f"detector.{call}, ...)", f"detector.{call}, ..., resume=True)", follow):
            summary = train(args, Stop(in_library=True))
            args.config_file = str(folder / CONFIG_FILE)
            end_training(args, summary, report=report)
    return read_result(folder)


def training_device(device: str | torch.device) -> str:
    """Return MODEL.DEVICE for a device that is given in Python.

    Raises:
        UserError: there is no such device, or it is a GPU that a training of one process does not take.
    """
    place = choose_device(device, "device=")
    if place.index:
        raise UserError(
            f"device={str(place)!r}: a training runs on the first GPU that Python sees. Start Python with "
            f'CUDA_VISIBLE_DEVICES={place.index} in the environment, and give device="cuda".'
        )
    return place.type


def read_result(folder: Path) -> TrainingResult:
    """Return what is in the folder of a run."""
    history = read_metrics(folder)
    evaluations = [line for line in history if any(name.endswith("/mAP") for name in line)]
    last = evaluations[-1] if evaluations else {}
    metrics = {name: value for name, value in last.items() if "/" in name and is_finite_number(value)}
    report = folder / REPORT_FILE
    return TrainingResult(folder, find_checkpoint(folder), report if report.is_file() else None, metrics, history)


def _run_config(
    cfg: CfgNode,
    weights: Path | None,
    label_map: LabelMap | None,
    dataset: str | os.PathLike | Sequence[str],
    val: str | Sequence[str] | None,
    values: Mapping[str, Any],
) -> CfgNode:
    """Return the config of the run."""
    cfg = cfg.clone()
    cfg.defrost()
    if weights is not None:
        cfg.MODEL.WEIGHT = str(weights)
    cfg.OUTPUT_DIR = ""
    iterations = cfg.SOLVER.MAX_ITER
    apply_values(cfg, values)
    fit_schedule(cfg, values, iterations)
    train_names, test_names = trained_splits(cfg, dataset, val)
    cfg.DATASETS.TRAIN, cfg.DATASETS.TEST = tuple(train_names), tuple(test_names)
    own = None if label_map is None else label_map.classes
    if own is not None and read_label_map(find_dataset(cfg, train_names[0]).label_map).classes != own:
        forget_classes(cfg)
    if not cfg.OUTPUT_DIR:
        folders = (
            f"output/{train_names[0].removesuffix('_train')}{end}" for end in chain([""], map("_{}".format, count(2)))
        )
        # The files of a run that the weights are of stay as they are.
        taken = None if weights is None else weights.resolve().parent
        cfg.OUTPUT_DIR = next(folder for folder in folders if Path(folder).resolve() != taken)
    return cfg
