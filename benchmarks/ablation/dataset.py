"""The dataset of the study: made where it is missing, and what is known of its classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from alphaction.toy import make_toy_dataset
from alphaction.toy.interactions_world import LAG
from alphaction.toy.make import FORMAT_VERSION, RECORD
from alphaction.toy.world import build_world
from alphaction.toy.writer import CATALOG
from alphaction.utils.errors import UserError
from alphaction.utils.output_folder import read_record
from benchmarks.ablation.seed_statistics import mean

WORLD = "interactions"
KINDS = ("own", "person", "object", "memory")


@dataclass(frozen=True)
class StudyData:
    """A made dataset of the world "interactions".

    Attributes:
        folder: where it lies.
        name: its splits are ``name_train`` and ``name_val``.
        record: format and options of :class:`~alphaction.toy.ToyOptions`: equal records are equal datasets.
        kinds: class name -> one of :data:`KINDS`.
        chance: class name -> AP in [0, 1] of a random ranking on the validation split.
        lag: least seconds between a memory class and what decides it.
    """

    folder: Path
    name: str
    record: Mapping[str, Any]
    kinds: Mapping[str, str]
    chance: Mapping[str, float]
    lag: int = LAG

    @property
    def catalog(self) -> Path:
        """The ``dataset.yaml`` that registers the splits."""
        return self.folder / CATALOG

    @property
    def validation(self) -> str:
        """Name of the validation split."""
        return f"{self.name}_val"

    def of_kind(self, kind: str) -> tuple[str, ...]:
        """Return the classes of a kind."""
        return tuple(name for name, own in self.kinds.items() if own == kind)

    def chance_of(self, kind: str) -> float:
        """Return the mean chance in [0, 1] of a kind's classes; one that no box carries has no AP either."""
        return self._mean_chance(self.of_kind(kind))

    def chance_of_all(self) -> float:
        """Return the mean chance of all classes, in [0, 1]."""
        return self._mean_chance(tuple(self.kinds))

    def _mean_chance(self, names: tuple[str, ...]) -> float:
        found = [self.chance[name] for name in names if self.chance[name]]
        return mean(found) if found else 0.0


def open_dataset(folder: Path, *, make: bool = True, progress: bool = False) -> StudyData:
    """Return the dataset in ``folder``; one that is missing is made with the world's default options.

    A dataset of this world with other options is taken as it is.

    Args:
        folder: where the dataset lies, or where to make it.
        make: whether to make one that is missing.
        progress: show a progress bar while rendering.

    Raises:
        UserError: the folder holds something else, an odd number of videos, or a dataset of another version.
    """
    world = build_world(WORLD)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--data {folder}: is a file. Name a folder; it is made if it is missing.")
    record = read_record(folder, RECORD)
    if record is None and folder.exists() and any(folder.iterdir()):
        raise UserError(f"--data {folder}: holds files, but no {RECORD}: it is no toy dataset. Name another folder.")
    if record is None:
        if not make:
            raise UserError(f"--data {folder}: there is no dataset. Name the folder that the study was run on.")
        make_toy_dataset(folder, world.defaults, progress=progress)
        record = read_record(folder, RECORD)
    found = (record.get("options") or {}).get("world")
    if found != WORLD:
        raise UserError(
            f'--data {folder}: holds a toy dataset of the world {found!r}; the study needs "{WORLD}". '
            "Name another folder, which is made if it is missing."
        )
    if record.get("format") != FORMAT_VERSION or not (folder / CATALOG).is_file():
        raise UserError(
            f"--data {folder}: another version made it (format {record.get('format')}, now {FORMAT_VERSION}), or its "
            f"{CATALOG} is missing. Render it: python tools/make_toy_dataset.py --world {WORLD} --output {folder} "
            "--force"
        )
    if set(record["kinds"].values()) != set(KINDS):
        raise UserError(f"--data {folder}: the kinds of its classes are {record['kinds']}; expected {', '.join(KINDS)}")
    if odd := [name for name in ("num_train", "num_val") if record["options"][name] % 2]:
        raise UserError(
            f"--data {folder}: {odd[0]} is {record['options'][odd[0]]}, but videos come in pairs with opposite coins. "
            f"Make an even number: --{odd[0].replace('_', '-')} of tools/make_toy_dataset.py."
        )
    return StudyData(
        folder,
        yaml.safe_load((folder / CATALOG).read_text(encoding="utf-8"))["name"],
        {key: record[key] for key in ("format", "options")},
        record["kinds"],
        record["chance"]["val"],
    )
