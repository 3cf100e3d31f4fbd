"""The folder of a prepared dataset: what lies where, and replacing it without touching anything else."""

from __future__ import annotations

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


class OutputFolder:
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

    def check(self, inputs: Iterable[Path], force: bool) -> None:
        """Refuse a folder in which files of others would be replaced. Nothing is changed.

        Args:
            inputs: files that the user gave; they are never replaced.
            force: replace files that an earlier run did not write.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise UserError(f"--output {self.folder}: this is a file; name a folder to make.")
        targets = [self.folder / file for file in self.all_files()]
        given = {path.resolve() for path in inputs}
        clash = [path for path in targets if path.resolve() in given]
        if clash:
            raise UserError(
                f"--output {self.folder}: {clash[0]} is read and would be replaced. Name another folder, or move that "
                "file (a folder source/ is a good place)."
            )
        record = read_record(self.folder, RECORD)
        if record is not None and record.get("name") == self.name:
            return
        present = [str(path.relative_to(self.folder)) for path in targets if path.exists()]
        if record is not None:
            present.append(f'{RECORD} of the dataset "{record.get("name")}"')
        if present and not force:
            raise UserError(
                f"--output {self.folder}: holds {', '.join(present)}, which this command did not write for "
                f'"{self.name}"; nothing was changed. Name another folder, or pass --force to replace them.'
            )

    def begin(self, options: dict) -> None:
        """Make the folder and mark it as this dataset's, so that an interrupted run can be repeated."""
        self.folder.mkdir(parents=True, exist_ok=True)
        old = read_record(self.folder, RECORD) or {}
        record = {"name": self.name, "options": options, "files": old.get("files", [])}
        write_record(self.folder, RECORD, record)

    def replace(self, scratch: Path, files: Sequence[str], record: dict) -> None:
        """Move the finished ``files`` from ``scratch`` into the folder; files of an earlier run that are not remade go.

        ``dataset.yaml`` is moved last, so that an interrupted move never looks complete.
        """
        old = (read_record(self.folder, RECORD) or {}).get("files", [])
        (self.folder / CATALOG_FILE).unlink(missing_ok=True)
        mine = set(self.all_files())
        for file in old:
            if file in mine and file not in files:
                (self.folder / PurePosixPath(file)).unlink(missing_ok=True)
        for file in sorted(files, key=lambda file: file == CATALOG_FILE):
            if file == CATALOG_FILE:
                write_record(self.folder, RECORD, {**record, "name": self.name, "files": list(files)})
            target = self.folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            (scratch / file).replace(target)
