"""What train_net.py does: set up, check the data, build, load, train, evaluate."""

from __future__ import annotations

import argparse
import os
from functools import partial
from pathlib import Path

import torch
from torch import nn
from yacs.config import CfgNode

from alphaction.checkpoint import Checkpointer, find_start, load_weights
from alphaction.config import load_cfg, validate_cfg
from alphaction.data.loader import build_train_loader
from alphaction.engine.classes import adopt_label_map
from alphaction.engine.datasets import open_test_datasets, open_train_dataset, report_findings
from alphaction.engine.evaluate import evaluate_datasets
from alphaction.engine.resume import resume_run
from alphaction.engine.setup import (
    Runtime,
    describe_environment,
    processes_from_environment,
    set_up_runtime,
    tear_down_runtime,
    wrap_for_processes,
)
from alphaction.engine.trainer import Trainer
from alphaction.memory.pool import MemoryPool
from alphaction.modeling.detector import build_detection_model
from alphaction.solver import build_optimizer, build_scheduler, check_unscaled, scale_schedule
from alphaction.utils.logging import get_logger, logged_run


def train(args: argparse.Namespace) -> None:
    """Train as the command line says (the flags of train_net.py).

    Raises:
        UserError: for anything wrong in the config, the data or the weights, before the first iteration.
    """
    cfg = load_cfg(args.config_file, args.opts)
    cfg.MODEL.WEIGHT = os.path.expanduser(cfg.MODEL.WEIGHT)
    _, world_size = processes_from_environment()
    scaling = None
    if args.adjust_lr:
        check_unscaled(cfg)
        scaling = scale_schedule(cfg, world_size)
    splits = ("TRAIN", "TEST") if evaluates(args) else ("TRAIN",)
    validate_cfg(cfg, num_processes=world_size, splits=splits)
    runtime = set_up_runtime(cfg, args.seed, args.local_rank)
    try:
        with logged_run(Path(cfg.OUTPUT_DIR), runtime.is_main) as logger:
            logger.info(describe_environment(runtime))
            if scaling:
                logger.info(scaling)
            _train(cfg, args, runtime)
    finally:
        tear_down_runtime()


def evaluates(args: argparse.Namespace) -> bool:
    """Return whether the run evaluates at all, in between or at the end."""
    return not (args.skip_val_in_train and args.skip_final_test)


def _train(cfg: CfgNode, args: argparse.Namespace, runtime: Runtime) -> None:
    start = find_start(cfg.OUTPUT_DIR, cfg.MODEL.WEIGHT, transfer=args.transfer)
    get_logger().info(start.reason)
    train_set = open_train_dataset(cfg)
    test_sets = open_test_datasets(cfg, train_set.label_map) if evaluates(args) else []
    if runtime.is_main:
        report_findings(cfg, train_set, test_sets)
    if note := adopt_label_map(cfg, train_set.label_map):
        get_logger().info(note)
    cfg.freeze()

    model = build_detection_model(cfg).to(runtime.device)
    optimizer = build_optimizer(cfg, model)
    scheduler = build_scheduler(cfg, optimizer)
    scaler = torch.amp.GradScaler(runtime.device.type, enabled=cfg.SOLVER.AMP == "fp16")
    pool = MemoryPool.from_config(cfg) if model.uses_memory else None
    label_map = train_set.label_map.to_dict()
    checkpointer = Checkpointer(
        cfg.OUTPUT_DIR, model, optimizer, scheduler, scaler, label_map, cfg.dump(), runtime.is_main
    )
    start_iteration = 0
    if start.action == "resume":
        if args.no_head:
            get_logger().warning("--no-head is not used: the run continues with the head that it has")
        start_iteration = resume_run(checkpointer, start.path, cfg, runtime, optimizer, scheduler, pool)
    elif start.action == "weights":
        load_weights(model, start.path, no_head=args.no_head, label_map=label_map)
    if runtime.is_main:
        (Path(cfg.OUTPUT_DIR) / "config.yaml").write_text(cfg.dump(), encoding="utf-8")
    _log_model(model)

    evaluate = partial(evaluate_datasets, cfg, model, test_sets, runtime)
    if start_iteration >= cfg.SOLVER.MAX_ITER:
        get_logger().info(
            "SOLVER.MAX_ITER %d is reached already: nothing to train. A higher MAX_ITER goes on; --transfer with "
            "MODEL.WEIGHT and a new OUTPUT_DIR starts anew from the weights",
            cfg.SOLVER.MAX_ITER,
        )
        if not args.skip_final_test:
            evaluate()
        return
    loader = build_train_loader(
        cfg,
        train_set,
        seed=runtime.seed,
        start_iteration=start_iteration,
        rank=runtime.rank,
        world_size=runtime.world_size,
    )
    trainer = Trainer(
        cfg, wrap_for_processes(model, runtime), optimizer, scheduler, scaler, train_set, pool, checkpointer, runtime
    )
    trainer.run(
        loader,
        start_iteration,
        evaluate_between=None if args.skip_val_in_train else evaluate,
        evaluate_at_end=None if args.skip_final_test else evaluate,
        use_tensorboard=args.use_tfboard,
    )


def _log_model(model: nn.Module) -> None:
    total = sum(parameter.numel() for parameter in model.parameters())
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    get_logger().info("model: %.2f million parameters, %.2f million of them trained", total / 1e6, trained / 1e6)
