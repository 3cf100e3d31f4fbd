"""What is drawn on the frames of a live video: persons, with what each was last seen to do.

Sizes in shapes: C classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alphaction.data.video.timed_frame import TimedFrame
from alphaction.utils.drawing import PALETTE
from alphaction.workflows.live.seen import SeenMoment
from alphaction.workflows.predict.rendering import draw_persons
from alphaction.workflows.predict.tracking.protocol import FollowedPerson


class Scene:
    """Draws persons with the actions of the last moment of each.

    Args:
        scale: frames are enlarged by this whole factor.
        max_classes: most classes written for a person.
        lasting: seconds after their moment for which actions are still drawn.
    """

    def __init__(self, scale: int, max_classes: int, lasting: float) -> None:
        self._scale, self._max_classes, self._lasting = scale, max_classes, lasting
        self._known: dict[int, tuple[float, list[str]]] = {}

    def know(self, seen: SeenMoment) -> None:
        """Take note of a moment."""
        for person in seen.persons:
            lines = [f"{name} {score:.0%}" for name, score in person.actions[: self._max_classes]]
            self._known[person.person] = (seen.time, lines)
        oldest = seen.time - self._lasting
        self._known = {number: entry for number, entry in self._known.items() if entry[0] >= oldest}

    def draw(self, frame: TimedFrame, persons: Sequence[FollowedPerson]) -> np.ndarray:
        """Return the picture of a frame, uint8 RGB with even sides."""
        lines = []
        for person in persons:
            time, actions = self._known.get(person.id, (-np.inf, []))
            lines.append([f"#{person.id}", *(actions if frame.time - time <= self._lasting else [])])
        boxes = np.array([person.box for person in persons]).reshape(-1, 4)
        colors = [PALETTE[(person.id - 1) % len(PALETTE)] for person in persons]
        return draw_persons(frame.image, boxes, lines, colors, self._scale)
