"""The world "people": many bodies, motions, clothes, cameras and backgrounds, to learn from for other data."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from alphaction.toy.drawing import MIN_VISIBLE, Annotated
from alphaction.toy.people.body import JOINT
from alphaction.toy.people.film import Figure, Film
from alphaction.toy.people.labels import CLASSES, labels_of, pose_labels
from alphaction.toy.people.stage import Director, Video
from alphaction.toy.toy_options import Limits, ToyOptions

LEAST_HEIGHT = 0.1
"""Of the frame; a person who shows less is not annotated."""


class PeopleDrawing:
    """The drawing of a planned video.

    Args:
        video: the plan.
        fps: frames a second.
    """

    def __init__(self, video: Video, fps: float) -> None:
        self.film = Film(video, fps)
        self.excluded = [0]  # half of its clip would be before the video

    def frames(self) -> Iterator[np.ndarray]:
        return self.film.frames()

    def persons(self, second: int) -> list[Annotated]:
        """Return those who show for the most part."""
        return list(self._shown(second))

    def things(self, second: int) -> list[np.ndarray]:
        frame = self.film.at(second)
        boxes = (box for figure in self.film.figures for box in figure.things_at(frame))
        return [unit for box in boxes if (unit := self._in_frame(box)) is not None]

    def _shown(self, second: int) -> Iterator[Annotated]:
        frame = self.film.at(second)
        for figure in self.film.figures:
            unit = self._in_frame(figure.box_at(frame))
            if unit is not None and unit[3] - unit[1] >= LEAST_HEIGHT:
                yield Annotated(figure.role.person_id, unit, self._labels(figure, second, frame))

    def _labels(self, figure: Figure, second: int, frame: int) -> tuple[str, ...]:
        role = figure.role
        act = role.at(float(second))
        labels = labels_of(role.acts[act], second, float(figure.facing[frame]), role.partners[act])
        rate = self.film.fps * self.film.moments
        step = max(1, round(rate / 8))
        moments = np.clip([frame - step, frame, frame + step], 0, len(figure.points) - 1)
        lifts = figure.heights[frame, [JOINT["r_foot"], JOINT["l_foot"], JOINT["pelvis"]]]
        seconds = (moments[2] - moments[0]) / rate
        return labels + pose_labels(figure.points[moments], figure.unit[moments], lifts, seconds)

    def _in_frame(self, box: np.ndarray) -> np.ndarray | None:
        """Return a box in pixels as fractions of the frame, clipped; None if most of it is outside."""
        size = np.tile([self.film.view.width, self.film.view.height], 2)
        unit = np.clip(box / size, 0.0, 1.0)
        share = ((unit[2:] - unit[:2]) * size[:2]).prod() / max((box[2:] - box[:2]).prod(), 1e-6)
        return unit if share > MIN_VISIBLE else None


class PeopleWorld:
    """Movements, gestures, directions and tempos of people of all builds (each exclusive), and two of pairs."""

    classes = CLASSES
    defaults = ToyOptions("people", num_train=2600, num_val=100, seconds=4)
    limits = Limits(min_height=64, min_aspect=0.75, max_aspect=3.0, min_seconds=2, max_seconds=60)
    videos_per_look = 1
    exact_detections = False
    independent_seconds = False

    def plan(self, num_videos: int, options: ToyOptions, rng: np.random.Generator) -> list[Video]:
        """Return ``num_videos`` plans in which all motions come up about equally often."""
        director = Director(rng)
        return [director.video(options.width, options.height, options.seconds) for _ in range(num_videos)]

    def drawing(self, scene: Video, options: ToyOptions, rng: np.random.Generator) -> PeopleDrawing:
        """Return the drawing of a plan, which holds all its random choices."""
        return PeopleDrawing(scene, options.fps)
