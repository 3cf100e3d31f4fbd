"""Making a toy dataset: reuse, replace or render the folder."""

from __future__ import annotations

import logging
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
from tqdm import tqdm

from alphaction.toy.options import ToyOptions
from alphaction.toy.world import World, build_world
from alphaction.toy.writer import (
    CATALOG,
    FOLDERS,
    LABEL_MAP,
    SPLITS,
    dataset_name,
    register,
    write_label_map,
    write_split,
)
from alphaction.utils.errors import UserError
from alphaction.utils.output_folder import read_record, scratch_beside, write_record

logger = logging.getLogger(__name__)

# Counted up whenever equal options give another dataset than before.
FORMAT_VERSION = 2
RECORD = "toy.json"


def make_toy_dataset(
    output: str | Path, options: ToyOptions | None = None, *, force: bool = False, progress: bool = False
) -> Path:
    """Render a toy dataset into the folder ``output`` and return that folder.

    A folder that already holds the dataset of the same options is left as it is.

    Args:
        output: folder to make, such as ``data/toy``. ``dataset.yaml`` in it registers the splits under the folder's
            name: ``toy_train`` and ``toy_val``.
        options: what to make; defaults to :class:`ToyOptions`.
        force: replace a toy dataset of other options.
        progress: show a progress bar.

    Raises:
        UserError: if options are out of range, or the folder holds something else.
    """
    options = options or ToyOptions()
    options.check()
    world = build_world(options.world)
    output = Path(output)
    record = {"format": FORMAT_VERSION, "options": asdict(options)}
    if is_made(output, record, force):
        logger.info("%s already holds this toy dataset", output)
        return output
    with scratch_beside(output) as scratch:
        render(scratch, world, options, record, output, progress)
        move_into_place(scratch, output)
    return output


def is_made(output: Path, record: dict, force: bool) -> bool:
    """Return whether ``output`` holds the dataset that ``record`` describes; refuse a folder that is in the way."""
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return False
    if not output.is_dir():
        raise UserError(f"--output {output}: this is a file; name a folder to make")
    found = read_record(output, RECORD)
    if found is None:
        raise UserError(
            f"--output {output}: the folder is not empty and has no {RECORD}, so it is not a toy dataset; "
            "nothing was changed. Name another folder, or remove this one"
        )
    found = {key: found.get(key) for key in record}
    if found == record:
        return True
    if not force:
        old, new = found["options"] or {}, record["options"]
        changes = [f"{name}: there {old.get(name)}, asked {new[name]}" for name in new if old.get(name) != new[name]]
        raise UserError(
            f"--output {output}: holds a toy dataset that differs ({'; '.join(changes) or 'made by another version'}). "
            "Pass --force to replace it, or name another folder"
        )
    return False


def render(folder: Path, world: World, options: ToyOptions, record: dict, output: Path, progress: bool) -> None:
    """Write all files of the dataset for ``output`` into ``folder``; the record gets the boxes of each class."""
    for name in FOLDERS:
        (folder / name).mkdir()
    counts = {}
    sizes = {"train": options.num_train, "val": options.num_val}
    with tqdm(total=sum(sizes.values()), unit="video", desc=str(output), disable=not progress) as bar:
        for index, split in enumerate(SPLITS):
            scenes = world.plan(sizes[split], options, np.random.default_rng([options.seed, index]))
            counts[split] = write_split(folder, split, scenes, world.classes, options, bar)
    write_label_map(folder / LABEL_MAP, world.classes)
    register(folder / CATALOG, dataset_name(output))
    boxes = {c.name: {split: counts[split][c.id] for split in SPLITS} for c in world.classes}
    write_record(folder, RECORD, {**record, "boxes_per_class": boxes})


def move_into_place(folder: Path, output: Path) -> None:
    """Move the finished files to ``output``; only what a toy dataset consists of is replaced there."""
    output.mkdir(exist_ok=True)
    (output / RECORD).unlink(missing_ok=True)
    for name in FOLDERS:
        if (output / name).exists():
            shutil.rmtree(output / name)
    for name in (*FOLDERS, CATALOG, RECORD):
        (folder / name).replace(output / name)
