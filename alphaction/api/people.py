"""Where the boxes of persons come from: a file, a table, arrays by second, or a detector."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from yacs.config import CfgNode

from alphaction.api.footage import Footage
from alphaction.data.annotations import BoxTable
from alphaction.data.dataset import wants_objects
from alphaction.data.keyframes import exact_time, is_multiple
from alphaction.utils.errors import CheckpointError, UserError
from alphaction.utils.files import require_file
from alphaction.utils.messages import first_lines, listed, problem_list, suggest
from alphaction.workflows.detect.choose_detector import make_detector
from alphaction.workflows.detect.detected_boxes import Detector, detect_at
from alphaction.workflows.detect.detector_flags import PREDICT_VIDEO
from alphaction.workflows.detect.detector_options import MOTION, DetectorOptions
from alphaction.workflows.detect.detector_weights import MODELS
from alphaction.workflows.predict.person_boxes import BoxFiles, FoundBoxes, boxes_from_file, boxes_of_video

BoxUnits = Literal["pixels", "fractions"]
_UNITS = ("pixels", "fractions")
_INSTEAD = (
    "Or give the boxes: boxes=FILE (csv: video, second, x1, y1, x2, y2, score), or boxes={second: array [n, 4] in "
    "pixels}. Another detector: detector=FILE.onnx, a folder of a model of transformers, or an object with a method "
    'detect(frames). For a first look at what moves before a fixed camera: detector="motion".'
)


class People(Protocol):
    """Finds the persons, and objects if there are any, at some seconds of a video."""

    def at(self, seconds: Sequence[float]) -> tuple[BoxTable, BoxTable | None]:
        """Return the boxes of persons and those of objects; None: there are none."""


@dataclass(frozen=True)
class GivenBoxes:
    """Boxes that are known.

    Attributes:
        persons, objects: of one video.
    """

    persons: BoxTable
    objects: BoxTable | None = None

    def at(self, seconds: Sequence[float]) -> tuple[BoxTable, BoxTable | None]:
        """See :class:`People`."""
        return _at(self.persons, seconds), None if self.objects is None else _at(self.objects, seconds)


@dataclass(frozen=True)
class DetectedPeople:
    """Boxes that a detector finds.

    Attributes:
        detector: finds them.
        footage: the video.
        objects: known boxes of objects, in place of those that the detector finds.
    """

    detector: Detector
    footage: Footage
    objects: BoxTable | None = None

    def at(self, seconds: Sequence[float]) -> tuple[BoxTable, BoxTable | None]:
        """See :class:`People`."""
        footage = self.footage
        found = FoundBoxes(Path(footage.key))
        found.add(seconds, detect_at(self.detector, footage.source, footage.key, seconds))
        persons, objects = found.tables()
        return persons, objects if self.objects is None else _at(self.objects, seconds)


def given_boxes(boxes: Any, footage: Footage, units: str, files: BoxFiles, *, objects: bool = False) -> BoxTable:
    """Return the boxes of one video.

    Args:
        boxes: path of a file of any format of tools/predict_video.py --detections; a table; or second -> array [n, 4]
            of x1, y1, x2, y2, or [n, 5] with a score.
        footage: the video.
        units: of the arrays: "pixels" of the frame or "fractions" (0 to 1) of it.
        files: what was read for the videos before.
        objects: whether these are boxes of objects, of which there may be none.

    Raises:
        UserError: they are wrong, or not of this video.
    """
    if units not in _UNITS:
        raise UserError(f"box_units={units!r}: {suggest(str(units), _UNITS)}")
    which = "objects" if objects else "boxes"
    video = Path(footage.key)
    if isinstance(boxes, str | os.PathLike):
        path = Path(boxes).expanduser()
        require_file(f"{which}=", path)
        table, _ = boxes_from_file(
            path, video, footage.all_seconds, footage.size, footage.end, objects=objects, files=files
        )
        return table
    if isinstance(boxes, BoxTable):
        table, _ = boxes_of_video(boxes, boxes.source, video, footage.all_seconds, footage.end, objects=objects)
        return table
    if isinstance(boxes, np.ndarray | torch.Tensor | list | tuple):
        raise UserError(
            f"{which}= is a {type(boxes).__name__}, which says no seconds: expected a dict. For one array, [n, 4], at "
            f"each second {which}=dict(enumerate(arrays)); for the same ones at each of 60 seconds, "
            f"{which}=dict.fromkeys(range(60), array)."
        )
    if not isinstance(boxes, Mapping):
        raise UserError(
            f"{which}= is a {type(boxes).__name__}: expected the path of a file, a BoxTable, or a dict "
            "{second: array [n, 4]}"
        )
    return _table_of(boxes, footage, units, which)


def _table_of(boxes: Mapping[Any, Any], footage: Footage, units: str, which: str) -> BoxTable:
    problems: list[str] = []
    seconds, rows = [], []
    for second, array in boxes.items():
        if found := list(_wrong_second(second, footage.all_seconds.interval)):
            problems += [f"{which}=: {problem}" for problem in found]
            continue
        try:
            at_second = _rows(array)
        except ValueError as error:
            problems.append(f"{which}=, second {second:g}: {error}")
            continue
        wrong = list(_wrong_rows(at_second, footage.size, units))
        problems += [f"{which}=, second {second:g}: {problem}" for problem in wrong]
        if not wrong:
            seconds += [exact_time(float(second))] * len(at_second)
            rows.append(at_second)
    if problems:
        raise UserError(problem_list(f"{footage.title}:", first_lines(problems)))
    if seconds and min(seconds) >= footage.end:
        raise UserError(
            f"{which}=: all seconds ({listed(sorted(set(seconds)))}) are past the end of {footage.title} at "
            f"{footage.end:.2f} s. Seconds count from its start."
        )
    columns = np.concatenate([np.zeros((0, 5)), *rows])
    width, height = footage.size
    scale = np.ones(4) if units == "fractions" else np.array([width, height, width, height])
    corners = (columns[:, :4] / scale).clip(0, 1)
    return BoxTable.from_columns([footage.key] * len(seconds), seconds, corners, columns[:, 4], f"{which}=")


def _wrong_second(second: Any, stride: float) -> Iterator[str]:
    if isinstance(second, bool) or not isinstance(second, Real) or not math.isfinite(second):
        yield f"the key {second!r} is not a second: expected numbers, counted from the start of the video"
    elif second < 0 or not is_multiple(float(second), stride):
        which = "whole seconds" if stride == 1 else f"multiples of the stride, {stride:g} s,"
        yield f"the key {second:g}: expected {which} from 0 on, at which actions are predicted"


def _rows(array: Any) -> np.ndarray:
    """Return boxes with scores, float64 [n, 5].

    Raises:
        ValueError: they have another shape, or are no numbers.
    """
    if isinstance(array, torch.Tensor):
        array = array.detach().cpu().numpy()
    try:
        rows = np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError("expected numbers, [n, 4]: x1, y1, x2, y2 of each person") from None
    if rows.size == 0:
        return np.zeros((0, 5))
    if rows.ndim != 2 or rows.shape[1] not in (4, 5):
        one = " For one person write [[x1, y1, x2, y2]]." if rows.shape in ((4,), (5,)) else ""
        raise ValueError(f"the array has the shape {list(rows.shape)}, expected [n, 4], or [n, 5] with scores.{one}")
    return rows if rows.shape[1] == 5 else np.column_stack([rows, np.ones(len(rows))])


def _wrong_rows(rows: np.ndarray, size: tuple[int, int], units: str) -> Iterator[str]:
    """Yield what is wrong with the boxes, float64 [n, 5], of one second."""
    if not len(rows):
        return
    width, height = size
    if not np.isfinite(rows).all():
        yield f"a value of {_box(rows[~np.isfinite(rows).all(axis=1)][0])} is not a finite number"
        return
    boxes, scores = rows[:, :4], rows[:, 4]
    limit = np.array([width, height] * 2) if units == "pixels" else np.ones(4)
    if units == "pixels" and boxes.max() <= 1.0:
        yield f'{_box(boxes[0])} has no side of a pixel: are these fractions of the frame? Add box_units="fractions".'
    elif units == "fractions" and boxes.max() > 2.0:
        yield f'{_box(boxes[boxes.max(axis=1).argmax()])} is not a fraction (0 to 1). Pixels are box_units="pixels".'
    elif (wrong := ~(boxes[:, 2:] > boxes[:, :2]).all(axis=1)).any():
        yield f"{_box(boxes[wrong][0])} has no area: expected x1 < x2 and y1 < y2. Is it x, y, width, height?"
    elif (wrong := (boxes[:, :2] >= limit[:2]).any(axis=1) | (boxes[:, 2:] <= 0).any(axis=1)).any():
        yield f"{_box(boxes[wrong][0])} lies outside of the frame, which is {width}x{height} pixels"
    elif (wrong := ((boxes < -0.5 * limit) | (boxes > 1.5 * limit)).any(axis=1)).any():
        yield f"{_box(boxes[wrong][0])} reaches far beyond the frame, which is {width}x{height} pixels"
    if ((scores < 0) | (scores > 1)).any():
        yield f"the score {scores[(scores < 0) | (scores > 1)][0]:g} is not in [0, 1]"


def _box(box: np.ndarray) -> str:
    return f"the box [{', '.join(f'{value:g}' for value in box)}]"


def find_detector(
    detector: Any, weights: str | os.PathLike | None, cfg: CfgNode, device: torch.device, *, objects_given: bool
) -> Detector:
    """Return what finds persons.

    Args:
        detector: None for torchvision's default; the name of another network of torchvision; an ONNX file; the folder
            or name of a model of transformers; "motion", which proposes what moves before a fixed camera; or anything
            with a method ``detect``.
        weights: file of torchvision's weights; None: COCO's, which are downloaded if they are not here.
        cfg: TEST.BOX_THRESH.
        device: where it runs.
        objects_given: whether boxes of objects are known, so that the detector need not find them.

    Raises:
        UserError: there is no such detector, or its weights cannot be had.
    """
    if detector is not None and not isinstance(detector, str | os.PathLike):
        if not callable(getattr(detector, "detect", None)):
            raise UserError(
                f"detector= is a {type(detector).__name__} without a method detect(frames): expected a list of "
                f"DetectedBoxes for a list of frames. {_INSTEAD}"
            )
        return detector
    name = None if detector is None else os.fspath(detector)
    which: dict[str, Any] = {"detector": MOTION} if name == MOTION else {"model": name}
    if name is not None and name not in (MOTION, *MODELS):
        suffix = Path(name).suffix.lower()
        if suffix in (".pth", ".pt"):
            raise UserError(f"detector={name}: weights of torchvision are detector_weights=FILE. {_INSTEAD}")
        if suffix != ".onnx" and not Path(name).expanduser().is_dir() and "/" not in name:
            raise UserError(f"detector={name}: {suggest(name, [MOTION, *sorted(MODELS)])} {_INSTEAD}")
        which = {"onnx": Path(name).expanduser()} if suffix == ".onnx" else {"hf_model": name}
    options = DetectorOptions(
        **which,
        weights=None if weights is None else Path(weights).expanduser(),
        device=str(device),
        score=cfg.TEST.BOX_THRESH,
        every_class=wants_objects(cfg) and not objects_given,
    )
    try:
        return make_detector(options, PREDICT_VIDEO)
    except UserError as error:
        kind = CheckpointError if isinstance(error, CheckpointError) else UserError
        raise kind(f"{error}\n{_INSTEAD}") from error


def _at(table: BoxTable, seconds: Sequence[float]) -> BoxTable:
    """Return the boxes of some seconds of a table of one video."""
    of_box = table.keyframes.seconds[table.keyframe_of_box()]
    use = np.isin(of_box, list(seconds))
    names = table.keyframes.videos[:1].tolist() * int(use.sum())
    return BoxTable.from_columns(names, of_box[use], table.boxes[use], table.scores[use], table.source)
