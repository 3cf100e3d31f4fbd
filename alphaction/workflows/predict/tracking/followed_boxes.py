"""The boxes of a person on the frames of a video."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alphaction.data.video.frame_times import TIME_TOLERANCE


@dataclass(frozen=True, eq=False)
class FollowedBoxes:
    """Where a person was followed to.

    Attributes:
        times: float64 [F], seconds of the frames, ascending.
        boxes: float32 [F, 4] x1, y1, x2, y2 as fractions of the frame.
    """

    times: np.ndarray
    boxes: np.ndarray

    def at(self, time: float) -> np.ndarray | None:
        """Return the box at ``time`` seconds, float64 [4], moving evenly between frames; None: before or after them."""
        if not self.times[0] - TIME_TOLERANCE <= time <= self.times[-1] + TIME_TOLERANCE:
            return None
        after = int(np.searchsorted(self.times, time))
        if after in (0, len(self.times)):
            return self.boxes[max(after - 1, 0)].astype(np.float64)
        share = (time - self.times[after - 1]) / (self.times[after] - self.times[after - 1])
        before, next_box = self.boxes[after - 1 : after + 1].astype(np.float64)
        return before + share * (next_box - before)
