"""Writing one split of a toy dataset: videos, csv tables, label map and ``dataset.yaml``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from alphaction.config.catalog_file import write_catalog
from alphaction.data.video.encoder import write_video
from alphaction.toy.drawing import Drawing
from alphaction.toy.noisy_detections import noisy_boxes
from alphaction.toy.scene import GROUP_TYPES, ToyClass
from alphaction.toy.toy_options import ToyOptions
from alphaction.toy.world import World

SPLITS = ("train", "val")
EXPORTS = "exports"
FOLDERS = ("videos", "annotations", "boxes", EXPORTS)
LABEL_MAP = "annotations/toy_action_list.pbtxt"
CATALOG = "dataset.yaml"
FALSE_OBJECT_SIZE = (0.06, 0.08)


@dataclass
class Tables:
    """Rows of the csv files of one split, as text."""

    annotations: list[str] = field(default_factory=list)
    exclusions: list[str] = field(default_factory=list)
    persons: list[str] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)

    def paths(self, split: str) -> dict[str, list[str]]:
        """Return the rows of each file, by its path in the dataset's folder."""
        return {path: getattr(self, role) for role, path in split_files(split).items()}


def split_files(split: str) -> dict[str, str]:
    """Return where a split's tables lie in the dataset's folder, by role."""
    return {
        "annotations": f"annotations/{split}.csv",
        "exclusions": f"annotations/{split}_excluded_timestamps.csv",
        "persons": f"boxes/{split}_person_detections.csv",
        "objects": f"boxes/{split}_object_detections.csv",
    }


@dataclass
class Counts:
    """What a split has: labeled boxes of each class id, and annotated persons (one counts once at every keyframe)."""

    boxes: Counter[int] = field(default_factory=Counter)
    persons: int = 0


def write_split(
    folder: Path, split: str, scenes: Sequence[Any], world: World, options: ToyOptions, bar: tqdm
) -> Counts:
    """Render the scenes of a split, which are those of its world, and write its tables; return what is in them."""
    ids = {toy_class.name: toy_class.id for toy_class in world.classes}
    tables, counts = Tables(), Counts()
    for index, scene in enumerate(scenes):
        video = f"{split}_{index:03d}"
        look = index // world.videos_per_look
        render_rng, noise_rng = np.random.default_rng([options.seed, SPLITS.index(split), look]).spawn(2)
        drawing = world.drawing(scene, options, render_rng)
        write_video(
            folder / "videos" / f"{video}.mp4",
            drawing.frames(),
            options.fps,
            independent_seconds=world.independent_seconds,
        )
        for second in range(options.seconds):
            add_rows(tables, video, second, drawing, ids, noise_rng, world.exact_detections, counts)
        bar.update()
    for path, rows in tables.paths(split).items():
        (folder / path).write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return counts


def add_rows(
    tables: Tables,
    video: str,
    second: int,
    drawing: Drawing,
    ids: dict[str, int],
    rng: np.random.Generator,
    exact_detections: bool,
    counts: Counts,
) -> None:
    """Add the rows of one second of a video; seconds at which acts change get detections, but no annotations."""
    key = f"{video},{second:04d}"
    people, things = drawing.persons(second), drawing.things(second)
    if second in drawing.excluded:
        tables.exclusions.append(key)
    else:
        counts.persons += len(people)
        for person in people:
            numbers = [ids[name] for name in person.labels]
            counts.boxes.update(numbers)
            tables.annotations += [f"{key},{as_text(person.box)},{n},{person.person_id}" for n in numbers]
    for rows, true, *size in (
        (tables.persons, [person.box for person in people]),
        (tables.objects, things, FALSE_OBJECT_SIZE),
    ):
        if exact_detections:
            found, scores = true, [1.0] * len(true)
        else:
            found, scores = noisy_boxes(np.array(true), rng, *size)
        rows += [f"{key},{as_text(box)},{score:.3f}" for box, score in zip(found, scores, strict=True)]


def as_text(box: np.ndarray) -> str:
    """Return four fractions as csv fields."""
    return ",".join(f"{value:.4f}" for value in box)


def write_label_map(path: Path, classes: Sequence[ToyClass]) -> None:
    """Write the classes as AVA writes them; groups of the world's own by their names."""
    blocks = []
    for c in classes:
        group = GROUP_TYPES.get(c.group, f'"{c.group}"')
        exclusive = "" if c.group in GROUP_TYPES else f"  exclusive: {str(c.exclusive).lower()}\n"
        blocks.append(f'label {{\n  name: "{c.name}"\n  label_id: {c.id}\n  label_type: {group}\n{exclusive}}}\n')
    path.write_text("".join(blocks), encoding="utf-8")


def dataset_name(output: Path) -> str:
    """Return the name of the dataset in the folder ``output``: the folder's own, in letters, digits and ``_``."""
    return re.sub(r"[^A-Za-z0-9_]+", "_", output.resolve().name)


def register(path: Path, name: str) -> None:
    """Write the ``dataset.yaml`` that registers both splits, as ``name_train`` and ``name_val``."""
    roles = {"annotations": "annotations", "persons": "person_boxes", "objects": "object_boxes"}
    roles["exclusions"] = "exclusions"
    splits = {split: {roles[role]: file for role, file in split_files(split).items()} for split in SPLITS}
    write_catalog(path, name, videos="videos", label_map=LABEL_MAP, splits=splits)
