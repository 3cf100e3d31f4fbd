"""What ``tools/detect_persons.py`` does: detect on a registered dataset, or import boxes for it, and report."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from yacs.config import CfgNode

from alphaction.config.paths_catalog import find_dataset
from alphaction.data.annotations import BoxTable
from alphaction.data.tables import DatasetTables, open_tables
from alphaction.data.video.file import VideoInfo
from alphaction.evaluation.recall import IOU, Recall
from alphaction.utils.errors import UserError
from alphaction.utils.files import check_writable
from alphaction.workflows.detect.box_file import registration_hint, write_boxes
from alphaction.workflows.detect.detect_dataset import detect_dataset
from alphaction.workflows.detect.import_boxes import ImportRules, import_detections
from alphaction.workflows.detect.person_detector import PersonDetector
from alphaction.workflows.detect.weights import DEFAULT_MODEL, file_identity

_LOW_RECALL = 0.5
_DETECTING = "Lower --score, raise --short-side for small persons, and check the weights."
_IMPORTING = (
    "Do the files number frames as you said (--frames, --first-frame, --frame-rate), and are they of these videos?"
)


@dataclass(frozen=True)
class DetectorOptions:
    """How to detect; see :meth:`PersonDetector.from_torchvision`."""

    model: str = DEFAULT_MODEL
    weights: Path | None = None
    device: str = "auto"
    score: float = 0.5
    every_class: bool = False
    persons: bool = True
    short_side: int = 800
    max_per_frame: int = 100
    batch_size: int = 4


def detect_for_dataset(cfg: CfgNode, name: str, output: Path, options: DetectorOptions, force: bool = False) -> str:
    """Detect on every annotated keyframe of dataset ``name``, write the boxes to ``output`` and return a report.

    Raises:
        UserError: for whatever a user can mend; a finished part is kept and continued by the next call.
    """
    _require_new(output, force)
    if not options.every_class and not options.persons:
        raise UserError("--no-persons needs --every-class: without other classes nothing is left to detect")
    dataset = _open(cfg, name)
    values = asdict(options)
    recorded = {key: values[key] for key in ("model", "score", "every_class", "persons", "short_side", "max_per_frame")}
    recorded |= {"dataset": name, "weights": _identity(options)}

    def make_detector() -> PersonDetector:
        batch = ("batch_size",)
        return PersonDetector.from_torchvision(**{key: value for key, value in values.items() if key not in batch})

    table = detect_dataset(
        make_detector,
        dataset.source,
        list(dataset.annotations.keyframes),
        output,
        batch_size=options.batch_size,
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
        UserError: for whatever a user can mend; nothing is written then.
    """
    _require_new(output, force)
    if output.exists() and path.exists() and output.samefile(path):
        raise UserError(f"--output {output}: is also the file of --import, choose another name")
    dataset = _open(cfg, name)
    table = import_detections(path, kind, dataset.annotations, partial(_video_info, dataset), rules)
    write_boxes(output, table)
    return _report(
        dataset, replace(table, source=str(output)), output, rules.every_class, not rules.every_class, _IMPORTING
    )


def _identity(options: DetectorOptions) -> str:
    if options.weights is not None and not options.weights.is_file():
        raise UserError(f"weights of the detector: {options.weights} does not exist. Check --weights.")
    return file_identity(options.model, options.weights)


def _open(cfg: CfgNode, name: str) -> DatasetTables:
    # The dataset may name the very file that is to be made.
    return open_tables(find_dataset(cfg, name, without=("person_boxes", "object_boxes")))


def _video_info(dataset: DatasetTables, video: str) -> VideoInfo:
    """Return what a video's file says; a one-second clip does not tell the length of the video."""
    info = dataset.source.probe(video)
    return replace(info, duration=None, frames=None) if dataset.spec.clips is not None else info


def _require_new(output: Path, force: bool) -> None:
    check_writable("--output", output)
    if output.exists() and not force:
        raise UserError(f"--output {output} exists. Choose another name, or replace it with --force.")


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
