"""Boxes that stand in several files of a split: jobs of one video that overlap, or a file for each class.

Within a file of an annotation tool equal boxes are one already; here those of different files become one person, so
that the tables merge them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from alphaction.data.formats.known_formats import ANNOTATION_FORMATS
from alphaction.data.formats.rows import RowTable
from alphaction.data.keyframes import KeyframeIndex, encode
from alphaction.utils.messages import counted

_EQUAL = 0.011
"""Pixels by which equal boxes may differ: tools round to a hundredth."""


def share_boxes(parts: Sequence[RowTable], size: Callable[[str], tuple[int, int]]) -> tuple[list[RowTable], str]:
    """Return the files of a split, in which equal boxes of several files have coordinates and person of the first.

    Args:
        parts: the files; only those of annotation tools count, as the persons of tables are as their author wrote them.
        size: gives width and height of a video's frames.

    Returns:
        The files, and a note, "": no box stands in two of them.
    """
    parts = list(parts)
    own = [number for number, part in enumerate(parts) if _of_tool(part) and part.has_box.any()]
    if len(own) < 2:
        return parts, ""
    rows = [np.flatnonzero(parts[number].has_box) for number in own]
    files = np.repeat(own, [len(each) for each in rows])
    rows = np.concatenate(rows)
    boxes = np.concatenate([parts[number].boxes[parts[number].has_box] for number in own])
    persons = np.concatenate([parts[number].persons()[parts[number].has_box] for number in own])
    known: dict[str, int] = {}
    codes = [encode(parts[number].videos, known)[parts[number].video_codes[parts[number].has_box]] for number in own]
    seconds = np.concatenate([parts[number].numbers[parts[number].has_box] for number in own])
    keyframes, position = KeyframeIndex.from_rows(list(known), np.concatenate(codes), seconds)
    order = np.argsort(position, kind="stable")
    starts = np.flatnonzero(np.diff(position[order], prepend=-1))
    shared = 0
    changed: set[int] = set()
    for group in np.split(order, starts[1:]):
        if files[group[0]] == files[group[-1]]:
            continue  # in the order of the files
        pixels = boxes[group] * np.array(size(keyframes[int(position[group[0]])].video) * 2)
        for later, first in _pairs(files[group], pixels, persons[group]):
            boxes[group[later]], persons[group[later]] = boxes[group[first]], persons[group[first]]
            changed.add(int(files[group[later]]))
            shared += 1
    for number in changed:
        mine = files == number
        new_boxes, new_persons = parts[number].boxes.copy(), parts[number].persons().copy()
        new_boxes[rows[mine]], new_persons[rows[mine]] = boxes[mine], persons[mine]
        parts[number] = replace(parts[number], boxes=new_boxes, person_ids=new_persons)
    if not shared:
        return parts, ""
    stand = counted(shared, "box stands", "boxes stand")
    return parts, f"{stand} in another file, too: merged into one person with the labels of both"


def _pairs(files: np.ndarray, pixels: np.ndarray, persons: np.ndarray) -> list[tuple[int, int]]:
    """Return (later, first) of the equal boxes of a keyframe that are of different files.

    Args:
        files, persons: [n], ``files`` ascending.
        pixels: [n, 4].
    """
    pairs = []
    kept: list[int] = []  # boxes that are not equal to an earlier one
    taken: set[tuple[int, int]] = set()  # file, box of another: two of one file are two persons
    for row in range(len(files)):
        near = [
            each
            for each in kept
            if files[each] != files[row]
            and (files[row], each) not in taken
            and np.abs(pixels[each] - pixels[row]).max() <= _EQUAL
        ]
        if not near:
            kept.append(row)
            continue
        first = next((each for each in near if persons[each] == persons[row]), near[0])
        taken.add((files[row], first))
        pairs.append((row, first))
    return pairs


def _of_tool(part: RowTable) -> bool:
    found = ANNOTATION_FORMATS.get(part.format)
    return found is not None and bool(found.tool)
