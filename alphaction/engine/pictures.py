"""Pictures of predictions beside the ground truth, on evaluated keyframes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from yacs.config import CfgNode

from alphaction.config.paths_catalog import find_dataset
from alphaction.data.annotations import LabelMap
from alphaction.data.dataset import ActionDataset
from alphaction.evaluation import DetectionRows, read_detections
from alphaction.utils.drawing import contact_sheet, draw_detections, write_png
from alphaction.utils.errors import UserError
from alphaction.utils.lettering import legible_name


def draw_predictions(
    cfg: CfgNode, dataset_name: str, detections_file: Path, output: Path, num_keyframes: int = 6, min_score: float = 0.3
) -> Path:
    """Write one PNG with pairs of pictures: predictions, and ground truth, of keyframes spread over a dataset.

    Args:
        cfg: the whole config, for the catalog.
        dataset_name: a registered dataset.
        detections_file: csv that an evaluation wrote.
        output: the PNG.
        num_keyframes: pairs at most.
        min_score: classes below are not written; of the movement classes only the best is.

    Raises:
        UserError: if the detections are missing or belong to other keyframes.
    """
    if not detections_file.is_file():
        raise UserError(f"{detections_file}: no such file. Evaluate first: python test_net.py --config-file ...")
    dataset = ActionDataset.from_config(cfg, find_dataset(cfg, dataset_name), training=False)
    detections = read_detections(detections_file)
    position = {keyframe: index for index, keyframe in enumerate(detections.keyframes)}
    common = [keyframe for keyframe in dataset.keyframes if keyframe in position]
    if not common:
        raise UserError(f"{detections_file}: none of its keyframes is one of {dataset_name}'s")
    chosen = [common[i] for i in np.linspace(0, len(common) - 1, min(num_keyframes, len(common))).round().astype(int)]
    pictures, titles = [], []
    for keyframe in chosen:
        frame = dataset.source.read(keyframe.video, keyframe.second, [0], dataset.fps)[0]
        boxes, labels, scores = _predicted(detections, position[keyframe], dataset.label_map, min_score)
        pictures.append(draw_detections(frame, boxes, labels, scores))
        boxes, labels = _annotated(dataset, keyframe)
        pictures.append(draw_detections(frame, boxes, labels))
        titles += [f"{keyframe.video}, second {keyframe.second}: predicted", "ground truth"]
    write_png(output, contact_sheet(pictures, columns=4 if len(chosen) > 2 else 2, titles=titles))
    return output


def _predicted(
    detections: DetectionRows, keyframe_index: int, label_map: LabelMap, min_score: float
) -> tuple[np.ndarray, list[list[str]], list[list[float]]]:
    """Return boxes [n, 4] with the names and scores worth showing, best first."""
    boxes = np.flatnonzero(detections.keyframe_index == keyframe_index)
    labels, scores = [], []
    for box in boxes:
        rows = np.flatnonzero(detections.box_index == box)
        rows = rows[np.argsort(-detections.scores[rows], kind="stable")]
        shown, has_movement = [], False
        for row in rows:
            action = label_map.find(int(detections.row_class_ids[row]))
            is_second_movement = action.group == "movement" and has_movement
            if detections.scores[row] >= min_score and not is_second_movement:
                shown.append((legible_name(action.name, action.id), float(detections.scores[row])))
                has_movement = has_movement or action.group == "movement"
        labels.append([name for name, _ in shown])
        scores.append([score for _, score in shown])
    return detections.boxes[boxes], labels, scores


def _annotated(dataset: ActionDataset, keyframe: tuple[str, int]) -> tuple[np.ndarray, list[list[str]]]:
    table = dataset.annotations
    rows = table.rows(table.index_of(*keyframe))
    names = [
        [legible_name(dataset.label_map.find(int(i)).name, int(i)) for i in table.labels(row)]
        for row in range(rows.start, rows.stop)
    ]
    return table.boxes[rows], names
