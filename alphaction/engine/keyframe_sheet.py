"""Validation keyframes with predictions beside the ground truth: the same ones at each evaluation of a run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from alphaction.config.class_groups import MOVEMENT
from alphaction.data.dataset import ActionDataset
from alphaction.data.keyframes import Keyframe
from alphaction.data.label_statistics import classes_of_keyframes
from alphaction.engine.pictures import MIN_SCORE, annotated_persons, shown_classes
from alphaction.evaluation import Predictions
from alphaction.evaluation.average_precision import box_iou
from alphaction.utils.drawing import PALETTE, Color, contact_sheet, draw_detections, fit_into, fitted_label, fitted_text
from alphaction.utils.messages import counted

_NUM_KEYFRAMES = 6
_SHEET = 1200  # pixels; wider pictures are shown smaller, and their text cannot be read
_CELL = (596, 380)  # largest width and height of a frame
_MOST_CLASSES = 3  # of a predicted box
_CROWD = 6  # boxes from which on only the best class of each is written
_MOST_LABELED = 12  # boxes
_IOU = 0.5
_UNMATCHED = (105, 105, 110)


@dataclass(frozen=True, eq=False)
class _Shown:
    """A keyframe: its frame, scaled for the sheet, and its annotated boxes with their names."""

    dataset: ActionDataset
    position: int
    keyframe: Keyframe
    frame: np.ndarray
    boxes: np.ndarray
    names: list[list[str]]


class KeyframeSheet:
    """Draws the sheet of some keyframes, whose frames are read once.

    Args:
        datasets: which are evaluated; their keyframes share the sheet.
        exclusive: groups of which only the best class of a box is written.
    """

    def __init__(self, datasets: Sequence[ActionDataset], exclusive: Collection[str] = (MOVEMENT,)) -> None:
        self._exclusive = exclusive
        self._shown: list[_Shown] = []
        for number, dataset in enumerate(datasets):
            count = _NUM_KEYFRAMES * (number + 1) // len(datasets) - _NUM_KEYFRAMES * number // len(datasets)
            for position in telling_keyframes(dataset, max(count, 1)):
                keyframe = dataset.keyframes[position]
                frame = dataset.source.read(keyframe.video, keyframe.second, [0], dataset.fps)[0]
                boxes, names = annotated_persons(dataset.tables, keyframe)
                self._shown.append(_Shown(dataset, position, keyframe, fit_into(frame, *_CELL), boxes, names))

    def draw(self, predictions: Sequence[Predictions]) -> np.ndarray:
        """Return the sheet with the predictions of each dataset.

        Persons have the same color on both sides; boxes that overlap no annotated person are gray.
        """
        of_dataset = {id(dataset): found for dataset, found in zip(self._datasets(), predictions, strict=True)}
        pictures, titles = [], []
        for shown in self._shown:
            found = of_dataset[id(shown.dataset)]
            rows = np.flatnonzero(found.keyframe_index == shown.position)
            boxes, scores = found.boxes[rows], found.scores[rows]
            lines = _lines(shown.dataset, found.class_ids, scores, self._exclusive)
            pictures.append(_drawn(shown.frame, boxes, lines, _matching_colors(boxes, shown.boxes)))
            names = [of_box if number < _MOST_LABELED else [] for number, of_box in enumerate(shown.names)]
            pictures.append(_drawn(shown.frame, shown.boxes, names, _colors(len(shown.boxes))))
            set_name = f"{shown.dataset.name}/" if len(of_dataset) > 1 else ""
            titles += [
                f"predicted: {set_name}{shown.keyframe.video}, second {shown.keyframe.second}",
                f"annotated: {counted(len(shown.boxes), 'person')}",
            ]
        widest = max(picture.shape[1] for picture in pictures)
        titles = [fitted_text(title, widest) for title in titles]
        return contact_sheet(pictures, columns=2 * max(1, _SHEET // (2 * widest)), titles=titles)

    def _datasets(self) -> list[ActionDataset]:
        return list({id(shown.dataset): shown.dataset for shown in self._shown}.values())


def telling_keyframes(dataset: ActionDataset, count: int) -> list[int]:
    """Return the positions in the dataset, ascending, of up to ``count`` annotated keyframes to show; always the same.

    One by one, the keyframe is taken that shows most of what is not shown yet: classes, and videos. Of crowded ones
    less can be seen, so that they count for less.
    """
    tables = dataset.tables
    table_index = tables.annotations.keyframes.locate_each(dataset.keyframes)
    present = classes_of_keyframes(tables.annotations, dataset.label_map)[table_index]
    persons = np.diff(tables.annotations.row_offsets)[table_index]
    videos = dataset.keyframes.video_index
    times_shown, of_video = np.zeros(present.shape[1]), np.zeros(len(dataset.keyframes.videos))
    # Of equals not always the first, which would be the beginnings of videos.
    order = np.random.default_rng(0).permutation(len(present))
    left = persons > 0
    chosen: list[int] = []
    while len(chosen) < count and left.any():
        news = present @ (1.0 / (1 + times_shown) ** 2) + 0.1
        worth = np.where(left, news / np.sqrt(np.maximum(persons, 1)) / (1 + of_video[videos]) ** 2, -1.0)
        best = int(order[np.argmax(worth[order])])
        chosen.append(best)
        left[best] = False
        times_shown += present[best]
        of_video[videos[best]] += 1
    return sorted(chosen)


def _lines(
    dataset: ActionDataset, class_ids: np.ndarray, scores: np.ndarray, exclusive: Collection[str]
) -> list[list[str]]:
    """Return the lines of each box: its classes with a fair score, or the best one whatever its score."""
    actions = [dataset.label_map.find(int(class_id)) for class_id in class_ids]
    most = _MOST_CLASSES if len(scores) < _CROWD else 1
    lines = []
    for of_box in scores:
        found = shown_classes(actions, of_box, MIN_SCORE, most, exclusive) or shown_classes(actions, of_box, 0.0, 1)
        lines.append([f"{name} {score:.0%}" for name, score in found])
    if len(scores) > _MOST_LABELED:
        for box in np.argsort(-scores.max(axis=1), kind="stable")[_MOST_LABELED:]:
            lines[box] = []
    return lines


def _drawn(frame: np.ndarray, boxes: np.ndarray, lines: list[list[str]], colors: list[Color]) -> np.ndarray:
    lines = [[fitted_label(line, frame) for line in of_box] for of_box in lines]
    return draw_detections(frame, boxes, lines, color=colors, min_side=0)


def _colors(count: int) -> list[Color]:
    return [PALETTE[index % len(PALETTE)] for index in range(count)]


def _matching_colors(boxes: np.ndarray, annotated: np.ndarray) -> list[Color]:
    """Return for each box the color of the annotated person that it overlaps most, gray if it overlaps none."""
    if not len(annotated):
        return [_UNMATCHED] * len(boxes)
    pairs = (np.repeat(boxes, len(annotated), axis=0), np.tile(annotated, (len(boxes), 1)))
    iou = box_iou(*pairs).reshape(len(boxes), len(annotated))
    colors = _colors(len(annotated))
    return [colors[int(row.argmax())] if row.max() >= _IOU else _UNMATCHED for row in iou]
