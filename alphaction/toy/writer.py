"""Writing one split of a toy dataset: videos, csv tables, label map and ``dataset.yaml``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from alphaction.config.catalog_file import write_catalog
from alphaction.data.video.encoder import write_video
from alphaction.toy.noisy_detections import noisy_boxes
from alphaction.toy.render import Renderer
from alphaction.toy.scene import GROUP_TYPES, Scene, ToyClass
from alphaction.toy.toy_options import ToyOptions
from alphaction.toy.world import World

SPLITS = ("train", "val")
EXPORTS = "exports"
FOLDERS = ("videos", "annotations", "boxes", EXPORTS)
LABEL_MAP = "annotations/toy_action_list.pbtxt"
CATALOG = "dataset.yaml"
FALSE_OBJECT_SIZE = (0.06, 0.08)
MIN_VISIBLE = 0.4


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


def write_split(
    folder: Path, split: str, scenes: Sequence[Scene], world: World, options: ToyOptions, bar: tqdm
) -> Counter[int]:
    """Render the scenes of a split and write its tables; return the number of labeled boxes of each class id."""
    ids = {toy_class.name: toy_class.id for toy_class in world.classes}
    tables, counts = Tables(), Counter()
    for index, scene in enumerate(scenes):
        video = f"{split}_{index:03d}"
        look = index // world.videos_per_look
        render_rng, noise_rng = np.random.default_rng([options.seed, SPLITS.index(split), look]).spawn(2)
        renderer = Renderer(scene, options.width, options.height, render_rng)
        write_video(
            folder / "videos" / f"{video}.mp4",
            renderer.frames(options.seconds, options.fps),
            options.fps,
            independent_seconds=world.independent_seconds,
        )
        for second in range(options.seconds):
            add_rows(tables, video, second, renderer, ids, noise_rng, world.exact_detections)
        counts.update(ids[name] for t in scene.keyframes for labels in scene.labels(t).values() for name in labels)
        bar.update()
    for path, rows in tables.paths(split).items():
        (folder / path).write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return counts


def add_rows(
    tables: Tables,
    video: str,
    second: int,
    renderer: Renderer,
    ids: dict[str, int],
    rng: np.random.Generator,
    exact_detections: bool,
) -> None:
    """Add the rows of one second of a video; seconds at which acts change get detections, but no annotations."""
    scene, key = renderer.scene, f"{video},{second:04d}"
    people = scene.snapshot(float(second))
    boxes = [renderer.to_unit(person.skeleton.box(), second) for person in people]
    thing_boxes = [prop.box(float(second)) for prop in scene.props]
    thing_boxes += [p.thing_box for p in people if p.thing_box is not None]
    things = [renderer.to_unit(box, second) for box in thing_boxes]
    # Nobody detects what the edge of the frame hides for the most part.
    whole = [(box[2:] - box[:2]).prod() for box in thing_boxes]
    aspect = renderer.width / renderer.height
    things = [b for b, area in zip(things, whole, strict=True) if (b[2:] - b[:2]).prod() * aspect > MIN_VISIBLE * area]
    if second in scene.excluded:
        tables.exclusions.append(key)
    else:
        labels = scene.labels(second)
        tables.annotations += [
            f"{key},{as_text(box)},{ids[name]},{person.person_id}"
            for person, box in zip(people, boxes, strict=True)
            for name in labels[person.person_id]
        ]
    for rows, true, *size in ((tables.persons, boxes), (tables.objects, things, FALSE_OBJECT_SIZE)):
        if exact_detections:
            found, scores = true, [1.0] * len(true)
        else:
            found, scores = noisy_boxes(np.array(true), rng, *size)
        rows += [f"{key},{as_text(box)},{score:.3f}" for box, score in zip(found, scores, strict=True)]


def as_text(box: np.ndarray) -> str:
    """Return four fractions as csv fields."""
    return ",".join(f"{value:.4f}" for value in box)


def write_label_map(path: Path, classes: Sequence[ToyClass]) -> None:
    """Write the classes as AVA writes them."""
    blocks = [
        f'label {{\n  name: "{c.name}"\n  label_id: {c.id}\n  label_type: {GROUP_TYPES[c.group]}\n}}\n' for c in classes
    ]
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
