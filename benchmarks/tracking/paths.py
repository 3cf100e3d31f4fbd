"""Persons whose paths are known, and what a simulated or a real detector finds of them.

Sizes in shapes: n persons of a frame, m boxes that were found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alphaction.data.annotations import AnnotationTable, read_annotations, read_boxes, read_label_map
from alphaction.toy.noisy_detections import noisy_boxes
from alphaction.toy.render import Renderer
from alphaction.toy.toy_options import ToyOptions
from alphaction.toy.world import build_world

# A detector misses a person of whom somebody nearer to the camera, whose feet are lower, hides more than this share.
_HIDDEN = 0.6


@dataclass(frozen=True, eq=False)
class Moment:
    """A frame on which a detector was run.

    Attributes:
        time: seconds.
        ids: int [n], the true persons.
        boxes: float64 [n, 4], theirs, as fractions of the frame.
        found, scores: float64 [m, 4] and [m], what the detector finds.
    """

    time: float
    ids: np.ndarray
    boxes: np.ndarray
    found: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True, eq=False)
class Footage:
    """A video.

    Attributes:
        name: of the video.
        size: (width, height) in pixels.
        rate: moments per second.
        moments: in the order of time.
    """

    name: str
    size: tuple[int, int]
    rate: float
    moments: Sequence[Moment]


Persons = Callable[[float], tuple[np.ndarray, np.ndarray]]
"""Time in seconds -> ids int [n] and boxes float64 [n, 4] of the persons who are there."""


def toy_scenes(count: int, seed: int) -> list[Renderer]:
    """Return ``count`` videos of the toy world "actions", 12 s of 160x120 pixels each."""
    options = ToyOptions(seed=seed)
    scenes = build_world("actions").plan(count, options, np.random.default_rng([seed, 1]))
    return [
        Renderer(scene, options.width, options.height, np.random.default_rng([seed, number]))
        for number, scene in enumerate(scenes)
    ]


def toy_persons(scene: Renderer) -> Persons:
    """Return where the persons of a toy video are."""

    def persons(time: float) -> tuple[np.ndarray, np.ndarray]:
        there = scene.scene.snapshot(time)
        boxes = [scene.to_unit(person.skeleton.box(), time) for person in there]
        return np.array([person.person_id for person in there]), np.array(boxes).reshape(-1, 4)

    return persons


def simulated(name: str, size: tuple[int, int], persons: Persons, times: np.ndarray, seed: int) -> Footage:
    """Return what a simulated detector finds at ``times``, which are evenly spaced."""
    rng = np.random.default_rng(seed)
    moments = []
    for time in times.tolist():
        ids, boxes = persons(time)
        seen = boxes[~hidden(boxes)]
        moments.append(Moment(time, ids, boxes, *noisy_boxes(seen, rng)))
    return Footage(name, size, 1 / (times[1] - times[0]), moments)


def hidden(boxes: np.ndarray) -> np.ndarray:
    """Return which boxes [n, 4] somebody nearer hides for the most part: bool [n]."""
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(-1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    nearer = boxes[None, :, 3] > boxes[:, None, 3]
    return (nearer & (shared > _HIDDEN * areas[:, None])).any(1)


def read_pets(folder: Path) -> tuple[dict[str, AnnotationTable], list[Footage]]:
    """Return the annotations of pets by split, and its videos: true persons and a real detector's boxes each second."""
    label_map = read_label_map(folder / "annotations" / "pets_action_list.pbtxt")
    tables, videos = {}, []
    for split in ("train", "val"):
        truth = read_annotations(folder / "annotations" / f"pets_{split}.csv", label_map)
        found = read_boxes(folder / "boxes" / f"pets_{split}_person_detections.csv")
        tables[split] = truth
        moments: dict[str, list[Moment]] = {}
        for index, (video, second) in enumerate(truth.keyframes):
            rows = truth.rows(index)
            boxes, scores = found.lookup(video, second)
            moments.setdefault(video, []).append(
                Moment(float(second), truth.person_ids[rows], truth.boxes[rows], boxes, scores)
            )
        videos += [Footage(video, (768, 576), 1.0, some) for video, some in moments.items()]
    return tables, videos


def straight_paths(video: Footage) -> Persons:
    """Return persons who walk straight on from each second's true box to the next one's; nobody is there in between
    who is not at both."""

    def persons(time: float) -> tuple[np.ndarray, np.ndarray]:
        before = video.moments[int(time)]
        after = video.moments[min(int(time) + 1, len(video.moments) - 1)]
        share = time - int(time)
        there = {number: row for row, number in enumerate(after.ids.tolist())}
        ids = [number for number in before.ids.tolist() if number in there or share == 0]
        rows = [before.ids.tolist().index(number) for number in ids]
        ends = [
            after.boxes[there[number]] if number in there else before.boxes[row]
            for number, row in zip(ids, rows, strict=True)
        ]
        starts = before.boxes[rows].reshape(-1, 4)
        return np.array(ids), starts + share * (np.array(ends).reshape(-1, 4) - starts)

    return persons
