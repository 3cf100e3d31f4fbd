"""What a person can ask of a video prediction, and what comes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from alphaction.data.video import VIDEO_SUFFIXES
from alphaction.utils.errors import UserError, suggest

# Of the video to write, with the name of the container.
OUTPUT_SUFFIXES = {".mp4": "mp4", ".mkv": "matroska", ".mov": "mov", ".avi": "avi"}


@dataclass(frozen=True)
class VideoOptions:
    """What to predict and where to write it.

    Attributes:
        video: the video.
        output: video to write.
        detections: file of person boxes, one set a second; None: ``detector`` finds them.
        object_boxes: file of object boxes, for models that look at objects; None: ``detector``'s, or none.
        detector: name of a torchvision detection model, None: no detector.
        detector_weights: its weights; None: torchvision's own.
        csv: file of all scores in AVA's results format, or None.
        tracks: file of boxes with person ids in AVA's annotation format (no class), or None.
        min_score: classes below are not written on the frames.
        max_classes: at most so many classes are written for a person.
        start: first second of the part to look at.
        end: end of that part in seconds; None: the end of the video.
        scale: whole factor by which the frames are enlarged; None: so that text on them can be read.
    """

    video: Path
    output: Path
    detections: Path | None = None
    object_boxes: Path | None = None
    detector: str | None = None
    detector_weights: Path | None = None
    csv: Path | None = None
    tracks: Path | None = None
    min_score: float = 0.3
    max_classes: int = 3
    start: float = 0.0
    end: float | None = None
    scale: int | None = None

    def check(self) -> None:
        """Raise a :class:`UserError` for what can be seen to be wrong before any work."""
        if not self.video.is_file():
            names = [path.name for path in self.video.parent.glob("*") if path.suffix.lower() in VIDEO_SUFFIXES]
            raise UserError(f"--video {self.video}: no such file. In its folder: {suggest(self.video.name, names)}")
        if self.video.suffix.lower() not in VIDEO_SUFFIXES:
            raise UserError(f"--video {self.video}: expected a name that ends in {', '.join(VIDEO_SUFFIXES)}")
        if self.output.suffix.lower() not in OUTPUT_SUFFIXES:
            raise UserError(f"--output {self.output}: expected a name that ends in {', '.join(OUTPUT_SUFFIXES)}")
        if self.output.is_dir():
            raise UserError(f"--output {self.output}: this is a folder, name a file in it")
        if self.output.exists() and self.output.samefile(self.video):
            raise UserError(f"--output {self.output}: is the video itself, choose another name")
        if (self.detections is None) == (self.detector is None):
            both = "both were given: choose one of" if self.detector else "no boxes of persons: pass one of"
            raise UserError(
                f"{both}\n  --detections FILE   boxes at each second, csv rows: video, second, x1, y1, x2, y2, score\n"
                "  --detector          finds them with torchvision's Faster R-CNN (--detector-weights FILE if its "
                "weights cannot be downloaded)"
            )
        if self.detector_weights is not None and self.detector is None:
            raise UserError("--detector-weights is of use only with --detector")
        if not 0 <= self.start < (math.inf if self.end is None else self.end):
            raise UserError(f"--start {self.start:g}, --end {self.end}: expected 0 <= start < end, in seconds")
        if not 0 <= self.min_score <= 1:
            raise UserError(f"--min-score {self.min_score}: expected 0 to 1")
        if self.max_classes < 0 or (self.scale is not None and self.scale < 1):
            raise UserError("--max-classes must be 0 or more and --scale 1 or more")


@dataclass(frozen=True)
class VideoResult:
    """What was written.

    Attributes:
        output: the video.
        frames: its number of frames.
        fps: frames per second.
        size: (width, height).
        scale: by which frames were enlarged.
        keyframes: seconds at which actions were predicted.
        persons: number of person ids.
    """

    output: Path
    frames: int
    fps: float
    size: tuple[int, int]
    scale: int
    keyframes: int
    persons: int

    def __str__(self) -> str:
        enlarged = f", {self.scale} times the input's so that text can be read (--scale)" if self.scale > 1 else ""
        return (
            f"{self.output}: {self.frames} frames, {self.fps:g} per second, {self.size[0]}x{self.size[1]}{enlarged}; "
            f"no sound; {self.persons} persons at {self.keyframes} keyframes"
        )
