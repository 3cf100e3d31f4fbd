"""Tables that grow while a live video runs: AVA's csv of scores, of boxes with person ids, and events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from alphaction.data.annotations import LabelMap
from alphaction.data.keyframes import Keyframe, time_text
from alphaction.evaluation import Predictions
from alphaction.evaluation.ava_csv import detection_rows
from alphaction.evaluation.tubes import Event
from alphaction.evaluation.tubes.tube_file import EVENT_COLUMNS, event_row
from alphaction.workflows.live.line_file import LineFile
from alphaction.workflows.live.seen import SeenMoment


class ScoreTable:
    """The rows of ``--csv``: every person's score of every class, as predicted, not smoothed.

    Args:
        file: what is written.
        video: name of the video in the rows.
        label_map: the classes.
        min_score: scores below are left out (TEST.ACTION_THRESH).
    """

    def __init__(self, file: LineFile, video: str, label_map: LabelMap, min_score: float) -> None:
        self._file, self._video, self._label_map, self._min_score = file, video, label_map, min_score

    def add(self, seen: SeenMoment) -> None:
        """Write the rows of a moment."""
        if not seen.persons:
            return
        boxes = np.array([person.box for person in seen.persons])
        scores = np.array([person.scores for person in seen.persons])
        keyframe = Keyframe(self._video, seen.time)
        found = Predictions.from_clips([keyframe], [boxes], [scores], self._label_map.ids)
        self._file.write("".join(detection_rows(found, self._min_score)))

    def finish(self, events: Sequence[Event], clock: datetime) -> None:
        """Close the file."""
        self._file.close()


class TrackTable:
    """The rows of ``--tracks``: boxes with person ids, as AVA's csv without classes.

    Args:
        file: what is written.
        video: name of the video in the rows.
    """

    def __init__(self, file: LineFile, video: str) -> None:
        self._file, self._video = file, video

    def add(self, seen: SeenMoment) -> None:
        """Write the rows of a moment."""
        head = f"{self._video},{time_text(seen.time)}"
        rows = [f"{head},{','.join(map(str, person.box.tolist()))},,{person.person}\n" for person in seen.persons]
        self._file.write("".join(rows))

    def finish(self, events: Sequence[Event], clock: datetime) -> None:
        """Close the file."""
        self._file.close()


class EventTable:
    """The rows of ``--events``: each event as soon as it is over.

    Args:
        file: what is written.
        video: name of the video in the rows.
    """

    def __init__(self, file: LineFile, video: str) -> None:
        self._file, self._video = file, video
        file.write(EVENT_COLUMNS)

    def add(self, seen: SeenMoment) -> None:
        """Write the events that are over."""
        self._write(seen.closed)

    def finish(self, events: Sequence[Event], clock: datetime) -> None:
        """Write the events that the end closes, and close the file."""
        self._write(events)
        self._file.close()

    def _write(self, events: Sequence[Event]) -> None:
        self._file.write("".join(event_row(event, self._video) for event in events))
