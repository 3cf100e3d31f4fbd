"""Counts of labels that decide how a dataset is learned. Sizes in shapes: K keyframes, n clips, R boxes, C classes."""

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


def labels_of_group(annotations: AnnotationTable, label_map: LabelMap, group: str) -> np.ndarray:
    """Return how many labels of a group each box has, int64 [R].

    A softmax over the group can learn boxes with one of them; it skips boxes with none, and cannot learn two.
    """
    ids = [entry.id for entry in label_map if entry.group == group]
    is_member = np.isin(annotations.label_ids, ids)
    return np.bincount(annotations.box_of_label()[is_member], minlength=len(annotations))


def classes_of_keyframes(annotations: AnnotationTable, label_map: LabelMap) -> np.ndarray:
    """Return which classes any box of each keyframe has, bool [K, C]."""
    has = np.zeros((len(annotations.keyframes), label_map.num_classes), dtype=bool)
    keyframe = annotations.keyframe_of_box()[annotations.box_of_label()]
    has[keyframe, label_map.channels(annotations.label_ids)] = True
    return has


def effective_number_weights(counts: np.ndarray, beta: float) -> np.ndarray:
    """Return the weight of each class of a group in the loss, float64 [C]: Cui et al., CVPR 2019, arXiv 1901.05555.

    A further label adds the less that is new, the more there are: n of them are worth (1 - beta^n) / (1 - beta). The
    weights are the inverse of that, times what makes their mean 1 over the classes that have labels.

    Args:
        counts: labels of each class, int [C]; a class without any has weight 1.
        beta: above 0, below 1.
    """
    weights = np.ones(len(counts))
    seen = np.asarray(counts) > 0
    if seen.any():
        inverse = (1 - beta) / -np.expm1(counts[seen] * np.log(beta))
        weights[seen] = inverse / inverse.mean()
    return weights
