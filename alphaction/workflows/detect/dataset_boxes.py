"""Boxes for a registered dataset, detected or imported: what ``tools/detect_persons.py`` writes and reports."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from yacs.config import CfgNode

from alphaction.config.paths_catalog import BUILT_IN, DatasetSpec, find_dataset
from alphaction.config.yaml_file import read_yaml_mapping
from alphaction.data.annotations import BoxTable, write_box_csv
from alphaction.data.tables import DatasetTables, open_tables
from alphaction.data.video.file import VideoInfo
from alphaction.evaluation.recall import IOU, Recall
from alphaction.utils.atomic import replacing
from alphaction.utils.errors import UserError
from alphaction.utils.files import refuse_existing
from alphaction.workflows.detect.detect_dataset import detect_dataset
from alphaction.workflows.detect.detector_options import DetectorOptions
from alphaction.workflows.detect.detector_weights import file_identity
from alphaction.workflows.detect.import_boxes import ImportRules, import_detections
from alphaction.workflows.detect.person_detector import PersonDetector

_LOW_RECALL = 0.5
_DETECTING = "Lower --score, raise --short-side for small persons, and check the weights."
_IMPORTING = (
    "Do the files number frames as you said (--frames, --first-frame, --frame-rate), and are they of these videos?"
)


def detect_for_dataset(cfg: CfgNode, name: str, output: Path, options: DetectorOptions, force: bool = False) -> str:
    """Detect on every annotated keyframe of dataset ``name``, write the boxes to ``output`` and return a report.

    Raises:
        UserError: for what a user can correct; a finished part is kept and continued by the next call.
    """
    refuse_existing("--output", output, force)
    if not options.every_class and not options.persons:
        raise UserError("--no-persons needs --every-class: without other classes nothing is left to detect")
    dataset = _open(cfg, name)
    values = asdict(options)
    recorded = {key: values[key] for key in ("model", "score", "every_class", "persons", "short_side", "max_per_frame")}
    recorded |= {"dataset": name, "weights": file_identity(options.model, options.weights)}

    batch_size = values.pop("batch_size")
    table = detect_dataset(
        partial(PersonDetector.from_torchvision, **values),
        dataset.source,
        list(dataset.annotations.keyframes),
        output,
        batch_size=batch_size,
        options=recorded,
    )
    without = len(dataset.annotations.keyframes) - len(table.keyframes)
    counts = {"annotated keyframes without a box": without} if without else {}
    return _report(dataset, replace(table, counts=counts), output, options.every_class, options.persons, _DETECTING)


def import_for_dataset(
    cfg: CfgNode, name: str, output: Path, path: Path, kind: str, rules: ImportRules, force: bool = False
) -> str:
    """Write the boxes of the foreign file or folder ``path`` for dataset ``name`` to ``output``; return a report.

    Raises:
        UserError: for what a user can correct; nothing is written then.
    """
    refuse_existing("--output", output, force)
    if output.exists() and path.exists() and output.samefile(path):
        raise UserError(f"--output {output}: is also the file of --import, choose another name")
    dataset = _open(cfg, name)
    table = import_detections(path, kind, dataset.annotations, partial(_video_info, dataset), rules)
    with replacing(output) as new:
        write_box_csv(new, table)
    return _report(
        dataset, replace(table, source=str(output)), output, rules.every_class, not rules.every_class, _IMPORTING
    )


def _open(cfg: CfgNode, name: str) -> DatasetTables:
    # The dataset may name the very file that is to be made.
    return open_tables(find_dataset(cfg, name, without=("person_boxes", "object_boxes")))


def _video_info(dataset: DatasetTables, video: str) -> VideoInfo:
    """Return what a video's file says; a one-second clip does not state the length of the video."""
    info = dataset.source.probe(video)
    return replace(info, duration=None, frames=None) if dataset.spec.clips is not None else info


def _report(
    dataset: DatasetTables, table: BoxTable, output: Path, every_class: bool, persons: bool, advice: str
) -> str:
    lines = [f"Wrote {table.summary()}"]
    if persons and len(dataset.annotations):
        recall = Recall.of(dataset.annotations, table)
        lines.append(
            f"Recall at IoU {IOU}: {recall.found()} of {recall.total} ground truth boxes ({recall.at():.1%}); the "
            "actions of the others cannot be found, whatever the model"
        )
        if recall.at() < _LOW_RECALL:
            lines.append(f"That is little. {advice}")
    lines.append(registration_hint(dataset.spec, output, "object_boxes" if every_class else "person_boxes"))
    return "\n".join(lines)


def registration_hint(spec: DatasetSpec, output: Path, role: str) -> str:
    """Return what to write into which file so that the dataset uses ``output`` as ``role`` ("person_boxes")."""
    if spec.source == BUILT_IN:
        target = "object" if role == "object_boxes" else "person"
        split = "train" if "_train_" in spec.name else "val"
        place = spec.annotations.parent.parent / "boxes" / f"ava_{split}_det_{target}_bbox.json"
        return f"To use it, copy it to {place} (the format is recognized by content, whatever the name)."
    catalog = Path(spec.source)
    split = spec.name.removeprefix(f"{read_yaml_mapping(catalog, 'dataset file')['name']}_")
    folder, file = catalog.parent.resolve(), output.resolve()
    path = file.relative_to(folder) if file.is_relative_to(folder) else file
    return f"To use it, write into {catalog}, below splits: {split}:\n    {role}: {path.as_posix()}"
