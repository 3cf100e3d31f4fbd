"""Predictions of either form as tubes: the JSON of ``predict_video.py --tubes``, or AVA's csv of scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath

import numpy as np

from alphaction.data.annotations import LabelMap, read_annotations, read_label_map
from alphaction.data.formats.file_content import looks_like_json, open_text
from alphaction.data.keyframes import exact_time
from alphaction.data.video.file import VIDEO_SUFFIXES
from alphaction.data.video.names import VideoNames
from alphaction.data.video.whole_movies import MovieSource
from alphaction.evaluation.ava_csv import read_detections
from alphaction.evaluation.detections import DetectionRows
from alphaction.evaluation.tubes.tube import PersonTube, ScoredBox, VideoTubes
from alphaction.evaluation.tubes.tube_file import read_tubes
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.messages import suggest

_WHAT = "predictions"
_HEAD = 1000  # characters that tell JSON from csv
_EQUAL = 1e-5  # by which a box of the scores may differ from the same one of the tracks: files have 6 decimals


class Videos:
    """The videos of a folder.

    Args:
        folder: holds the files.

    Raises:
        DataError: the folder holds no video.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._source = MovieSource(folder)
        self._stems = sorted({path.stem for path in folder.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES})
        if not self._stems:
            raise DataError(f"--videos {folder}: the folder holds no video. Check the path.")

    def stem(self, video: str, source: Path) -> str:
        """Return the name without ending of the video that a file calls ``video``.

        Raises:
            DataError: there is no such video, or several; names the nearest.
        """
        return VideoNames(self._stems, f"{_WHAT}: {source}").match(video)

    def facts(self, stem: str) -> tuple[str, float, tuple[int, int], float | None]:
        """Return file name, frames per second, (width, height) and duration in seconds of a video."""
        info = self._source.probe(stem)
        return self._source.path(stem).name, info.fps, (info.width, info.height), info.duration

    def frame(self, stem: str, second: float) -> np.ndarray:
        """Return the frame nearest to a second, uint8 [H, W, 3] RGB."""
        return next(iter(self._source.frames(stem, second, [0], 0)))


def read_results(
    paths: Sequence[Path], videos: Videos | None, label_map: Path | None = None, tracks: Path | None = None
) -> list[VideoTubes]:
    """Return the predictions of some files, each video once.

    Args:
        paths: tubes or csv.
        videos: the videos, which tell frame rate and size where a file does not; those of tubes must agree with them.
        label_map: the classes of the ids of a csv.
        tracks: boxes with person ids, AVA csv without classes, for the csv.

    Raises:
        DataError: a file cannot be read, names an unknown video or class, or a video is of another size.
        UserError: an option is missing that a csv needs, or there is no csv for ``tracks``.
    """
    found: dict[str, tuple[VideoTubes, Path]] = {}
    of_json = {path: _is_json(path) for path in paths}
    if tracks is not None and all(of_json.values()):
        raise UserError(
            f"--tracks {tracks} belongs to a csv of scores; the JSON of --from says who is who. Leave it out."
        )
    classes = None if label_map is None else read_label_map(label_map)
    for path, is_json in of_json.items():
        own = read_tubes(path, _WHAT) if is_json else _read_csv(path, videos, classes, tracks)
        for video in own:
            video = _checked(video, videos, classes, path) if is_json else video
            stem = PurePath(video.video).stem
            if stem in found:
                other, source = found[stem]
                raise DataError(
                    f'--from: "{other.video}" of {source} and "{video.video}" of {path} are one video, as datasets '
                    "know them by names without endings. Give one of them, or rename one and predict it again."
                )
            found[stem] = video, path
    return [video for video, _ in found.values()]


def _is_json(path: Path) -> bool:
    with open_text(path, _WHAT) as file:
        head = file.read(_HEAD)
    if not head.strip():
        raise DataError(f"{_WHAT}: {path} is empty.")
    return looks_like_json(head)


def _checked(video: VideoTubes, videos: Videos | None, classes: LabelMap | None, path: Path) -> VideoTubes:
    """Return the tubes, whose classes the label map has, with name and exact frame rate of the video's file."""
    if classes is not None:
        for name in video.classes:
            classes.find(name)
    if videos is None:
        return video
    name, fps, size, duration = videos.facts(videos.stem(video.video, path))
    if size != video.size:
        raise DataError(
            f"{_WHAT}: {path}: {video.video} has frames of {video.size[0]} x {video.size[1]} pixels there, and of "
            f"{size[0]} x {size[1]} in {videos.folder}. Name the folder of the videos that were predicted."
        )
    last = max((keyframe.time for person in video.persons for keyframe in person.keyframes), default=0.0)
    if duration is not None and last > duration + 1 / fps:
        raise DataError(
            f"{_WHAT}: {path}: {video.video} has predictions at second {last:g}, but the file in {videos.folder} ends "
            f"after {duration:g} s. Name the folder of the videos that were predicted."
        )
    return replace(video, video=name, fps=fps)


def _read_csv(path: Path, videos: Videos | None, classes: LabelMap | None, tracks: Path | None) -> list[VideoTubes]:
    missing = [
        f"{flag} ({what})"
        for flag, value, what in (
            ("--videos DIR", videos, "their frame rates and sizes"),
            ("--label-map FILE", classes, "the names of its class ids"),
        )
        if value is None
    ]
    if missing:
        raise UserError(f"--from {path} is no JSON, and read as a csv of scores: add {' and '.join(missing)}.")
    rows = read_detections(path)
    scores = _scores(rows, classes, path)
    persons = _persons(rows, classes, tracks)
    by_stem: dict[str, list[int]] = {}
    for box, place in enumerate(rows.keyframe_index.tolist()):
        by_stem.setdefault(videos.stem(rows.keyframes[place].video, path), []).append(box)
    return [_tubes(stem, boxes, rows, scores, persons, classes, videos) for stem, boxes in sorted(by_stem.items())]


def _scores(rows: DetectionRows, classes: LabelMap, path: Path) -> np.ndarray:
    """Return the scores of all classes, float64 [N, C]; 0 where the file has none."""
    known = dict(zip(classes.ids, range(classes.num_classes), strict=True))
    ids = rows.row_class_ids.tolist()
    unknown = next((class_id for class_id in dict.fromkeys(ids) if class_id not in known), None)
    if unknown is not None:
        raise DataError(
            f"{_WHAT}: {path}: class id {unknown} is not in the label map {classes.source}. "
            f"{suggest(str(unknown), map(str, known))}"
        )
    if rows.scores.max() > 1:
        raise DataError(
            f"{_WHAT}: {path}: a score is {rows.scores.max():g}, and no score is above 1. In annotations the last "
            "column is the person: pass what predict_video.py or test_net.py has predicted."
        )
    found = np.zeros((len(rows.boxes), classes.num_classes))
    found[rows.box_index, [known[class_id] for class_id in ids]] = rows.scores
    return found


def _persons(rows: DetectionRows, classes: LabelMap, tracks: Path | None) -> list[int]:
    """Return the person of each box, by the same box of the tracks; -1: unknown."""
    if tracks is None:
        return [-1] * len(rows.boxes)
    table = read_annotations(tracks, classes)
    found = []
    for place, box in zip(rows.keyframe_index.tolist(), rows.boxes, strict=True):
        keyframe = table.keyframes.index_of(*rows.keyframes[place])
        own = np.arange(*table.rows(keyframe).indices(len(table))) if keyframe is not None else np.zeros(0, dtype=int)
        same = own[np.abs(table.boxes[own] - box).max(axis=1, initial=0.0) <= _EQUAL]
        found.append(int(table.person_ids[same[0]]) if len(same) else -1)
    if max(found, default=-1) < 0:
        raise DataError(f"--tracks {tracks}: none of its boxes is one of the scores. Was it written by another run?")
    return found


def _tubes(
    stem: str,
    boxes: Sequence[int],
    rows: DetectionRows,
    scores: np.ndarray,
    persons: Sequence[int],
    classes: LabelMap,
    videos: Videos,
) -> VideoTubes:
    name, fps, size, duration = videos.facts(stem)
    free = max((persons[box] for box in boxes), default=-1) + 1
    of_person: dict[int, list[ScoredBox]] = {}
    times = {rows.keyframes[rows.keyframe_index[box]].second for box in boxes}
    for box in boxes:
        person = persons[box]
        if person < 0:  # unknown: a person of this keyframe alone
            person, free = free, free + 1
        second = rows.keyframes[rows.keyframe_index[box]].second
        own = dict(zip(classes.names, scores[box].tolist(), strict=True))
        corners = tuple(np.clip(rows.boxes[box], 0.0, 1.0).tolist())
        of_person.setdefault(person, []).append(ScoredBox(second, corners, 1.0, own))
    tubes = []
    for person, found in sorted(of_person.items()):
        found.sort(key=lambda scored: scored.time)
        frames = np.array([scored.time for scored in found], dtype=np.float64)
        tubes.append(PersonTube(person, frames, np.array([scored.box for scored in found]), found))
    stride = min((b - a for a, b in zip(sorted(times), sorted(times)[1:], strict=False)), default=1)
    length = max(times) + 1 if duration is None else duration
    return VideoTubes(name, fps, size, length, exact_time(stride), classes.names, tubes)
