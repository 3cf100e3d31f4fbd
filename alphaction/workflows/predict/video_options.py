"""The options of a video prediction, which are the flags of tools/predict_video.py, and its result."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from alphaction.data.formats.rows import NoBoxesError
from alphaction.data.video.file import VIDEO_SUFFIXES
from alphaction.utils.errors import UserError
from alphaction.utils.files import refuse_existing, require_file
from alphaction.utils.messages import counted, problem_list
from alphaction.utils.numbers import FRACTION, NOT_NEGATIVE, POSITIVE, Range
from alphaction.utils.options import check_options, option
from alphaction.workflows.detect.choose_detector import detector_kind
from alphaction.workflows.detect.detector_flags import PREDICT_VIDEO
from alphaction.workflows.detect.detector_options import AUTO, KINDS, DetectorOptions, OtherDetectorOptions
from alphaction.workflows.detect.detector_weights import MODELS

# Suffix of the video to write -> name of the container.
OUTPUT_SUFFIXES = {".mp4": "mp4", ".mkv": "matroska", ".mov": "mov", ".avi": "avi"}
FLOW, STRAIGHT = "flow", "straight"
"""How boxes move between keyframes."""
_PERSON_BOXES = "boxes of persons, one set a second: one of"


@dataclass(frozen=True)
class VideoOptions(OtherDetectorOptions):
    """What to predict and where to write it; each field is described by its help.

    Attributes:
        missing: what to say of a video that a list names and that does not exist.
    """

    video: Path
    output: Path | None = option(
        None,
        metavar="OUT",
        help=f"video to write ({', '.join(OUTPUT_SUFFIXES)}), or a folder: each video under its name; live videos may "
        "do without",
    )
    detections: Path | None = option(
        None, metavar="FILE", help="csv or JSON; rows name the video, see docs/DATA.md", group=_PERSON_BOXES
    )
    object_boxes: Path | None = option(
        None, metavar="FILE", help="boxes of objects, for models that use them (default: the detector's, if any)"
    )
    detector: str | None = option(
        None,
        choices=(*KINDS, *sorted(MODELS)),
        alone=AUTO,
        metavar="D",
        help="detect_persons.py's --detector, or its --model: a network of torchvision; alone, auto, which is also "
        "meant by --onnx and --hf-model",
        group=_PERSON_BOXES,
    )
    detector_weights: Path | None = option(
        None, metavar="FILE", help="detect_persons.py's --weights (default: COCO weights)"
    )
    csv: Path | None = option(
        None, metavar="FILE", help="write all scores of all videos, as tools/evaluate_ava.py reads them"
    )
    tracks: Path | None = option(None, metavar="FILE", help="write boxes with person ids, AVA csv without classes")
    tubes: Path | None = option(
        None,
        metavar="FILE",
        help="write the persons as JSON: the box on every frame, the scores at each keyframe, and the events",
    )
    events: Path | None = option(
        None, metavar="FILE", help="write who does what from when to when, csv: video, person, action, from, to, score"
    )
    min_score: float | None = option(
        None,
        within=FRACTION,
        metavar="S",
        help="lowest score of a class on the frames and of an event (default: that of each class which "
        "tools/calibrate.py has stored in the weights; without them 0.3)",
    )
    max_classes: int = option(
        3, within=NOT_NEGATIVE, metavar="N", help="most classes shown for a person (default: %(default)s)"
    )
    smooth: float = option(
        0.5,
        within=Range(0),
        metavar="S",
        help="even out the scores of a person along their track, by a mean in which what is S seconds away counts 1/e, "
        "on the frames, in --tubes and in --events; --csv keeps the scores of each keyframe (0: not "
        "at all; default: %(default)s)",
    )
    between: str = option(
        FLOW,
        choices=(FLOW, STRAIGHT),
        help="how boxes move between keyframes: with what the frames show (optical flow, which reads the video once "
        "more), or straight (default: %(default)s)",
    )
    start: float = option(0.0, metavar="S", help="second of the video to start at (default: %(default)s)")
    end: float | None = option(None, metavar="S", help="second to stop at (default: the end of the video)")
    scale: int | None = option(
        None, within=POSITIVE, metavar="K", help="enlarge frames K times (default: only small ones, to fit text)"
    )
    compile: bool = option(
        False, help="run the backbone as code that torch.compile makes of it, which pays for hours of video"
    )
    force: bool = option(False, help="replace --output, --csv, --tracks, --tubes and --events if they exist")
    missing: str = ""

    def check(self, other_inputs: Mapping[str, Path] | None = None) -> None:
        """Raise a :class:`UserError` for what is wrong with the options and files.

        Args:
            other_inputs: name -> existing file that no output may replace: the config, the weights.
        """
        self.check_flags()
        self._check_files(other_inputs or {})

    def check_flags(self) -> None:
        """Raise a :class:`UserError` for what is wrong with the options whatever the video."""
        if problems := check_options(self):
            raise UserError(problem_list("options of the video:", problems))
        if (self.detections is None) == (not self.detects):
            both = "both were given: choose one of" if self.detects else "no boxes of persons: pass one of"
            raise UserError(
                f"{both}\n  --detections FILE   boxes at each second, csv rows: video, second, x1, y1, x2, y2, score\n"
                "  --detector          finds them with torchvision's Faster R-CNN (--detector-weights FILE if its "
                "weights cannot be downloaded)\n"
                "  --detector motion   proposes whatever moves before a fixed camera, without weights\n"
                "  --onnx FILE         finds them with the detector in an ONNX file (YOLO, ...)\n"
                "  --hf-model FOLDER   finds them with a detector of transformers (RT-DETR, ...)"
            )
        if self.detector_weights is not None and self.detector is None:
            raise UserError("--detector-weights needs --detector")
        if self.detects:
            detector_kind(self.detecting(), PREDICT_VIDEO)
        if not 0 <= self.start < (math.inf if self.end is None else self.end):
            end = "" if self.end is None else f", --end {self.end:g}"
            raise UserError(f"--start {self.start:g}{end}: expected 0 <= start < end, in seconds")
        for flag, path in self.inputs().items():
            require_file(flag, path)

    @property
    def detects(self) -> bool:
        """Whether a detector finds the persons."""
        return not (self.detector is None and self.onnx is None and self.hf_model is None)

    def detecting(self) -> DetectorOptions:
        """Return the options of the detector; device, score and classes are its model's."""
        kind = self.detector in KINDS
        shared = {entry.name: getattr(self, entry.name) for entry in fields(OtherDetectorOptions)}
        return DetectorOptions(
            detector=self.detector if kind else AUTO,
            model=None if kind else self.detector,
            weights=self.detector_weights,
            **shared,
        )

    def inputs(self) -> dict[str, Path]:
        """Return flag -> file that is read for every video."""
        files = {
            "--detections": self.detections,
            "--object-boxes": self.object_boxes,
            "--detector-weights": self.detector_weights,
            "--onnx": self.onnx,
        }
        return {flag: path for flag, path in files.items() if path is not None}

    def outputs(self) -> dict[str, Path | None]:
        """Return flag -> file that is written."""
        return {
            "--output": self.output,
            "--csv": self.csv,
            "--tracks": self.tracks,
            "--tubes": self.tubes,
            "--events": self.events,
        }

    def _check_files(self, other_inputs: Mapping[str, Path]) -> None:
        """Refuse inputs that are missing, and outputs that are an input, another output or an existing file."""
        if self.missing:
            raise UserError(self.missing)
        require_file("--video", self.video, VIDEO_SUFFIXES)
        taken = {"--video": self.video, **self.inputs()}
        for flag, path, suffixes in (
            ("--video", self.video, VIDEO_SUFFIXES),
            ("--output", self.output, OUTPUT_SUFFIXES),
        ):
            if path.suffix.lower() not in suffixes:
                raise UserError(f"{flag} {path}: expected a name that ends in {', '.join(suffixes)}")
        taken |= other_inputs
        refuse_taken(self.outputs(), taken, self.force)


def refuse_taken(outputs: Mapping[str, Path | None], inputs: Mapping[str, Path], force: bool) -> None:
    """Raise a :class:`UserError` for an output that is an input, another output or an existing file.

    Args:
        outputs: flag -> file; None: it is not written.
        inputs: name -> file that exists.
        force: existing files are replaced.
    """
    taken = dict(inputs)
    for flag, path in outputs.items():
        if path is None:
            continue
        same = next((other for other in taken if _same_file(path, taken[other])), None)
        if same is not None:
            raise UserError(f"{flag} {path}: is also the file of {same}, choose another name")
        refuse_existing(flag, path, force)
        taken[flag] = path


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
        keyframes: at how many moments actions were predicted.
        persons: number of person ids.
        seconds: at how many they could have been predicted.
        sound: what became of it: "sound copied (aac)", "no sound".
        length: of the part that was predicted, in seconds.
        cpu: stage -> seconds of CPU that it took, on all processes together.
        shown: which classes are shown; "" if the weights have no thresholds.
        stride: seconds from one moment to the next.
    """

    output: Path
    frames: int
    fps: float
    size: tuple[int, int]
    scale: int
    keyframes: int
    persons: int
    seconds: int
    sound: str
    length: float = 0.0
    cpu: Mapping[str, float] = field(default_factory=dict)
    shown: str = ""
    stride: float = 1.0

    def __str__(self) -> str:
        enlarged = f", {self.scale} times the input's so that text can be read (--scale)" if self.scale > 1 else ""
        moments = counted(self.seconds, "second")
        if self.stride != 1:
            moments = f"{counted(self.seconds, 'moment')}, one each {self.stride:g} s"
        return (
            f"{self.output}: {counted(self.frames, 'frame')}, {self.fps:g} per second, "
            f"{self.size[0]}x{self.size[1]}{enlarged}; {self.sound}; {counted(self.persons, 'person')} at "
            f"{self.keyframes} of {moments}{f'; {self.shown}' if self.shown else ''}"
        )


@dataclass(frozen=True)
class VideoFailure:
    """A video of several that could not be predicted.

    Attributes:
        video: the file.
        reason: a message that names it.
        short: what it says, in a few words.
    """

    video: Path
    reason: str
    short: str

    @classmethod
    def of(cls, video: Path, error: UserError) -> VideoFailure:
        """Return what an error says; where a file of boxes has none for it, without the names that it has."""
        if isinstance(error, NoBoxesError):
            return cls(video, error.reason, error.reason)
        first = re.split(r"\.\s|\n", str(error).removeprefix("--video: ").removeprefix(f"{video}: "))[0]
        return cls(video, str(error), first.removeprefix(f"{video} "))

    def __str__(self) -> str:
        return self.reason if str(self.video) in self.reason else f"{self.video}: {self.reason}"
