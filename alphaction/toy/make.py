"""Making a toy dataset: reuse, replace or render the folder."""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from tqdm import tqdm

from alphaction.data.annotations import read_annotations, read_label_map
from alphaction.toy.cvat_jobs import write_cvat_jobs
from alphaction.toy.scene import ToyClass
from alphaction.toy.toy_options import ToyOptions
from alphaction.toy.world import World, build_world
from alphaction.toy.writer import (
    CATALOG,
    EXPORTS,
    FOLDERS,
    LABEL_MAP,
    SPLITS,
    dataset_name,
    register,
    split_files,
    write_label_map,
    write_split,
)
from alphaction.utils.errors import UserError
from alphaction.utils.messages import text_table
from alphaction.utils.output_folder import read_record, scratch_beside, write_record

logger = logging.getLogger(__name__)

# Counted up whenever equal options give another dataset than before.
FORMAT_VERSION = 4
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
    world = build_world(options.world)
    options.check(world.limits)
    output = Path(output)
    record = {"format": FORMAT_VERSION, "options": asdict(options)}
    if is_made(output, record, force):
        logger.info("%s already holds this toy dataset", output)
        return output
    with scratch_beside(output) as scratch:
        render(scratch, world, options, record, output, progress)
        if is_made(output, record, force):
            logger.info("%s was made by another process in the meantime", output)
            return output
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
        old, new = found["options"] if isinstance(found["options"], dict) else {}, record["options"]
        changes = [f"{name}: there {old.get(name)}, asked {new[name]}" for name in new if old.get(name) != new[name]]
        raise UserError(
            f"--output {output}: holds a toy dataset that differs ({'; '.join(changes) or 'made by another version'}). "
            "Pass --force to replace it, or name another folder"
        )
    return False


def render(folder: Path, world: World, options: ToyOptions, record: dict, output: Path, progress: bool) -> None:
    """Write all files of the dataset for ``output`` into ``folder``; the record also holds the classes."""
    for name in FOLDERS:
        (folder / name).mkdir()
    boxes: dict[str, Counter[int]] = {}
    persons: dict[str, int] = {}
    sizes = {"train": options.num_train, "val": options.num_val}
    with tqdm(total=sum(sizes.values()), unit="video", desc=str(output), disable=not progress) as bar:
        for index, split in enumerate(SPLITS):
            scenes = world.plan(sizes[split], options, np.random.default_rng([options.seed, index]))
            counts = write_split(folder, split, scenes, world, options, bar)
            boxes[split], persons[split] = counts.boxes, counts.persons
    write_label_map(folder / LABEL_MAP, world.classes)
    label_map = read_label_map(folder / LABEL_MAP)
    for split in SPLITS:
        table = read_annotations(folder / split_files(split)["annotations"], label_map)
        write_cvat_jobs(folder / EXPORTS, table, label_map, options)
    register(folder / CATALOG, dataset_name(output))
    write_record(folder, RECORD, {**record, **record_of_classes(world.classes, boxes, persons)})


def record_of_classes(
    classes: Sequence[ToyClass], boxes: dict[str, Counter[int]], persons: dict[str, int]
) -> dict[str, Any]:
    """Return what the record says of the classes.

    Args:
        classes: of the world.
        boxes: for each split, the number of labeled boxes of each class id.
        persons: for each split, the annotated persons: a person counts once at every keyframe.

    Returns:
        ``boxes_per_class`` {class: {split: number}}; ``kinds`` {class: "own", "person", "object" or "memory"};
        ``chance`` {split: {class: share}}: the share (0 to 1) of the annotated persons that carry the class: of
        many persons, the average precision of a ranking that knows nothing.
    """
    return {
        "boxes_per_class": {c.name: {split: boxes[split][c.id] for split in SPLITS} for c in classes},
        "kinds": {c.name: c.kind for c in classes},
        "chance": {split: {c.name: boxes[split][c.id] / max(persons[split], 1) for c in classes} for split in SPLITS},
    }


def summary(record: dict[str, Any]) -> list[str]:
    """Return lines of text on the classes of a dataset's record.

    There is a line for each class with its kind, its labeled boxes and the AP of chance, in percent, of both splits;
    where classes are of several kinds, also a line for each kind with the mean of its classes.
    """
    kinds, chance = record["kinds"], record["chance"]

    def percent(names: Sequence[str]) -> list[str]:
        return [f"{100 * fmean(chance[split][name] for name in names):.1f}" for split in SPLITS]

    figures = [f"{split} {figure}" for figure in ("boxes", "chance (AP, %)") for split in SPLITS]
    rows = [["class", "kind", *figures]]
    for name, boxes in record["boxes_per_class"].items():
        rows.append([name, kinds[name], *(boxes[split] for split in SPLITS), *percent([name])])
    several = dict.fromkeys(kinds.values())
    if len(several) > 1:
        for kind in several:
            rows.append(["mean", kind, "", "", *percent([name for name in kinds if kinds[name] == kind])])
    return text_table(rows, left=2, indent="  ")


def move_into_place(folder: Path, output: Path) -> None:
    """Move the finished files to ``output``; only what a toy dataset consists of is replaced there."""
    output.mkdir(exist_ok=True)
    (output / RECORD).unlink(missing_ok=True)
    for name in FOLDERS:
        if (output / name).exists():
            shutil.rmtree(output / name)
    for name in (*FOLDERS, CATALOG, RECORD):
        (folder / name).replace(output / name)
