"""Annotated boxes of one person from keyframe to keyframe. R boxes of the annotations."""

from __future__ import annotations

import numpy as np

from alphaction.data.annotations import AnnotationTable
from alphaction.data.keyframes import to_milliseconds
from alphaction.evaluation.average_precision import GroundTruth, Overlaps, find_overlaps

_LINK_IOU = 0.5
_LONGEST_GAP = 1.5  # of the usual time between two keyframes: beyond, something was not annotated.


def link_boxes(annotations: AnnotationTable) -> tuple[np.ndarray, np.ndarray]:
    """Return the box of the same person in the keyframe before and after, both int64 [R]; -1 where there is none.

    Persons are known by their id. Those without are linked if their boxes overlap best from both sides, at an IoU of
    0.5. Keyframes follow each other if they are not further apart than usual in these annotations.
    """
    following = _following_keyframe(annotations)
    keyframe = annotations.keyframe_of_box()
    after = np.full(len(annotations), -1, dtype=np.int64)
    known = annotations.person_ids >= 0
    _link_by_id(annotations, keyframe, following, known, after)
    _link_by_overlap(annotations, keyframe, following, ~known, after)
    before = np.full(len(annotations), -1, dtype=np.int64)
    linked = np.flatnonzero(after >= 0)
    before[after[linked]] = linked
    return before, after


def _following_keyframe(annotations: AnnotationTable) -> np.ndarray:
    """Return the number of the next keyframe of the same video, int64 [K]; -1 where there is none near enough."""
    index = annotations.keyframes
    following = np.arange(1, len(index) + 1)
    times = to_milliseconds(index.seconds)
    same = np.append(index.video_index[1:] == index.video_index[:-1], False)
    gaps = np.append(np.diff(times), 0)
    usual = float(np.median(gaps[same])) if same.any() else 0.0
    following[~same | (gaps > _LONGEST_GAP * usual)] = -1
    return following


def _link_by_id(
    annotations: AnnotationTable, keyframe: np.ndarray, following: np.ndarray, known: np.ndarray, after: np.ndarray
) -> None:
    rows = np.flatnonzero(known)
    persons = annotations.person_ids[rows]
    videos = annotations.keyframes.video_index[keyframe[rows]]
    order = np.lexsort((keyframe[rows], persons, videos))
    rows, persons, videos = rows[order], persons[order], videos[order]
    same = (persons[1:] == persons[:-1]) & (videos[1:] == videos[:-1])
    same &= keyframe[rows[1:]] == following[keyframe[rows[:-1]]]
    first = rows[:-1][same]
    after[first] = rows[1:][same]


def _link_by_overlap(
    annotations: AnnotationTable, keyframe: np.ndarray, following: np.ndarray, unknown: np.ndarray, after: np.ndarray
) -> None:
    rows = np.flatnonzero(unknown)
    none = np.zeros(0, dtype=np.int64)
    boxes = annotations.boxes[rows]
    later = GroundTruth(keyframe[rows], boxes, none, none)
    pairs = find_overlaps(later, following[keyframe[rows]], boxes, _LINK_IOU)
    both = _is_best(pairs, pairs.detection) & _is_best(pairs, pairs.ground_truth)
    after[rows[pairs.detection[both]]] = rows[pairs.ground_truth[both]]


def _is_best(pairs: Overlaps, side: np.ndarray) -> np.ndarray:
    """Return whether each pair has the highest IoU of those that share its box on one side, bool [P]."""
    order = np.lexsort((-pairs.iou, side))
    _, first = np.unique(side[order], return_index=True)
    best = np.zeros(len(side), dtype=bool)
    best[order[first]] = True
    return best
