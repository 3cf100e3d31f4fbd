"""Boxes for a registered dataset, detected or imported: what ``tools/detect_persons.py`` writes and reports."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

from yacs.config import CfgNode

from alphaction.config.catalog_file import register_file
from alphaction.config.paths_catalog import BUILT_IN, DatasetSpec, find_dataset, known_datasets, splits_of
from alphaction.config.yaml_file import read_yaml_mapping
from alphaction.data.annotations import BoxTable, write_box_csv
from alphaction.data.formats.rows import NoBoxesError
from alphaction.data.tables import BOX_FILES, DatasetTables, open_tables
from alphaction.data.video.file import VideoInfo
from alphaction.evaluation.recall import IOU, Recall
from alphaction.utils.atomic import replacing
from alphaction.utils.config_files import config_folder
from alphaction.utils.errors import UserError
from alphaction.utils.files import refuse_existing
from alphaction.workflows.detect.choose_detector import make_detector, recorded
from alphaction.workflows.detect.detect_dataset import detect_dataset, small_persons
from alphaction.workflows.detect.detector_options import DetectorOptions
from alphaction.workflows.detect.import_boxes import ImportRules
from alphaction.workflows.detect.import_files import find_box_files, import_files, refuse_input
from alphaction.workflows.detect.import_recall import missing_of_import

logger = logging.getLogger(__name__)

_LOW_RECALL = 0.5


@dataclass(frozen=True)
class BoxTarget:
    """Where boxes go.

    Attributes:
        name: a registered dataset ("pets_val"), or one of which every split is meant ("pets").
        output: the file to write; None: beside the dataset, as :func:`default_output` says.
        force: replace the file if it exists.
        register: name the file in the dataset's ``dataset.yaml``.
    """

    name: str
    output: Path | None = None
    force: bool = False
    register: bool = True


def detect_for_dataset(cfg: CfgNode, target: BoxTarget, options: DetectorOptions) -> str:
    """Detect on every annotated keyframe of the dataset, write and register the boxes, and return a report.

    Raises:
        UserError: for what a user can correct; a finished part is kept and continued by the next call.
    """
    depends_on = recorded(options)
    make = cache(partial(make_detector, options))  # one for all splits
    advice = f"Lower --score. {small_persons(depends_on)}, and check the weights."

    def detect(dataset: DatasetTables, output: Path) -> str:
        keyframes = list(dataset.annotations.keyframes)
        table = detect_dataset(
            make,
            dataset.source,
            keyframes,
            output,
            batch_size=options.batch_size,
            options=depends_on | {"dataset": dataset.name},
        )
        without = len(keyframes) - len(table.keyframes)
        table = replace(table, counts={"annotated keyframes without a box": without} if without else {})
        return _report(dataset, table, options.persons, lambda *_: advice)

    reports = []
    for name, output in _outputs(cfg, target, options.every_class).items():
        dataset = _open(cfg, name)
        report = detect(dataset, output)
        reports.append(f"{report}\n{_registered(dataset.spec, output, options.every_class, target.register)}")
    return "\n\n".join(reports)


def import_for_dataset(cfg: CfgNode, target: BoxTarget, paths: Sequence[Path], kind: str, rules: ImportRules) -> str:
    """Write and register the boxes of foreign files or folders for the dataset; return a report.

    Where every split of a dataset is meant, one of which nothing is in the files is passed over and named in the end.

    Raises:
        UserError: for what a user can correct; nothing is written then.
    """
    outputs = _outputs(cfg, target, rules.every_class)
    files = find_box_files(paths, kind)
    for output in outputs.values():
        refuse_input(files, output)
    found: dict[str, tuple[DatasetTables, BoxTable]] = {}
    reports: list[str] = []
    nothing: dict[str, NoBoxesError] = {}
    for name in outputs:
        dataset = _open(cfg, name)
        try:
            found[name] = dataset, import_files(files, kind, dataset.annotations, partial(_video_info, dataset), rules)
        except NoBoxesError as error:
            nothing[name] = error
    if not found:
        raise next(iter(nothing.values()))
    for name, (dataset, table) in found.items():
        output = outputs[name]
        with replacing(output) as new:
            write_box_csv(new, table)
        table = replace(table, source=str(output))
        report = _report(dataset, table, not rules.every_class, missing_of_import)
        reports.append(f"{report}\n{_registered(dataset.spec, output, rules.every_class, target.register)}")
    reports += [f"{name}: not registered: {error.reason}" for name, error in nothing.items()]
    return "\n\n".join(reports)


def default_output(spec: DatasetSpec, every_class: bool) -> Path:
    """Return where the boxes of a dataset go unless the user says otherwise: ``boxes/`` beside its ``dataset.yaml``.

    Raises:
        UserError: the dataset is built in, or comes with the program, whose folders are not the user's.
    """
    if spec.source == BUILT_IN or _is_shipped(Path(spec.source)):
        whose = "is AVA itself" if spec.source == BUILT_IN else f"comes with the program ({spec.source})"
        raise UserError(f"{spec.name} {whose}: say with --output FILE where its boxes go.")
    kind = "objects" if every_class else "persons"
    return Path(spec.source).parent / "boxes" / f"detected_{kind}_{_split(spec)}.csv"


def _is_shipped(catalog: Path) -> bool:
    """Return whether a ``dataset.yaml`` lies among the program's own experiments."""
    return config_folder() in catalog.resolve().parents


def _outputs(cfg: CfgNode, target: BoxTarget, every_class: bool) -> dict[str, Path]:
    """Return the splits that are meant and the file of each, which may be written.

    Raises:
        UserError: no such dataset is registered; a file is there already.
    """
    names = [target.name] if target.name in known_datasets(cfg) else splits_of(cfg, target.name) or [target.name]
    if target.output is not None and len(names) > 1:
        raise UserError(
            f"--output {target.output}: this is one file, and {target.name} has {len(names)} splits. Leave --output "
            f"out, or name one of them: --dataset-name {names[-1]}"
        )
    specs = [find_dataset(cfg, name, without=BOX_FILES) for name in names]
    outputs = {spec.name: target.output or default_output(spec, every_class) for spec in specs}
    there = {name: output for name, output in outputs.items() if output.exists() and not target.force}
    if there and len(there) < len(outputs):
        # An earlier run was interrupted between two splits.
        for name, output in there.items():
            logger.warning("%s: %s exists and is left as it is; --force replaces it", name, output)
            del outputs[name]
    for output in outputs.values():
        refuse_existing("--output", output, target.force)
    return outputs


def _open(cfg: CfgNode, name: str) -> DatasetTables:
    # The dataset may name the very file that is to be made.
    return open_tables(find_dataset(cfg, name, without=BOX_FILES))


def _video_info(dataset: DatasetTables, video: str) -> VideoInfo:
    """Return what a video's file says; a one-second clip does not state the length of the video."""
    info = dataset.source.probe(video)
    return replace(info, duration=None, frames=None) if dataset.spec.clips is not None else info


def _report(dataset: DatasetTables, table: BoxTable, persons: bool, advice: Callable[[Recall, BoxTable], str]) -> str:
    lines = [f"Wrote {table.summary()}"]
    if persons and len(dataset.annotations):
        recall = Recall.of(dataset.annotations, table)
        lines.append(
            f"Recall at IoU {IOU}: {recall.found()} of {recall.total} ground truth boxes ({recall.at():.1%}); the "
            "actions of the others cannot be found, whatever the model"
        )
        if recall.at() < _LOW_RECALL:
            lines.append(f"That is little. {advice(recall, table)}")
    return "\n".join(lines)


def _registered(spec: DatasetSpec, output: Path, every_class: bool, wanted: bool) -> str:
    """Name ``output`` in the dataset's ``dataset.yaml``; return what was done, or what to write instead."""
    role = "object_boxes" if every_class else "person_boxes"
    if spec.source == BUILT_IN or not wanted:
        return registration_hint(spec, output, role)
    if _is_shipped(Path(spec.source)):
        return (
            f"Not registered: {spec.source} comes with the program. To use {output}, copy that file to "
            f"data/NAME/dataset.yaml, change its paths, and write below splits: {_split(spec)}:\n"
            f"    {role}: {output.resolve()}"
        )
    catalog, file = Path(spec.source), _seen_from(spec, output)
    try:
        before = register_file(catalog, _split(spec), role, file)
    except (UserError, OSError) as error:
        reason = str(error) if isinstance(error, UserError) else f"{catalog} cannot be written ({error.strerror})."
        return f"Not registered: {reason}\n{registration_hint(spec, output, role)}"
    done = f"Registered in {catalog} as the {role} of {spec.name}"
    if before is None or before == file:
        return done
    return f"{done}, in place of {before}, which stays where it is"


def _split(spec: DatasetSpec) -> str:
    """Return what a ``dataset.yaml`` calls the split that it registers as this dataset."""
    return spec.name.removeprefix(f"{read_yaml_mapping(Path(spec.source), 'dataset file')['name']}_")


def _seen_from(spec: DatasetSpec, output: Path) -> str:
    """Return the file as the dataset's ``dataset.yaml`` names it: relative to its folder if it lies below it."""
    folder, file = Path(spec.source).parent.resolve(), output.resolve()
    return (file.relative_to(folder) if file.is_relative_to(folder) else file).as_posix()


def registration_hint(spec: DatasetSpec, output: Path, role: str) -> str:
    """Return what to write into which file so that the dataset uses ``output`` as ``role`` ("person_boxes")."""
    if spec.source == BUILT_IN:
        target = "object" if role == "object_boxes" else "person"
        split = "train" if "_train_" in spec.name else "val"
        place = spec.annotations.parent.parent / "boxes" / f"ava_{split}_det_{target}_bbox.json"
        return f"To use it, copy it to {place} (the format is recognized by content, whatever the name)."
    return f"To use it, write into {spec.source}, below splits: {_split(spec)}:\n    {role}: {_seen_from(spec, output)}"
