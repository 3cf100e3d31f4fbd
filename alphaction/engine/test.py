"""The work of test_net.py: set up, build, load the weights, evaluate."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from yacs.config import CfgNode

from alphaction.checkpoint import find_test_weights, load_trained_weights
from alphaction.config import load_cfg, validate_cfg
from alphaction.engine.classes import adopt_label_map
from alphaction.engine.compiling import compile_backbone, require_compiler
from alphaction.engine.datasets import open_test_datasets
from alphaction.engine.evaluate import evaluate_datasets
from alphaction.engine.feature_cache import use_feature_cache
from alphaction.engine.out_of_memory import naming_what_helps, prediction_advice
from alphaction.engine.run_lock import running_in
from alphaction.engine.setup import (
    Runtime,
    describe_environment,
    processes_from_environment,
    set_up_runtime,
    tear_down_runtime,
)
from alphaction.engine.stop import Stop
from alphaction.engine.weights import locate_weights
from alphaction.modeling import build_detection_model, optimize_for_inference
from alphaction.utils.logging import collected_log, get_logger, logged_run
from alphaction.utils.weight_names import is_zoo_name


def test(args: argparse.Namespace) -> None:
    """Evaluate with the flags of test_net.py.

    Raises:
        UserError: if the config, the data or the weights are wrong.
        KeyboardInterrupt: for Ctrl-C and signals, and when the launcher has ended.
    """
    cfg = load_cfg(args.config_file, args.opts)
    cfg.MODEL.WEIGHT = os.path.expanduser(cfg.MODEL.WEIGHT)
    license_told = is_zoo_name(cfg.MODEL.WEIGHT)  # by locate_weights
    with collected_log() as early:
        weights = test_weights(cfg, args.opts)
    _, world_size = processes_from_environment()
    cfg.MODEL.WEIGHT = str(weights)
    validate_cfg(cfg, num_processes=world_size, splits=("TEST",))
    stop = Stop()
    with stop.listening():
        try:
            runtime = set_up_runtime(cfg, args.seed, args.local_rank, stop)
            with logged_run(Path(cfg.OUTPUT_DIR), runtime.is_main) as logger, runtime.watched():
                logger.info(describe_environment(runtime))
                if args.compile:
                    require_compiler(runtime.device)
                for record in early:
                    logger.handle(record)
                if other := running_in(Path(cfg.OUTPUT_DIR)):
                    logger.warning(
                        "a run is going on in OUTPUT_DIR %s (%s): its own evaluations write the same files in "
                        "inference/",
                        cfg.OUTPUT_DIR,
                        other,
                    )
                with naming_what_helps("testing", prediction_advice(cfg)):
                    _test(cfg, weights, runtime, license_told, args.compile)
        finally:
            tear_down_runtime()


def test_weights(cfg: CfgNode, overrides: Sequence[str]) -> Path:
    """Return the file to test: the command line's MODEL.WEIGHT, OUTPUT_DIR's last checkpoint, or the config's."""
    asked_for = "MODEL.WEIGHT" in overrides[::2]
    return find_test_weights(cfg.OUTPUT_DIR, cfg.MODEL.WEIGHT, asked_for=asked_for, locate=locate_weights)


def _test(cfg: CfgNode, weights: Path, runtime: Runtime, license_told: bool, compiled: bool) -> None:
    datasets = open_test_datasets(cfg)
    label_map = datasets[0].label_map
    if note := adopt_label_map(cfg, label_map):
        get_logger().info(note)
    cfg.freeze()
    model = build_detection_model(cfg).to(runtime.device)
    load_trained_weights(model, weights, label_map.to_dict(), cfg=cfg, license_told=license_told)
    use_feature_cache(cfg, model, datasets, runtime)
    model = optimize_for_inference(model, share_weights=True)
    if compiled:
        compile_backbone(model)
    evaluate_datasets(cfg, model, datasets, runtime)
