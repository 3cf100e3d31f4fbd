"""How many labels each class has, for training and validation: a picture of bars, and a table."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from alphaction.data.dataset import ActionDataset
from alphaction.data.label_statistics import labels_per_class
from alphaction.utils.drawing import TEXT_COLOR, TITLE_BACKGROUND, block_size, fitted_text
from alphaction.utils.lettering import legible_name, put_text, text_size
from alphaction.utils.messages import one_line

_WIDTH = 1000
_NAMES = 420  # pixels of the column of names, at most
_NUMBERS = 90
_SCALE = 0.45
_TRAIN, _VALIDATION = (235, 150, 60), (90, 170, 235)
_BAR = 7  # pixels high


def label_counts_table(train_sets: Sequence[ActionDataset], test_sets: Sequence[ActionDataset]) -> str:
    """Return a Markdown table of all classes, the one with most training labels first."""
    rows = ["| class | group | training labels | validation labels |", "|---|---|---:|---:|"]
    for action, train, validation in _sorted_counts(train_sets, test_sets):
        name = one_line(action.name).replace("\\", "\\\\").replace("|", "\\|")
        rows.append(f"| {name} | {action.group} | {train} | {validation} |")
    return "\n".join(rows)


def label_counts_picture(train_sets: Sequence[ActionDataset], test_sets: Sequence[ActionDataset]) -> np.ndarray:
    """Return a picture of all classes with two bars each, the one with most training labels first."""
    counts = _sorted_counts(train_sets, test_sets)
    names = [fitted_text(legible_name(action.name, action.id), _NAMES, _SCALE) for action, _, _ in counts]
    left = max(block_size([name], _SCALE)[0] for name in names) + 8
    step = max(block_size(["Ag"], _SCALE)[1] + 6, 2 * _BAR + 8)
    image = np.full((step * (len(counts) + 1) + 8, _WIDTH, 3), TITLE_BACKGROUND, dtype=np.uint8)
    _legend(image, left, step)
    most = max(max(train, validation) for _, train, validation in counts)
    room = _WIDTH - left - _NUMBERS
    for row, (name, (_, *numbers)) in enumerate(zip(names, counts, strict=True), start=1):
        top = row * step
        put_text(image, name, (6, _base(top, step)), _SCALE, TEXT_COLOR)
        ends = []
        for place, (number, color) in enumerate(zip(numbers, (_TRAIN, _VALIDATION), strict=True)):
            y = top + 3 + place * (_BAR + 1)
            ends.append(left + round(room * number / max(most, 1)))
            if number:  # One pixel even of a class with few.
                cv2.rectangle(image, (left, y), (max(ends[-1], left), y + _BAR - 1), color, cv2.FILLED)
        put_text(image, f"{numbers[0]} | {numbers[1]}", (max(ends) + 8, _base(top, step)), _SCALE, TEXT_COLOR)
    return image


def _sorted_counts(train_sets: Sequence[ActionDataset], test_sets: Sequence[ActionDataset]) -> list[tuple]:
    """Return (class, training labels, validation labels), most training labels first."""
    label_map = train_sets[0].label_map
    totals = [
        sum((labels_per_class(dataset.annotations, label_map) for dataset in sets), np.zeros(len(label_map), np.int64))
        for sets in (train_sets, test_sets)
    ]
    rows = zip(label_map, *(total.tolist() for total in totals), strict=True)
    return sorted(rows, key=lambda row: (-row[1], -row[2]))


def _legend(image: np.ndarray, left: int, step: int) -> None:
    for text, color in (("training labels", _TRAIN), ("validation labels", _VALIDATION)):
        cv2.rectangle(image, (left, step // 2 - 4), (left + 9, step // 2 + 4), color, cv2.FILLED)
        put_text(image, text, (left + 16, _base(0, step)), _SCALE, TEXT_COLOR)
        left += 16 + text_size(text, _SCALE)[0] + 24


def _base(top: int, step: int) -> int:
    _, height, depth = text_size("Ag", _SCALE)
    return top + (step + height - depth) // 2
