"""The persons of videos, as the JSON of ``predict_video.py --tubes`` has them -> tubes of one action each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alphaction.data.formats.file_content import FileContent
from alphaction.data.keyframes import Keyframe
from alphaction.evaluation.detections import Predictions
from alphaction.evaluation.tubes.action_tube import ActionTube, Tube, TubeSet
from alphaction.evaluation.tubes.events import EventCollector
from alphaction.evaluation.tubes.tube import Event, PersonTube, VideoTubes
from alphaction.evaluation.tubes.tube_file import parse_tubes
from alphaction.utils.errors import DataError

TRUTH, FOUND = "ground truth", "predictions"
_EXACT = 1e-4  # seconds; a frame whose time was rounded is still within its event


def truth_of_videos(source: str, videos: Sequence[VideoTubes]) -> TubeSet:
    """Return the annotated tubes: an event of a person is a tube on the frames from its begin to its end.

    Raises:
        DataError: there is no event.
    """
    tubes = [
        tube for video in videos for person in video.persons for tube in _event_tubes(video, person, person.events)
    ]
    if not tubes:
        raise DataError(
            f"{TRUTH}: {source} holds no event with a box: nothing says who does what. Annotated persons have "
            '"frames" and "events".'
        )
    return TubeSet(source, _classes(videos), tubes, _rates(videos), _lengths(videos))


def found_in_videos(
    source: str, videos: Sequence[VideoTubes], events: bool = False, min_score: float | None = None
) -> TubeSet:
    """Return the predicted tubes of persons.

    Args:
        source: the file.
        videos: what it holds.
        events: a tube is an event of a person, with its score; else a person has one for each class, over all frames,
            whose score is the mean over the keyframes.
        min_score: of events: collect them anew, all classes from this score on; None: take those in the file.

    Raises:
        DataError: nothing was predicted.
    """
    tubes: list[ActionTube] = []
    for video in videos:
        for person in video.persons:
            if not events:
                tubes += _person_tubes(video, person)
            else:
                chosen = person.events if min_score is None else _collected(video, person, min_score)
                tubes += _event_tubes(video, person, chosen)
    if videos and not any(person.keyframes for video in videos for person in video.persons):
        raise DataError(
            f"{FOUND}: {source} holds no keyframe with scores. Was anybody found? Or is it the ground truth?"
        )
    classes = _classes(videos)
    return TubeSet(source, classes, tubes, _rates(videos), _lengths(videos), _frame_scores(videos, classes))


def read_videos(content: FileContent) -> list[VideoTubes] | None:
    """Return what a JSON file holds; None: it is not JSON."""
    return parse_tubes(content) if content.syntax == "json" else None


def _classes(videos: Sequence[VideoTubes]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for video in videos for name in video.classes))


def _rates(videos: Sequence[VideoTubes]) -> dict[str, float]:
    return {video.video: video.fps for video in videos}


def _lengths(videos: Sequence[VideoTubes]) -> dict[str, int]:
    return {video.video: round(video.duration * video.fps) for video in videos if video.duration > 0}


def _tube(video: VideoTubes, times: np.ndarray, boxes: np.ndarray) -> Tube:
    # Times of variable frame rates may round to one number: the first of them stands for it.
    frames, first = np.unique(np.round(times * video.fps).astype(np.int64), return_index=True)
    return Tube(frames, boxes[first])


def _person_tubes(video: VideoTubes, person: PersonTube) -> list[ActionTube]:
    if not person.keyframes or not len(person.times):
        return []
    tube = _tube(video, person.times, person.boxes)
    return [
        ActionTube(video.video, name, tube, float(np.mean([each.scores[name] for each in person.keyframes])))
        for name in video.classes
    ]


def _event_tubes(video: VideoTubes, person: PersonTube, events: Sequence[Event]) -> list[ActionTube]:
    tubes = []
    for event in events:
        inside = (person.times >= event.start - _EXACT) & (person.times <= event.end + _EXACT)
        if inside.any():
            tube = _tube(video, person.times[inside], person.boxes[inside])
            tubes.append(ActionTube(video.video, event.action, tube, event.score))
    return tubes


def _collected(video: VideoTubes, person: PersonTube, min_score: float) -> list[Event]:
    lowest = np.full(len(video.classes), min_score)
    collector = EventCollector(video.video, video.classes, lowest, stride=video.stride)
    events: list[Event] = []
    for keyframe in person.keyframes:
        scores = np.array([keyframe.scores[name] for name in video.classes])
        events += collector.add(keyframe.time, person.person, scores)
    return events + collector.finish(video.duration)


def _frame_scores(videos: Sequence[VideoTubes], classes: Sequence[str]) -> Predictions:
    """Return every person's box on every frame, with the scores of the nearest keyframe (of two, the earlier one)."""
    keyframes: list[Keyframe] = []
    indices, boxes, scores = [np.zeros(0, np.int64)], [np.zeros((0, 4))], [np.zeros((0, len(classes)), np.float32)]
    column = {name: index for index, name in enumerate(classes)}
    for video in videos:
        known: dict[int, int] = {}
        for person in video.persons:
            if not person.keyframes or not len(person.times):
                continue
            tube = _tube(video, person.times, person.boxes)
            moments = np.array([keyframe.time for keyframe in person.keyframes])
            table = np.zeros((len(moments), len(classes)), np.float32)
            for row, keyframe in enumerate(person.keyframes):
                for name, score in keyframe.scores.items():
                    table[row, column[name]] = score
            middle = (moments[1:] + moments[:-1]) / 2
            nearest = np.searchsorted(middle, tube.frames / video.fps - _EXACT, side="left")
            for frame in tube.frames.tolist():
                if frame not in known:
                    known[frame] = len(keyframes)
                    keyframes.append(Keyframe(video.video, frame))
            indices.append(np.array([known[frame] for frame in tube.frames.tolist()], dtype=np.int64))
            boxes.append(tube.boxes)
            scores.append(table[nearest])
    joined = np.concatenate(indices), np.concatenate(boxes), np.concatenate(scores)
    return Predictions(keyframes, *joined, np.arange(len(classes)))
