"""Detections of an unfinished run: one JSON line a keyframe, below one line of the run's options."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from alphaction.data.annotations import BoxTable, Keyframe
from alphaction.data.keyframes import exact_time
from alphaction.utils.atomic import naming_full_disk
from alphaction.utils.errors import UserError
from alphaction.utils.values import Value, parse_json
from alphaction.workflows.detect.detected_boxes import DetectedBoxes


class PartialDetections:
    """What an interrupted run has found so far, next to the output as ``OUTPUT.partial``.

    Keyframes without a detection are recorded too, so that a continued run does not look at them again. A line that
    was cut off when the run was killed is dropped.

    Args:
        output: the file that the run will write in the end.
        options: what the boxes depend on; a run with other options may not continue this one.

    Raises:
        UserError: the file belongs to a run with other options.
    """

    def __init__(self, output: Path, options: Mapping[str, str | float | int | bool]) -> None:
        self.path = output.with_name(output.name + ".partial")
        self.found: dict[Keyframe, tuple[list[list[float]], list[float]]] = {}
        self._options = dict(options)
        if self.path.exists():
            self._read()
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with naming_full_disk(self.path):
                self.path.write_text(json.dumps({"options": self._options}) + "\n", encoding="utf-8")

    def _read(self) -> None:
        """Read what is there; cut a last line that is not whole; remove a file that holds nothing of use."""
        data = self.path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if not whole:
            self.path.unlink()
            return
        if len(whole) < len(data):
            os.truncate(self.path, len(whole))
        try:
            first, *lines = whole.decode("utf-8").splitlines()
        except UnicodeDecodeError:
            raise self._error("", "it is no text.") from None
        options = self._value(1, first)["options"]
        if not lines and options.raw != self._options:
            # It ended before it found anything, perhaps for the very option that is now another.
            self.path.unlink()
            return
        if not options.is_object:
            raise options.unlike("an object")
        self._require_same(options.raw)
        for number, line in enumerate(lines, start=2):
            entry = self._value(number, line)
            second = entry["second"].number()
            boxes = [box.numbers(length=4) for box in entry["boxes"].each()]
            scores = entry["scores"].numbers()
            if len(scores) != len(boxes):
                raise entry.error(f"{len(boxes)} boxes have {len(scores)} scores.")
            self.found[Keyframe(entry["video"].text(), exact_time(second))] = (boxes, scores)

    def _value(self, number: int, line: str) -> Value:
        def error(place: str, problem: str) -> UserError:
            return self._error(f"line {number}", problem)

        return Value(parse_json(line, error), error)

    def _error(self, place: str, problem: str) -> UserError:
        return UserError(
            f"{self.path}{', ' * bool(place)}{place}: not the record of an unfinished run: {problem} Remove the file "
            "to start from the beginning."
        )

    def _require_same(self, before: Mapping[str, object]) -> None:
        changed = [
            f"{key}: {before.get(key)} before, {self._options.get(key)} now"
            for key in sorted({*before, *self._options})
            if before.get(key) != self._options.get(key)
        ]
        if changed:
            raise UserError(
                f"{self.path} holds the detections of an unfinished run with other options "
                f"({'; '.join(changed)}). Continue with the same options, remove the file to start from the beginning, "
                "or choose another --output."
            )

    def add(self, keyframes: Iterable[Keyframe], detections: Iterable[DetectedBoxes]) -> None:
        """Append the detections of a finished batch."""
        lines = []
        for keyframe, found in zip(keyframes, detections, strict=True):
            boxes, scores = found.boxes.tolist(), found.scores.astype(np.float64).tolist()
            self.found[keyframe] = (boxes, scores)
            entry = {"video": keyframe.video, "second": keyframe.second, "boxes": boxes, "scores": scores}
            lines.append(json.dumps(entry) + "\n")
        with naming_full_disk(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write("".join(lines))

    def table(self, keyframes: Iterable[Keyframe], source: str) -> BoxTable:
        """Return the boxes of these keyframes, all of which are finished."""
        videos: list[str] = []
        seconds: list[int | float] = []
        boxes: list[list[float]] = []
        scores: list[float] = []
        for keyframe in keyframes:
            of_frame, of_scores = self.found[keyframe]
            videos += [keyframe.video] * len(of_frame)
            seconds += [keyframe.second] * len(of_frame)
            boxes += of_frame
            scores += of_scores
        return BoxTable.from_columns(videos, seconds, np.array(boxes), scores, source)

    def remove(self) -> None:
        """Remove the file, once the output is written."""
        self.path.unlink(missing_ok=True)
