"""Worlds: kinds of toy scenes, by name. A new world is a class and a line here; the rest of the package is shared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from alphaction.toy.actions_world import ActionsWorld
from alphaction.toy.drawing import Drawing
from alphaction.toy.interactions_world import InteractionsWorld
from alphaction.toy.people.world import PeopleWorld
from alphaction.toy.scene import ToyClass
from alphaction.toy.toy_options import Limits, ToyOptions
from alphaction.utils.errors import UserError
from alphaction.utils.messages import suggest


class World(Protocol):
    """What a world has to offer.

    Attributes:
        classes: the classes of its label map.
        defaults: the options where a person chooses nothing.
        limits: of the options.
        videos_per_look: so many videos in a row share background, camera and noise.
        exact_detections: the detection files hold the true boxes; otherwise a simulated detector's.
        independent_seconds: see :func:`~alphaction.data.video.encoder.write_video`.
    """

    classes: tuple[ToyClass, ...]
    defaults: ToyOptions
    limits: Limits
    videos_per_look: int
    exact_detections: bool
    independent_seconds: bool

    def plan(self, num_videos: int, options: ToyOptions, rng: np.random.Generator) -> Sequence[Any]:
        """Return the scenes of one split, one for each video; all random choices come from ``rng``."""
        ...

    def drawing(self, scene: Any, options: ToyOptions, rng: np.random.Generator) -> Drawing:
        """Return the drawing of one of them; ``rng`` is its look's source of background, camera and noise."""
        ...


WORLDS: dict[str, type[World]] = {
    "actions": ActionsWorld,
    "interactions": InteractionsWorld,
    "people": PeopleWorld,
}


def build_world(name: str) -> World:
    """Return the world called ``name``; an unknown name is a ``UserError`` that lists the known ones."""
    if name not in WORLDS:
        raise UserError(f"--world {name}: there is no such world. {suggest(name, WORLDS)}")
    return WORLDS[name]()
