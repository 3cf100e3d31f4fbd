"""Predictions of two videos for the tests, and what a person makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from workflows.prepare.video_files import write_movie

from alphaction.evaluation.tubes.tube import Event, PersonTube, ScoredBox, VideoTubes
from alphaction.evaluation.tubes.tube_file import write_tubes

CLASSES = ("stand", "walk", "wave (a hand)", "carry/hold")
KITCHEN, PETS = "Küche 1.mp4", "pets-7.mp4"
RATES = {KITCHEN: "30000/1001", PETS: "7"}
SIZES = {KITCHEN: (160, 120), PETS: (192, 144)}
SECONDS = 6
Box = tuple[float, float, float, float]
Key = tuple[str, float, int]  # video, second, person


def make_videos(folder: Path) -> Path:
    for name, rate in RATES.items():
        write_movie(folder / name, seconds=SECONDS, fps=rate, size=SIZES[name])
    return folder


def box_of(person: int, second: float) -> Box:
    """Return where a person is; all boxes differ."""
    x, y = 0.05 + 0.3 * person + 0.02 * second, 0.1 + 0.05 * person
    return x, y, x + 0.2, y + 0.55


def scores_of(person: int, second: float) -> dict[str, float]:
    """Return the scores of all classes: one or two of them from 0.3 on, none of person 2."""
    walks = (person + int(second)) % 2
    low = 0.2 if person == 2 else 0.0
    return {
        "stand": 0.2 if walks or low else 0.7,
        "walk": low or (0.8 if walks else 0.1),
        "wave (a hand)": low or (0.45 if person == 1 else 0.05),
        "carry/hold": 0.01,
    }


def predicted(stride: float = 1, events: bool = False) -> list[VideoTubes]:
    """Return persons 0, 1 and 2 in the kitchen, and 0 and 1 at the pets, each at all keyframes from ``stride`` on."""
    videos = []
    for name, persons in ((KITCHEN, (0, 1, 2)), (PETS, (0, 1))):
        times = [stride * number for number in range(1, int((SECONDS - 1) / stride) + 1)]
        tubes = []
        for person in persons:
            boxes = [box_of(person, time) for time in times]
            found = [ScoredBox(time, box, 0.9, scores_of(person, time)) for time, box in zip(times, boxes, strict=True)]
            own = (Event(name, person, "carry/hold", 1.5, 3.5, 0.4),) if events and person == 0 else ()
            tubes.append(PersonTube(person, np.array(times, dtype=float), np.array(boxes), found, own))
        fps = eval_rate(RATES[name])
        videos.append(VideoTubes(name, fps, SIZES[name], float(SECONDS), stride, CLASSES, tubes))
    return videos


def eval_rate(text: str) -> float:
    frames, _, seconds = text.partition("/")
    return int(frames) / int(seconds or 1)


def write_predicted(path: Path, stride: float = 1, events: bool = False) -> Path:
    write_tubes(path, predicted(stride, events))
    return path


def labels_at(person: int, second: float, lowest: float = 0.3) -> tuple[str, ...]:
    return tuple(sorted(name for name, score in scores_of(person, second).items() if score >= lowest))


@dataclass(frozen=True)
class Corrected:
    """What a person did at one box.

    Attributes:
        confirmed: whether it was confirmed.
        box: where it was moved to; None: it stays.
        labels: its actions now; None: as predicted.
        deleted: whether it is gone.
    """

    confirmed: bool = False
    box: Box | None = None
    labels: tuple[str, ...] | None = None
    deleted: bool = False


MOVED: Box = (0.3, 0.2, 0.55, 0.9)
CORRECTIONS: dict[Key, Corrected] = {
    # second 1 of the kitchen: all three are right
    **{(KITCHEN, 1, person): Corrected(confirmed=True) for person in range(3)},
    # second 2: one is moved, one waves now, one is nobody
    (KITCHEN, 2, 0): Corrected(confirmed=True, box=MOVED),
    (KITCHEN, 2, 1): Corrected(confirmed=True, labels=("stand", "wave (a hand)")),
    (KITCHEN, 2, 2): Corrected(deleted=True),
    # second 3: two are confirmed, and one nobody has looked at: the keyframe does not count
    (KITCHEN, 3, 0): Corrected(confirmed=True),
    (KITCHEN, 3, 1): Corrected(confirmed=True, labels=("walk",)),
    # the pets: at second 5 one does nothing
    (PETS, 5, 0): Corrected(confirmed=True),
    (PETS, 5, 1): Corrected(confirmed=True, labels=()),
}
"""Of the seconds that are not here nobody has looked at any box."""


def expected(corrections: dict[Key, Corrected] = CORRECTIONS) -> dict[tuple[str, float], list[tuple[Box, tuple]]]:
    """Return (video, second) -> boxes with their labels, of the keyframes that count."""
    found: dict[tuple[str, float], list[tuple[Box, tuple]]] = {}
    for video in predicted():
        for person in video.persons:
            for scored in person.keyframes:
                key = (video.video, scored.time, person.person)
                made = corrections.get(key, Corrected())
                own = found.setdefault(key[:2], [])
                if not made.deleted:
                    labels = labels_at(key[2], key[1]) if made.labels is None else made.labels
                    own.append((made.box or scored.box, labels) if made.confirmed else (None, ()))
    return {key: sorted(own) for key, own in found.items() if all(box is not None for box, _ in own)}
