"""What every detector returns, and the choice of the boxes that are wanted.

Axes: H and W rows and columns of a frame, n boxes of a frame, m boxes before the choice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torchvision.models.detection import FasterRCNN_ResNet50_FPN_V2_Weights

from alphaction.data.video.clip_source import ClipSource
from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted, listed, suggest

PERSON = "person"
MOVING = "moving"
"""The label of a region of which no more is known than that it moves."""
AS_PERSONS = (PERSON, MOVING)
"""The labels of boxes in which actions are predicted."""
BACKGROUND = "__background__"
COCO_91 = tuple(FasterRCNN_ResNet50_FPN_V2_Weights.COCO_V1.meta["categories"])
"""Names by COCO's own numbers, 0 to 90: 0 is the background, 1 the person, 10 numbers are no class ("N/A")."""
COCO_80 = tuple(name for name in COCO_91 if name not in (BACKGROUND, "N/A"))
"""COCO's classes without gaps, as YOLO and RT-DETR number them: 0 is the person."""


@dataclass(frozen=True)
class DetectedBoxes:
    """What was found on one frame, best score first.

    Attributes:
        boxes: float64 [n, 4] x1, y1, x2, y2 as fractions (0 to 1) of the frame.
        scores: float32 [n] in [0, 1].
        labels: n class names, such as "person".
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: list[str]

    def __len__(self) -> int:
        """Return the number of boxes, n."""
        return len(self.scores)


class Detector(Protocol):
    """What finds persons: torchvision's networks, an ONNX file, a model of transformers."""

    def detect(self, frames: Sequence[np.ndarray]) -> list[DetectedBoxes]:
        """Return the boxes of each frame, uint8 [H, W, 3] RGB; sizes may differ."""


class VideoDetector(ABC):
    """A detector that looks at other frames of a video, too."""

    @abstractmethod
    def detect(self, frames: Sequence[np.ndarray]) -> list[DetectedBoxes]:
        """Return the boxes of each frame, uint8 [H, W, 3] RGB, from it and those before: they are of one video.

        The frames of all calls are in the order of time.
        """

    @abstractmethod
    def detect_at(self, source: ClipSource, video: str, second: float) -> DetectedBoxes:
        """Return the boxes at a moment of a video, whose frames before and after it can be read.

        Raises:
            DataError: the moment cannot be read.
        """

    @abstractmethod
    def together(self, seconds: Sequence[float]) -> list[Sequence[float]]:
        """Return moments of one video, ascending, in groups of those that are best detected one after the other."""


def detect_at(detector: Detector, source: ClipSource, video: str, seconds: Sequence[float]) -> list[DetectedBoxes]:
    """Return the boxes at some moments of a video.

    Raises:
        DataError: a moment cannot be read.
    """
    if isinstance(detector, VideoDetector):
        return [detector.detect_at(source, video, second) for second in seconds]
    return detector.detect([source.read(video, second, [0], 0)[0] for second in seconds])


@dataclass(frozen=True)
class Wanted:
    """Which of the boxes that a network finds are kept.

    Attributes:
        score: boxes of at least this score.
        every_class: boxes of every class; otherwise those of persons only.
        persons: False leaves persons out; only with ``every_class``.
        max_per_frame: at most so many boxes of a frame, best score first.
    """

    score: float
    every_class: bool = False
    persons: bool = True
    max_per_frame: int = 100

    def __post_init__(self) -> None:
        if not (self.every_class or self.persons):
            raise UserError("persons are left out and every_class is off: nothing is left to detect")


class Classes:
    """The classes of a network.

    Args:
        names: name of each label. The background and "N/A" are never kept.
        person: the label of persons; None: there is none.
        open_end: whether there may be labels beyond ``names`` ("class 91").
    """

    def __init__(self, names: Sequence[str], person: int | None, *, open_end: bool = False) -> None:
        self.names = list(names)
        self.person = person
        self._open_end = open_end

    def keep(self, labels: Tensor, wanted: Wanted) -> Tensor:
        """Return bool [m]: which labels, int64 [m], are of a wanted class."""
        person = labels == (-1 if self.person is None else self.person)
        if not wanted.every_class:
            return person
        nothing = torch.tensor([label for label, name in enumerate(self.names) if name in (BACKGROUND, "N/A")])
        known = (labels >= 0) & ~torch.isin(labels, nothing.to(labels))
        if not self._open_end:
            known &= labels < len(self.names)
        return known | person if wanted.persons else known & ~person

    def name(self, label: int) -> str:
        """Return the name of a label; that of persons is always "person"."""
        if label == self.person:
            return PERSON
        return self.names[label] if label < len(self.names) else f"class {label}"

    def select(self, boxes: Tensor, scores: Tensor, labels: Tensor, wanted: Wanted) -> DetectedBoxes:
        """Return the wanted boxes of a frame, clipped to it; those without an area are left out.

        Args:
            boxes: [m, 4] x1, y1, x2, y2 as fractions of the frame.
            scores: [m].
            labels: int64 [m].
            wanted: which of them are kept.
        """
        boxes, scores, labels = boxes.cpu().double().clamp(0, 1), scores.cpu().float(), labels.cpu()
        solid = (boxes[:, 2:] > boxes[:, :2]).all(dim=1)
        use = torch.nonzero(self.keep(labels, wanted) & (scores >= wanted.score) & solid).flatten()
        use = use[scores[use].argsort(descending=True, stable=True)][: wanted.max_per_frame]
        names = [self.name(label) for label in labels[use].tolist()]
        return DetectedBoxes(boxes[use].numpy(), scores[use].numpy(), names)


def find_person(names: Sequence[str], person_class: str | None, wanted: Wanted, source: object) -> int | None:
    """Return the label of persons.

    Args:
        names: name of each label.
        person_class: --person-class: a name, or a label; None: the class "person", or the only one.
        wanted: without persons, none is needed.
        source: the model, for messages.

    Raises:
        UserError: no class is called so, or persons are wanted and no class is "person".
    """
    folded = [name.strip().casefold() for name in names]
    if person_class is not None:
        given = person_class.strip()
        if given.casefold() in folded:
            return folded.index(given.casefold())
        if given.isdecimal() and int(given) < len(names):
            return int(given)
        raise UserError(
            f"--person-class {person_class}: {source} has {counted(len(names), 'class', 'classes')}, "
            f"{_numbered(names)}. {suggest(given, names)}"
        )
    if PERSON in folded:
        return folded.index(PERSON)
    if len(names) == 1:
        return 0
    if wanted.every_class:
        return None
    raise UserError(
        f'{source}: none of its {counted(len(names), "class", "classes")} is called "{PERSON}": {_numbered(names)}. '
        "Say which class is a person: --person-class NAME or INDEX."
    )


def _numbered(names: Sequence[str]) -> str:
    return listed([f"{label} {name}" for label, name in enumerate(names)], limit=12)


def check_frame(frame: np.ndarray) -> None:
    """Raise a :class:`ValueError` unless ``frame`` is uint8 [H, W, 3]."""
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise ValueError(f"a frame must be uint8 [H, W, 3], got {frame.dtype} {list(frame.shape)}")
