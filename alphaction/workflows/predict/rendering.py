"""Frames of a video with the persons, their ids and their actions.

Sizes in shapes: N boxes of the video, C classes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import cv2
import numpy as np

from alphaction.data.annotations import LabelMap
from alphaction.engine.pictures import shown_classes
from alphaction.utils.drawing import PALETTE, Color, draw_detections
from alphaction.utils.errors import UserError
from alphaction.workflows.predict.tracker import Track

# Text on a frame with a shorter side than this covers the people.
_READABLE_SIDE = 360
# The automatic scale does not enlarge frames beyond this long side.
_LARGE_SIDE = 1920
_LARGEST_SIDE = 8192


def automatic_scale(width: int, height: int) -> int:
    """Return the whole factor by which frames are enlarged to make text on them legible."""
    return max(1, min(-(-_READABLE_SIDE // min(width, height)), _LARGE_SIDE // max(width, height)))


def frame_scale(wanted: int | None, width: int, height: int) -> int:
    """Return the whole factor by which frames are enlarged: ``wanted``, else the automatic one.

    Raises:
        UserError: if the frames would be too large for a video.
    """
    if wanted is None:
        return automatic_scale(width, height)
    if wanted > 1 and max(width, height) * wanted > _LARGEST_SIDE:
        most = max(1, _LARGEST_SIDE // max(width, height))
        raise UserError(
            f"--scale {wanted}: {width}x{height} would become {width * wanted}x{height * wanted} pixels, and a side "
            f"may have {_LARGEST_SIDE} at most. Give {most}{' or less' if most > 1 else ''}."
        )
    return wanted


def draw_persons(
    frame: np.ndarray, boxes: np.ndarray, lines: Sequence[Sequence[str]], colors: Sequence[Color], scale: int
) -> np.ndarray:
    """Return the picture of a frame with persons, uint8 RGB with even sides, as videos are written.

    Args:
        frame: uint8 [H, W, 3] RGB.
        boxes: float64 [n, 4] as fractions of the frame.
        lines: of text, for each box.
        colors: of each box.
        scale: the frame is enlarged by this whole factor.
    """
    if scale > 1:
        size = (frame.shape[1] * scale, frame.shape[0] * scale)
        frame = cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC)
    picture = draw_detections(frame, boxes, lines, color=colors, min_side=0)
    # Video codecs halve the color planes: an odd side gets one more row or column.
    odd = picture.shape[0] % 2, picture.shape[1] % 2
    return np.pad(picture, ((0, odd[0]), (0, odd[1]), (0, 0)), mode="edge") if any(odd) else picture


class FrameRenderer:
    """Draws persons, ids and actions onto the frames of a video.

    Between keyframes boxes are where their track has them, with the actions of the nearest keyframe.

    Args:
        tracks: the persons; their rows point into ``scores``.
        scores: float [N, C].
        label_map: the classes.
        min_score, max_classes, exclusive: see :func:`alphaction.engine.pictures.shown_classes`.
        scale: frames are enlarged by this whole factor.
        margin: seconds before the first and after the last keyframe of a person for which they are drawn.
    """

    def __init__(
        self,
        tracks: Sequence[Track],
        scores: np.ndarray,
        label_map: LabelMap,
        *,
        min_score: float | np.ndarray,
        max_classes: int,
        exclusive: Collection[str],
        scale: int = 1,
        margin: float = 0.5,
    ) -> None:
        self.tracks = sorted(tracks, key=lambda track: track.seconds[0])
        self.scale, self.margin = scale, margin
        self._time = -np.inf
        self._shown: list[Track] = []
        self._started = 0
        self._lines = [
            [
                f"{name} {score:.0%}"
                for name, score in shown_classes(label_map.classes, row, min_score, max_classes, exclusive)
            ]
            for row in scores
        ]

    def draw(self, frame: np.ndarray, time: float) -> np.ndarray:
        """Return the picture of a frame, uint8 RGB [height, width, 3] with even sides, at ``time`` seconds."""
        boxes, lines, colors = [], [], []
        for track in self._near(time):
            box = track.box_at(time, self.margin)
            if box is not None:
                boxes.append(box)
                lines.append([f"#{track.id}", *self._lines[track.row_at(time)]])
                colors.append(PALETTE[(track.id - 1) % len(PALETTE)])
        return draw_persons(frame, np.array(boxes).reshape(-1, 4), lines, colors, self.scale)

    def _near(self, time: float) -> list[Track]:
        """Return the tracks around ``time`` seconds; fast when called in order of time."""
        if time < self._time:
            self._shown, self._started = [], 0
        self._time = time
        while self._started < len(self.tracks) and self.tracks[self._started].seconds[0] <= time + self.margin:
            self._shown.append(self.tracks[self._started])
            self._started += 1
        self._shown = [track for track in self._shown if time <= track.lasts_until(self.margin)]
        return self._shown
