"""What a person tells ``tools/prepare_dataset.py``, and the checks that need no video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from yacs.config import CfgNode

from alphaction.config import load_cfg
from alphaction.data.annotations import GROUPS
from alphaction.utils.errors import UserError
from alphaction.utils.files import missing_file
from alphaction.utils.messages import suggest
from alphaction.workflows.prepare.output import check_name
from alphaction.workflows.prepare.split import WAYS

ANNOTATION_SUFFIXES = (".csv", ".json", ".xml", ".txt", ".tsv", ".gz", ".zip")
PLACES = ("DATASETS.DATA_DIR", "DATASETS.CATALOG")
_DEFAULT_FRACTION = 0.2


@dataclass(frozen=True)
class PrepareOptions:
    """The options of one preparation; each stands for the flag of the same name.

    Attributes:
        name: the dataset; it registers ``{name}_train`` and ``{name}_val``.
        videos: folder of the videos.
        train: annotation files, or folders of them; all of the dataset where ``val`` is empty.
        val: annotation files of the validation.
        output: folder to write; None: ``{name}`` in DATASETS.DATA_DIR, ``data``.
        label_map: pbtxt of the classes; None: collected from the annotations.
        format: one of the importers' formats, or "auto".
        box_format: auto, xyxy, xywh or cxcywh.
        normalized: auto, yes or no.
        person_boxes, object_boxes: files of detected boxes, of any split.
        train_exclusions, val_exclusions: csv files of seconds to leave out.
        keyframe_interval: seconds between the keyframes of interpolated tracks.
        action_attributes: attributes of the annotation tool that are actions; (): those that can be.
        val_fraction: share of the validation where ``val`` is empty; None: 0.2.
        split_by: auto, video or time, where ``val`` is empty.
        class_group: movement, object or person, for classes whose group nothing tells; None: object, with a notice.
        cut_clips: also write one-second clips and keyframes, and register the clips.
        processes: processes that cut clips.
        force: replace files that an earlier run did not write, or that were changed since.
        overrides: DATASETS.DATA_DIR, DATASETS.CATALOG and their values in turn: where datasets are looked for.
    """

    name: str
    videos: Path
    train: tuple[Path, ...]
    val: tuple[Path, ...] = ()
    output: Path | None = None
    label_map: Path | None = None
    format: str = "auto"
    box_format: str = "auto"
    normalized: str = "auto"
    person_boxes: tuple[Path, ...] = ()
    object_boxes: tuple[Path, ...] = ()
    train_exclusions: Path | None = None
    val_exclusions: Path | None = None
    keyframe_interval: int = 1
    action_attributes: tuple[str, ...] = ()
    val_fraction: float | None = None
    split_by: str = "auto"
    class_group: str | None = None
    cut_clips: bool = False
    processes: int = 2
    force: bool = False
    overrides: tuple[str, ...] = ()

    @cached_property
    def cfg(self) -> CfgNode:
        """The config that datasets are looked for with.

        Raises:
            UserError: for other keys than those of ``overrides``, or a wrong value.
        """
        cfg = load_cfg(None, self.overrides)
        other = [key for key in self.overrides[::2] if key not in PLACES]
        if other:
            raise UserError(f"{other[0]}: only {' and '.join(PLACES)} can be given here, to say where datasets are.")
        return cfg

    @property
    def folder(self) -> Path:
        """The folder to write."""
        return self.output or Path(self.cfg.DATASETS.DATA_DIR) / self.name

    @property
    def fraction(self) -> float:
        """Share of the validation where one file holds all annotations."""
        return _DEFAULT_FRACTION if self.val_fraction is None else self.val_fraction

    def annotation_files(self) -> dict[str, list[Path]]:
        """Return split -> its annotation files; ``val`` is missing where one set of files is to be divided."""
        found = {"train": _files("--train" if self.val else "--annotations (or --train)", self.train)}
        if self.val:
            found["val"] = _files("--val", self.val)
        return found

    def exclusions(self, split: str) -> Path | None:
        """Return the exclusion file of a split; that of --train counts for all where one file is divided."""
        return self.train_exclusions if split == "train" or not self.val else self.val_exclusions

    def inputs(self) -> list[Path]:
        """Return every file that is read."""
        single = (self.label_map, self.train_exclusions, self.val_exclusions)
        files = [file for files in self.annotation_files().values() for file in files]
        return [*files, *self.person_boxes, *self.object_boxes, *(path for path in single if path)]

    def check(self) -> None:
        """Raise a :class:`UserError` for the first option that cannot be right."""
        check_name(self.name)
        if not self.train:
            raise UserError("--train (or --annotations) names no file.")
        if self.val and (self.val_fraction is not None or self.split_by != "auto"):
            raise UserError("--val-fraction and --split-by divide one set of files; with --val leave them out.")
        if not self.val and self.val_exclusions:
            raise UserError("--val-exclusions goes with --val; with one set of annotations use --train-exclusions.")
        if not 0 < self.fraction < 1:
            raise UserError(f"--val-fraction {self.fraction:g}: expected a share between 0 and 1, such as 0.2.")
        if self.keyframe_interval < 1:
            raise UserError(f"--keyframe-interval {self.keyframe_interval}: expected whole seconds, 1 or more.")
        if self.split_by not in WAYS:
            raise UserError(f"--split-by {self.split_by}: {suggest(self.split_by, WAYS)}")
        if self.class_group is not None and self.class_group not in GROUPS:
            raise UserError(f"--class-group {self.class_group}: {suggest(self.class_group, GROUPS)}")
        for flag, paths in (
            ("--person-boxes", self.person_boxes),
            ("--object-boxes", self.object_boxes),
            ("--label-map", (self.label_map,)),
            ("--train-exclusions", (self.train_exclusions,)),
            ("--val-exclusions", (self.val_exclusions,)),
        ):
            for path in paths:
                if path is not None and not path.is_file():
                    raise UserError(f"{flag}: {missing_file(path)}")

    def record(self) -> dict:
        """Return the options as plain values, for the record file."""
        return {key: _plain(value) for key, value in asdict(self).items()}


def take_places(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Divide the words of a command line into flags and the keys of ``PLACES`` with their values.

    A flag of several files would take keys that follow it for files.
    """
    words, places = list(words), []
    while found := [index for index, word in enumerate(words) if word in PLACES]:
        places += words[found[0] : found[0] + 2]
        del words[found[0] : found[0] + 2]
    return words, places


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _files(flag: str, paths: tuple[Path, ...]) -> list[Path]:
    """Return the files of a flag; a folder stands for the annotation files in it."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = [file for file in sorted(path.iterdir()) if file.suffix.lower() in ANNOTATION_SUFFIXES]
            inside = [file for file in inside if file.is_file() and not file.name.startswith(".")]
            if not inside:
                raise UserError(
                    f"{flag} {path}: the folder holds no annotation file ({', '.join(ANNOTATION_SUFFIXES)})."
                )
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise UserError(f"{flag}: {missing_file(path, ANNOTATION_SUFFIXES)}")
    repeated = [str(path) for path in found if found.count(path) > 1]
    if repeated:
        raise UserError(f"{flag}: {repeated[0]} is given twice; give it once.")
    return found
