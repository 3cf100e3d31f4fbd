"""Counts of labels that decide how a dataset is learned. Sizes in shapes: K keyframes, R boxes, C classes."""

from __future__ import annotations

import numpy as np

from alphaction.data.annotations import AnnotationTable, LabelMap


def labels_per_class(annotations: AnnotationTable, label_map: LabelMap) -> np.ndarray:
    """Return the number of labels of each class, int64 [C], in channel order."""
    return np.bincount(label_map.channels(annotations.label_ids), minlength=label_map.num_classes)


def labels_per_keyframe(annotations: AnnotationTable, label_map: LabelMap) -> np.ndarray:
    """Return the number of labels of each class in each keyframe, int64 [K, C]."""
    keyframe = annotations.keyframe_of_box()[annotations.box_of_label()]
    channels, shape = label_map.channels(annotations.label_ids), (len(annotations.keyframes), label_map.num_classes)
    return np.bincount(keyframe * shape[1] + channels, minlength=shape[0] * shape[1]).reshape(shape)


def movements_per_box(annotations: AnnotationTable, label_map: LabelMap) -> np.ndarray:
    """Return how many labels of the movement group each box has, int64 [R].

    A softmax over the movements can learn boxes with one of them; it skips boxes with none, and cannot learn two.
    """
    movements = [entry.id for entry in label_map if entry.group == "movement"]
    is_movement = np.isin(annotations.label_ids, movements)
    return np.bincount(annotations.box_of_label()[is_movement], minlength=len(annotations))
