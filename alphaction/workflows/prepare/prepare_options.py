"""The options of ``tools/prepare_dataset.py``, and their checks that need no video."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from yacs.config import CfgNode

from alphaction.config.load import PLACES, load_places
from alphaction.data.annotations import GROUPS
from alphaction.data.formats.action_rule import LABEL
from alphaction.data.formats.box_spelling import BOX_FORMAT_CHOICES, NORMALIZED_CHOICES
from alphaction.data.formats.frame_names import FrameNaming
from alphaction.data.formats.known_formats import ANNOTATION_FORMATS, any_of
from alphaction.data.formats.track_sampling import GRID, KEYFRAME_CHOICES
from alphaction.data.keyframes import MILLISECONDS, exact_time
from alphaction.utils.errors import UserError
from alphaction.utils.files import require_file
from alphaction.utils.messages import problem_list
from alphaction.utils.numbers import ABOVE_ZERO, NOT_NEGATIVE, POSITIVE, Range
from alphaction.utils.options import check_options, option
from alphaction.workflows.prepare.annotation_search import FoundFiles, find_annotation_files
from alphaction.workflows.prepare.dataset_folder import check_name
from alphaction.workflows.prepare.group_choices import EXCLUSIVE_FLAG, INDEPENDENT_FLAG, WantedGroup, read_groups
from alphaction.workflows.prepare.import_rows import TOOLS, ReadingRules
from alphaction.workflows.prepare.train_val_split import WAYS
from alphaction.workflows.prepare.unconfirmed import LEAVE_OUT, UNCONFIRMED_CHOICES

_DEFAULT_FRACTION = 0.2


@dataclass(frozen=True)
class PrepareOptions:
    """The options of one preparation; each is the flag of the same name, described by its ``help``.

    Attributes:
        train: annotation files, or folders of them; all of the dataset where ``val`` is empty. The flag is --train or
            --annotations.
        overrides: DATASETS.DATA_DIR, DATASETS.CATALOG and their values in turn: where datasets are looked for.
    """

    name: str = option(metavar="N", help="name of the dataset: letters, digits, _ and -")
    videos: Path = option(metavar="DIR", help="folder of the video files")
    train: tuple[Path, ...]
    val: tuple[Path, ...] = option((), metavar="FILE", help="annotation files of the validation")
    output: Path | None = option(None, metavar="DIR", help="folder to write (default: DATASETS.DATA_DIR/N, data/N)")
    label_map: Path | None = option(
        None, metavar="FILE", help='classes: pbtxt, lines like "1: sit", or a name a line (default: collected)'
    )
    format: str = option(
        "auto", choices=("auto", *ANNOTATION_FORMATS), help="format of the annotations (default: by content)"
    )
    box_format: str = option("auto", choices=BOX_FORMAT_CHOICES, help="how csv and JSON write boxes")
    normalized: str = option("auto", choices=NORMALIZED_CHOICES, help="boxes in fractions of the frame: yes or no")
    person_boxes: tuple[Path, ...] = option((), metavar="FILE", help="detected persons, of any split")
    object_boxes: tuple[Path, ...] = option((), metavar="FILE", help="detected objects, of any split")
    train_exclusions: Path | None = option(None, metavar="FILE", help="csv video,second of keyframes to leave out")
    val_exclusions: Path | None = option(None, metavar="FILE", help="the same for the validation")
    video_name: str | None = option(
        None, metavar="NAME", help="the video of a file that names none (default: the only one, or the file's own name)"
    )
    frame_rate: float | None = option(
        None, within=ABOVE_ZERO, metavar="FPS", help="frames per second by which files number (default: the video's)"
    )
    first_frame: int | None = option(
        None,
        within=NOT_NEGATIVE,
        metavar="N",
        help="number of the first frame (default: 0 if a frame 0 occurs, else 1)",
    )
    frame_pattern: str | None = option(
        None,
        "--frames",
        metavar="PATTERN",
        help='how pictures are named, such as "{video}_{frame}" (default: common spellings, which are printed)',
    )
    keyframe_interval: float = option(
        1,
        within=Range(1 / MILLISECONDS),
        metavar="S",
        help="seconds between keyframes of interpolated tracks, such as 2 or 0.5 (default: %(default)s)",
    )
    keyframes: str = option(
        GRID,
        choices=KEYFRAME_CHOICES,
        help="where tracks are sampled: every --keyframe-interval, in the middle of each action, or both "
        "(default: %(default)s)",
    )
    segments: str = option(
        "count",
        choices=("count", "spread"),
        help="labels of a stretch of time without a box: only count them, or give them to every box of that video "
        "and second (default: %(default)s)",
    )
    beyond_end: str = option(
        "refuse",
        choices=("refuse", "drop"),
        help="rows past the end of their video: an error, or left out and counted (default: %(default)s)",
    )
    unconfirmed: str = option(
        LEAVE_OUT,
        choices=UNCONFIRMED_CHOICES,
        help="predictions of tools/export_annotations.py that nobody has confirmed: their keyframes are left out, and "
        "kept in a file of their own, or they are labels like the others (default: %(default)s)",
    )
    action_attributes: tuple[str, ...] = option(
        (),
        "--action-attribute",
        metavar="NAME",
        help=f'attributes of {any_of(TOOLS)} that are actions; "{LABEL}" is the label of a box (default: by their '
        "names, and printed)",
    )
    val_fraction: float | None = option(
        None,
        within=Range(0, 1, open_low=True, open_high=True),
        metavar="F",
        help="share of the validation where there is no --val (default: 0.2)",
    )
    split_by: str = option("auto", choices=WAYS, help="divide by video or by time (default: by what the data allow)")
    class_group: str | None = option(
        None, choices=GROUPS, help="group of the classes for which the files name none (default: object)"
    )
    groups: tuple[str, ...] = option(
        (),
        EXCLUSIVE_FLAG,
        metavar="NAME=CLASS,...",
        help="classes of which a person does one at a time, as posture=sit,stand,lie (softmax); may be repeated",
    )
    independent_groups: tuple[str, ...] = option(
        (),
        INDEPENDENT_FLAG,
        metavar="NAME=CLASS,...",
        help="a group of classes of which a person can do several at once (sigmoids); may be repeated",
    )
    groups_from_attributes: bool = option(
        False,
        help=f"make each action attribute of {any_of(TOOLS)} a group of classes, exclusive where no box has two values",
    )
    cut_clips: bool = option(False, help="also write one-second clips and keyframes, and register the clips")
    processes: int = option(
        2,
        "--processes",
        "--process-num",
        within=POSITIVE,
        metavar="N",
        help="processes that cut clips (default: %(default)s)",
    )
    force: bool = option(
        False, help="replace files that an earlier run of this command did not write, or that were changed since"
    )
    overrides: tuple[str, ...] = ()

    @cached_property
    def cfg(self) -> CfgNode:
        """The config with which datasets are looked up.

        Raises:
            UserError: for other keys than those of ``overrides``, or a wrong value.
        """
        return load_places(self.overrides)

    @property
    def folder(self) -> Path:
        """The folder to write."""
        return self.output or Path(self.cfg.DATASETS.DATA_DIR) / self.name

    @property
    def fraction(self) -> float:
        """Share of the validation where one file holds all annotations."""
        return _DEFAULT_FRACTION if self.val_fraction is None else self.val_fraction

    @cached_property
    def annotation_files(self) -> dict[str, FoundFiles]:
        """The annotation files of each split; ``val`` is missing where one set of files is to be divided.

        Raises:
            UserError: a path does not exist, or a folder holds no annotations.
        """
        flag = "--train" if self.val else "--annotations (or --train)"
        others = [*self._other_inputs, self.folder]
        found = {"train": find_annotation_files(flag, self.train, others)}
        if self.val:
            found["val"] = find_annotation_files("--val", self.val, others)
        return found

    @cached_property
    def wanted_groups(self) -> tuple[WantedGroup, ...]:
        """The groups of classes that the command line names.

        Raises:
            UserError: a text is no group.
        """
        return read_groups(self.groups, self.independent_groups)

    def reading_rules(self) -> ReadingRules:
        """Return how the annotation files are to be read."""
        return ReadingRules(
            format=self.format,
            box_format=self.box_format,
            normalized=self.normalized,
            keyframe_interval=exact_time(self.keyframe_interval),
            keyframes=self.keyframes,
            action_attributes=self.action_attributes,
            naming=FrameNaming(self.video_name, self.frame_rate, self.first_frame, self.frame_pattern),
        )

    def exclusions(self, split: str) -> Path | None:
        """Return the exclusion file of a split; that of --train counts for all where one file is divided."""
        return self.train_exclusions if split == "train" or not self.val else self.val_exclusions

    def inputs(self) -> list[Path]:
        """Return every file that is read."""
        return [*(file for found in self.annotation_files.values() for file in found.files), *self._other_inputs]

    @property
    def _other_inputs(self) -> list[Path]:
        """Every file that is read and holds no annotations."""
        single = (self.label_map, self.train_exclusions, self.val_exclusions)
        return [*self.person_boxes, *self.object_boxes, *(path for path in single if path)]

    def check(self) -> None:
        """Raise a :class:`UserError` for the first option that cannot be right."""
        check_name(self.name)
        _ = self.wanted_groups
        if not self.train:
            raise UserError("--train (or --annotations) names no file.")
        if self.val and (self.val_fraction is not None or self.split_by != "auto"):
            raise UserError("--val-fraction and --split-by divide one set of files; with --val leave them out.")
        if not self.val and self.val_exclusions:
            raise UserError("--val-exclusions goes with --val; with one set of annotations use --train-exclusions.")
        problems = check_options(self)
        if problems:
            raise UserError(problem_list("Some options cannot be right:", problems))
        for flag, paths in (
            ("--person-boxes", self.person_boxes),
            ("--object-boxes", self.object_boxes),
            ("--label-map", (self.label_map,)),
            ("--train-exclusions", (self.train_exclusions,)),
            ("--val-exclusions", (self.val_exclusions,)),
        ):
            for path in paths:
                if path is not None:
                    require_file(flag, path)

    def record(self) -> dict:
        """Return the options as plain values, for the record file."""
        plain = {key: _plain(value) for key, value in asdict(self).items()}
        # A later run may read them again, from another folder.
        boxes = {"person_boxes": self.person_boxes, "object_boxes": self.object_boxes}
        return plain | {role: [os.path.abspath(path) for path in paths] for role, paths in boxes.items()}


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
