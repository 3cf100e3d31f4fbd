"""Pictures of predictions beside the ground truth, on evaluated keyframes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from yacs.config import CfgNode

from alphaction.config.paths_catalog import find_dataset
from alphaction.data.annotations import ActionClass, LabelMap
from alphaction.data.keyframes import Keyframe
from alphaction.data.tables import DatasetTables, open_tables
from alphaction.evaluation import DetectionRows, read_detections
from alphaction.utils.drawing import contact_sheet, draw_detections, write_png
from alphaction.utils.errors import DataError
from alphaction.utils.files import missing_file, refuse_existing
from alphaction.utils.lettering import legible_name
from alphaction.utils.numbers import FRACTION, POSITIVE
from alphaction.utils.options import option


@dataclass(frozen=True)
class PictureOptions:
    """What :func:`draw_predictions` shows, and where."""

    output: Path = option(metavar="PNG", help="picture to write")
    num_keyframes: int = option(6, within=POSITIVE, metavar="K", help="keyframes at most, default %(default)s")
    min_score: float = option(
        0.3, within=FRACTION, metavar="S", help="classes with a lower score are not written, default %(default)s"
    )
    force: bool = option(False, help="replace --output if it exists")


def draw_predictions(cfg: CfgNode, dataset_name: str, detections_file: Path, options: PictureOptions) -> Path:
    """Write one PNG with pairs of pictures: predictions, and ground truth, of keyframes spread over a dataset.

    Of the movement classes only the best of each box is written.

    Args:
        cfg: the whole config, for the catalog.
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
    count = min(options.num_keyframes, len(common))
    chosen = [common[i] for i in np.linspace(0, len(common) - 1, count).round().astype(int)]
    pictures, titles = [], []
    for keyframe in chosen:
        frame = tables.source.read(keyframe.video, keyframe.second, [0], cfg.INPUT.FPS)[0]
        boxes, labels, scores = _predicted(detections, position[keyframe], tables.label_map, options.min_score)
        pictures.append(draw_detections(frame, boxes, labels, scores))
        boxes, labels = _annotated(tables, keyframe)
        pictures.append(draw_detections(frame, boxes, labels))
        titles += [f"{keyframe.video}, second {keyframe.second}: predicted", "ground truth"]
    write_png(options.output, contact_sheet(pictures, columns=4 if len(chosen) > 2 else 2, titles=titles))
    return options.output


def shown_classes(
    actions: Sequence[ActionClass],
    scores: np.ndarray,
    min_score: float,
    max_classes: int | None = None,
    one_movement: bool = True,
) -> list[tuple[str, float]]:
    """Return name and score of the classes to show for a box, best first.

    Args:
        actions: the classes.
        scores: float [number of ``actions``].
        min_score: classes below are not shown.
        max_classes: the most classes shown; None: all.
        one_movement: of the movement group only the best is shown, as those exclude each other.
    """
    shown: list[tuple[str, float]] = []
    has_movement = False
    for index in np.argsort(-scores, kind="stable"):
        action, score = actions[index], float(scores[index])
        if score < min_score or len(shown) == max_classes:
            break
        if action.group == "movement":
            if has_movement and one_movement:
                continue
            has_movement = True
        shown.append((legible_name(action.name, action.id), score))
    return shown


def _predicted(
    detections: DetectionRows, keyframe_index: int, label_map: LabelMap, min_score: float
) -> tuple[np.ndarray, list[list[str]], list[list[float]]]:
    """Return boxes [n, 4] with the names and scores worth showing, best first."""
    boxes = np.flatnonzero(detections.keyframe_index == keyframe_index)
    labels, scores = [], []
    for box in boxes:
        rows = np.flatnonzero(detections.box_index == box)
        actions = [label_map.find(int(class_id)) for class_id in detections.row_class_ids[rows]]
        shown = shown_classes(actions, detections.scores[rows], min_score)
        labels.append([name for name, _ in shown])
        scores.append([score for _, score in shown])
    return detections.boxes[boxes], labels, scores


def _annotated(tables: DatasetTables, keyframe: Keyframe) -> tuple[np.ndarray, list[list[str]]]:
    table = tables.annotations
    rows = table.rows(table.index_of(*keyframe))
    names = [
        [legible_name(tables.label_map.find(int(i)).name, int(i)) for i in table.labels(row)]
        for row in range(rows.start, rows.stop)
    ]
    return table.boxes[rows], names
