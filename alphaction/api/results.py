"""What a prediction is: the persons at one second of a video, with the scores of their actions by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alphaction.utils.drawing import png_bytes, write_png
from alphaction.utils.messages import counted, suggest
from alphaction.workflows.predict.network import Classes
from alphaction.workflows.predict.rendering import FrameRenderer, frame_scale
from alphaction.workflows.predict.tracker import Track as BoxTrack

if TYPE_CHECKING:
    import supervision

_SHOWN = 3


class ByClass(dict[str, Any]):
    """Class name -> value, in the order of the classes. A name that is no class is told with the nearest."""

    def __missing__(self, name: str) -> Any:
        raise KeyError(f'no class is called "{name}". {suggest(str(name), self)}')


@dataclass(frozen=True)
class Person:
    """A person at one second.

    Attributes:
        id: number of the person, the same through the whole video.
        box: x1, y1, x2, y2 in pixels of the frame.
        box_score: score of the box, in [0, 1]: the detector's, or that of the given boxes.
        scores: class name -> score in [0, 1], in the order of the classes.
    """

    id: int
    box: tuple[float, float, float, float]
    box_score: float
    scores: dict[str, float] = field(repr=False)
    _classes: Classes = field(repr=False, compare=False)

    def top(self, count: int = _SHOWN) -> list[tuple[str, float]]:
        """Return the ``count`` best classes as (name, score), best first, whatever their scores."""
        return sorted(self.scores.items(), key=lambda entry: -entry[1])[:count]

    def actions(self, threshold: float | Mapping[str, float] | None = None) -> list[tuple[str, float]]:
        """Return the actions that the person does, as (name, score), best first.

        Of a group whose classes exclude each other (AVA's movements) only the best that reaches its threshold.

        Args:
            threshold: the lowest score that counts: one for all classes, or class name -> score, where other classes
                keep theirs; None: the detector's ``thresholds``.

        Raises:
            KeyError: ``threshold`` names an unknown class.
        """
        lowest, classes = self._lowest(threshold), self._classes
        group_of = dict(zip(classes.label_map.names, classes.label_map.groups, strict=True))
        found: list[tuple[str, float]] = []
        taken: set[str] = set()
        for name, score in self.top(len(self.scores)):
            if score < lowest[name] or group_of[name] in taken:
                continue
            found.append((name, score))
            taken |= {group_of[name]} & set(classes.exclusive)
        return found

    def _lowest(self, threshold: float | Mapping[str, float] | None) -> Mapping[str, float]:
        if threshold is None:
            return self._classes.thresholds
        if not isinstance(threshold, Mapping):
            return dict.fromkeys(self.scores, float(threshold))
        for name in threshold:
            self.scores[name]  # which refuses unknown ones
        return {**self._classes.thresholds, **threshold}

    def __str__(self) -> str:
        shown = self.actions()[:_SHOWN] or self.top(1)
        return f"#{self.id} " + ", ".join(f"{name} {score:.0%}" for name, score in shown)


@dataclass(frozen=True)
class Prediction:
    """One second of a video: who is there, and what they do.

    In a notebook it is shown as its picture.

    Attributes:
        video: path of the file, or the name that frames were given.
        second: time in the video.
        fps: frames per second of the video.
        size: (width, height) of its frames in pixels.
        persons: the persons, those with the lower ids first; empty where nobody is.
    """

    video: str
    second: float
    fps: float
    size: tuple[int, int]
    persons: tuple[Person, ...]
    _classes: Classes = field(repr=False, compare=False)
    _read: Callable[[], np.ndarray] = field(repr=False, compare=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The class names in the order of the scores."""
        return self._classes.label_map.names

    @cached_property
    def frame(self) -> np.ndarray:
        """The frame at this second, uint8 [H, W, 3] RGB; of a file, it is read when it is first asked for."""
        return self._read()

    def boxes(self) -> np.ndarray:
        """Return the boxes of all persons, float64 [n, 4]: x1, y1, x2, y2 in pixels."""
        return np.array([person.box for person in self.persons], dtype=np.float64).reshape(-1, 4)

    def scores(self) -> np.ndarray:
        """Return the scores of all persons, float32 [n, number of classes], in the order of :attr:`names`."""
        rows = [[person.scores[name] for name in self.names] for person in self.persons]
        return np.array(rows, dtype=np.float32).reshape(-1, len(self.names))

    def draw(
        self, *, max_classes: int = _SHOWN, threshold: float | None = None, scale: int | None = None
    ) -> np.ndarray:
        """Return the frame with boxes, ids, class names and scores, as tools/predict_video.py draws them.

        Args:
            max_classes: at most so many for a person.
            threshold: lowest score that is shown; None: the detector's ``thresholds``.
            scale: enlarge the frame so many times; None: only a small one, so that text can be read.

        Returns:
            uint8 [height, width, 3] RGB, with even sides.
        """
        names, width, height = self.names, *self.size
        lowest = [self._classes.thresholds[name] if threshold is None else threshold for name in names]
        scores = self.scores()
        scores[scores < np.array(lowest, dtype=np.float32)] = -1.0
        tracks = [
            BoxTrack(person.id, [self.second], [row], [np.array(person.box) / (width, height, width, height)])
            for row, person in enumerate(self.persons)
        ]
        renderer = FrameRenderer(
            tracks,
            scores,
            self._classes.label_map,
            min_score=0.0,
            max_classes=max_classes,
            exclusive=self._classes.exclusive,
            scale=frame_scale(scale, width, height),
        )
        return renderer.draw(self.frame, self.second)

    def save(self, path: str | Path, **how: Any) -> Path:
        """Write :meth:`draw`'s picture, of the same arguments, as a PNG file; return its path."""
        write_png(path, self.draw(**how))
        return Path(path)

    def to_supervision(self, threshold: float | None = None) -> supervision.Detections:
        """Return the persons as detections of supervision; see :func:`alphaction.api.to_supervision.detections_of`."""
        from alphaction.api.to_supervision import detections_of

        return detections_of(self, threshold)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, which json can write; "actions" are those that reach their thresholds, best first."""
        persons = [
            {
                "id": person.id,
                "box": list(person.box),
                "box_score": person.box_score,
                "actions": [name for name, _ in person.actions()],
                "scores": dict(person.scores),
            }
            for person in self.persons
        ]
        return {
            "video": self.video,
            "second": self.second,
            "fps": self.fps,
            "size": list(self.size),
            "persons": persons,
        }

    def _repr_png_(self) -> bytes:
        return png_bytes(self.draw())

    def __str__(self) -> str:
        who = f"{counted(len(self.persons), 'person')}{': ' if self.persons else ''}"
        return f"{self.video}, second {self.second:g}: {who}{'; '.join(map(str, self.persons))}"
