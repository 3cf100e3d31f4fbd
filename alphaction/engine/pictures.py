"""Pictures of predictions beside the ground truth, on evaluated keyframes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from yacs.config import CfgNode

from alphaction.config.class_groups import MOVEMENT
from alphaction.config.paths_catalog import find_dataset
from alphaction.data.annotations import ActionClass, LabelMap
from alphaction.data.keyframes import Keyframe
from alphaction.data.tables import DatasetTables, open_tables
from alphaction.engine.classes import exclusive_groups
from alphaction.evaluation import DetectionRows, read_detections
from alphaction.utils.drawing import contact_sheet, draw_detections, write_png
from alphaction.utils.errors import DataError
from alphaction.utils.files import missing_file, refuse_existing
from alphaction.utils.lettering import legible_name
from alphaction.utils.numbers import FRACTION, POSITIVE
from alphaction.utils.options import option

MIN_SCORE = 0.3
"""The score from which a class is shown where nothing else says it."""


@dataclass(frozen=True)
class PictureOptions:
    """What :func:`draw_predictions` shows, and where."""

    output: Path = option(metavar="PNG", help="picture to write")
    num_keyframes: int = option(6, within=POSITIVE, metavar="K", help="keyframes at most, default %(default)s")
    min_score: float = option(
        MIN_SCORE, within=FRACTION, metavar="S", help="classes with a lower score are not written, default %(default)s"
    )
    force: bool = option(False, help="replace --output if it exists")


def draw_predictions(cfg: CfgNode, dataset_name: str, detections_file: Path, options: PictureOptions) -> Path:
    """Write one PNG with pairs of pictures: predictions, and ground truth, of keyframes spread over a dataset.

    Of the classes of an exclusive group only the best of each box is written.

    Args:
        cfg: the whole config, for the catalog and the groups.
        dataset_name: a registered dataset.
        detections_file: csv that an evaluation wrote.
        options: the picture, and what it shows.

    Raises:
        UserError: if the detections are missing or belong to other keyframes, or the picture exists already.
    """
    refuse_existing("--output", options.output, options.force)
    if not detections_file.is_file():
        raise DataError(f"{missing_file(detections_file)} Evaluate first: python test_net.py --config-file ...")
    tables = open_tables(find_dataset(cfg, dataset_name), boxes=())
    detections = read_detections(detections_file)
    position = {keyframe: index for index, keyframe in enumerate(detections.keyframes)}
    common = [keyframe for keyframe in tables.annotations.keyframes if keyframe in position]
    if not common:
        raise DataError(f"{detections_file}: none of its keyframes is one of {dataset_name}'s")
    exclusive = exclusive_groups(cfg, tables.label_map)
    count = min(options.num_keyframes, len(common))
    chosen = [common[i] for i in np.linspace(0, len(common) - 1, count).round().astype(int)]
    pictures, titles = [], []
    for keyframe in chosen:
        frame = tables.source.read(keyframe.video, keyframe.second, [0], cfg.INPUT.FPS)[0]
        boxes, labels, scores = _predicted(
            detections, position[keyframe], tables.label_map, options.min_score, exclusive
        )
        pictures.append(draw_detections(frame, boxes, labels, scores))
        boxes, labels = annotated_persons(tables, keyframe)
        pictures.append(draw_detections(frame, boxes, labels))
        titles += [f"{keyframe.video}, second {keyframe.second}: predicted", "ground truth"]
    write_png(options.output, contact_sheet(pictures, columns=4 if len(chosen) > 2 else 2, titles=titles))
    return options.output


def shown_classes(
    actions: Sequence[ActionClass],
    scores: np.ndarray,
    min_score: float | np.ndarray,
    max_classes: int | None = None,
    exclusive: Collection[str] = (MOVEMENT,),
) -> list[tuple[str, float]]:
    """Return name and score of the classes to show for a box, best first.

    Args:
        actions: the classes.
        scores: float [number of ``actions``].
        min_score: classes below are not shown: one score for all, or float [number of ``actions``].
        max_classes: the most classes shown; None: all.
        exclusive: groups of which only the best class is shown, as their classes exclude each other.
    """
    return [
        (legible_name(actions[index].name, actions[index].id), float(scores[index]))
        for index in counting_classes(actions, scores, min_score, max_classes, exclusive)
    ]


def counting_classes(
    actions: Sequence[ActionClass],
    scores: np.ndarray,
    min_score: float | np.ndarray,
    max_classes: int | None = None,
    exclusive: Collection[str] = (MOVEMENT,),
) -> list[int]:
    """Return which classes count for a box, as indices of ``actions``, best first; see :func:`shown_classes`."""
    counting: list[int] = []
    limits = np.broadcast_to(min_score, len(actions))
    groups: set[str] = set()
    for index in np.argsort(-scores, kind="stable").tolist():
        group = actions[index].group
        if len(counting) == max_classes:
            break
        if scores[index] < limits[index] or (group in exclusive and group in groups):
            continue
        groups.add(group)
        counting.append(index)
    return counting


def _predicted(
    detections: DetectionRows,
    keyframe_index: int,
    label_map: LabelMap,
    min_score: float,
    exclusive: Collection[str],
) -> tuple[np.ndarray, list[list[str]], list[list[float]]]:
    """Return boxes [n, 4] with the names and scores worth showing, best first."""
    boxes = np.flatnonzero(detections.keyframe_index == keyframe_index)
    labels, scores = [], []
    for box in boxes:
        rows = np.flatnonzero(detections.box_index == box)
        actions = [label_map.find(int(class_id)) for class_id in detections.row_class_ids[rows]]
        shown = shown_classes(actions, detections.scores[rows], min_score, exclusive=exclusive)
        labels.append([name for name, _ in shown])
        scores.append([score for _, score in shown])
    return detections.boxes[boxes], labels, scores


def annotated_persons(tables: DatasetTables, keyframe: Keyframe) -> tuple[np.ndarray, list[list[str]]]:
    """Return the annotated boxes of a keyframe, float64 [n, 4], and the names of the classes of each."""
    table = tables.annotations
    rows = table.rows(table.index_of(*keyframe))
    names = [
        [legible_name(tables.label_map.find(int(i)).name, int(i)) for i in table.labels(row)]
        for row in range(rows.start, rows.stop)
    ]
    return table.boxes[rows], names
