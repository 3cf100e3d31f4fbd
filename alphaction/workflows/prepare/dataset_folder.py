"""The folder of a prepared dataset: the paths of its files, and replacing them without touching any others.

``prepared.json`` holds a checksum of each file that was written, so that changes made by hand are not overwritten
without --force.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from alphaction.config.paths_catalog import CATALOG_FILE
from alphaction.utils.errors import UserError
from alphaction.utils.output_folder import read_record, write_record

RECORD = "prepared.json"
CLIPS, KEYFRAMES = "clips", "keyframes"
SPLITS = ("train", "val")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def check_name(name: str) -> None:
    """Raise a :class:`UserError` unless ``name`` is of letters, digits, ``_`` and ``-``."""
    if not _NAME.fullmatch(name):
        better = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_-")
        hint = f', such as "{better}"' if better else ""
        raise UserError(f'--name "{name}": expected letters, digits, "_" and "-", a letter or digit first{hint}.')


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
        return [CATALOG_FILE, self.label_map, *(file for split in SPLITS for file in self.files(split).values())]

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
        clash = [path for path in targets if path.resolve() in given]
        if clash:
            raise UserError(
                f"--output {self.folder}: {clash[0]} is read and would be replaced. Name another folder, or move that "
                "file (a folder source/ is a good place)."
            )
        record = read_record(self.folder, RECORD)
        if record is not None and record.get("name") == self.name:
            if not force:
                self._check_unchanged(record, keeps_label_map)
            return
        present = [str(path.relative_to(self.folder)) for path in targets if path.exists()]
        if record is not None:
            present.append(f'{RECORD} of the dataset "{record.get("name")}"')
        if present and not force:
            raise UserError(
                f"--output {self.folder}: holds {', '.join(present)}, which this command did not write for "
                f'"{self.name}"; nothing was changed. Name another folder, or pass --force to replace them.'
            )

    def _check_unchanged(self, record: dict, keeps_label_map: bool) -> None:
        """Refuse to replace files that were changed by hand since they were written."""
        written = record.get("files")
        sums = written if isinstance(written, dict) else {}
        mine = [file for file in self.all_files() if file in sums and not (keeps_label_map and file == self.label_map)]
        changed = [file for file in mine if (path := self.folder / file).is_file() and checksum(path) != sums[file]]
        if not changed:
            return
        ways = {
            self.label_map: f"To keep the label map, add --label-map {self.folder / self.label_map}. ",
            CATALOG_FILE: f"Boxes that were added to {CATALOG_FILE} can be given as --person-boxes, --object-boxes. ",
        }
        keep = "".join(ways.get(file, "") for file in changed)
        if set(changed) - ways.keys():
            keep += "Make changes to rows in the files that this command reads. "
        raise UserError(
            f"--output {self.folder}: {', '.join(changed)} {'was' if len(changed) == 1 else 'were'} changed after this "
            f"command wrote {'it' if len(changed) == 1 else 'them'}; nothing was replaced. {keep}--force replaces "
            "what was changed."
        )

    def begin(self, options: dict) -> None:
        """Make the folder and mark it as this dataset's, so that an interrupted run can be repeated."""
        self.folder.mkdir(parents=True, exist_ok=True)
        old = read_record(self.folder, RECORD) or {}
        write_record(self.folder, RECORD, {"name": self.name, "options": options, "files": old.get("files", {})})

    def replace(self, scratch: Path, files: Sequence[str], record: dict) -> None:
        """Move the finished ``files`` from ``scratch`` into the folder; files of an earlier run that are not remade go.

        ``dataset.yaml`` is moved last, so that an interrupted move never looks complete.
        """
        old = list((read_record(self.folder, RECORD) or {}).get("files", []))
        # Without checksums until all is in place: a file that is half moved must not look changed by hand.
        write_record(self.folder, RECORD, {**record, "name": self.name, "files": sorted({*old, *files})})
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


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
