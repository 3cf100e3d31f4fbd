"""The predictions of one video: who does what, and the files that say so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from alphaction.data.annotations import NO_CLASS, AnnotationTable, write_ava_csv
from alphaction.data.keyframes import Keyframe
from alphaction.evaluation import Predictions, write_detections
from alphaction.evaluation.tubes import VideoTubes
from alphaction.evaluation.tubes.tube_file import event_rows, tubes_entry
from alphaction.workflows.predict.clip import Clip
from alphaction.workflows.predict.network import Classes
from alphaction.workflows.predict.tracker import Track
from alphaction.workflows.predict.tracking.smoothing import smoothed_scores
from alphaction.workflows.predict.tubes import tubes_of_clip


@dataclass(frozen=True)
class Classified:
    """The predictions of one video.

    Attributes:
        predictions: scores of every person at every keyframe.
        tracks: the persons.
        ids: of the person of each box.
        clip: the part of the video.
        classes: of the scores.
        box_scores: float32 [N], that of the detector for each box.
        smooth: time constant in seconds by which shown scores are evened out.
    """

    predictions: Predictions
    tracks: list[Track]
    ids: list[int]
    clip: Clip
    classes: Classes
    box_scores: np.ndarray
    smooth: float = 0.0

    def write_scores(self, path: Path, name: str, min_score: float) -> None:
        """Write all scores as AVA's csv, under a name of the video."""
        named = [Keyframe(name, keyframe.second) for keyframe in self.predictions.keyframes]
        write_detections(path, replace(self.predictions, keyframes=named), min_score)

    def write_tracks(self, path: Path, name: str) -> None:
        """Write the boxes with person ids as AVA's csv without classes."""
        found = self.predictions
        seconds = [found.keyframes[index].second for index in found.keyframe_index]
        without = np.full(len(self.ids), NO_CLASS)
        ids = np.array(self.ids, dtype=np.int64)
        write_ava_csv(path, AnnotationTable.from_columns([name] * len(ids), seconds, found.boxes, without, ids))

    @cached_property
    def shown(self) -> Predictions:
        """The predictions as they are shown: with scores that are smooth along each track."""
        return replace(self.predictions, scores=smoothed_scores(self.tracks, self.predictions.scores, self.smooth))

    @cached_property
    def tubes(self) -> VideoTubes:
        """The persons through time."""
        return tubes_of_clip(self.clip, self.shown, self.tracks, self.box_scores, self.classes)

    def write_tubes(self, path: Path, name: str) -> None:
        """Write the persons through time as an entry of a file of tubes, which has the video's own name."""
        path.write_text(tubes_entry(self.tubes), encoding="utf-8")

    def write_events(self, path: Path, name: str) -> None:
        """Write who does what from when to when as rows of csv, under a name of the video."""
        path.write_text("".join(event_rows(self.tubes, name)), encoding="utf-8")
