"""What a run's folder has of the evaluation on one dataset: its result, and the analysis of its detections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alphaction.data.tables import DatasetTables
from alphaction.engine.evaluate import DETECTIONS_FILE, RESULT_FILE, results_folder
from alphaction.evaluation import AvaEvaluator, Intervals, read_detections
from alphaction.evaluation.analysis import Analysis, analyze
from alphaction.evaluation.bootstrap import bootstrap_intervals
from alphaction.utils.errors import UserError
from alphaction.utils.numbers import is_finite_number
from alphaction.utils.output_folder import read_record
from alphaction.workflows.report.facts import DatasetFacts
from alphaction.workflows.report.run_folder import RunFolder


@dataclass(frozen=True)
class ClassRow:
    """A class of the table of APs; ``ap`` is None without labels."""

    name: str
    group: str
    ap: float | None
    train: int | None
    test: int


@dataclass(frozen=True)
class Evaluation:
    """An evaluation as far as it can be shown.

    Attributes:
        name: of the dataset.
        mAP: None if there is no result.
        iou: IoU that a detection needs.
        averaged: mAP of the averaged weights (SOLVER.EMA_DECAY); None if they were not evaluated.
        optimistic: on ground-truth boxes.
        box_recall: share of the annotated boxes that were found; None if unknown.
        groups: group -> mAP.
        hints: sentences on what looks wrong.
        classes: rows of the table.
        iteration: of the training at which this was evaluated; None: metrics.jsonl has no such result.
        analysis: None if it could not be made.
        intervals: of the figures, over the videos; None where the analysis is.
        tables: of the dataset; None if it cannot be opened.
        problem: what is missing for the rest; "" if nothing is.
    """

    name: str
    mAP: float | None = None  # noqa: N815 (the name of the metric)
    iou: float = 0.5
    averaged: float | None = None
    optimistic: bool = False
    box_recall: float | None = None
    groups: Mapping[str, float] = field(default_factory=dict)
    hints: tuple[str, ...] = ()
    classes: tuple[ClassRow, ...] = ()
    iteration: int | None = None
    analysis: Analysis | None = None
    intervals: Intervals | None = None
    tables: DatasetTables | None = None
    problem: str = ""


def read_evaluation(
    run: RunFolder, facts: DatasetFacts, train_labels: Mapping[str, int], examples: int, evaluate_command: str
) -> Evaluation:
    """Read the evaluation on a dataset, and analyze its detections if the dataset is there.

    Args:
        run: the folder.
        facts: the dataset.
        train_labels: class name -> labels it was trained with.
        examples: the most examples of each kind.
        evaluate_command: what makes an evaluation, for the problem.
    """
    try:
        folder = results_folder(run.path, facts.name)
    except UserError as error:
        return Evaluation(facts.name, problem=str(error), tables=facts.tables)
    result = read_record(folder, RESULT_FILE) or {}
    detections = folder / DETECTIONS_FILE
    known = _result_fields(run, facts, result, train_labels)
    average = read_record(results_folder(run.path, facts.name, averaged=True), RESULT_FILE) or {}
    known["averaged"] = _number(average.get("mAP"))
    if not detections.is_file():
        problem = f"There is no evaluation on {facts.name} yet. This makes one:\n{evaluate_command}"
        return Evaluation(facts.name, **known, problem=problem, tables=facts.tables)
    if facts.tables is None:
        problem = (
            f"Its annotations cannot be read, so its detections cannot be compared with them: {facts.problem}\n"
            'DATASETS.DATA_DIR FOLDER or DATASETS.CATALOG "[FILE]" at the end of the command of the report say where '
            "it is now."
        )
        return Evaluation(facts.name, **known, problem=problem)
    found = _analyze(facts.tables, detections, known.get("iou", 0.5), examples, evaluate_command)
    return Evaluation(facts.name, **known, **found, tables=facts.tables)


def _analyze(tables: DatasetTables, file: Path, iou: float, examples: int, evaluate_command: str) -> dict[str, Any]:
    """Return the fields of :class:`Evaluation` that detections and labels have."""
    try:
        detections = read_detections(file)
        searched = set(tables.annotations.keyframes)
        if not any(keyframe in searched for keyframe in detections.keyframes):
            strange = f"{file}: none of its keyframes is one of {tables.name}'s."
            return {"problem": f"{strange} This evaluates anew:\n{evaluate_command}"}
        analysis = analyze(
            tables.annotations,
            tables.label_map,
            detections,
            eval_label_map=tables.eval_label_map,
            iou_threshold=iou,
            all_boxes=tables.person_boxes,
            examples=examples,
        )
        evaluator = AvaEvaluator(tables.annotations, tables.label_map, tables.eval_label_map, iou_threshold=iou)
        return {"analysis": analysis, "intervals": bootstrap_intervals(evaluator, detections)}
    except UserError as error:
        return {"problem": f"{error}\nThis evaluates anew:\n{evaluate_command}"}


def _result_fields(
    run: RunFolder, facts: DatasetFacts, result: Mapping[str, Any], train_labels: Mapping[str, int]
) -> dict[str, Any]:
    """Return the fields of :class:`Evaluation` that result.json has; what is of another type in it is left out."""
    mean = _number(result.get("mAP"))
    if mean is None:
        return {"iou": 0.5}
    return {
        "mAP": mean,
        "iou": _number(result.get("iou_threshold")) or 0.5,
        "optimistic": result.get("optimistic") is True,
        "box_recall": _number(result.get("box_recall")),
        "groups": {name: value for name, raw in _items(result, "per_group") if (value := _number(raw)) is not None},
        "hints": tuple(str(hint) for hint in _list(result, "hints")),
        "classes": tuple(_class_rows(result, train_labels)),
        "iteration": _iteration_of(run.metrics, facts.name, mean),
    }


def _class_rows(result: Mapping[str, Any], train_labels: Mapping[str, int]) -> list[ClassRow]:
    groups, labels = dict(_items(result, "class_groups")), dict(_items(result, "ground_truth"))
    rows = []
    for name, ap in _items(result, "per_class"):
        count = labels.get(name)
        train = train_labels.get(name, 0) if train_labels else None
        rows.append(ClassRow(name, str(groups.get(name, "")), _number(ap), train, count if type(count) is int else 0))
    return rows


def _iteration_of(metrics: Sequence[Mapping[str, Any]], dataset: str, mean: float) -> int | None:
    """Return the last iteration whose evaluation gave this result."""
    same = [line["iteration"] for line in metrics if line.get(f"{dataset}/mAP") == mean]
    return same[-1] if same else None


def _number(value: Any) -> float | None:
    return float(value) if is_finite_number(value) else None


def _items(record: Mapping[str, Any], key: str) -> list[tuple[str, Any]]:
    value = record.get(key)
    return list(value.items()) if isinstance(value, dict) else []


def _list(record: Mapping[str, Any], key: str) -> list[Any]:
    value = record.get(key)
    return value if isinstance(value, list) else []
