"""Annotated moments past the end of their video: refused with the remedy, or left out and counted.

The header of a video may be wrong about its length: what decides is where its data end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from alphaction.data.formats.known_formats import ANNOTATION_FORMATS
from alphaction.data.formats.rows import RowTable
from alphaction.data.keyframes import time_list
from alphaction.data.video.time_units import CORRECT, OTHER_RATE, OTHER_VIDEO, likely_unit
from alphaction.utils.errors import DataError
from alphaction.utils.messages import counted, first_lines, listed
from alphaction.workflows.prepare.video_library import VideoLibrary

_DROP = "--beyond-end drop"
_DROPPABLE = {CORRECT, OTHER_RATE, OTHER_VIDEO}  # the times may be right, and the video too short


@dataclass(frozen=True)
class LateRows:
    """The rows of a file that lie beyond the end of one video.

    Attributes:
        part: position of the file.
        video: name of the video.
        end: where it ends, in seconds.
        late: int64 [n], those rows.
        seconds: the distinct annotated seconds of the video in this file, ascending.
    """

    part: int
    video: str
    end: float
    late: np.ndarray
    seconds: np.ndarray


def refuse_beyond_end(parts: Mapping[str, Sequence[RowTable]], library: VideoLibrary) -> None:
    """Check that the annotated seconds exist in the videos.

    Raises:
        UserError: lists the videos with seconds beyond the end, and the likely unit where it is not seconds.
    """
    every = _distinct(part for some in parts.values() for part in some)
    found = late_rows(every, library, thorough=False)
    if found:
        raise DataError(_refusal(every, found, library))


def drop_beyond_end(
    parts: Mapping[str, Sequence[RowTable]], library: VideoLibrary
) -> tuple[dict[str, list[RowTable]], list[str]]:
    """Return the files without the rows beyond the end of their video, and notes on what was left out.

    Args:
        parts: split -> its imported files.
        library: the videos.

    Raises:
        UserError: nothing is left of a split.
    """
    every = _distinct(part for some in parts.values() for part in some)
    found = late_rows(every, library, thorough=True)
    left_out = [np.zeros(len(part), dtype=bool) for part in every]
    for rows in found:
        left_out[rows.part][rows.late] = True
    less = {id(part): part.take(~late) if late.any() else part for part, late in zip(every, left_out, strict=True)}
    kept: dict[str, list[RowTable]] = {}
    notes = []
    for split, some in parts.items():
        kept[split] = [less[id(part)] for part in some]
        if any(map(len, some)) and not any(map(len, kept[split])):
            why = _refusal(every, found, library, advise=False)
            raise DataError(
                f"{_DROP}: nothing is left of the {split} annotations, as all rows lie beyond the end of their video. "
                f"{why[:1].upper()}{why[1:]}"
            )
    dropped = sum(len(rows.late) for rows in found)
    if dropped:
        lines = [
            f"{rows.video} ends at {rows.end:.2f} s: {counted(len(rows.late), 'row')} at {_seconds(every, rows)} s"
            for rows in found
        ]
        total = sum(map(len, every))
        head = f"beyond the end of their video and left out ({_DROP}): {dropped} of {counted(total, 'row')}"
        doubts = [unit for unit in dict.fromkeys(_units(every, found, library)) if unit not in _DROPPABLE]
        doubts = ["; are the others right? " + " ".join(doubts)] if doubts else []
        notes.append("".join([f"{head}; {'; '.join(first_lines(lines, noun='videos'))}", *doubts]))
    return kept, notes


def _distinct(parts: Iterable[RowTable]) -> list[RowTable]:
    """Return each table once: one file may be given for both splits."""
    return list(dict.fromkeys(parts))


def late_rows(parts: Sequence[RowTable], library: VideoLibrary, *, thorough: bool) -> list[LateRows]:
    """Return the rows beyond the end of their video, for each file and video that has any.

    Args:
        parts: the imported files.
        library: the videos.
        thorough: look where the data of every video end; False: only of videos that are too short by their header.
    """
    found = []
    for number, part in enumerate(parts):
        latest = np.full(len(part.videos), -np.inf)
        np.maximum.at(latest, part.video_codes, part.numbers)
        for code in np.flatnonzero(np.isfinite(latest)).tolist():
            video, last = part.videos[code], float(latest[code])
            if not thorough and last <= library.stated_end(video):
                continue
            end, tolerance = library.end_near(video, last)
            if last > end + tolerance:
                rows = np.flatnonzero(part.video_codes == code)
                seconds = part.numbers[rows]
                found.append(LateRows(number, video, end, rows[seconds > end + tolerance], np.unique(seconds)))
    return found


def _units(parts: Sequence[RowTable], found: Sequence[LateRows], library: VideoLibrary) -> list[str]:
    """Return what the times of each file with late rows probably are, with the remedy."""
    units = []
    for number in dict.fromkeys(rows.part for rows in found):
        part = parts[number]
        if part.of_frames or ANNOTATION_FORMATS[part.format].tool:
            units.append(OTHER_RATE if part.of_frames else OTHER_VIDEO)
            continue
        videos = [(code, part.videos[code]) for code in np.unique(part.video_codes).tolist()]
        units.append(
            likely_unit((part.numbers[part.video_codes == code], library.info(video)) for code, video in videos)
        )
    return units


def _refusal(parts: Sequence[RowTable], found: Sequence[LateRows], library: VideoLibrary, advise: bool = True) -> str:
    """Return the message on rows beyond the end.

    Args:
        advise: name the option that leaves them out.
    """
    lines = []
    for rows in found:
        late = np.unique(parts[rows.part].numbers[rows.late])
        lines.append(
            f"{parts[rows.part].source.where(int(rows.late[0]))}: {rows.video} ends at {rows.end:.2f} s, but "
            f"{len(late)} of its {counted(len(rows.seconds), 'annotated second')} "
            f"{'lies' if len(late) == 1 else 'lie'} beyond: {_seconds(parts, rows)}"
        )
    units = list(dict.fromkeys(_units(parts, found, library)))
    head = f"annotated seconds lie beyond the end of {counted(len({rows.video for rows in found}), 'video')}."
    if advise and set(units) <= _DROPPABLE:
        units.append(f"Or add {_DROP}, which leaves these rows out and counts them.")
    elif advise:
        units.append(f"If the seconds are right, add {_DROP}, which leaves these rows out and counts them.")
    return "\n  - ".join([" ".join([head, *units]), *first_lines(list(dict.fromkeys(lines)))])


def _seconds(parts: Sequence[RowTable], rows: LateRows) -> str:
    return listed(time_list(np.unique(parts[rows.part].numbers[rows.late])))
