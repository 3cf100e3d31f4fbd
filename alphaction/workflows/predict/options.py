"""What a person can ask of a video prediction, and what comes of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from alphaction.data.video.file import VIDEO_SUFFIXES
from alphaction.utils.errors import UserError
from alphaction.utils.files import check_writable
from alphaction.utils.messages import counted, suggest

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
        force: replace outputs that exist.
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
    force: bool = False

    def check(self, other_inputs: Mapping[str, Path] | None = None) -> None:
        """Raise a :class:`UserError` for what can be seen to be wrong before any work.

        Args:
            other_inputs: name -> existing file that no output may replace: the config, the weights.
        """
        if not self.video.is_file():
            raise _missing("--video", self.video, VIDEO_SUFFIXES)
        if self.video.suffix.lower() not in VIDEO_SUFFIXES:
            raise UserError(f"--video {self.video}: expected a name that ends in {', '.join(VIDEO_SUFFIXES)}")
        if self.output.suffix.lower() not in OUTPUT_SUFFIXES:
            raise UserError(f"--output {self.output}: expected a name that ends in {', '.join(OUTPUT_SUFFIXES)}")
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
            end = "" if self.end is None else f", --end {self.end:g}"
            raise UserError(f"--start {self.start:g}{end}: expected 0 <= start < end, in seconds")
        if not 0 <= self.min_score <= 1:
            raise UserError(f"--min-score {self.min_score}: expected 0 to 1")
        if self.max_classes < 0 or (self.scale is not None and self.scale < 1):
            raise UserError("--max-classes must be 0 or more and --scale 1 or more")
        self._check_files(other_inputs or {})

    def _check_files(self, other_inputs: Mapping[str, Path]) -> None:
        """Refuse inputs that are missing, and outputs that are an input, another output or an existing file."""
        inputs = {
            "--video": self.video,
            "--detections": self.detections,
            "--object-boxes": self.object_boxes,
            "--detector-weights": self.detector_weights,
        }
        taken = {flag: path for flag, path in inputs.items() if path is not None}
        for flag, path in taken.items():
            if not path.is_file():
                raise _missing(flag, path)
        taken |= other_inputs
        for flag, path in (("--output", self.output), ("--csv", self.csv), ("--tracks", self.tracks)):
            if path is None:
                continue
            check_writable(flag, path)
            same = next((other for other in taken if _same_file(path, taken[other])), None)
            if same is not None:
                raise UserError(f"{flag} {path}: is also the file of {same}, choose another name")
            if path.exists() and not self.force:
                raise UserError(f"{flag} {path} exists. Choose another name, or replace it with --force.")
            taken[flag] = path


def _missing(flag: str, path: Path, suffixes: Iterable[str] = ()) -> UserError:
    """Return the error for a file that is missing, with what its folder holds (of these suffixes)."""
    if not path.parent.is_dir():
        return UserError(f"{flag} {path}: no such file; there is no folder {path.parent} either")
    files = [entry for entry in path.parent.iterdir() if entry.is_file()]
    names = [entry.name for entry in files if not suffixes or entry.suffix.lower() in suffixes]
    near = f"In its folder: {suggest(path.name, names)}" if names else "There is none like it in its folder."
    return UserError(f"{flag} {path}: no such file. {near}")


def _same_file(a: Path, b: Path) -> bool:
    return a.resolve() == b.resolve() or (a.exists() and b.exists() and a.samefile(b))


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
            f"{self.output}: {counted(self.frames, 'frame')}, {self.fps:g} per second, "
            f"{self.size[0]}x{self.size[1]}{enlarged}; no sound; {counted(self.persons, 'person')} at "
            f"{counted(self.keyframes, 'keyframe')}"
        )
