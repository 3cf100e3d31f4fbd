"""Frames of a video with the persons, their ids and their actions.

Sizes in shapes: N boxes of the video, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from alphaction.data.annotations import LabelMap
from alphaction.prediction.tracker import Track
from alphaction.utils.drawing import PALETTE, draw_detections

# Text on a frame with a shorter side than this covers the people.
_READABLE_SIDE = 360


def automatic_scale(width: int, height: int) -> int:
    """Return the whole factor by which frames are enlarged so that text on them can be read."""
    return max(1, -(-_READABLE_SIDE // min(width, height)))


def shown_classes(
    scores: np.ndarray, label_map: LabelMap, min_score: float, max_classes: int, one_movement: bool
) -> list[tuple[str, float]]:
    """Return name and score of the classes worth showing for a box, best first.

    Args:
        scores: [C], in channel order.
        label_map: the classes.
        min_score: classes below are not shown.
        max_classes: at most so many.
        one_movement: of the movement group only the best is shown, as those exclude each other.
    """
    shown: list[tuple[str, float]] = []
    has_movement = False
    for channel in np.argsort(-scores, kind="stable"):
        entry, score = label_map.classes[channel], float(scores[channel])
        if score < min_score or len(shown) == max_classes:
            break
        if entry.group == "movement":
            if has_movement and one_movement:
                continue
            has_movement = True
        shown.append((entry.name, score))
    return shown


class FrameRenderer:
    """Draws what is known at a time onto a frame.

    Between keyframes boxes move evenly along their track, with the actions of the nearest keyframe.

    Args:
        tracks: the persons; their rows point into ``scores``.
        scores: float [N, C].
        label_map: the classes.
        min_score, max_classes, one_movement: see :func:`shown_classes`.
        scale: frames are enlarged by this whole factor.
    """

    def __init__(
        self,
        tracks: Sequence[Track],
        scores: np.ndarray,
        label_map: LabelMap,
        *,
        min_score: float,
        max_classes: int,
        one_movement: bool,
        scale: int = 1,
    ) -> None:
        self.tracks = tracks
        self.scale = scale
        self._lines = [
            [
                f"{name} {score:.0%}"
                for name, score in shown_classes(row, label_map, min_score, max_classes, one_movement)
            ]
            for row in scores
        ]

    def draw(self, frame: np.ndarray, time: float) -> np.ndarray:
        """Return the picture of a frame, uint8 RGB [height, width, 3] with even sides, at ``time`` seconds."""
        boxes, lines, colors = [], [], []
        for track in self.tracks:
            box = track.box_at(time)
            if box is not None:
                boxes.append(box)
                lines.append([f"#{track.id}", *self._lines[track.row_at(time)]])
                colors.append(PALETTE[(track.id - 1) % len(PALETTE)])
        size = (frame.shape[1] * self.scale, frame.shape[0] * self.scale)
        if self.scale > 1:
            frame = cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC)
        picture = draw_detections(frame, np.array(boxes).reshape(-1, 4), lines, color=colors, min_side=0)
        # Video codecs halve the color planes: an odd side gets one more row or column.
        odd = picture.shape[0] % 2, picture.shape[1] % 2
        return np.pad(picture, ((0, odd[0]), (0, odd[1]), (0, 0)), mode="edge") if any(odd) else picture
