"""Labels that are probably wrong, or that contradict each other. R boxes of the annotations, G groups of classes.

Only what is rarely a false alarm:

- Two boxes of a keyframe that coincide and have different labels.
- A track whose labels of a group differ at one keyframe from those before and after it, which are the same, unless
  the model finds these labels there, too.
- A label that the model finds all but impossible while it is all but sure of another class of the group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from alphaction.data.annotations import AnnotationTable
from alphaction.evaluation.average_precision import find_overlaps
from alphaction.evaluation.outcomes import Outcomes
from alphaction.evaluation.scenes import Example, Scenes, first_of_each, named, spread
from alphaction.evaluation.tracks import link_boxes
from alphaction.utils.values import quoted

_COINCIDE_IOU = 0.9
_AGREEING = 3  # keyframes around one that differs, before and after together
_FARTHEST = 5  # keyframes on each side that are looked at
_SURE, _IMPOSSIBLE = 0.9, 0.1
_PER_KIND = 2000

Kind = Literal["coincide", "flip", "model"]


@dataclass(frozen=True)
class _Conflict:
    """One candidate: the annotated box it is about, the class, how strong it is, and what its sentence needs."""

    kind: Kind
    row: int
    channel: int
    strength: float
    other: int = -1
    before: int = 0
    after: int = 0


def find_conflicts(outcomes: Outcomes, annotations: AnnotationTable, limit: int) -> tuple[Example, ...]:
    """Return label conflicts of all kinds, over classes and videos, those of a kind from the strongest on."""
    found = [*_coinciding(outcomes), *_flips(outcomes, annotations), *_contradicted(outcomes)]
    found.sort(key=lambda conflict: -conflict.strength)
    videos = annotations.keyframes.video_index[outcomes.truth.keyframe[[each.row for each in found]]]
    kinds = [(each.kind, each.channel, video) for each, video in zip(found, videos.tolist(), strict=True)]
    chosen = [found[k] for k in spread([each.row for each in found], kinds, limit)]
    scenes = Scenes(outcomes, annotations, [each.row for each in chosen])
    return tuple(_example(outcomes, annotations, scenes, conflict) for conflict in chosen)


def _label_sets(outcomes: Outcomes) -> np.ndarray:
    """Return a number for the set of labels of each box and group, uint64 [R, G]: equal for equal sets, 0 for none."""
    labels, group = outcomes.labels, outcomes.group_numbers
    marks = np.random.default_rng(0).integers(1, 2**63, len(outcomes.classes), dtype=np.uint64)
    sets = np.zeros((len(outcomes.truth.boxes), int(group.max(initial=0)) + 1), dtype=np.uint64)
    np.add.at(sets, (labels.box, group[labels.channel]), marks[labels.channel])
    return sets


def _coinciding(outcomes: Outcomes) -> list[_Conflict]:
    truth = outcomes.truth
    pairs = find_overlaps(truth, truth.keyframe, truth.boxes, _COINCIDE_IOU)
    sets = _label_sets(outcomes)
    one, other = pairs.detection, pairs.ground_truth
    differ = (one < other) & (sets[one] != sets[other]).any(axis=1)
    strongest = np.flatnonzero(differ)
    strongest = strongest[np.argsort(-pairs.iou[strongest], kind="stable")][:_PER_KIND]
    found = []
    for k in strongest.tolist():
        row, coinciding = int(one[k]), int(other[k])
        mine, theirs = _channels(outcomes, row), _channels(outcomes, coinciding)
        channel = min((mine ^ theirs) & mine or mine ^ theirs)
        found.append(_Conflict("coincide", row, channel, float(pairs.iou[k]), coinciding))
    return found


def _flips(outcomes: Outcomes, annotations: AnnotationTable) -> list[_Conflict]:
    before, after = link_boxes(annotations)
    sets, groups = _label_sets(outcomes), outcomes.group_numbers
    confirmed = _all_found(outcomes, sets.shape)
    inner = np.flatnonzero((before >= 0) & (after >= 0))
    found = []
    for group in range(sets.shape[1]):
        own = sets[:, group]
        around = own[before[inner]]
        rows = inner[(around == own[after[inner]]) & (around != own[inner]) & (around != 0) & ~confirmed[inner, group]]
        runs = [_run_length(own, rows, step) for step in (before, after)]
        strength = runs[0] + runs[1]
        strong = np.flatnonzero(strength >= _AGREEING)
        strong = strong[np.argsort(-strength[strong], kind="stable")][:_PER_KIND]
        for k in strong.tolist():
            row = int(rows[k])
            mine, theirs = _channels(outcomes, row), _channels(outcomes, int(before[row]))
            differing = {channel for channel in mine ^ theirs if groups[channel] == group}
            channel = min(differing & theirs or differing)
            found.append(
                _Conflict("flip", row, channel, float(strength[k]), int(before[row]), int(runs[0][k]), int(runs[1][k]))
            )
    return found


def _all_found(outcomes: Outcomes, shape: tuple[int, int]) -> np.ndarray:
    """Return whether the model finds all labels of each box and group, bool [R, G]; False where there is no label."""
    labels, group = outcomes.labels, outcomes.group_numbers
    known, found = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    place = (labels.box, group[labels.channel])
    np.add.at(known, place, 1)
    np.add.at(found, place, labels.found)
    return (known > 0) & (found == known)


def _run_length(sets: np.ndarray, rows: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Return how many boxes in a row beside each of ``rows``, going by ``step``, have the labels of the first one."""
    place = step[rows]
    labels, length = sets[place], np.zeros(len(rows), dtype=np.int64)
    going = np.ones(len(rows), dtype=bool)
    for _ in range(_FARTHEST):
        going &= (place >= 0) & (sets[place] == labels)
        length += going
        place = np.where(going, step[place], -1)
    return length


def _contradicted(outcomes: Outcomes) -> list[_Conflict]:
    counted, labels, groups = outcomes.counted, outcomes.labels, outcomes.group_numbers
    most = int(groups.max(initial=0)) + 1
    sure = np.flatnonzero(~counted.right & (counted.score >= _SURE) & (outcomes.person[counted.box] >= 0))
    sure = sure[~outcomes.is_label(outcomes.person[counted.box[sure]], counted.channel[sure])]
    sure = sure[np.argsort(-counted.score[sure], kind="stable")]
    # The best one of each person and group.
    keys, first = np.unique(
        outcomes.person[counted.box[sure]] * most + groups[counted.channel[sure]], return_index=True
    )
    own = np.nan_to_num(labels.score, nan=0.0)  # below TEST.ACTION_THRESH
    label_keys = labels.box * most + groups[labels.channel]
    doubtful = np.flatnonzero((own <= _IMPOSSIBLE) & labels.with_box & np.isin(label_keys, keys))
    against = sure[first[np.searchsorted(keys, label_keys[doubtful])]]
    order = np.argsort(own[doubtful] - counted.score[against], kind="stable")
    order = order[first_of_each(labels.channel[doubtful[order]], _PER_KIND // 10)][:_PER_KIND]
    pairs = zip(doubtful[order].tolist(), against[order].tolist(), strict=True)
    return [
        _Conflict(
            "model",
            int(labels.box[label]),
            int(labels.channel[label]),
            float(counted.score[row] - own[label]),
            int(row),
        )
        for label, row in pairs
    ]


def _channels(outcomes: Outcomes, row: int) -> set[int]:
    first, end = np.searchsorted(outcomes.labels.box, [row, row + 1])
    return set(outcomes.labels.channel[first:end].tolist())


def _example(outcomes: Outcomes, annotations: AnnotationTable, scenes: Scenes, conflict: _Conflict) -> Example:
    reasons = {"coincide": _coincide_text, "flip": _flip_text, "model": _model_text}
    row, name = conflict.row, outcomes.classes[conflict.channel].name
    first, end = np.searchsorted(outcomes.labels.box, [row, row + 1])
    score = next(
        (
            float(outcomes.labels.score[k])
            for k in range(first, end)
            if outcomes.labels.channel[k] == conflict.channel and not np.isnan(outcomes.labels.score[k])
        ),
        None,
    )
    return Example(
        keyframe=scenes.keyframe_of(row),
        box=scenes.box_of(row),
        class_name=name,
        score=score,
        reason=reasons[conflict.kind](outcomes, annotations, scenes, conflict),
        labels=scenes.labels(row),
        predicted=scenes.predicted_for(row),
    )


def _coincide_text(outcomes: Outcomes, annotations: AnnotationTable, scenes: Scenes, conflict: _Conflict) -> str:
    mine, theirs = (_labeled(scenes.labels(row)) for row in (conflict.row, conflict.other))
    return f"Two annotated boxes coincide (IoU {conflict.strength:.2f}): one is {mine}, the other {theirs}."


def _flip_text(outcomes: Outcomes, annotations: AnnotationTable, scenes: Scenes, conflict: _Conflict) -> str:
    mine, theirs = scenes.labels(conflict.row), scenes.labels(conflict.other)
    group = outcomes.group_numbers[conflict.channel]
    of_group = {entry.name for entry, own in zip(outcomes.classes, outcomes.group_numbers, strict=True) if own == group}
    person = int(annotations.person_ids[conflict.row])
    who = f"person {person}" if person >= 0 else "the same person by the overlap of the boxes"
    here, around = (_labeled(tuple(name for name in names if name in of_group)) for names in (mine, theirs))
    here = f"is {here}"
    if not any(name in of_group for name in mine):
        group_name = outcomes.groups[outcomes.classes[conflict.channel].name]
        here = f"has no label of the group {quoted(group_name)}"
    times = [_times(conflict.before, "before"), _times(conflict.after, "after")]
    return f"Only this keyframe {here}: {times[0]} and {times[1]} it are {around} ({who})."


def _times(count: int, side: str) -> str:
    return f"the {count} {side}" if count > 1 else f"the one {side}"


def _model_text(outcomes: Outcomes, annotations: AnnotationTable, scenes: Scenes, conflict: _Conflict) -> str:
    counted = outcomes.counted
    other = outcomes.classes[int(counted.channel[conflict.other])].name
    own = counted.score[conflict.other] - conflict.strength
    return (
        f"Labeled {quoted(outcomes.classes[conflict.channel].name)}, which the model gives {own:.2f}, while it is sure "
        f"of {quoted(other)} ({counted.score[conflict.other]:.2f})."
    )


def _labeled(names: tuple[str, ...]) -> str:
    return f"labeled {named(names)}" if names else "without a label"
