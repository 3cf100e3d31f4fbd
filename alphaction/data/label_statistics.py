"""Counts of labels that decide how a dataset is learned. Sizes in shapes: R boxes, C classes."""

from __future__ import annotations

import numpy as np

from alphaction.data.annotations import AnnotationTable, LabelMap


def labels_per_class(annotations: AnnotationTable, label_map: LabelMap) -> np.ndarray:
    """Return the number of labels of each class, int64 [C], in channel order."""
    return np.bincount(label_map.channels(annotations.label_ids), minlength=label_map.num_classes)


def movements_per_box(annotations: AnnotationTable, label_map: LabelMap) -> np.ndarray:
    """Return how many labels of the movement group each box has, int64 [R].

    A softmax over the movements can learn boxes with one of them; it skips boxes with none, and cannot learn two.
    """
    box = np.repeat(np.arange(len(annotations)), np.diff(annotations.label_offsets))
    movements = [entry.id for entry in label_map if entry.group == "movement"]
    return np.bincount(box[np.isin(annotations.label_ids, movements)], minlength=len(annotations))
