"""What the writer of a dataset needs of a drawn video: its frames, and who and what is where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from alphaction.toy.render import Renderer
from alphaction.toy.scene import Scene
from alphaction.toy.toy_options import ToyOptions

MIN_VISIBLE = 0.4


@dataclass(frozen=True)
class Annotated:
    """A person at a keyframe: id, box (x1, y1, x2, y2 as fractions of the frame) and class names."""

    person_id: int
    box: np.ndarray
    labels: tuple[str, ...]


class Drawing(Protocol):
    """A video of a world.

    Attributes:
        excluded: whole seconds that are not annotated.
    """

    excluded: list[int]

    def frames(self) -> Iterator[np.ndarray]:
        """Yield all frames, uint8 RGB [height, width, 3]."""
        ...

    def persons(self, second: int) -> list[Annotated]:
        """Return everyone who is in the picture."""
        ...

    def things(self, second: int) -> list[np.ndarray]:
        """Return the boxes of objects, fractions of the frame."""
        ...


class SceneDrawing:
    """The drawing of a :class:`~alphaction.toy.scene.Scene`.

    Args:
        scene: what is drawn.
        options: size, length and frame rate.
        rng: source of background, camera and noise.
    """

    def __init__(self, scene: Scene, options: ToyOptions, rng: np.random.Generator) -> None:
        self.scene, self.options = scene, options
        self.renderer = Renderer(scene, options.width, options.height, rng)
        self.excluded = scene.excluded

    def frames(self) -> Iterator[np.ndarray]:
        return self.renderer.frames(self.options.seconds, self.options.fps)

    def persons(self, second: int) -> list[Annotated]:
        labels = self.scene.labels(second)
        return [
            Annotated(person.person_id, self.renderer.to_unit(person.skeleton.box(), second), labels[person.person_id])
            for person in self.scene.snapshot(float(second))
        ]

    def things(self, second: int) -> list[np.ndarray]:
        """Return the boxes of objects; nobody detects what the edge of the frame hides for the most part."""
        boxes = [prop.box(float(second)) for prop in self.scene.props]
        boxes += [p.thing_box for p in self.scene.snapshot(float(second)) if p.thing_box is not None]
        aspect = self.options.width / self.options.height
        shown = [(self.renderer.to_unit(box, second), (box[2:] - box[:2]).prod()) for box in boxes]
        return [b for b, area in shown if (b[2:] - b[:2]).prod() * aspect > MIN_VISIBLE * area]
