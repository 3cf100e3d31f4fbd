"""What was read from the annotation files: a line for each of a few, sums over many."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from alphaction.data.formats.rows import RowTable
from alphaction.utils.messages import counted, first_lines, listed
from alphaction.workflows.prepare.import_rows import described

EACH_FILE = 3
"""Up to so many files have lines of their own."""
_NAMED_FILES = 5
_NOTES = 12
_COUNTS = 20


def import_lines(parts: Sequence[RowTable]) -> list[str]:
    """Return the lines on files as ``import_annotations`` returns them.

    Up to three files have a line of counts each, and their notes below. Of more, counts are summed; a note is given
    once, with the files that it is about where these are not all; files without any box are named.
    """
    parts = list({part.source.path: part for part in parts}.values())  # one file may be given for both splits
    if len(parts) <= EACH_FILE:
        return [line for part in parts for line in (summary(part), *(f"  {note}" for note in part.notes))]
    formats = Counter(part.format for part in parts)
    head = f"{len(parts)} files ({listed(f'{name} {number}' for name, number in formats.most_common())})"
    lines = [_counts_line(head, parts)]
    bare = [part for part in parts if not part.has_box.any()]
    if bare:
        lines.append(f"  without any box: {len(bare)} of {len(parts)} files ({_names(bare, parts)})")
    return [*lines, *(f"  {note}" for note in first_lines(_distinct_notes(parts), _NOTES, "notes"))]


def summary(part: RowTable) -> str:
    """Return one line of counts on a file."""
    return _counts_line(f"{part.source.path} ({part.format})", [part])


def _counts_line(head: str, parts: Sequence[RowTable]) -> str:
    filled: set[tuple[str, float]] = set()
    empty: set[tuple[str, float]] = set()
    boxes = labels = unlabeled = 0
    counts: Counter[str] = Counter()
    for part in parts:
        has_box = part.has_box
        for rows, found in ((has_box, filled), (~has_box, empty)):
            moments = zip(part.video_codes[rows].tolist(), part.numbers[rows].tolist(), strict=True)
            found |= {(part.videos[code], number) for code, number in moments}
        of_row = np.array([len(some) for some in part.labels()], dtype=np.int64)[has_box]
        boxes, labels, unlabeled = boxes + len(of_row), labels + int(of_row.sum()), unlabeled + int((of_row == 0).sum())
        counts.update(part.counts)
    facts = [
        counted(len({video for video, _ in filled}), "video"),
        f"{counted(len(filled), 'keyframe')} with boxes",
        counted(boxes, "box", "boxes"),
        counted(labels, "label"),
    ]
    segments = [segment for part in parts for segment in part.segments]
    facts += [described(segments)] * bool(segments)
    without = {"boxes without action": unlabeled, "keyframes without boxes": len(empty - filled)}
    return f"{head}: {', '.join(facts)}{_listed_counts({**without, **counts})}"


def _listed_counts(counts: Mapping[str, int]) -> str:
    found = [f"{name}: {count}" for name, count in counts.items() if count]
    return "; " + listed(found, _COUNTS, "; ") if found else ""


def _distinct_notes(parts: Sequence[RowTable]) -> list[str]:
    """Return each note once; those that differ in no more than numbers and the names of videos count as one."""
    groups: dict[str, list[tuple[str, RowTable]]] = {}
    for part in parts:
        for note in dict.fromkeys(part.notes):
            groups.setdefault(_template(note, part), []).append((note, part))
    lines = []
    for group in groups.values():
        note, first = group[0]
        of = [part for _, part in group]
        if any(other != note for other, _ in group):
            alike = counted(len(group) - 1, "other file")
            note += f" ({_names([first], parts)}; likewise {alike})"
        elif len(parts) > len(of) > len(parts) / 2:
            others = [part for part in parts if part not in of]
            note += f" (all files but {len(others)}: {_names(others, parts)})"
        elif len(of) < len(parts):
            note += f" ({len(of)} of {len(parts)} files: {_names(of, parts)})"
        lines.append(note)
    return lines


def _template(note: str, part: RowTable) -> str:
    names = {*part.videos, part.source.path.name, part.source.path.stem}
    names |= {part.taken_for.video} if part.taken_for is not None else set()
    for name in sorted(names, key=len, reverse=True):
        note = note.replace(name, "{}")
    return re.sub(r"\d+([.,]\d+)?", "#", note)


def _names(some: Sequence[RowTable], parts: Sequence[RowTable]) -> str:
    """Return the names of some of the files, as seen from the folder that holds all."""
    return listed(_short([part.source.path for part in some], [part.source.path for part in parts]), _NAMED_FILES)


def _short(some: Iterable[Path], paths: Sequence[Path]) -> list[str]:
    folders = {os.path.abspath(path.parent) for path in paths}
    try:
        folder = os.path.commonpath(folders)
    except ValueError:  # two drives of Windows
        return [str(path) for path in some]
    return [Path(os.path.relpath(path, folder)).as_posix() for path in some]
