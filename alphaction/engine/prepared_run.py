"""What comes before the first step of a training: its start, its data, its model, and the state that they begin in."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from yacs.config import CfgNode

from alphaction.checkpoint import Checkpointer, LoadReport, StartPoint, find_start, load_weights
from alphaction.checkpoint.matching import CLASSIFIER
from alphaction.checkpoint.name_rules import HEAD_PREFIX
from alphaction.data.annotations import LabelMap
from alphaction.data.dataset import ActionDataset
from alphaction.data.joined_dataset import JoinedDataset
from alphaction.engine.attempt import begun_before
from alphaction.engine.best import BestTracker, recall
from alphaction.engine.best_metric import find_metric
from alphaction.engine.class_balance import balance_classes
from alphaction.engine.classes import adopt_label_map
from alphaction.engine.datasets import open_test_datasets, open_train_dataset, report_findings
from alphaction.engine.metrics_file import read_evaluations
from alphaction.engine.resume import resume_run
from alphaction.engine.run_config import RunConfig
from alphaction.engine.setup import Runtime
from alphaction.engine.weight_average import WeightAverage
from alphaction.engine.weights import locate_weights
from alphaction.memory import MemoryPool
from alphaction.modeling.detector import DetectionModel, build_detection_model
from alphaction.solver import build_optimizer, build_scheduler, describe_rates
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import counted
from alphaction.utils.shapes_only import shapes_only
from alphaction.utils.weight_names import is_zoo_name

_NO_HEAD = "--no-head (--new-classes of tools/finetune_quickstart.sh)"
PLANNED = torch.device("meta")
"""Tensors on it have shapes but no memory, so that building a model and matching its weights is fast."""


@dataclass(frozen=True)
class PreparedRun:
    """Everything that the first step needs.

    Attributes:
        train_set, test_sets: the opened datasets; no test sets where the run never evaluates.
        model: the detector with the weights that it starts from.
        optimizer, scheduler, scaler, pool, checkpointer: what is trained with, in the state that it starts from; the
            pool is None where the model has no memory.
        average: the average of the weights; None: there is none.
        best: what the run so far knows of its best evaluation, not yet agreed upon with the other processes; None where
            it never evaluates.
        start: what the run starts from.
        start_text: the same in words, with what became of the weights.
        start_iteration: iterations that are done already.
        extra: what else the checkpoint holds that the run continues from; empty for a new one.
    """

    train_set: ActionDataset | JoinedDataset
    test_sets: list[ActionDataset]
    model: DetectionModel
    optimizer: Optimizer
    scheduler: LambdaLR
    scaler: torch.amp.GradScaler
    pool: MemoryPool | None
    checkpointer: Checkpointer
    average: WeightAverage | None
    best: BestTracker | None
    start: StartPoint
    start_text: str
    start_iteration: int
    extra: Mapping[str, Any]


def prepare_run(run: RunConfig, runtime: Runtime) -> PreparedRun:
    """Find the start, open and check the data, build the model, and load what it starts from.

    Args:
        run: its config is given the classes of the data, and frozen.
        runtime: on the device "meta" everything is checked, and nothing computed or kept.

    Raises:
        UserError: for anything wrong in the data, the weights or the checkpoint.
    """
    cfg, args = run.cfg, run.args
    start = _find_start(run, runtime)
    train_set, test_sets = _open_data(run, runtime)
    metric = find_metric(cfg.SOLVER.BEST_METRIC, test_sets) if test_sets else None

    planned = runtime.device == PLANNED
    with shapes_only() if planned else nullcontext():
        model = build_detection_model(cfg)
        for note in balance_classes(cfg, train_set, model.head.loss):
            get_logger().info(note)
        model.to(runtime.device)
    optimizer = build_optimizer(cfg, model)
    scheduler = build_scheduler(cfg, optimizer)
    scaler = torch.amp.GradScaler(runtime.device.type, enabled=cfg.SOLVER.AMP == "fp16")
    pool = MemoryPool.from_config(cfg) if model.uses_memory and not planned else None
    average = WeightAverage.from_config(cfg, model)
    checkpointer = Checkpointer(
        cfg.OUTPUT_DIR,
        model,
        optimizer,
        scheduler,
        scaler,
        train_set.label_map.to_dict(),
        cfg.dump(),
        runtime.is_main,
        cfg.SOLVER.KEEP_CHECKPOINTS,
        average,
    )
    best = None if metric is None else BestTracker(metric, cfg.SOLVER.PATIENCE)
    start_text, start_iteration, random_weights = start.reason, 0, start.action == "scratch"
    extra: dict[str, Any] = {}
    if start.action == "resume":
        if args.no_head:
            get_logger().warning("%s is not used: the run continues with the head that it has", _NO_HEAD)
        resumed = resume_run(checkpointer, start.path, cfg, runtime, optimizer, scheduler, pool)
        start_iteration, extra = resumed.iteration, resumed.extra
        start_text += f"\ncontinues from {start.path} at iteration {start_iteration}"
        if best is not None:
            own = start.path.parent.resolve() == Path(cfg.OUTPUT_DIR).resolve()
            recall(best, extra.get("best"), read_evaluations(start.path.parent, start_iteration) if own else ())
    elif start.action == "weights":
        told, random_weights = _load_start(run, start, model, checkpointer, train_set.label_map)
        start_text += f"\n{told}"
        if average is not None:
            average.begin()
    if cfg.MODEL.BACKBONE.FREEZE != "none" and random_weights:
        get_logger().warning(_frozen_at_random(cfg, start))
    _log_model(model, cfg)
    return PreparedRun(
        train_set=train_set,
        test_sets=test_sets,
        model=model,
        optimizer=optimizer,
        scheduler=scheduler,
        scaler=scaler,
        pool=pool,
        checkpointer=checkpointer,
        average=average,
        best=best,
        start=start,
        start_text=start_text,
        start_iteration=start_iteration,
        extra=extra,
    )


def _find_start(run: RunConfig, runtime: Runtime) -> StartPoint:
    """Return what the run starts from, and log why."""
    cfg, args = run.cfg, run.args
    start = find_start(
        cfg.OUTPUT_DIR,
        cfg.MODEL.WEIGHT,
        transfer=args.transfer and not begun_before(Path(cfg.OUTPUT_DIR)),
        resume=args.resume,
        anew=args.anew,
        locate=locate_weights,
    )
    get_logger().info(start.reason)
    for warning in start.warnings if runtime.is_main else ():
        get_logger().warning(warning)
    return start


def _open_data(run: RunConfig, runtime: Runtime) -> tuple[ActionDataset | JoinedDataset, list[ActionDataset]]:
    """Open and check the training and the test sets; the config takes over their classes, and is frozen."""
    cfg = run.cfg
    train_set = open_train_dataset(cfg)
    test_sets = open_test_datasets(cfg, train_set.label_map) if run.evaluates else []
    if runtime.is_main:
        report_findings(cfg, train_set, test_sets)
    if note := adopt_label_map(cfg, train_set.label_map):
        get_logger().info(note)
    cfg.freeze()
    return train_set, test_sets


def _load_start(
    run: RunConfig, start: StartPoint, model: DetectionModel, checkpointer: Checkpointer, label_map: LabelMap
) -> tuple[str, bool]:
    """Load the weights that a new run starts from; return what became of them, and whether any frozen one is random."""
    cfg = run.cfg
    report = load_weights(
        model,
        start.path,
        no_head=run.args.no_head,
        label_map=label_map.to_dict(),
        cfg=cfg,
        license_told=is_zoo_name(cfg.MODEL.WEIGHT),  # by locate_weights
    )
    checkpointer.license = report.license
    for warning in _head_warnings(report, label_map.num_classes):
        get_logger().warning(warning)
    lacking = {*report.missing, *(entry.name for entry in report.mismatched)}
    frozen = (name for name, weight in model.named_parameters() if not weight.requires_grad)
    return report.summary(), any(name in lacking for name in frozen)


def _head_warnings(report: LoadReport, num_classes: int) -> list[str]:
    """Return what is noteworthy about an action head that was to be loaded and is not there, or for other classes."""
    if CLASSIFIER in report.missing:
        return [f"{report.source} has no classifier of actions: what it lacks of the action head starts at random."]
    found = next((entry.found for entry in report.mismatched if entry.name == CLASSIFIER), None)
    if found is None:
        return []
    if found[0] == num_classes:
        differs = f"has a classifier of {counted(found[1], 'channel')}, which is not the width of the config's head"
    else:
        differs = f"classifies {counted(found[0], 'class', 'classes')}, the data has {num_classes}"
    if not any(name.startswith(HEAD_PREFIX) for name in report.loaded):
        return [f"{report.source} {differs}: the classifier starts at random."]
    return [
        f"{report.source} {differs}: the classifier starts at random, the rest of the head is reused. --no-head "
        "(--new-classes of tools/finetune_quickstart.sh) starts a whole new head."
    ]


def _frozen_at_random(cfg: CfgNode, start: StartPoint) -> str:
    """Return the warning that a frozen part of the backbone has random weights."""
    found = "MODEL.WEIGHT is empty" if start.path is None else f"{start.path} lacks weights of that part"
    return (
        f"MODEL.BACKBONE.FREEZE is {cfg.MODEL.BACKBONE.FREEZE}, but {found}: what is frozen stays random, and its "
        "features are of little use. Set MODEL.WEIGHT to pretrained weights of this backbone, or FREEZE to none."
    )


def _log_model(model: nn.Module, cfg: CfgNode) -> None:
    total = sum(parameter.numel() for parameter in model.parameters())
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    part = cfg.MODEL.BACKBONE.FREEZE
    frozen = "" if part == "none" else f" (MODEL.BACKBONE.FREEZE {part})"
    # A frozen backbone can leave a few thousand, which are no hundredth of a million.
    few = f"{trained:,}" if trained < 1e5 else f"{trained / 1e6:.2f} million"
    get_logger().info("model: %.2f million parameters, %s of them trained%s", total / 1e6, few, frozen)
    if cfg.SOLVER.LAYER_DECAY != 1:
        get_logger().info("learning rate: %s", describe_rates(cfg, model))
