"""The folder of a prepared dataset: the paths of its files, and replacing them without touching any others.

``prepared.json`` holds a checksum of each file that was written, so that changes made by hand are not overwritten
without --force. Lines of ``dataset.yaml`` that name boxes do not count: tools/detect_persons.py writes such lines, and
:mod:`alphaction.workflows.prepare.kept_boxes` keeps them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from alphaction.config.paths_catalog import CATALOG_FILE
from alphaction.config.yaml_file import read_yaml_mapping
from alphaction.utils.errors import UserError
from alphaction.utils.messages import listed
from alphaction.utils.output_folder import record_value, write_record
from alphaction.utils.values import Value, quoted

RECORD = "prepared.json"
CLIPS, KEYFRAMES = "clips", "keyframes"
SPLITS = ("train", "val")
BOXES = ("person_boxes", "object_boxes")
_BOX_LINE = re.compile(rb"^[ \t]+(?:person|object)_boxes:.*\n?", re.MULTILINE)
# Options that name what a dataset is made of -> how messages call them.
_INPUTS = {"videos": "--videos", "train": "annotations", "val": "--val"}
_BUILT_IN = ("ava", "ava_video")  # what the names of AVA's splits begin with
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def check_name(name: str) -> None:
    """Raise a :class:`UserError` unless ``name`` is of letters, digits, ``_`` and ``-``, and no other's splits'."""
    if not _NAME.fullmatch(name):
        better = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_-")
        hint = f', such as "{better}"' if better else ""
        raise UserError(f'--name "{name}": expected letters, digits, "_" and "-", a letter or digit first{hint}.')
    split = next((split for split in SPLITS if name.endswith(f"_{split}")), None)
    if split:
        better = name.removesuffix(f"_{split}")
        raise UserError(
            f"--name {name}: this would register {name}_train and {name}_val, and {name} reads as the {split} split of "
            f'"{better}". Choose a name that does not end in _{split}, such as "{better}".'
        )
    if name in _BUILT_IN:
        raise UserError(
            f'--name {name}: AVA, which is built in, is called so. Choose another name, such as "my_{name}".'
        )


class DatasetFolder:
    """Where the files of a dataset go.

    Args:
        folder: such as ``data/pets``.
        name: the dataset's name.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name

    @property
    def label_map(self) -> str:
        """The label map, as seen from the folder."""
        return f"annotations/{self.name}_action_list.pbtxt"

    @property
    def unconfirmed(self) -> str:
        """The predictions that nobody has confirmed, as seen from the folder."""
        return f"annotations/{self.name}_unconfirmed.csv"

    def files(self, split: str) -> dict[str, str]:
        """Return role in ``dataset.yaml`` -> file of a split, as seen from the folder."""
        stem = f"{self.name}_{split}"
        return {
            "annotations": f"annotations/{stem}.csv",
            "person_boxes": f"boxes/{stem}_person_detections.csv",
            "object_boxes": f"boxes/{stem}_object_detections.csv",
            "exclusions": f"annotations/{stem}_excluded_timestamps.csv",
        }

    def all_files(self) -> list[str]:
        """Return every file that a dataset may consist of."""
        of_splits = [file for split in SPLITS for file in self.files(split).values()]
        return [CATALOG_FILE, self.label_map, self.unconfirmed, *of_splits]

    def check(self, inputs: Iterable[Path], force: bool, label_map: Path | None = None) -> None:
        """Refuse to replace files that this command did not write, or that were changed by hand. Nothing is changed.

        Args:
            inputs: files that the user gave; they are never replaced.
            force: replace files that an earlier run did not write, or that were changed since.
            label_map: the label map that the user gave; it may be the folder's own, and is written as it was read.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise UserError(f"--output {self.folder}: this is a file; name a folder to make.")
        targets = [self.folder / file for file in self.all_files()]
        keeps_label_map = label_map is not None and label_map.resolve() == (self.folder / self.label_map).resolve()
        given = {path.resolve() for path in inputs} - ({label_map.resolve()} if keeps_label_map else set())
        record = self._record()
        # Boxes that an earlier run wrote may be given to this one: they are read before they are replaced.
        own = {(self.folder / file).resolve() for file in self.written_boxes()}
        clash = [path for path in targets if path.resolve() in given - own]
        if clash:
            raise UserError(
                f"--output {self.folder}: {clash[0]} is read and would be replaced. Name another folder, or move that "
                "file (a folder source/ is a good place)."
            )
        if self._is_mine(record):
            if not force:
                self._check_unchanged(record, keeps_label_map)
            return
        present = [str(path.relative_to(self.folder)) for path in targets if path.exists()]
        if record.given:
            present.append(f"{RECORD} of the dataset {quoted(record['name'].text(''))}")
        if present and not force:
            raise UserError(
                f"--output {self.folder}: holds {', '.join(present)}, which this command did not write for "
                f'"{self.name}"; nothing was changed. Name another folder, or pass --force to replace them.'
            )

    def _record(self) -> Value:
        """Return what the run that wrote the dataset noted; absent if none did."""
        return record_value(self.folder, RECORD)

    def _is_mine(self, record: Value) -> bool:
        return record["name"].text("") == self.name

    def _check_unchanged(self, record: Value, keeps_label_map: bool) -> None:
        """Refuse to replace files that were changed by hand since they were written."""
        sums = {file: each.text("") for file, each in record["files"].items()} if record["files"].is_object else {}
        mine = [file for file in self.all_files() if file in sums and not (keeps_label_map and file == self.label_map)]
        changed = [
            file for file in mine if (path := self.folder / file).is_file() and not is_unchanged(path, sums[file])
        ]
        if not changed:
            return
        ways = {
            self.label_map: f"To keep the label map, add --label-map {self.folder / self.label_map}. ",
            CATALOG_FILE: f"Lines of person_boxes and object_boxes in {CATALOG_FILE} are kept, other changes are not. ",
        }
        keep = "".join(ways.get(file, "") for file in changed)
        if set(changed) - ways.keys():
            keep += "Make changes to rows in the files that this command reads. "
        raise UserError(
            f"--output {self.folder}: {', '.join(changed)} {'was' if len(changed) == 1 else 'were'} changed after this "
            f"command wrote {'it' if len(changed) == 1 else 'them'}; nothing was replaced. {keep}--force replaces "
            "what was changed."
        )

    def registered_boxes(self) -> Mapping[str, Mapping[str, str]]:
        """Return split -> role -> file of boxes that the dataset has now; ``dataset.yaml`` may be a person's own.

        After a run that was interrupted while it moved its files, they are those from before it.
        """
        catalog = self.folder / CATALOG_FILE
        if not catalog.is_file():
            return _boxes_of(self._record()["boxes"])
        try:
            return _boxes_of(Value(read_yaml_mapping(catalog, "dataset file"), self._record().error_at)["splits"])
        except UserError:
            return {}

    def former_options(self) -> Mapping[str, object]:
        """Return the options of the run that wrote the dataset; {} if none did."""
        options = self._record()["options"]
        return options.raw if options.is_object else {}

    def written_boxes(self) -> set[str]:
        """Return the files of boxes that an earlier run wrote, as seen from the folder."""
        files = _files_of(self._record()) if self._is_mine(self._record()) else ()
        return {self.files(split)[role] for split in SPLITS for role in BOXES} & {*files}

    def check_inputs(self, options: Mapping[str, object], force: bool) -> None:
        """Refuse to replace a dataset that was prepared from other videos or annotations: its name is taken.

        Args:
            options: those of this preparation, as plain values.
            force: replace it.
        """
        former = self.former_options()
        if force or not former or not self._is_mine(self._record()) or not (self.folder / CATALOG_FILE).exists():
            return
        other = [key for key in _INPUTS if _places(former.get(key)) != _places(options[key])]
        if other:
            changes = "; ".join(
                f"{_INPUTS[key]}: there {_shown(former.get(key))}, now {_shown(options[key])}" for key in other
            )
            raise UserError(
                f'--name {self.name}: {self.folder} holds the dataset "{self.name}" already, of other files '
                f"({changes}); nothing was replaced. Choose another name, or replace it with --force."
            )

    def begin(self, options: dict) -> None:
        """Make the folder and mark it as this dataset's, so that an interrupted run can be repeated."""
        self.folder.mkdir(parents=True, exist_ok=True)
        record = {
            "name": self.name,
            "options": options,
            "files": self._record()["files"].raw or {},
            "boxes": self.registered_boxes(),
        }
        write_record(self.folder, RECORD, record)

    def replace(self, scratch: Path, files: Sequence[str], record: dict) -> None:
        """Move the finished ``files`` from ``scratch`` into the folder; files of an earlier run that are not remade go.

        ``dataset.yaml`` is moved last, so that an interrupted move never looks complete.
        """
        old = _files_of(self._record())
        # Without checksums until all is in place: a file that is half moved must not look changed by hand.
        unfinished = {**record, "name": self.name, "files": sorted({*old, *files}), "boxes": self.registered_boxes()}
        write_record(self.folder, RECORD, unfinished)
        (self.folder / CATALOG_FILE).unlink(missing_ok=True)
        mine = set(self.all_files())
        for file in old:
            if file in mine and file not in files:
                (self.folder / PurePosixPath(file)).unlink(missing_ok=True)
        for file in sorted(files, key=lambda file: file == CATALOG_FILE):
            if file == CATALOG_FILE:
                sums = {file: checksum((scratch if file == CATALOG_FILE else self.folder) / file) for file in files}
                write_record(self.folder, RECORD, {**record, "name": self.name, "files": sums})
            target = self.folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            (scratch / file).replace(target)


def _files_of(record: Value) -> list[str]:
    """Return the files that a record lists, with their checksums or without."""
    files = record["files"]
    return [file if files.is_object else each.text("") for file, each in files.items()]


def _boxes_of(splits: Value) -> dict[str, dict[str, str]]:
    """Return split -> role -> file of boxes."""
    named = {
        split: {role: roles[role].text() for role in BOXES if roles[role].is_text} for split, roles in splits.items()
    }
    return {split: roles for split, roles in named.items() if roles}


def _places(value: object) -> set[Path]:
    """Return the paths that an option holds, one or a list, wherever they are seen from."""
    return {Path(each).resolve() for each in _each(value)}


def _shown(value: object) -> str:
    return listed(_each(value)) or "none"


def _each(value: object) -> list[str]:
    return [str(each) for each in (value if isinstance(value, list) else [value]) if each is not None]


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, of ``dataset.yaml`` without its lines of boxes."""
    content = path.read_bytes()
    if path.name == CATALOG_FILE:
        content = _BOX_LINE.sub(b"", content)
    return hashlib.sha256(content).hexdigest()


def is_unchanged(path: Path, recorded: str) -> bool:
    """Return whether a file still is what a record says; older records counted the lines of boxes."""
    return recorded in (checksum(path), hashlib.sha256(path.read_bytes()).hexdigest())
