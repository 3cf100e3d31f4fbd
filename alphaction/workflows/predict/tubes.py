"""The predictions of a video as persons through time: boxes on every frame, scores at keyframes, events.

Sizes in shapes: N boxes of the video, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from alphaction.data.annotations import BoxTable
from alphaction.evaluation import Predictions
from alphaction.evaluation.tubes import Event, PersonTube, ScoredBox, VideoTubes
from alphaction.evaluation.tubes.events import EventCollector
from alphaction.workflows.predict.clip import Clip
from alphaction.workflows.predict.network import Classes
from alphaction.workflows.predict.tracker import Track


def tubes_of_clip(
    clip: Clip, predictions: Predictions, tracks: Sequence[Track], box_scores: np.ndarray, classes: Classes
) -> VideoTubes:
    """Return the persons of the part of a video that was predicted.

    Args:
        clip: the part.
        predictions: scores of every person at every keyframe.
        tracks: the persons; their rows point into ``predictions``.
        box_scores: float [N], that of the detector for each box.
        classes: of the scores.
    """
    persons = [_person(clip, track, predictions.scores, box_scores, classes) for track in tracks]
    return VideoTubes(
        video=clip.path.name,
        fps=clip.fps,
        size=clip.size,
        duration=clip.video_end,
        stride=clip.stride,
        classes=classes.label_map.names,
        persons=sorted(persons, key=lambda person: person.person),
        exclusive=exclusive_names(classes),
    )


def scores_of_boxes(predictions: Predictions, persons: BoxTable | None) -> np.ndarray:
    """Return the detector's score of each box, float32 [N], which the predictions do not hold.

    Args:
        predictions: of one video.
        persons: the boxes that were classified, and others of low scores; None: there are none.
    """
    result = np.ones(len(predictions.boxes), dtype=np.float32)
    for index, keyframe in enumerate(predictions.keyframes if persons is not None else ()):
        boxes, scores = persons.lookup(*keyframe)
        for row in np.flatnonzero(predictions.keyframe_index == index) if len(boxes) else ():
            result[row] = scores[np.abs(boxes - predictions.boxes[row]).max(axis=1).argmin()]
    return result


def exclusive_positions(classes: Classes) -> list[list[int]]:
    """Return the classes of each group of which a person does one at a time, as positions among all."""
    groups = classes.label_map.groups
    return [[index for index, group in enumerate(groups) if group == one] for one in sorted(classes.exclusive)]


def exclusive_names(classes: Classes) -> list[list[str]]:
    """Return the classes of each group of which a person does one at a time."""
    names = classes.label_map.names
    return [[names[position] for position in group] for group in exclusive_positions(classes)]


def _person(clip: Clip, track: Track, scores: np.ndarray, box_scores: np.ndarray, classes: Classes) -> PersonTube:
    times = clip.times
    times = times[np.searchsorted(times, track.seconds[0] - clip.stride) :]
    times = times[: np.searchsorted(times, track.lasts_until(clip.stride / 2), side="right")]
    boxes = [track.box_at(time, clip.stride / 2) for time in times.tolist()]
    there = np.array([box is not None for box in boxes], dtype=bool)
    names = classes.label_map.names
    keyframes = [
        ScoredBox(
            float(second),
            tuple(np.clip(box, 0, 1).tolist()),
            float(box_scores[row]),
            dict(zip(names, scores[row].astype(np.float64).tolist(), strict=True)),
        )
        for second, row, box in zip(track.seconds, track.rows, track.boxes, strict=True)
    ]
    found = np.array([box for box in boxes if box is not None], dtype=np.float64).reshape(-1, 4)
    return PersonTube(track.id, times[there], found, keyframes, _events(clip, track, scores, classes))


def _events(clip: Clip, track: Track, scores: np.ndarray, classes: Classes) -> list[Event]:
    """Return what a person does, within the part of the video."""
    names = classes.label_map.names
    collector = EventCollector(
        clip.path.name,
        names,
        np.array([classes.thresholds[name] for name in names]),
        exclusive_positions(classes),
        stride=clip.stride,
    )
    events = [
        event
        for second, row in zip(track.seconds, track.rows, strict=True)
        for event in collector.add(second, track.id, scores[row])
    ]
    events += collector.finish(clip.end)
    # The first keyframe may be before the part, and what was done then over when it begins.
    cut = [replace(event, start=max(event.start, clip.start)) for event in events if event.end > clip.start]
    return sorted(cut, key=lambda event: (event.start, event.action))
