"""The persons of a video over all its seconds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from alphaction.api.results import ByClass, Person, Prediction


@dataclass(frozen=True)
class Track:
    """One person over the seconds of a video.

    Attributes:
        video: the video.
        id: number of the person in it.
        seconds: at which the person is seen, ascending.
        persons: the person at each of them.
    """

    video: str
    id: int
    seconds: tuple[float, ...]
    persons: tuple[Person, ...]

    @property
    def boxes(self) -> np.ndarray:
        """The box at each second, float64 [n, 4]: x1, y1, x2, y2 in pixels."""
        return np.array([person.box for person in self.persons], dtype=np.float64).reshape(-1, 4)

    @cached_property
    def scores(self) -> ByClass:
        """Class name -> score at each second: ``track.scores["jump"]``."""
        return ByClass((name, [person.scores[name] for person in self.persons]) for name in self.persons[0].scores)

    def top(self, count: int = 3) -> list[tuple[str, float]]:
        """Return the ``count`` classes of the best mean score as (name, mean score), best first."""
        means = [(name, sum(scores) / len(scores)) for name, scores in self.scores.items()]
        return sorted(means, key=lambda entry: -entry[1])[:count]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, which json can write."""
        return {
            "video": self.video,
            "id": self.id,
            "seconds": list(self.seconds),
            "boxes": self.boxes.tolist(),
            "scores": dict(self.scores),
        }

    def __str__(self) -> str:
        shown = ", ".join(f"{name} {score:.0%}" for name, score in self.top())
        return f"#{self.id}, seconds {self.seconds[0]:g} to {self.seconds[-1]:g}: {shown}"


def tracks_of(results: Iterable[Prediction]) -> list[Track]:
    """Return the persons of one or several videos, in the order in which they appear.

    Args:
        results: of :meth:`ActionDetector.predict`, in their order.
    """
    tracks: dict[tuple[str, int], list[tuple[float, Person]]] = {}
    for result in results:
        for person in result.persons:
            tracks.setdefault((result.video, person.id), []).append((result.second, person))
    return [Track(video, number, *zip(*seen, strict=True)) for (video, number), seen in tracks.items()]
