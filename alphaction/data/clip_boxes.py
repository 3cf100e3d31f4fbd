"""The boxes and labels of single clips, as the tables of a dataset have them.

Axes: n persons and m objects of a clip, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from alphaction.data.keyframes import Keyframe
from alphaction.data.tables import DatasetTables
from alphaction.data.used_detections import UsedDetections


@dataclass(frozen=True)
class Persons:
    """Boxes float64 [n, 4], scores float32 [n], and rows int64 [n] of the annotations (none for detections)."""

    boxes: np.ndarray
    scores: np.ndarray
    rows: np.ndarray


class ClipBoxes:
    """Looks up what is at a keyframe; boxes are normalized to [0, 1].

    Args:
        tables: the dataset's files.
        used: detections to classify; None: the annotated persons.
        max_persons: most annotated persons of a clip, more are thinned out at random; None: all.
        max_objects: most objects of a clip, best score first.
    """

    def __init__(
        self, tables: DatasetTables, used: UsedDetections | None, max_persons: int | None, max_objects: int
    ) -> None:
        self._annotations = tables.annotations
        self._object_boxes = tables.object_boxes
        self._label_map = tables.label_map
        self._used = used
        self._max_persons = max_persons
        self._max_objects = max_objects

    def persons(self, keyframe: Keyframe, position: int, rng: np.random.Generator) -> Persons:
        """Return the persons to classify.

        Args:
            keyframe: video and second.
            position: of the keyframe in the annotations.
            rng: chooses where there are too many.
        """
        if self._used is not None:
            boxes, scores = self._used.boxes.lookup(*keyframe, min_score=self._used.min_score)
            return Persons(boxes, scores, np.zeros(0, dtype=np.int64))
        rows = self._annotations.rows(position)
        chosen = np.arange(rows.start, rows.stop)
        if self._max_persons is not None and len(chosen) > self._max_persons:
            chosen = np.sort(rng.choice(chosen, self._max_persons, replace=False))
        return Persons(self._annotations.boxes[chosen], np.ones(len(chosen), dtype=np.float32), chosen)

    def objects(self, keyframe: Keyframe) -> Tensor:
        """Return the object boxes, float64 [m, 4]."""
        if self._object_boxes is None:
            return torch.zeros((0, 4), dtype=torch.float64)
        return torch.from_numpy(self._object_boxes.lookup(*keyframe, limit=self._max_objects)[0])

    def labels(self, rows: np.ndarray) -> Tensor:
        """Return multi-hot labels float32 [n, C] of annotation rows, in channel order."""
        labels = torch.zeros((len(rows), self._label_map.num_classes))
        for position, row in enumerate(rows):
            labels[position, self._label_map.channels(self._annotations.labels(int(row)))] = 1
        return labels
