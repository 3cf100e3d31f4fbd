"""What worker processes do for the prediction of videos: open them, read frames and clips, draw and write.

They use no model and no device, so that these stay busy with what is ready already.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from alphaction.data.collate import BatchCollator
from alphaction.data.dataset import ActionDataset
from alphaction.data.sample import ClipBatch, SampleRequest
from alphaction.workflows.detect.detected_boxes import DetectedBoxes, VideoDetector, detect_at
from alphaction.workflows.predict.clip import Clip, open_clip
from alphaction.workflows.predict.rendering import FrameRenderer
from alphaction.workflows.predict.tracker import Track
from alphaction.workflows.predict.tracking.in_clip import follow_in_clip
from alphaction.workflows.predict.video_options import VideoOptions
from alphaction.workflows.predict.writing import write_clip

KEPT_DATASETS = 4
"""Datasets, each with an open video, that a worker keeps; the one that came first leaves first."""

OPEN, DECODE, DETECT, CLASSIFY, TRACK, DRAW, WRITE = "open", "decode", "detect", "classify", "track", "draw", "write"
STAGES = (OPEN, DECODE, DETECT, CLASSIFY, TRACK, DRAW, WRITE)
"""Where the time of a prediction goes."""


@dataclass
class Desk:
    """What a worker has at hand while it does one piece of work after the other.

    Attributes:
        datasets: number of the video -> its clips, in the order of their arrival.
        alive: says that the work goes on.
        drawing: seconds of CPU that the drawing of this piece took.
    """

    datasets: dict[int, ActionDataset] = field(default_factory=dict)
    alive: Callable[[], None] = lambda: None
    drawing: float = 0.0


class Work(Protocol):
    """A piece of work; it travels to a worker, and its result back."""

    video: Path
    stage: str

    def do(self, desk: Desk) -> Any:
        """Do it; what is wrong with the video is a :class:`UserError`."""


@dataclass(frozen=True)
class OpenVideo:
    """Find out the part of a video that is predicted, and at which moments: each ``stride`` seconds."""

    options: VideoOptions
    stride: float
    stage: str = OPEN

    @property
    def video(self) -> Path:
        """The file."""
        return self.options.video

    def do(self, desk: Desk) -> Clip:
        """Return it."""
        return open_clip(self.options, self.stride)


@dataclass(frozen=True)
class ReadFrames:
    """Read the frame at each of some moments, for a detector."""

    clip: Clip
    seconds: Sequence[float]
    stage: str = DECODE

    @property
    def video(self) -> Path:
        """The file."""
        return self.clip.path

    def do(self, desk: Desk) -> list[np.ndarray]:
        """Return the frames, uint8 [H, W, 3] RGB."""
        return [self.clip.source.read(self.clip.path.name, second, [0], 0)[0] for second in self.seconds]


@dataclass(frozen=True)
class FindMoving:
    """Find boxes at some seconds with a detector that needs no device, and other frames than those of these seconds.

    Attributes:
        clip: the part of a video.
        seconds: at which boxes are wanted.
        detector: finds them.
    """

    clip: Clip
    seconds: Sequence[int]
    detector: VideoDetector
    stage: str = DETECT

    @property
    def video(self) -> Path:
        """The file."""
        return self.clip.path

    def do(self, desk: Desk) -> list[DetectedBoxes]:
        """Return what was found at each of the seconds."""
        return detect_at(self.detector, self.clip.source, self.clip.path.name, self.seconds)


@dataclass(frozen=True)
class ReadClips:
    """Read the clips of a batch.

    Attributes:
        video: the file.
        number: of the video in this run.
        requests: the clips.
        dataset: that they are of, pickled; None: the worker has it.
        size_divisibility: see :class:`BatchCollator`.
    """

    video: Path
    number: int
    requests: Sequence[SampleRequest]
    dataset: bytes | None
    size_divisibility: int
    stage: str = DECODE

    def do(self, desk: Desk) -> ClipBatch:
        """Return the batch."""
        if self.dataset is not None:
            desk.datasets[self.number] = pickle.loads(self.dataset)
            while len(desk.datasets) > KEPT_DATASETS:
                del desk.datasets[next(iter(desk.datasets))]
        dataset = desk.datasets[self.number]
        return BatchCollator(self.size_divisibility)([dataset[request] for request in self.requests])

    def for_one_who_has(self, numbers: Sequence[int]) -> ReadClips:
        """Return the same work for a worker that has the datasets of these videos."""
        return replace(self, dataset=None) if self.number in numbers else self


@dataclass(frozen=True)
class FollowPersons:
    """Follow the persons of a video through its frames.

    Attributes:
        clip: the part of a video.
        tracks: the persons.
    """

    clip: Clip
    tracks: Sequence[Track]
    stage: str = TRACK

    @property
    def video(self) -> Path:
        """The file."""
        return self.clip.path

    def do(self, desk: Desk) -> list[Track]:
        """Return the tracks with their boxes on every frame."""
        return follow_in_clip(self.clip, self.tracks, desk.alive)


@dataclass(frozen=True)
class WriteVideo:
    """Draw and write a video.

    Attributes:
        clip: the part of a video.
        output: what the file is to be in the end, for messages and its format.
        part: the file that is written.
        renderer: draws.
        progress: show a bar.
    """

    clip: Clip
    output: Path
    part: Path
    renderer: FrameRenderer
    progress: bool = False
    stage: str = WRITE

    @property
    def video(self) -> Path:
        """The file that is read."""
        return self.clip.path

    def do(self, desk: Desk) -> tuple[tuple[int, int], str]:
        """Return what :func:`write_clip` does."""

        def draw(frame: np.ndarray, moment: float) -> np.ndarray:
            began = time.thread_time()
            picture = self.renderer.draw(frame, moment)
            desk.drawing += time.thread_time() - began
            desk.alive()
            return picture

        return write_clip(self.clip, self.output, self.part, draw, self.progress)
