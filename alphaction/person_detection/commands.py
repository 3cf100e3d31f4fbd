"""What ``tools/detect_persons.py`` does: detect on a registered dataset, or import boxes for it, and report."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from yacs.config import CfgNode

from alphaction.config.paths_catalog import DatasetSpec, find_dataset
from alphaction.data.annotations import AnnotationTable, BoxTable, read_annotations, read_label_map
from alphaction.data.clip_source import ClipSource, open_source
from alphaction.data.video import VideoInfo
from alphaction.person_detection.box_file import box_recall, registration_hint, write_boxes
from alphaction.person_detection.detect_dataset import detect_dataset
from alphaction.person_detection.import_boxes import ImportRules, import_detections
from alphaction.person_detection.person_detector import PersonDetector
from alphaction.person_detection.weights import DEFAULT_MODEL, weights_digest
from alphaction.utils.errors import UserError

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


@dataclass(frozen=True)
class _Dataset:
    """The parts of a registered dataset that boxes are made for."""

    spec: DatasetSpec
    annotations: AnnotationTable
    source: ClipSource

    def info(self, video: str) -> VideoInfo:
        """Return what a video's file says; a one-second clip does not tell the length of the video."""
        info = self.source.probe(video)
        return replace(info, duration=None, frames=None) if self.spec.clips is not None else info


def detect_for_dataset(cfg: CfgNode, name: str, output: Path, options: DetectorOptions, overwrite: bool = False) -> str:
    """Detect on every annotated keyframe of dataset ``name``, write the boxes to ``output`` and return a report.

    Raises:
        UserError: for whatever a user can mend; a finished part is kept and continued by the next call.
    """
    _require_new(output, overwrite)
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
    report = _report(dataset, replace(table, counts=counts), output, options.every_class, options.persons, _DETECTING)
    if not len(table):
        report += f"\nNot one box scores {options.score:g} or more: lower --score, and check the weights."
    return report


def import_for_dataset(
    cfg: CfgNode, name: str, output: Path, path: Path, kind: str, rules: ImportRules, overwrite: bool = False
) -> str:
    """Write the boxes of the foreign file or folder ``path`` for dataset ``name`` to ``output``; return a report.

    Raises:
        UserError: for whatever a user can mend; nothing is written then.
    """
    _require_new(output, overwrite)
    dataset = _open(cfg, name)
    table = import_detections(path, kind, dataset.annotations, dataset.info, rules)
    write_boxes(output, table)
    return _report(
        dataset, replace(table, source=str(output)), output, rules.every_class, not rules.every_class, _IMPORTING
    )


def _identity(options: DetectorOptions) -> str:
    if options.weights is not None and not options.weights.is_file():
        raise UserError(f"weights of the detector: {options.weights} does not exist. Check --weights.")
    return weights_digest(options.model, options.weights)


def _open(cfg: CfgNode, name: str) -> _Dataset:
    # The dataset may name the very file that is to be made.
    spec = find_dataset(cfg, name, without=("person_boxes", "object_boxes"))
    source = open_source(spec)

    def size(video: str) -> tuple[int, int]:
        info = source.probe(video)
        return info.width, info.height

    annotations = read_annotations(spec.annotations, read_label_map(spec.label_map), spec.exclusions, sizes=size)
    return _Dataset(spec, annotations, source)


def _require_new(output: Path, overwrite: bool) -> None:
    if output.is_dir():
        raise UserError(f"--output {output} is a folder: name the csv file to write")
    if output.exists() and not overwrite:
        raise UserError(f"--output {output} exists. Choose another name, or replace it with --overwrite.")


def _report(dataset: _Dataset, table: BoxTable, output: Path, every_class: bool, persons: bool, advice: str) -> str:
    lines = [f"Wrote {table.summary()}"]
    if persons and len(dataset.annotations):
        recall = box_recall(dataset.annotations, table)
        lines.append(f"Recall at IoU 0.5: {recall}; the actions of the others cannot be found, whatever the model")
        if recall.found < _LOW_RECALL * recall.total:
            lines.append(f"That is little. {advice}")
    lines.append(registration_hint(dataset.spec, output, "object_boxes" if every_class else "person_boxes"))
    return "\n".join(lines)
