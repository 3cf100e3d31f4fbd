"""The worst detections and the labels that were missed, each with the reason. L labels, M detections that count."""

from __future__ import annotations

import numpy as np

from alphaction.data.annotations import AnnotationTable
from alphaction.evaluation.average_precision import box_iou
from alphaction.evaluation.misses import REASONS, MissedLabels
from alphaction.evaluation.outcomes import Outcomes
from alphaction.evaluation.scenes import Example, Scenes, first_of_each, named, spread
from alphaction.utils.messages import counted as number_of
from alphaction.utils.values import quoted

_PER_CLASS = 200
_MOST_CANDIDATES = 20_000
_SMALL = 0.001  # A score below is not written out.
_NEAR_IOU = 0.1  # Below, a box is not that of the person but of somebody beside him or her.


def find_false_positives(
    outcomes: Outcomes, annotations: AnnotationTable, limit: int, iou_threshold: float
) -> tuple[Example, ...]:
    """Return wrong detections with the highest scores, over classes and videos, and no box twice."""
    counted = outcomes.counted
    wrong = np.flatnonzero(~counted.right)
    wrong = wrong[first_of_each(counted.channel[wrong], _PER_CLASS)]
    wrong = wrong[np.argsort(-counted.score[wrong], kind="stable")][:_MOST_CANDIDATES]
    boxes = counted.box[wrong]
    kinds = list(zip(counted.channel[wrong].tolist(), _videos_of_boxes(outcomes, boxes).tolist(), strict=True))
    # Boxes of one person, or at one place, are one mistake.
    persons = outcomes.person[boxes]
    places = [("person", p) if p >= 0 else ("box", b) for p, b in zip(persons.tolist(), boxes.tolist(), strict=True)]
    chosen = wrong[spread(places, kinds, limit)]
    persons = outcomes.person[counted.box[chosen]]
    scenes = Scenes(outcomes, annotations, persons[persons >= 0].tolist(), counted.box[chosen].tolist())
    return tuple(_false_positive(outcomes, scenes, row, iou_threshold) for row in chosen.tolist())


def find_false_negatives(
    outcomes: Outcomes, annotations: AnnotationTable, missed: MissedLabels, limit: int
) -> tuple[Example, ...]:
    """Return labels that were missed by most, reason by reason in turn, over classes and videos."""
    labels = outcomes.labels
    lost = np.flatnonzero(~labels.found)
    lost = lost[_worst_first(outcomes, missed, lost)]
    lost = lost[first_of_each(labels.channel[lost], _PER_CLASS)][:_MOST_CANDIDATES]
    keyframes = outcomes.truth.keyframe[labels.box[lost]]
    videos = annotations.keyframes.video_index[keyframes]
    kinds = list(zip(labels.channel[lost].tolist(), videos.tolist(), strict=True))
    chosen = lost[spread(labels.box[lost].tolist(), kinds, limit)]
    scenes = Scenes(outcomes, annotations, labels.box[chosen].tolist())
    return tuple(_false_negative(outcomes, scenes, missed, label) for label in chosen.tolist())


def _videos_of_boxes(outcomes: Outcomes, boxes: np.ndarray) -> np.ndarray:
    """Return a number for the video of each detected box."""
    detections = outcomes.detections
    moments, place = np.unique(detections.keyframe_index[boxes], return_inverse=True)
    known: dict[str, int] = {}
    codes = [known.setdefault(detections.keyframes[moment][0], len(known)) for moment in moments.tolist()]
    return np.array(codes, dtype=np.int64)[place.reshape(-1)]


def _false_positive(outcomes: Outcomes, scenes: Scenes, row: int, iou_threshold: float) -> Example:
    counted = outcomes.counted
    box, name = int(counted.box[row]), outcomes.classes[int(counted.channel[row])].name
    person, detections = int(outcomes.person[box]), outcomes.detections
    reason = (
        _duplicate(outcomes, row, name)
        if counted.label[row] >= 0
        else _wrong_class(scenes.labels(person), name)
        if person >= 0
        else _nobody(outcomes, scenes, box, name, iou_threshold)
    )
    return Example(
        keyframe=detections.keyframes[int(detections.keyframe_index[box])],
        box=tuple(detections.boxes[box].tolist()),
        class_name=name,
        score=float(counted.score[row]),
        reason=reason,
        labels=scenes.labels(person),
        predicted=scenes.predicted(box),
    )


def _duplicate(outcomes: Outcomes, row: int, name: str) -> str:
    counted = outcomes.counted
    first = np.flatnonzero((counted.label == counted.label[row]) & counted.right)[0]
    return (
        f"A second box of a person who was already found: another box scores {counted.score[first]:.2f} for "
        f"{quoted(name)}."
    )


def _wrong_class(labels: tuple[str, ...], name: str) -> str:
    if not labels:
        return f"The person there has no label, so not {quoted(name)} either."
    return f"The person there is labeled {named(labels)}, not {quoted(name)}."


def _nobody(outcomes: Outcomes, scenes: Scenes, box: int, name: str, iou_threshold: float) -> str:
    truth, keyframe = outcomes.truth, int(outcomes.matched.keyframe[box])
    rows = np.arange(*np.searchsorted(truth.keyframe, [keyframe, keyframe + 1]))
    if keyframe < 0 or not len(rows):
        return "Nobody is annotated at this second."
    iou = box_iou(np.broadcast_to(outcomes.detections.boxes[box], (len(rows), 4)), truth.boxes[rows])
    nearest = int(np.argmax(iou))
    if iou[nearest] < _NEAR_IOU:
        others = number_of(len(rows), "person is", "persons are")
        return f"Nobody is annotated there; at this second {others} annotated elsewhere."
    labels = scenes.labels(int(rows[nearest]))
    does = f"labeled {named(labels)}" if labels else "without a label"
    return (
        f"The box is too far off: it overlaps the nearest person, {does}, by an IoU of {iou[nearest]:.2f}, and "
        f"{iou_threshold:g} is needed."
    )


def _worst_first(outcomes: Outcomes, missed: MissedLabels, lost: np.ndarray) -> np.ndarray:
    """Return the order of missed labels: one of each reason in turn, within a reason the worst first."""
    labels = outcomes.labels
    reason = missed.reason[lost]
    # How sure the model was of the opposite, or the detector of the box; among equals the largest person.
    score = np.nan_to_num(labels.score[lost], nan=-1.0) / np.nan_to_num(
        np.maximum(outcomes.thresholds[labels.channel[lost]], 1e-9), nan=1.0
    )
    badness = np.where(reason == REASONS.index("threshold"), -missed.unused[lost], score)
    sides = outcomes.truth.boxes[labels.box[lost], 2:] - outcomes.truth.boxes[labels.box[lost], :2]
    order = np.lexsort((-sides.prod(axis=1), badness, reason))
    rank = np.empty(len(lost), dtype=np.int64)
    rank[order] = np.arange(len(lost)) - np.searchsorted(reason[order], reason[order], side="left")
    return np.lexsort((reason, rank))


def _false_negative(outcomes: Outcomes, scenes: Scenes, missed: MissedLabels, label: int) -> Example:
    labels = outcomes.labels
    person, channel = int(labels.box[label]), int(labels.channel[label])
    score = None if np.isnan(labels.score[label]) else float(labels.score[label])
    kind = REASONS[missed.reason[label]]
    if kind == "threshold":
        reason = f"The person detector's box there scores {missed.unused[label]:.2f}, below TEST.BOX_THRESH."
    elif kind == "detector":
        reason = (
            "The only detected box there fits another person with this label better."
            if person in outcomes.matched.overlaps.ground_truth
            else "No detected box overlaps the person."
        )
    else:
        reason = f"{_low_score(score, outcomes.thresholds[channel])}; {_instead(outcomes, scenes, person, channel)}."
    return Example(
        keyframe=scenes.keyframe_of(person),
        box=scenes.box_of(person),
        class_name=outcomes.classes[channel].name,
        score=score,
        reason=reason,
        labels=scenes.labels(person),
        predicted=scenes.predicted_for(person),
    )


def _low_score(score: float | None, threshold: float) -> str:
    if score is None:
        return "The person is found, but has no score for the class (it was below TEST.ACTION_THRESH)"
    limit = "" if np.isnan(threshold) else f" of {threshold:.3g}"
    shown = f"{score:.3g}" if score >= _SMALL else f"less than {_SMALL}"
    return f"The person is found, but the score of {shown} is below the class's threshold{limit}"


def _instead(outcomes: Outcomes, scenes: Scenes, person: int, channel: int) -> str:
    """Return which classes of the same group are predicted that are no labels of the person."""
    predicted, labels = scenes.predicted_for(person), scenes.labels(person)
    group = outcomes.groups[outcomes.classes[channel].name]
    wrong = [name for name, _ in predicted if outcomes.groups[name] == group and name not in labels]
    if wrong:
        return f"{named(wrong)} instead"
    return "no other class of its group is predicted" if predicted else "nothing else is predicted either"
