"""What a run was made of: its settings that are not the defaults, its weights, its datasets and their labels."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from yacs.config import CfgNode

from alphaction.config import get_cfg
from alphaction.config.paths_catalog import find_dataset
from alphaction.config.tree import get_value, leaf_keys
from alphaction.data.label_statistics import labels_per_class
from alphaction.data.tables import DatasetTables, open_tables
from alphaction.utils.errors import UserError
from alphaction.utils.weight_names import is_zoo_name
from alphaction.workflows.report.run_folder import RunFolder
from alphaction.zoo import find_weights

_LESS_AND_LESS = (
    ("object_boxes",),
    ("object_boxes", "videos", "clips"),
    ("object_boxes", "videos", "clips", "person_boxes", "exclusions"),
)
"""Roles that a dataset may lack; boxes of objects are not shown."""


@dataclass(frozen=True)
class Setting:
    """A key of the config whose value is not the default."""

    key: str
    value: str
    default: str


@dataclass(frozen=True)
class DatasetFacts:
    """A dataset in numbers.

    Attributes:
        name: of the dataset.
        role: "training" or "test".
        videos, keyframes, boxes, labels: how many.
        negatives: boxes without a class.
        per_class: class name -> labels.
        person_boxes: where persons come from in a test.
        problem: what cannot be read of it; "" if everything can.
        tables: the opened dataset; None: its annotations cannot be read, and there are no numbers.
    """

    name: str
    role: str
    videos: int = 0
    keyframes: int = 0
    boxes: int = 0
    labels: int = 0
    negatives: int = 0
    per_class: Mapping[str, int] | None = None
    person_boxes: str = ""
    problem: str = ""
    tables: DatasetTables | None = None


def changed_settings(cfg: CfgNode) -> list[Setting]:
    """Return the keys with another value than the default, in the order of the config."""
    defaults = get_cfg()
    keys = [key for key in leaf_keys(cfg) if get_value(cfg, key) != get_value(defaults, key)]
    return [Setting(key, _shown(get_value(cfg, key)), _shown(get_value(defaults, key))) for key in keys]


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple)):
        inner = (f"[{_shown(each)}]" if isinstance(each, (list, tuple)) else str(each) for each in value)
        return ", ".join(inner) if value else "none"
    return str(value) if value != "" else "none"


def starting_weights(run: RunFolder) -> tuple[str, str]:
    """Return the weights that a run began from, and their license ("" if unknown)."""
    if run.trained is None:
        return "not known", run.license
    weight = run.trained.MODEL.WEIGHT
    if not weight:
        return "none: trained from initial values", ""
    if is_zoo_name(weight):
        try:
            entry = find_weights(weight)
        except UserError:
            return weight, run.license
        return f"{weight} ({entry.what})", entry.license_line
    return weight, run.license


def open_datasets(run: RunFolder) -> list[DatasetFacts]:
    """Return the datasets of a run, those of the training first."""
    configs = run.configs()
    if not configs:
        return [DatasetFacts(name, "test", problem=run.config_problem) for name in run.test_sets]
    training = list(dict.fromkeys(run.trained.DATASETS.TRAIN)) if run.trained is not None else []
    opened = {name: open_dataset(configs, name) for name in dict.fromkeys([*training, *run.test_sets])}
    return [
        *(_facts(name, "training", *opened[name]) for name in training),
        *(_facts(name, "test", *opened[name]) for name in run.test_sets),
    ]


def open_dataset(
    configs: Sequence[CfgNode], name: str, boxes: Collection[str] = ("person_boxes",)
) -> tuple[DatasetTables | None, str]:
    """Open a dataset as far as its files are there: annotations are worth showing without the videos.

    Args:
        configs: at least one; asked in turn where the dataset is.
        name: of the dataset.
        boxes: roles of box files to read.

    Returns:
        the dataset, None if its annotations cannot be read; and what cannot be read of it, "" if everything can.
    """
    notes: list[str] = []
    spec = None
    for without, cfg in product(_LESS_AND_LESS, configs):
        try:
            spec = find_dataset(cfg, name, without=without)
            break
        except UserError as error:
            notes = notes or [str(error)]
    if spec is None:
        return None, notes[0]
    complete = without == _LESS_AND_LESS[0]
    notes = [] if complete else notes

    def note(what: str, error: UserError) -> None:
        if complete or what != "videos":
            notes.append(str(error))

    tables = open_tables(spec, boxes=boxes, on_error=note)
    return tables, "\n".join(notes)


def _facts(name: str, role: str, tables: DatasetTables | None, problem: str) -> DatasetFacts:
    if tables is None:
        return DatasetFacts(name, role, problem=problem or "its annotations cannot be read")
    annotations = tables.annotations
    counts = labels_per_class(annotations, tables.label_map)
    persons = "ground truth" if tables.person_boxes is None else f"{len(tables.person_boxes.boxes)} detected"
    return DatasetFacts(
        name,
        role,
        videos=len(set(annotations.keyframes.video_index.tolist())),
        keyframes=len(annotations.keyframes),
        boxes=len(annotations),
        labels=annotations.num_labels,
        negatives=annotations.num_negatives,
        per_class=dict(zip(tables.label_map.names, counts.tolist(), strict=True)),
        person_boxes=persons if role == "test" else "",
        problem=problem,
        tables=tables,
    )


def joined_labels(datasets: Sequence[DatasetFacts], role: str) -> dict[str, int]:
    """Return class name -> labels over all datasets of a role."""
    joined: dict[str, int] = {}
    for dataset in datasets:
        for name, count in (dataset.per_class or {}).items() if dataset.role == role else ():
            joined[name] = joined.get(name, 0) + count
    return joined
