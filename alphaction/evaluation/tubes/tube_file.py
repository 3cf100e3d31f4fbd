"""Persons through time as a JSON file: what ``predict_video.py --tubes`` writes and other commands read.

{"format": "alphaction tubes 1",
 "videos": [
   {"video": "street.mp4", "fps": 25.0, "size": [640, 360], "duration": 12.4, "stride": 1.0,
    "classes": ["stand", "walk"], "exclusive": [["stand", "walk"]],
    "persons": [
      {"person": 1,
       "frames": [[2.0, 0.1, 0.2, 0.3, 0.8], ...],          time, then the box as fractions of the frame
       "keyframes": [{"time": 2.0, "box": [0.1, 0.2, 0.3, 0.8], "box_score": 0.97,
                      "scores": {"stand": 0.12, "walk": 0.81}}, ...],
       "events": [{"action": "walk", "from": 1.5, "to": 3.5, "score": 0.79}, ...]}]}]}

What is annotated has the same form: persons with frames and events, of score 1; their keyframes may be empty.
"exclusive" holds the groups of classes of which a person does one at a time; files without it do not say.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alphaction.data.formats.file_content import FileContent
from alphaction.evaluation.tubes.tube import Event, PersonTube, ScoredBox, VideoTubes
from alphaction.utils.atomic import replacing
from alphaction.utils.limits import (
    FRAMES_PER_SECOND,
    LARGEST_CLASS_ID,
    LARGEST_NUMBER,
    LARGEST_SIDE,
    LONGEST_NAME,
    MOST_CLASSES,
)
from alphaction.utils.messages import suggest
from alphaction.utils.numbers import ABOVE_ZERO, FRACTION, Range, whole
from alphaction.utils.values import Value, quoted

FORMAT = "alphaction tubes 1"
HEAD, BETWEEN, TAIL = f'{{"format":"{FORMAT}","videos":[\n', ",\n", "\n]}\n"
EVENT_COLUMNS = "video,person,action,from,to,score\n"
"""The first line of a csv file of events; times in seconds."""
_NUMBERS = frozenset((int, float))
_DIGITS = 6  # of times, boxes and scores
_RATE = Range(0, FRAMES_PER_SECOND, open_low=True)
_NOT_NEGATIVE = Range(0)
_SIDE = whole(1, LARGEST_SIDE)
_PERSON = whole(0, LARGEST_CLASS_ID)
_BOX = "x1, y1, x2, y2 as fractions of the frame, from 0 to 1, x1 at most x2 and y1 at most y2"


def write_tubes(path: Path, videos: Sequence[VideoTubes]) -> None:
    """Write the persons of some videos; see the module.

    Raises:
        FullDiskError: the disk is full.
    """
    with replacing(path) as part:
        part.write_text(f"{HEAD}{BETWEEN.join(map(tubes_entry, videos))}{TAIL}", encoding="utf-8")


def tubes_entry(video: VideoTubes) -> str:
    """Return one video as it stands in a file, between :data:`HEAD`, :data:`BETWEEN` and :data:`TAIL`."""
    return json.dumps(_video(video), separators=(",", ":"))


def event_rows(video: VideoTubes, name: str) -> Iterator[str]:
    """Yield the events of a video as lines of csv below :data:`EVENT_COLUMNS`, in the order of their begin.

    Args:
        video: the persons.
        name: of the video in the rows.
    """
    events = sorted(
        (event for person in video.persons for event in person.events),
        key=lambda event: (event.start, event.person, event.action),
    )
    for event in events:
        yield event_row(event, name)


def event_row(event: Event, name: str) -> str:
    """Return an event as a line of csv below :data:`EVENT_COLUMNS`; ``name``: of the video."""
    line = io.StringIO()
    times = [f"{round(time, 3):.10g}" for time in (event.start, event.end)]
    csv.writer(line, lineterminator="\n").writerow([name, event.person, event.action, *times, f"{event.score:.4f}"])
    return line.getvalue()


def _video(video: VideoTubes) -> dict[str, Any]:
    return {
        "video": video.video,
        "fps": round(video.fps, _DIGITS),
        "size": list(video.size),
        "duration": round(video.duration, _DIGITS),
        "stride": video.stride,
        "classes": list(video.classes),
        **({} if video.exclusive is None else {"exclusive": [list(group) for group in video.exclusive]}),
        "persons": [_person(person) for person in video.persons],
    }


def _person(person: PersonTube) -> dict[str, Any]:
    frames = [
        [round(time, _DIGITS), *(round(side, _DIGITS) for side in box)]
        for time, box in zip(person.times.tolist(), np.clip(person.boxes, 0, 1).tolist(), strict=True)
    ]
    events = [
        {
            "action": event.action,
            "from": round(event.start, _DIGITS),
            "to": round(event.end, _DIGITS),
            "score": round(event.score, _DIGITS),
        }
        for event in person.events
    ]
    return {
        "person": person.person,
        "frames": frames,
        "keyframes": [_keyframe(keyframe) for keyframe in person.keyframes],
        "events": events,
    }


def _keyframe(keyframe: ScoredBox) -> dict[str, Any]:
    return {
        "time": round(keyframe.time, _DIGITS),
        "box": [round(min(max(side, 0.0), 1.0), _DIGITS) for side in keyframe.box],
        "box_score": round(keyframe.box_score, _DIGITS),
        "scores": {name: round(score, _DIGITS) for name, score in keyframe.scores.items()},
    }


def read_tubes(path: str | Path, what: str = "tubes") -> list[VideoTubes]:
    """Read the persons of some videos; see the module.

    Args:
        path: the file; gzip is recognized by content.
        what: what it is to the user, for messages.

    Raises:
        DataError: the file is missing, is no such file, or a value of it is wrong (with its place).
    """
    return parse_tubes(FileContent.read(path, what))


def parse_tubes(file: FileContent) -> list[VideoTubes]:
    """Return the persons in the content of a file; see :func:`read_tubes`."""
    content = file.value
    found = content["format"].raw
    if found != FORMAT:
        raise content.error(
            f'"format" is {content["format"].shown if content["format"].given else "missing"}, expected "{FORMAT}". '
            "Pass a file that tools/predict_video.py --tubes has written."
        )
    videos = [_read_video(value) for value in _entries(content["videos"])]
    _refuse_repeated(content["videos"], [video.video for video in videos], "video")
    return videos


def _read_video(value: Value) -> VideoTubes:
    name = _name(value["video"])
    value = value.at(f"video {quoted(name)}")
    sides = [side.whole(within=_SIDE) for side in _entries(value["size"], 2)]
    classes = tuple(_name(each) for each in _entries(value["classes"]))
    _refuse_repeated(value["classes"], classes, "class")
    if not 0 < len(classes) <= MOST_CLASSES:
        raise value["classes"].error(f"{len(classes)} classes found, expected 1 to {MOST_CLASSES:,}.")
    persons = [_read_person(each, name, classes) for each in _entries(value["persons"])]
    _refuse_repeated(value["persons"], [person.person for person in persons], "person")
    return VideoTubes(
        video=name,
        fps=value["fps"].number(within=_RATE),
        size=(sides[0], sides[1]),
        duration=value["duration"].number(within=_NOT_NEGATIVE),
        stride=value["stride"].number(within=ABOVE_ZERO),
        classes=classes,
        persons=sorted(persons, key=lambda person: person.person),
        exclusive=_read_exclusive(value["exclusive"], frozenset(classes)) if value["exclusive"].given else None,
    )


def _read_exclusive(value: Value, classes: frozenset[str]) -> list[list[str]]:
    groups = [[_class(_name(each), each, classes) for each in _entries(group)] for group in _entries(value)]
    for number, group in enumerate(groups):
        _refuse_repeated(value[number], group, "class")
    return groups


def _read_person(value: Value, video: str, classes: Sequence[str]) -> PersonTube:
    number = value["person"].whole(within=_PERSON)
    frames = _read_frames(value["frames"])
    _refuse_disorder(value["frames"], frames[:, 0])
    known = frozenset(classes)
    keyframes = [_read_keyframe(each, known) for each in _entries(value["keyframes"])]
    _refuse_disorder(value["keyframes"], np.array([keyframe.time for keyframe in keyframes]))
    events = [_read_event(each, video, number, known) for each in _entries(value["events"])]
    return PersonTube(number, frames[:, 0], frames[:, 1:], keyframes, sorted(events, key=lambda event: event.start))


def _read_keyframe(value: Value, classes: frozenset[str]) -> ScoredBox:
    box = value["box"].numbers(length=4)
    if not _is_box(box):
        raise value["box"].unlike(_BOX)
    time, box_score = value["time"].number(within=_NOT_NEGATIVE), value["box_score"].number(within=FRACTION)
    found = value["scores"]
    if not found.is_object:
        raise found.unlike('an object "class": score')
    scores = {_class(name, found, classes): score.number(within=FRACTION) for name, score in found.items()}
    if len(scores) < len(classes):
        raise found.error(f"no score of {quoted(min(classes - scores.keys()))}; every class of the video has one.")
    return ScoredBox(time, (box[0], box[1], box[2], box[3]), box_score, scores)


def _read_event(value: Value, video: str, person: int, classes: frozenset[str]) -> Event:
    action = _class(value["action"].text(), value, classes)
    start, end = value["from"].number(within=_NOT_NEGATIVE), value["to"].number(within=_NOT_NEGATIVE)
    if end < start:
        raise value.error(f'"to" is {end:g}, before "from", {start:g}.')
    return Event(video, person, action, start, end, value["score"].number(within=FRACTION))


def _read_frames(value: Value) -> np.ndarray:
    """Return the time and the box of each frame, float64 [F, 5]."""
    if _is_plain(value.raw):  # all at once, which is ten times as fast
        table = np.array(value.raw, dtype=np.float64).reshape(-1, 5)
        boxes = table[:, 1:]
        ordered = (boxes[:, :2] <= boxes[:, 2:]).all()
        if ordered and (table >= 0).all() and (boxes <= 1).all() and (table[:, 0] <= LARGEST_NUMBER).all():
            return table
    return np.array([_frame(each) for each in _entries(value)], dtype=np.float64).reshape(-1, 5)


def _is_plain(rows: Any) -> bool:
    """Return whether these are lists of five numbers, none of them written as text."""
    return isinstance(rows, list) and all(
        isinstance(row, list) and len(row) == 5 and _NUMBERS.issuperset(map(type, row)) for row in rows
    )


def _frame(value: Value) -> list[float]:
    numbers = value.numbers(length=5)
    if numbers[0] < 0 or not _is_box(numbers[1:]):
        raise value.unlike(f"a time, then {_BOX}")
    return numbers


def _is_box(box: Sequence[float]) -> bool:
    return 0 <= box[0] <= box[2] <= 1 and 0 <= box[1] <= box[3] <= 1


def _entries(value: Value, length: int | None = None) -> list[Value]:
    """Return the entries of a list, which must be one."""
    if not value.is_list or length not in (None, len(value)):
        raise value.unlike("a list" if length is None else f"a list of {length}")
    return value.each()


def _name(value: Value) -> str:
    name = value.text()
    if not 0 < len(name) <= LONGEST_NAME:
        raise value.error(f"a name of {len(name)} characters found, expected 1 to {LONGEST_NAME}.")
    return name


def _class(name: str, value: Value, classes: frozenset[str]) -> str:
    if name not in classes:
        raise value.error(f"class {quoted(name)} is not among those of the video. {suggest(name, classes)}")
    return name


def _refuse_repeated(value: Value, keys: Sequence[str | int], noun: str) -> None:
    seen: set[str | int] = set()
    for index, key in enumerate(keys):
        if key in seen:
            raise value[index].error(f"{noun} {quoted(key)} is there a second time.")
        seen.add(key)


def _refuse_disorder(value: Value, times: np.ndarray) -> None:
    """Refuse times, float64 [n], that do not ascend."""
    wrong = np.flatnonzero(np.diff(times) <= 0)
    if len(wrong):
        index = int(wrong[0]) + 1
        raise value[index].error(f"time {times[index]:g} is not after the one before, {times[index - 1]:g}.")
