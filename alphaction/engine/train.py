"""The work of train_net.py: set up, check the data, build, load, train, evaluate; or only plan all that."""

from __future__ import annotations

import argparse
import time
import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from yacs.config import CfgNode

from alphaction.checkpoint import Checkpointer, LoadReport, StartPoint, find_start, load_weights
from alphaction.checkpoint.matching import CLASSIFIER
from alphaction.checkpoint.name_rules import HEAD_PREFIX
from alphaction.data.dataset import ActionDataset
from alphaction.data.joined_dataset import JoinedDataset
from alphaction.data.loader import build_train_loader
from alphaction.engine.classes import adopt_label_map
from alphaction.engine.datasets import open_test_datasets, open_train_dataset, report_findings
from alphaction.engine.evaluate import evaluate_datasets
from alphaction.engine.feature_cache import describe_feature_cache, use_feature_cache
from alphaction.engine.interruption import how_to_resume
from alphaction.engine.resume import resume_run
from alphaction.engine.run_config import RunConfig, configure_run
from alphaction.engine.run_plan import RunPlan, plan_rows, warnings_of
from alphaction.engine.setup import (
    Runtime,
    check_precision,
    describe_environment,
    processes_from_environment,
    set_up_runtime,
    tear_down_runtime,
    wrap_for_processes,
)
from alphaction.engine.trainer import Trainer
from alphaction.engine.weights import locate_weights
from alphaction.memory import MemoryPool
from alphaction.modeling.detector import ActionDetector, build_detection_model
from alphaction.solver import build_optimizer, build_scheduler, describe_rates
from alphaction.utils.device import choose_device
from alphaction.utils.errors import saying_how_to_go_on
from alphaction.utils.logging import collected_log, get_logger, logged_run
from alphaction.utils.messages import counted
from alphaction.utils.weight_names import is_zoo_name

_NO_HEAD = "--no-head (--new-classes of tools/finetune_quickstart.sh)"
_PLANNED = torch.device("meta")
"""Tensors on it have shapes but no memory, so that building a model and matching its weights is fast."""


@dataclass(frozen=True)
class PreparedRun:
    """Everything that the first step needs.

    Attributes:
        train_set, test_sets: the opened datasets; no test sets where the run never evaluates.
        model: the detector with the weights that it starts from.
        optimizer, scheduler, scaler, pool, checkpointer: what is trained with, in the state that it starts from; the
            pool is None where the model has no memory.
        start: what the run starts from.
        start_text: the same in words, with what became of the weights.
        start_iteration: iterations that are done already.
    """

    train_set: ActionDataset | JoinedDataset
    test_sets: list[ActionDataset]
    model: ActionDetector
    optimizer: Optimizer
    scheduler: LambdaLR
    scaler: torch.amp.GradScaler
    pool: MemoryPool | None
    checkpointer: Checkpointer
    start: StartPoint
    start_text: str
    start_iteration: int


def train(args: argparse.Namespace) -> None:
    """Train as the command line says (the flags of train_net.py).

    Raises:
        UserError: for anything wrong in the config, the data or the weights, before the first iteration.
    """
    rank, world_size = processes_from_environment()
    run = configure_run(args, world_size, writes=rank == 0)
    runtime = set_up_runtime(run.cfg, args.seed, args.local_rank)
    try:
        with logged_run(Path(run.cfg.OUTPUT_DIR), runtime.is_main) as logger:
            logger.info(describe_environment(runtime))
            for line in (run.scaling, *run.notes):
                logger.info(line)
            _train(run, prepare_run(run, runtime), runtime)
    finally:
        tear_down_runtime()


def plan_run(
    args: argparse.Namespace, num_processes: int | None = None, device: str | None = None, *, writes: bool = True
) -> RunPlan:
    """Return what :func:`train` would do, after all that it does before the first step. Nothing is written.

    Only the memory of a run that is continued is not read, which no run is refused for.

    Args:
        args: the flags of train_net.py.
        num_processes: processes over all machines; None: as the environment says.
        device: "cuda" or "cpu", which need not be here; None: what MODEL.DEVICE gives on this machine.
        writes: whether the main process of the run is on this machine, so that OUTPUT_DIR must be writable.

    Raises:
        UserError: as :func:`train` before the first iteration.
    """
    if num_processes is None:
        _, num_processes = processes_from_environment()
    run = configure_run(args, num_processes, writes=writes)
    device = device or choose_device(run.cfg.MODEL.DEVICE, "MODEL.DEVICE").type
    check_precision(run.cfg, torch.device(device))
    with collected_log() as log, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*meta parameter")  # Nothing is copied into one, as is meant here.
        prepared = prepare_run(run, Runtime(_PLANNED, 0, num_processes, args.seed))
    done, max_iter = prepared.start_iteration, run.cfg.SOLVER.MAX_ITER
    return RunPlan(
        cfg=run.cfg,
        start=prepared.start,
        start_iteration=done,
        rows=plan_rows(
            run,
            device,
            prepared.start_text,
            done,
            prepared.train_set.datasets,
            prepared.test_sets,
            rates=describe_rates(run.cfg, prepared.model),
            features=describe_feature_cache(run.cfg, [*prepared.train_set.datasets, *prepared.test_sets]),
        ),
        notes=(*run.notes, *([_nothing_to_train(max_iter, args)] if done >= max_iter else [])),
        warnings=warnings_of(log),
    )


def prepare_run(run: RunConfig, runtime: Runtime) -> PreparedRun:
    """Find the start, open and check the data, build the model, and load what it starts from.

    Args:
        run: its config is given the classes of the data, and frozen.
        runtime: on the device "meta" everything is checked, and nothing computed or kept.

    Raises:
        UserError: for anything wrong in the data, the weights or the checkpoint.
    """
    cfg, args = run.cfg, run.args
    start = find_start(
        cfg.OUTPUT_DIR, cfg.MODEL.WEIGHT, transfer=args.transfer, resume=args.resume, locate=locate_weights
    )
    get_logger().info(start.reason)
    train_set = open_train_dataset(cfg)
    test_sets = open_test_datasets(cfg, train_set.label_map) if run.evaluates else []
    if runtime.is_main:
        report_findings(cfg, train_set, test_sets)
    if note := adopt_label_map(cfg, train_set.label_map):
        get_logger().info(note)
    cfg.freeze()

    planned = runtime.device == _PLANNED
    with _PLANNED if planned else nullcontext():
        model = build_detection_model(cfg).to(runtime.device)
    optimizer = build_optimizer(cfg, model)
    scheduler = build_scheduler(cfg, optimizer)
    scaler = torch.amp.GradScaler(runtime.device.type, enabled=cfg.SOLVER.AMP == "fp16")
    pool = MemoryPool.from_config(cfg) if model.uses_memory and not planned else None
    label_map = train_set.label_map.to_dict()
    checkpointer = Checkpointer(
        cfg.OUTPUT_DIR, model, optimizer, scheduler, scaler, label_map, cfg.dump(), runtime.is_main
    )
    start_text, start_iteration, random_weights = start.reason, 0, start.action == "scratch"
    if start.action == "resume":
        if args.no_head:
            get_logger().warning("%s is not used: the run continues with the head that it has", _NO_HEAD)
        start_iteration = resume_run(checkpointer, start.path, cfg, runtime, optimizer, scheduler, pool)
        start_text += f"\ncontinues from {start.path} at iteration {start_iteration}"
    elif start.action == "weights":
        told = is_zoo_name(cfg.MODEL.WEIGHT)  # by locate_weights
        report = load_weights(model, start.path, no_head=args.no_head, label_map=label_map, cfg=cfg, license_told=told)
        checkpointer.license = report.license
        for warning in _head_warnings(report, train_set.label_map.num_classes):
            get_logger().warning(warning)
        start_text += f"\n{report.summary()}"
        lacking = {*report.missing, *(entry.name for entry in report.mismatched)}
        random_weights = any(name in lacking for name, weight in model.named_parameters() if not weight.requires_grad)
    if cfg.MODEL.BACKBONE.FREEZE != "none" and random_weights:
        get_logger().warning(_frozen_at_random(cfg, start))
    _log_model(model, cfg)
    return PreparedRun(
        train_set,
        test_sets,
        model,
        optimizer,
        scheduler,
        scaler,
        pool,
        checkpointer,
        start,
        start_text,
        start_iteration,
    )


def _train(run: RunConfig, prepared: PreparedRun, runtime: Runtime) -> None:
    cfg, args, model = run.cfg, run.args, prepared.model
    trains = prepared.start_iteration < cfg.SOLVER.MAX_ITER
    if runtime.is_main and trains:  # A run that is finished keeps the config that it was trained with.
        (Path(cfg.OUTPUT_DIR) / "config.yaml").write_text(cfg.dump(), encoding="utf-8")
    read = [*(prepared.train_set.datasets if trains else ()), *prepared.test_sets]
    use_feature_cache(cfg, model, read, runtime)
    evaluate = partial(evaluate_datasets, cfg, model, prepared.test_sets, runtime)
    if not trains:
        get_logger().info(_nothing_to_train(cfg.SOLVER.MAX_ITER, args))
        if not args.skip_final_test:
            evaluate()
        return
    loader = build_train_loader(
        cfg,
        prepared.train_set,
        seed=runtime.seed,
        start_iteration=prepared.start_iteration,
        rank=runtime.rank,
        world_size=runtime.world_size,
    )
    trainer = Trainer.from_config(
        cfg,
        runtime=runtime,
        model=wrap_for_processes(model, runtime),
        optimizer=prepared.optimizer,
        scheduler=prepared.scheduler,
        scaler=prepared.scaler,
        checkpointer=prepared.checkpointer,
        pool=prepared.pool,
        keyframes=prepared.train_set.keyframes,
    )
    with saying_how_to_go_on(partial(how_to_resume, run, prepared.start, time.time())):
        trainer.run(
            loader,
            prepared.start_iteration,
            evaluate_between=None if args.skip_val_in_train else evaluate,
            evaluate_at_end=None if args.skip_final_test else evaluate,
            use_tensorboard=args.use_tfboard,
        )


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


def _nothing_to_train(max_iter: int, args: argparse.Namespace) -> str:
    left = "nothing is left to do" if args.skip_final_test else "only the evaluation is left"
    return (
        f"SOLVER.MAX_ITER {max_iter} is reached already: {left}. A higher MAX_ITER continues the training; --transfer "
        "with MODEL.WEIGHT and a new OUTPUT_DIR starts a new run from the weights"
    )


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
