"""Temporal segments, labels of a stretch of time without a box: counted, or given to the boxes of their seconds.

Sizes in shapes: n rows.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from alphaction.data.annotations import read_boxes
from alphaction.data.formats.rows import Label, RowBuilder, RowTable, Segment
from alphaction.data.keyframes import multiples
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.limits import VIDEO_SECONDS
from alphaction.utils.messages import counted, listed
from alphaction.workflows.prepare.import_rows import described
from alphaction.workflows.prepare.prepare_options import PrepareOptions
from alphaction.workflows.prepare.video_library import VideoLibrary

MIN_SCORE = 0.5
"""Detected persons of at least this score become annotated boxes where only segments are annotated."""
_SLACK = 1e-3  # seconds; tools round times to milliseconds
_NEAR = 0.5  # seconds
_LISTED = 6

Splits = Mapping[str, Sequence[RowTable]]
"""Split -> its imported files."""


def use_segments(parts: Splits, options: PrepareOptions, library: VideoLibrary) -> tuple[Splits, list[str]]:
    """Return the files with the labels of temporal segments as ``--segments`` says, and notes on what was done.

    Segments of a split meet boxes of that split only. Where a video with segments has no annotated box in its split,
    the persons of ``--person-boxes`` at the seconds of its segments become annotated boxes.

    Raises:
        UserError: there are segments and no boxes; says which commands make some.
    """
    # One file may be given for both splits.
    every = list({part.source.path: part for some in parts.values() for part in some}.values())
    segments = [segment for part in every for segment in part.segments]
    if not segments:
        return parts, ["--segments spread: no file has temporal segments"] if options.segments == "spread" else []
    boxed = any(part.has_box.any() for part in every)
    if options.segments == "spread" and (boxed or options.person_boxes):
        notes: list[str] = []
        spread = {split: _spread(some, split, options, library, notes) for split, some in parts.items()}
        if not any(part.has_box.any() for some in spread.values() for part in some):
            raise DataError("\n  - ".join(["no box lies at the time of a temporal segment:", *notes]))
        return spread, notes
    if not boxed:
        raise DataError(_no_boxes(every, segments, options))
    return parts, [f"{described(segments)} left out: with --segments spread, labels go to the boxes of their time"]


def _no_boxes(every: Sequence[RowTable], segments: Sequence[Segment], options: PrepareOptions) -> str:
    """Return why nothing can be learned from segments alone, and the commands that make boxes."""
    paths = [part.source.path for part in every if part.segments]
    files, hold = listed(paths), "holds" if len(paths) == 1 else "hold"
    flag = "--train" if options.val else "--annotations"
    head = (
        f"{files} {hold} {described(segments)} and no boxes. A label of a stretch of time says what happens and when, "
        "but not who does it: it needs the boxes of persons."
    )
    if options.person_boxes:
        return f"{head} To give the labels to those of --person-boxes, add --segments spread."
    videos = shlex.quote(str(options.videos))
    return (
        f"{head} Give the labels to boxes\n  - of a detector: python tools/detect_persons.py --videos {videos} "
        "--output persons.csv (of another detector: add --import FILE --from KIND), and then this command with "
        "--segments spread --person-boxes persons.csv\n  - of another annotation file: this command with "
        f"{flag} ... BOXES_FILE --segments spread"
    )


def _spread(
    some: Sequence[RowTable], split: str, options: PrepareOptions, library: VideoLibrary, notes: list[str]
) -> list[RowTable]:
    """Return the files of a split with the labels of its segments given to boxes."""
    segments = [segment for part in some for segment in part.segments]
    if not segments:
        return list(some)
    head = f"{split}: " if options.val else ""
    tables = list(some)
    boxed = {part.videos[code] for part in some for code in np.unique(part.video_codes[part.has_box]).tolist()}
    bare = {segment.video for segment in segments} - boxed
    for path in options.person_boxes if bare else ():
        tables.append(_persons_of(path, bare, library))
    boxes = [_times_of(table) for table in tables]
    added: list[list[tuple[int, str]]] = [[] for _ in tables]
    short, unmet = 0, []
    for segment in segments:
        met = [times[segment.video] for times in boxes if segment.video in times]
        moved = _moved(segment, met)
        start, end = moved or (segment.start - _SLACK, segment.end + _SLACK)
        hit = False
        for labels, times in zip(added, boxes, strict=True):
            rows, seconds = times.get(segment.video, (np.zeros(0, dtype=np.int64),) * 2)
            chosen = rows[(seconds >= start) & (seconds <= end)].tolist()
            labels += [(row, segment.label) for row in chosen]
            hit |= bool(chosen)
        short += hit and moved is not None
        unmet += [] if hit else [segment]
    given = sum(len({row for row, _ in labels}) for labels in added)
    notes.append(f"{head}{described(segments)}: labels go to {counted(given, 'box', 'boxes')} of their time")
    if short:
        notes.append(
            f"{head}{counted(short, 'segment lies', 'segments lie')} between two seconds: the nearer one gets the label"
        )
    if unmet:
        first = unmet[0]
        notes.append(
            f"{head}{counted(len(unmet), 'segment meets', 'segments meet')} no box (the first: {first.label}, "
            f"{first.video} from {first.start:.2f} to {first.end:.2f} s)"
        )
    every = max(1, options.keyframe_interval)
    ends = {video: min(library.stated_end(video), VIDEO_SECONDS) for video in {segment.video for segment in segments}}
    segments = [segment._replace(end=min(segment.end, ends[segment.video])) for segment in segments]
    notes += _seconds_without_box(segments, boxes, head, boxed if options.person_boxes else (), every)
    tables = [with_labels(table, labels) for table, labels in zip(tables, added, strict=True)]
    for number in range(len(some), len(tables)):
        # What happens outside of all segments, nobody said.
        table = tables[number] = tables[number].take(np.unique(tables[number].label_rows))
        moments = len(set(zip(table.video_codes.tolist(), table.numbers.tolist(), strict=True)))
        notes.append(
            f"{head}{table.source.path}: taken for annotated: {counted(len(table), 'box', 'boxes')} of score "
            f"{MIN_SCORE:g} or more, in {counted(moments, 'keyframe')}; boxes outside of segments are no keyframes"
        )
    return tables


def _seconds_without_box(
    segments: Sequence[Segment],
    boxes: Sequence[Mapping[str, tuple[np.ndarray, np.ndarray]]],
    head: str,
    annotated: Collection[str],
    every: float,
) -> list[str]:
    """Return a note on the seconds of segments at which their video has no box, as far as it has boxes.

    Args:
        boxes: of each file, see :func:`_times_of`.
        head: the split, for the note.
        annotated: videos whose detected persons are not used, as they have annotated boxes.
        every: seconds between two boxes.
    """
    bare: dict[str, set[int | float]] = {}
    for segment in segments:
        met = [times[segment.video][1] for times in boxes if segment.video in times]
        if met:
            inside = multiples(every, segment.start - _SLACK, segment.end + 2 * _SLACK)
            bare.setdefault(segment.video, set()).update(set(inside) - set(np.concatenate(met).tolist()))
    number = sum(map(len, bare.values()))
    if not number:
        return []
    named = [f"{video} at {listed(sorted(seconds), _LISTED)}" for video, seconds in bare.items() if seconds]
    note = f"{head}{counted(number, 'second')} of temporal segments without a box: {listed(named, _LISTED, '; ')}"
    if any(bare.get(video) for video in annotated):
        note += " (--person-boxes gives boxes only to videos in which no box is annotated)"
    return [note]


def _times_of(table: RowTable) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return video -> the rows that have a box, int64 [n], and their seconds, [n]."""
    boxed = np.flatnonzero(table.has_box)
    codes = table.video_codes[boxed]
    found = {code: boxed[codes == code] for code in np.unique(codes).tolist()}
    return {table.videos[code]: (rows, table.numbers[rows]) for code, rows in found.items()}


def _moved(segment: Segment, met: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float] | None:
    """Return the moment of the boxes nearest to the middle of a segment that lies between two seconds, else None."""
    seconds = np.unique(np.concatenate([times for _, times in met])) if met else np.zeros(0)
    inside = (seconds >= segment.start - _SLACK) & (seconds <= segment.end + _SLACK)
    if not len(seconds) or inside.any() or math.floor(segment.end + _SLACK) >= math.ceil(segment.start - _SLACK):
        return None
    nearest = float(seconds[np.argmin(np.abs(seconds - (segment.start + segment.end) / 2))])
    gap = max(segment.start - nearest, nearest - segment.end)
    return (nearest, nearest) if gap <= _NEAR else None


def _persons_of(path: Path, videos: Collection[str], library: VideoLibrary) -> RowTable:
    """Return the detected persons of some videos, of sufficient score, as if they were annotated without a label."""
    try:
        table = read_boxes(path, None, library.size)
    except UserError as error:
        kind = "coco" if ".json" in path.suffixes else "csv"
        raise DataError(
            f"{error}\nBoxes written otherwise are converted by\n  python tools/detect_persons.py --videos "
            f"{shlex.quote(str(library.folder))} --import {path} --from {kind} --output persons.csv"
        ) from error
    rows = RowBuilder()
    for k, (name, second) in enumerate(table.keyframes):
        video = library.name_of(name)
        if video in videos:
            own = table.rows(k)
            for box in table.boxes[own][table.scores[own] >= np.float32(MIN_SCORE)].tolist():
                rows.add(video, second, box, place=f"{name}, second {second:g}")
    return rows.build(path, "person boxes", spelling="xyxy", pixels=False, format="ava")


def with_labels(table: RowTable, labels: Sequence[tuple[int, str]]) -> RowTable:
    """Return the rows with further labels: pairs of a row and a label."""
    if not labels:
        return table
    known: dict[Label, int] = {label: code for code, label in enumerate(table.classes)}
    codes = [known.setdefault(label, len(known)) for _, label in labels]
    rows = np.concatenate([table.label_rows, np.array([row for row, _ in labels], dtype=np.int64)])
    codes = np.concatenate([table.label_codes, np.array(codes, dtype=np.int64)])
    order = np.argsort(rows, kind="stable")
    return replace(table, classes=tuple(known), label_rows=rows[order], label_codes=codes[order])
