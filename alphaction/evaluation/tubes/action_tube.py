"""Tubes of one action each, frame by frame, and their spatio-temporal IoU. Sizes in shapes: F frames of a tube."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from alphaction.evaluation.average_precision import box_iou
from alphaction.evaluation.detections import Detections


@dataclass(frozen=True, eq=False)
class Tube:
    """A person through the frames of a video.

    Attributes:
        frames: int64 [F], numbers of frames from 0, ascending, each once; some in between may be missing.
        boxes: float64 [F, 4] x1, y1, x2, y2 as fractions of the frame.
    """

    frames: np.ndarray
    boxes: np.ndarray


@dataclass(frozen=True, eq=False)
class ActionTube:
    """A person who does an action.

    Attributes:
        video: name of the video.
        action: class name.
        tube: where and when.
        score: in [0, 1]; 1 where it is annotated.
    """

    video: str
    action: str
    tube: Tube
    score: float = 1.0


@dataclass(frozen=True, eq=False)
class TubeSet:
    """What a file says of some videos.

    Attributes:
        source: the file, for messages.
        classes: names of the classes that it speaks of, in its order.
        tubes: the tubes.
        rates: video -> frames per second, where the file says so.
        lengths: video -> number of its frames, where the file says so.
        detections: of predictions, their boxes frame by frame; a keyframe's second is the number of a frame, and a
            class id a position in ``classes``.
        first: number of the first frame of a video in the file; None: it has times.
    """

    source: str
    classes: Sequence[str]
    tubes: Sequence[ActionTube]
    rates: Mapping[str, float] = field(default_factory=dict)
    lengths: Mapping[str, int] = field(default_factory=dict)
    detections: Detections | None = None
    first: int | None = None

    @property
    def step(self) -> float:
        """Usual distance of a tube's box from the next one in frames; 1 where no tube has two."""
        steps = [np.diff(tube.frames) for tube in {id(entry.tube): entry.tube for entry in self.tubes}.values()]
        joined = np.concatenate([np.zeros(0, dtype=np.int64), *steps])
        return float(np.median(joined)) if len(joined) else 1.0


def tube_iou(first: Tube, second: Tube) -> tuple[float, float]:
    """Return the spatio-temporal IoU of two tubes of one video, and their mean IoU on common frames alone.

    The first is the sum of the IoUs of the boxes on the frames that both have, divided by the number of frames that
    either has: the mean over these frames, 0 where only one tube is. Both are 0 if no frame is common.

    - Weinzaepfel, Harchaoui and Schmid, "Learning to Track for Spatio-Temporal Action Localization", ICCV 2015, from
      which JHMDB-21 and UCF101-24 have it: the IoU in time, times the mean IoU of boxes on common frames, which is the
      same number.
    - Li et al., "MultiSports: A Multi-Person Video Dataset of Spatio-Temporally Localized Sports Actions", ICCV 2021.
    """
    _, here, there = np.intersect1d(first.frames, second.frames, assume_unique=True, return_indices=True)
    if not len(here):
        return 0.0, 0.0
    total = float(box_iou(first.boxes[here], second.boxes[there]).sum())
    return total / (len(first.frames) + len(second.frames) - len(here)), total / len(here)
