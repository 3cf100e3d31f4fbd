"""What a folder of folds says of itself: folds.json, and the names of what lies in it."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from alphaction.checkpoint.run_folder import CONFIG_FILE
from alphaction.config.paths_catalog import CATALOG_FILE
from alphaction.utils.command_text import runnable_here
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.files import missing_file
from alphaction.utils.numbers import whole
from alphaction.utils.output_folder import record_value, write_record

RECORD = "folds.json"
STARTED = "started.json"
FINISHED = "finished.json"
LOG = "train.log"
ALL = "all"
MOST_FOLDS = whole(2, 100)


@dataclass(frozen=True)
class FoldFolder:
    """A folder with the configs and the data of all folds.

    Attributes:
        path: the folder.
        dataset: the name that its files are registered under.
        folds: how many there are.
        launch: flags of the launcher, for the training of each.
    """

    path: Path
    dataset: str
    folds: int
    launch: tuple[str, ...]

    @property
    def all_videos(self) -> str:
        """The dataset of all videos together."""
        return f"{self.dataset}_{ALL}"

    @property
    def catalog(self) -> Path:
        """The dataset.yaml that registers all videos together."""
        return self.path / CATALOG_FILE

    def name(self, number: int) -> str:
        """Return the name of a fold, counted from 1."""
        return f"fold_{number}"

    def place(self, number: int) -> Path:
        """Return the folder of a fold."""
        return self.path / self.name(number)

    def config(self, number: int) -> Path:
        """Return the config of a fold."""
        return self.place(number) / CONFIG_FILE

    def run(self, number: int) -> Path:
        """Return OUTPUT_DIR of a fold's training."""
        return self.place(number) / "run"

    def base(self, number: int) -> str:
        """Return the name of a fold's dataset, whose splits are train and val."""
        return f"{self.dataset}_{number}"

    def fingerprint(self, number: int) -> str:
        """Return the config and the data of a fold as a hash."""
        digest = hashlib.sha256()
        for file in sorted(path for path in self.place(number).iterdir() if path.suffix in (".yaml", ".csv")):
            digest.update(file.name.encode() + file.read_bytes())
        return digest.hexdigest()

    def command(self, overrides: Sequence[str] = ()) -> str:
        """Return the command that trains and evaluates all folds, with config keys and values in turn."""
        return runnable_here(f"python tools/run_folds.py {shlex.join([str(self.path), *overrides])}")

    def write(self, videos: Mapping[str, int]) -> None:
        """Write folds.json, with the fold of each video, counted from 1."""
        facts = {"dataset": self.dataset, "folds": self.folds, "launch": list(self.launch), "videos": dict(videos)}
        write_record(self.path, RECORD, facts)


def read_folds(path: Path) -> FoldFolder:
    """Return what a folder of folds holds.

    Raises:
        UserError: there is none, or its folds.json cannot be read.
    """
    if not path.is_dir():
        raise UserError(missing_file(path, folders=True))
    record = record_value(path, RECORD)
    if not record.given:
        raise UserError(
            f"{path} has no {RECORD}: it holds no folds. tools/generate_finetune_config.py --dataset-name N --folds K "
            "writes such a folder."
        )
    if not record.is_object:
        raise DataError(f"{path / RECORD} cannot be read. Write the folds again: --folds K with --force.")
    launch = tuple(entry.text() for entry in record["launch"].each())
    return FoldFolder(path, record["dataset"].text(), record["folds"].whole(within=MOST_FOLDS), launch)
