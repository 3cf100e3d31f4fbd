"""Label Studio's JSON export of video object tracking.

A list of tasks; ``annotations[].result[]`` of type ``videorectangle`` are tracks: ``value.sequence`` holds boxes in
percent of the frame with a ``frame`` counted from 1, and ``enabled``, whether the track continues after that frame.
Choices, taxonomies and texts "per region" are further results that share the region's id. Numbers are written in full.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

from alphaction.data.formats.action_attributes import NUMBER, ActionRule, AttributeUse, person_id, split_text
from alphaction.data.formats.annotation_file import AnnotationFile
from alphaction.data.formats.cells import is_finite_number
from alphaction.data.formats.file_content import FileContent
from alphaction.data.formats.format import Format
from alphaction.data.formats.rows import RowBuilder, RowTable
from alphaction.data.formats.tracks import Box, Knot, add_track, upright
from alphaction.data.video.file import VideoInfo

_ANSWERS = {"choices": "choices", "taxonomy": "taxonomy", "textarea": "text", "number": "number"}


def read_labelstudio(file: AnnotationFile) -> RowTable:
    """Read a Label Studio JSON export (not JSON-MIN).

    Frame 1 is the first frame; the frame rate is the tool's own, from the times of the sequence, else from frames and
    duration, else the video's. A box whose last entry is enabled stays until the end. Of several annotations of a task,
    the ground truth counts, else the one changed last (counted). Skipped annotations and predictions are left out
    (counted). The person id is a per-region number named like "person_id", else the place of the region in its task.
    Which labels and choices are actions: see :mod:`alphaction.data.formats.action_attributes`.
    """
    rows = RowBuilder()
    tasks = [task for task in _tasks(file) if not _is_empty(task, rows)]
    results = [(index, task, _results(file, index, task, rows)) for index, task in tasks]
    rule = file.rule()
    used: dict[str, set[int]] = {}
    for index, task, found in results:
        _add_task(file, index, task, found, rule, rows, used)
    if not len(rows) and not tasks:
        raise file.error("", "no task has an annotation. Export after submitting annotations, as JSON.")
    return file.table(rows, rule)


def _tasks(file: AnnotationFile) -> list[tuple[int, dict]]:
    tasks = file.data if isinstance(file.data, list) else [file.data]
    for index, task in enumerate(tasks):
        if not isinstance(task, dict):
            raise file.error(f"task {index}", f"expected an object, found {type(task).__name__}.")
        if not isinstance(task.get("annotations", task.get("completions")), list):
            raise file.error(
                f"task {index}",
                'no "annotations": a JSON-MIN export, or tasks without annotations? In Label Studio choose Export, '
                "format JSON.",
            )
    return list(enumerate(tasks))


def _is_empty(indexed: tuple[int, dict], rows: RowBuilder) -> bool:
    task = indexed[1]
    rows.count("predictions left out", len(task.get("predictions") or []))
    skipped = [a for a in _annotations(task) if a.get("was_cancelled")]
    rows.count("skipped annotations left out", len(skipped))
    if len(skipped) < len(_annotations(task)):
        return False
    rows.count("tasks without annotation")
    return True


def _annotations(task: dict) -> list[dict]:
    found = task.get("annotations", task.get("completions"))
    return [annotation for annotation in found if isinstance(annotation, dict)] if isinstance(found, list) else []


def _results(file: AnnotationFile, index: int, task: dict, rows: RowBuilder) -> list[dict]:
    """Return the results of the annotation of a task that counts."""
    usable = [annotation for annotation in _annotations(task) if not annotation.get("was_cancelled")]
    chosen = max(usable, key=lambda a: (bool(a.get("ground_truth")), str(a.get("updated_at") or a.get("created_at"))))
    if len(usable) > 1:
        others = len(usable) - 1
        why = "the ground truth" if chosen.get("ground_truth") else "changed last"
        rows.count("annotations left out as their task has another (the ground truth, or changed later)", others)
        rows.notes.append(
            f"task {task.get('id', index)} has {len(usable)} annotations; kept is that of {_annotator(chosen)} ({why})"
        )
    found = chosen.get("result")
    if not isinstance(found, list) or not all(isinstance(result, dict) for result in found):
        raise file.error(f"task {task.get('id', index)}", '"result" is not a list of objects.')
    return found


def _annotator(annotation: dict) -> str:
    who = annotation.get("completed_by")
    if isinstance(who, dict):
        who = who.get("email") or who.get("id")
    return f"annotation {annotation.get('id')}" if who is None else f"annotator {who}"


def _answer(result: dict) -> tuple[str, list[str]] | None:
    """Return name and values of a per-region choice, taxonomy, text or number; None for other results."""
    key = _ANSWERS.get(str(result.get("type")).lower())
    value = result.get("value")
    if key is None or not isinstance(value, dict) or key not in value:
        return None
    raw = value[key] if isinstance(value[key], list) else [value[key]]
    # A taxonomy's item is the path to it; its last part is the class.
    texts = [str(item[-1] if isinstance(item, list) and item else item) for item in raw]
    if key == "text":
        texts = [part for text in texts for part in split_text(text)]
    return str(result.get("from_name") or key), texts


def _attributes(content: FileContent) -> AttributeUse:
    tasks = content.data if isinstance(content.data, list) else [content.data]
    annotations = [annotation for task in tasks if isinstance(task, dict) for annotation in _annotations(task)]
    found = [annotation.get("result") for annotation in annotations if not annotation.get("was_cancelled")]
    results = [result for some in found if isinstance(some, list) for result in some if isinstance(result, dict)]
    boxes = {str(result.get("id")) for result in results if _is_track(result)}
    kinds: dict[str, str] = {}
    for result in results:
        answer = _answer(result)
        if answer is not None and str(result.get("id")) in boxes:
            kinds[answer[0]] = NUMBER if result.get("type") == "number" else "select"
    return AttributeUse(kinds)


def _is_track(result: dict) -> bool:
    return str(result.get("type")).lower() == "videorectangle"


def _add_task(
    file: AnnotationFile,
    index: int,
    task: dict,
    results: list[dict],
    rule: ActionRule,
    rows: RowBuilder,
    used: dict[str, set[int]],
) -> None:
    place = f"task {task.get('id', index)}"
    tracks: dict[str, dict] = {}
    answers: dict[str, dict[str, list[str]]] = {}
    for position, result in enumerate(results):
        region = str(result.get("id", f"#{position}"))
        if _is_track(result):
            if not isinstance(result.get("value"), dict):
                raise file.error(f'{place}, region "{region}"', '"value" is no object. Export again.')
            tracks[region] = result
    for position, result in enumerate(results):
        region = str(result.get("id", f"#{position}"))
        answer = _answer(result)
        if answer is not None and region in tracks:
            answers.setdefault(region, {}).setdefault(answer[0], []).extend(answer[1])
        elif answer is not None:
            rows.count("choices for a whole video left out")
        elif not _is_track(result) and region not in tracks:
            rows.count(f'results of type "{result.get("type")}" left out')
    if not tracks:
        rows.count("tasks without boxes")
        return
    video = _video(file, task, place)
    fps, info = _frame_rate(file, tracks.values(), file.info(video), rows), file.info(video)
    taken = used.setdefault(video, set())
    for region, track in tracks.items():
        own = answers.get(region, {})
        person = person_id(own)
        if person is None:
            person = max(taken, default=-1) + 1
        taken.add(person)
        where = f'{place}, region "{region}"'
        labels = _labels(results, region)
        knots = list(_knots(file, track, info, own, where, rows))
        total = _length(track, fps)
        add_track(
            rows,
            video,
            knots,
            partial(rule.actions, labels),
            fps=fps,
            interval=file.keyframe_interval,
            person=person,
            merge_key=rule.merge_key(person),
            place=where,
            last_frame=None if total is None else total - 1,
        )


def _labels(results: list[dict], region: str) -> list[str]:
    """Return the labels of a region; the tool may repeat them in a result of type "labels" of the same id."""
    found: list[str] = []
    for result in results:
        value = result.get("value")
        if str(result.get("id")) == region and isinstance(value, dict) and "timelinelabels" not in value:
            found += [str(label) for key in ("labels", "videorectanglelabels") for label in value.get(key) or []]
    return list(dict.fromkeys(found))


def _video(file: AnnotationFile, task: dict, place: str) -> str:
    """Return the known video of a task: the value of its data that names one."""
    data = task.get("data") if isinstance(task.get("data"), dict) else {}
    texts = [value for value in data.values() if isinstance(value, str)]
    named = [data["video"]] if isinstance(data.get("video"), str) else []
    found = {video for text in named or texts for video in file.videos.find(text)}
    if len(found) == 1:
        return found.pop()
    upload = task.get("file_upload")
    return file.videos.match(*named, upload if isinstance(upload, str) else "", *texts, place=place)


def _entries(track: dict) -> list[Any]:
    sequence = track["value"].get("sequence")
    return sequence if isinstance(sequence, list) else []


def _frame_rate(file: AnnotationFile, tracks: Any, info: VideoInfo, rows: RowBuilder) -> float:
    """Return the frames per second that the tool counted in; it does not write them."""
    tracks = list(tracks)
    points = sorted(
        (entry["frame"], entry["time"])
        for track in tracks
        for entry in _entries(track)
        if isinstance(entry, dict) and is_finite_number(entry.get("frame")) and is_finite_number(entry.get("time"))
    )
    lengths = next(filter(None, map(_lengths, tracks)), None)
    known = [] if lengths is None else [(*lengths, 1.5)]
    if points and points[-1][1] > points[0][1]:
        # A slope, because versions differ in whether the first frame's time is 0.
        known.insert(0, (points[-1][0] - points[0][0], points[-1][1] - points[0][1], 0.5))
    # The tool's numbers are rounded: where they agree with the video's own rate (within so many frames), that is exact.
    if all(abs(frames - seconds * info.fps) <= rounding for frames, seconds, rounding in known):
        return info.fps
    rows.count("tasks annotated at another frame rate than the video's (times are kept)")
    return known[0][0] / known[0][1]


def _lengths(track: dict) -> tuple[float, float] | None:
    """Return the numbers of frames and seconds of the video, as the tool sees it, or None."""
    count, duration = (track["value"].get(key) for key in ("framesCount", "duration"))
    known = is_finite_number(count) and is_finite_number(duration) and count > 0 and duration > 0
    return (count, duration) if known else None


def _length(track: dict, fps: float) -> int | None:
    """Return the number of frames of the video in the tool, or None where it does not say."""
    count, duration = (track["value"].get(key) for key in ("framesCount", "duration"))
    if is_finite_number(count) and count > 0:
        return int(count)
    return math.floor(duration * fps) if is_finite_number(duration) and duration > 0 else None


def _knots(
    file: AnnotationFile, track: dict, info: VideoInfo, answers: dict[str, list[str]], place: str, rows: RowBuilder
) -> Iterator[Knot]:
    if not _entries(track):
        rows.count("tracks without boxes")
    for entry in _entries(track):
        numbers = (
            {key: entry.get(key) for key in ("frame", "x", "y", "width", "height")} if isinstance(entry, dict) else {}
        )
        if not numbers or not all(map(is_finite_number, numbers.values())) or numbers["frame"] < 0:
            raise file.error(place, f"sequence entry {entry!r}: expected numbers frame, x, y, width and height.")
        yield Knot(
            frame=max(0, round(numbers["frame"]) - 1),
            box=_unit_box(entry, info, rows),
            labels=answers,
            continues=bool(entry.get("enabled", True)),
        )


def _unit_box(entry: dict, info: VideoInfo, rows: RowBuilder) -> Box:
    x, y, width, height = (entry[key] / 100 for key in ("x", "y", "width", "height"))
    turn = entry.get("rotation") or 0
    if not turn:
        return x, y, x + width, y + height
    rows.count("turned boxes replaced by the upright box around them")
    w, h = info.width, info.height  # turned about the top left corner, in pixels
    x1, y1, x2, y2 = upright(x * w, y * h, width * w, height * h, turn, (x * w, y * h))
    return x1 / w, y1 / h, x2 / w, y2 / h


def _recognizes(content: FileContent) -> bool:
    data = content.data
    if isinstance(data, dict):
        return "data" in data and ("annotations" in data or "completions" in data)
    tasks = [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []
    return any({"annotations", "completions", "data", "annotation_id"} & set(task) for task in tasks)


LABEL_STUDIO = Format(
    "labelstudio",
    "Label Studio JSON",
    "json",
    _recognizes,
    tool="Label Studio",
    attributes=_attributes,
    annotations=read_labelstudio,
)
