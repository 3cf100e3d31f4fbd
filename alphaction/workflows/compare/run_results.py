"""What is compared: the detections of a run, and the ground truth that they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yacs.config import CfgNode

from alphaction.config import load_cfg
from alphaction.data.annotations import AnnotationTable, LabelMap, read_annotations, read_exclusions, read_label_map
from alphaction.data.keyframes import Keyframe
from alphaction.data.video.names import VideoNames
from alphaction.engine.evaluate import DETECTIONS_FILE, RESULT_FILE, RESULTS_FOLDER
from alphaction.evaluation import AvaEvaluator, DetectionRows, read_detections
from alphaction.evaluation.evaluate_files import renamed
from alphaction.utils.command_text import runnable_here
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.files import missing_file, require_file
from alphaction.utils.messages import listed, suggest
from alphaction.utils.numbers import is_finite_number
from alphaction.utils.output_folder import read_record
from alphaction.workflows.compare.compare_options import CompareOptions
from alphaction.workflows.report.facts import open_dataset
from alphaction.workflows.report.run_folder import evaluations, read_run


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """What detections are compared with.

    Attributes:
        dataset: its name; that of the file where no dataset is known.
        annotations: without excluded keyframes.
        label_map: the classes that the model was trained on.
        counted: those that count in the mAP.
        excluded: keyframes at which detections do not count, either; a run has none there.
    """

    dataset: str
    annotations: AnnotationTable
    label_map: LabelMap
    counted: LabelMap
    excluded: frozenset[Keyframe] = frozenset()

    def names(self) -> VideoNames:
        """Return the names of its videos."""
        return VideoNames(self.annotations.keyframes.videos.tolist(), self.annotations.source)

    def evaluator(self) -> AvaEvaluator:
        """Return the evaluator of this ground truth."""
        return AvaEvaluator(self.annotations, self.label_map, self.counted, exclusions=self.excluded)


@dataclass(frozen=True, eq=False)
class RunResult:
    """One run.

    Attributes:
        path: as it was named.
        file: its detections.
        truth: what they are compared with.
        detections: of the file.
        recorded: what the evaluation wrote beside it; {} if nothing.
    """

    path: Path
    file: Path
    truth: GroundTruth
    detections: DetectionRows
    recorded: dict[str, Any]

    @property
    def recorded_mean(self) -> float | None:
        """The mAP that the evaluation had; None if it is not known."""
        value = self.recorded.get("mAP")
        return float(value) if is_finite_number(value) else None

    @property
    def on_annotated_boxes(self) -> bool:
        """Whether the evaluation took the annotated boxes."""
        return self.recorded.get("optimistic") is True


def read_results(options: CompareOptions, overrides: Sequence[str] = ()) -> tuple[list[RunResult], list[RunResult]]:
    """Read the runs of both sides.

    Args:
        options: checked.
        overrides: KEY VALUE pairs that say where the datasets are now.

    Raises:
        UserError: a run, its detections, or its ground truth is missing or cannot be read.
    """
    given = _given_truth(options)
    a, b = (_places(side, options, given) for side in (options.a, options.b))
    configs = {} if given is not None else _configs([*a, *b], overrides)
    # An evaluation alone leaves no config: the others may know its dataset, or the folder of the datasets.
    others = [cfg for found in configs.values() for cfg in found] or [load_cfg(None, overrides)]

    def read(place: _Place) -> RunResult:
        truth = given if given is not None else _truth_of(place, configs[place.run] or others)
        detections = renamed(read_detections(place.file), truth.names())
        return RunResult(place.path, place.file, truth, detections, read_record(place.file.parent, RESULT_FILE) or {})

    return [read(place) for place in a], [read(place) for place in b]


@dataclass(frozen=True)
class _Place:
    """A run as it was named, the folder of the run, and the detections of one evaluation in it."""

    path: Path
    run: Path | None
    file: Path


def _given_truth(options: CompareOptions) -> GroundTruth | None:
    if options.groundtruth is None or options.label_map is None:
        return None
    for flag, path in (("--groundtruth", options.groundtruth), ("--label-map", options.label_map)):
        require_file(flag, path)
    counted = read_label_map(options.label_map)
    annotations = read_annotations(options.groundtruth, counted, skip_unknown_classes=True)
    names = VideoNames(annotations.keyframes.videos.tolist(), str(options.groundtruth))
    listed_ones = read_exclusions(options.exclusions) if options.exclusions is not None else ()
    excluded = frozenset(Keyframe(names.known(each.video), each.second) for each in listed_ones)
    return GroundTruth(options.groundtruth.name, annotations.without(excluded), counted, counted, excluded)


def _places(side: Sequence[Path], options: CompareOptions, given: GroundTruth | None) -> list[_Place]:
    if given is not None and all(path.is_file() or (path / DETECTIONS_FILE).is_file() for path in side):
        return [_Place(path, None, path / DETECTIONS_FILE if path.is_dir() else path) for path in side]
    shared = _shared_datasets([*options.a, *options.b]) if options.dataset_name is None else []
    name = options.dataset_name or (shared[0] if len(shared) == 1 else None)
    if name is None and len(shared) > 1:
        raise UserError(
            f"the runs have evaluations of several datasets: {listed(shared)}. Choose one: --dataset-name {shared[0]}"
        )
    return [_place(path, name) for path in side]


def _place(path: Path, name: str | None) -> _Place:
    """Return the evaluation that a path names: a run's folder, the folder of an evaluation in it, or its csv."""
    if not path.exists():
        raise DataError(missing_file(path, folders=True))
    folder = path if path.is_dir() else path.parent
    if folder.parent.name.startswith(RESULTS_FOLDER) and (folder / DETECTIONS_FILE).is_file():
        return _Place(path, folder.parent.parent, folder / DETECTIONS_FILE if path.is_dir() else path)
    if not path.is_dir():
        raise UserError(
            f"{path} does not lie in a run's folder, so its ground truth is not known: add --groundtruth G and "
            "--label-map L."
        )
    found = sorted(folder.name for folder in evaluations(path))
    if not found:
        read_run(path, flag="")  # says what is near, if this is no run
        raise DataError(f"{path} has no evaluation, only a training. {_evaluate(path)}")
    if name is None:
        # No dataset is common to all runs: each has its own name for the same data, perhaps.
        if len(found) > 1:
            raise UserError(f"{path} has evaluations of {listed(found)}: name the folder of one of them.")
        name = found[0]
    if name not in found:
        raise UserError(f'{path} has no evaluation of "{name}". {suggest(name, found)} {_evaluate(path, name)}')
    file = path / RESULTS_FOLDER / name / DETECTIONS_FILE
    if not file.is_file():
        raise DataError(f"{missing_file(file)} {_evaluate(path, name)}")
    return _Place(path, path, file)


def _shared_datasets(paths: Sequence[Path]) -> list[str]:
    """Return the datasets that all named runs have evaluations of; folders of evaluations do not count."""
    sets = [{folder.name for folder in evaluations(path)} for path in paths if path.is_dir()]
    sets = [names for names in sets if names]
    return sorted(set.intersection(*sets)) if sets else []


def _configs(places: Sequence[_Place], overrides: Sequence[str]) -> dict[Path | None, list[CfgNode]]:
    return {place.run: read_run(place.run, overrides=overrides, flag="").configs() for place in places if place.run}


def _truth_of(place: _Place, configs: Sequence[CfgNode]) -> GroundTruth:
    dataset = place.file.parent.name
    tables, problem = open_dataset(configs, dataset, boxes=())
    if tables is None:
        raise DataError(
            f"{place.path}: the annotations of {dataset} cannot be read: {problem}\nDATASETS.DATA_DIR FOLDER or "
            'DATASETS.CATALOG "[FILE]" at the end of the command say where it is now.'
        )
    return GroundTruth(dataset, tables.annotations, tables.label_map, tables.counted_classes)


def _evaluate(run: Path, name: str = "") -> str:
    also = f' DATASETS.TEST "[{name}]"' if name else ""
    command = f"python test_net.py --config-file {run / 'config.yaml'}{also} OUTPUT_DIR {run}"
    return f"This evaluates it:\n  {runnable_here(command)}"
