"""A checkpoint and its detections on a validation set -> a threshold for each class, kept in the checkpoint."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from yacs.config import CfgNode

from alphaction.checkpoint import (
    BEST_WEIGHTS,
    Thresholds,
    classes_and_iteration,
    compare_label_maps,
    find_test_weights,
    store_thresholds,
    stored_thresholds,
)
from alphaction.checkpoint.run_folder import CONFIG_FILE
from alphaction.config import load_cfg
from alphaction.config.paths_catalog import find_dataset
from alphaction.data.annotations import LabelMap
from alphaction.data.tables import DatasetTables, open_tables
from alphaction.engine.evaluate import DETECTIONS_FILE, results_folder
from alphaction.engine.pictures import MIN_SCORE
from alphaction.engine.test import test_weights
from alphaction.evaluation import AvaEvaluator, DetectionRows, read_detections
from alphaction.evaluation.thresholds import (
    Choice,
    Measured,
    ScoredDetections,
    choose_thresholds,
    measure_on_others,
)
from alphaction.utils.errors import CheckpointError, UserError
from alphaction.utils.files import missing_file
from alphaction.utils.messages import counted, listed
from alphaction.utils.values import quoted
from alphaction.workflows.calibrate.belonging import read_own_detections
from alphaction.workflows.calibrate.calibrate_options import CalibrateOptions

Evaluate = Callable[[Sequence[str]], None]
"""Runs test_net.py with these arguments."""


@dataclass(frozen=True)
class Calibration:
    """Thresholds that were stored.

    Attributes:
        weights: the checkpoint.
        stored: what it holds now.
        choice: what they give on the detections that they were chosen on.
        on_own: measured there: the thresholds, and :data:`MIN_SCORE` for all classes.
        on_others: the same on videos that did not choose; None where there are too few.
        notes: what a person should know.
    """

    weights: Path
    stored: Thresholds
    choice: Choice
    on_own: tuple[Measured, Measured]
    on_others: tuple[Measured, Measured] | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Run:
    """What the options mean."""

    cfg: CfgNode
    config_file: Path
    folder: Path
    weights: Path
    dataset: str

    @classmethod
    def of(cls, options: CalibrateOptions, key_values: Sequence[str]) -> _Run:
        folder = options.run or (options.weights.parent if options.config_file is None else None)
        config_file = options.config_file or folder / CONFIG_FILE
        if not config_file.is_file():
            raise UserError(f"{missing_file(config_file)} Name the run, --run OUTPUT_DIR, or a config: --config-file F")
        cfg = load_cfg(config_file, key_values)
        folder = folder or Path(cfg.OUTPUT_DIR)
        cfg.OUTPUT_DIR = str(folder)
        name = options.dataset_name or next(iter(cfg.DATASETS.TEST), None)
        if name is None:
            raise UserError("DATASETS.TEST is empty: name a dataset there, or with --dataset-name")
        return cls(cfg, config_file, folder, options.weights or test_weights(cfg, key_values), name)


def find_weights(options: CalibrateOptions) -> Path:
    """Return the checkpoint that the options mean, without the config that choosing thresholds needs."""
    options.check()
    return options.weights or find_test_weights(options.run, "")


def remove_thresholds(weights: Path) -> bool:
    """Remove the thresholds of a checkpoint, also those that cannot be read; return whether it had some."""
    classes_and_iteration(weights)
    try:
        if stored_thresholds(weights) is None:
            return False
    except CheckpointError:
        pass
    store_thresholds(weights, None)
    return True


def calibrate(options: CalibrateOptions, key_values: Sequence[str], evaluate: Evaluate) -> Calibration:
    """Choose thresholds and store them.

    Args:
        options: the flags.
        key_values: config keys and values in turn.
        evaluate: runs test_net.py, for ``options.evaluate``.

    Raises:
        UserError: for files that are missing or do not belong together, and data that nothing can be chosen from.
    """
    options.check()
    run = _Run.of(options, key_values)
    label_map, iteration = classes_and_iteration(run.weights)
    tables = open_tables(find_dataset(run.cfg, run.dataset), boxes=())
    if difference := compare_label_maps(label_map, tables.label_map.to_dict()):
        raise CheckpointError(
            f"{run.weights}: {difference}. Thresholds are chosen on a dataset with the classes of the checkpoint: name "
            "one with --dataset-name."
        )
    evaluator = AvaEvaluator(tables.annotations, tables.label_map, tables.eval_label_map)
    detections = _detections(options, run, key_values, iteration, evaluator, evaluate)
    scored = ScoredDetections.of(evaluator, detections)
    choice = choose_thresholds(scored, precision=options.precision, min_labels=options.min_labels)
    stored = _to_store(options, run, tables.label_map, label_map, iteration, choice)
    others = measure_on_others(
        evaluator, detections, fixed=MIN_SCORE, precision=options.precision, min_labels=options.min_labels
    )
    store_thresholds(run.weights, stored)
    fixed = [MIN_SCORE] * len(choice.classes)
    on_own = Measured.of(scored, choice.values), Measured.of(scored, fixed)
    return Calibration(run.weights, stored, choice, on_own, others, tuple(_notes(options, run, tables, choice)))


def _detections(
    options: CalibrateOptions,
    run: _Run,
    key_values: Sequence[str],
    iteration: int | None,
    evaluator: AvaEvaluator,
    evaluate: Evaluate,
) -> DetectionRows:
    if not options.evaluate:
        return read_own_detections(run.folder, run.weights, iteration, run.dataset, evaluator)
    with tempfile.TemporaryDirectory() as folder:  # the run keeps the results of its own evaluation
        named = ("OUTPUT_DIR", folder, "DATASETS.TEST", repr((run.dataset,)), "MODEL.WEIGHT", str(run.weights))
        evaluate(["--config-file", str(run.config_file), *key_values, *named])
        return read_detections(results_folder(folder, run.dataset) / DETECTIONS_FILE)


def _to_store(
    options: CalibrateOptions, run: _Run, own: LabelMap, held: Mapping, iteration: int | None, choice: Choice
) -> Thresholds:
    """Return the thresholds in the order of the checkpoint's classes, which is that of the dataset's."""
    chosen = {each.class_id: each for each in choice.classes}
    found = [chosen.get(class_id) for class_id in own.ids]
    return Thresholds(
        class_ids=own.ids,
        names=tuple(map(str, held["names"])),
        values=tuple(choice.together if each is None else each.point.threshold for each in found),
        labels=tuple(0 if each is None else each.labels for each in found),
        own=tuple(each is not None and each.own for each in found),
        how="best F1" if options.precision is None else f"precision {options.precision:g}",
        dataset=run.dataset,
        iteration=iteration,
    )


def _notes(options: CalibrateOptions, run: _Run, tables: DatasetTables, choice: Choice) -> Iterator[str]:
    if run.dataset in run.cfg.DATASETS.TRAIN:
        yield (
            f"{run.dataset} is also in DATASETS.TRAIN. A model is surer of what it was trained on, so that these "
            "thresholds are too high for anything else: choose them on data that was not trained on (--dataset-name)."
        )
    if options.evaluate:
        yield f"The files of the evaluation are removed again, and {run.folder / 'inference'} is as it was."
    few = [each.name for each in choice.classes if not each.own]
    if few:
        why = f"fewer than {counted(options.min_labels, 'label')}, or no right detection"
        yield (
            f"{counted(len(few), 'class has', 'classes have')} the threshold of all classes together "
            f"({choice.together:.3f}), for {why}: {listed(map(quoted, few))}."
        )
    best = run.folder / f"{BEST_WEIGHTS}.pth"
    if options.weights is None and best != run.weights and best.is_file():
        yield (
            f"They are of {run.weights.name}, which was evaluated last. For {best.name}, the best weights: "
            f"python tools/calibrate.py --weights {quote(str(best))} --evaluate"
        )
    counting = {each.class_id for each in choice.classes}
    others = [quoted(entry.name) for entry in tables.label_map.classes if entry.id not in counting]
    if others:
        yield f"Classes that do not count in the mAP have that of all classes together: {listed(others)}."
    unreached = [f"{quoted(each.name)} ({each.point.precision:.2f})" for each in choice.classes if not each.reached]
    if unreached:
        yield (
            f"{counted(len(unreached), 'class does', 'classes do')} not reach precision {options.precision:g} and "
            f"{'has' if len(unreached) == 1 else 'have'} the threshold of the highest one: {listed(unreached)}."
        )
