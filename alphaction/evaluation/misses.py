"""Which labels were not found, and why. L labels of the classes that count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from alphaction.data.annotations import AnnotationTable, BoxTable
from alphaction.evaluation.outcomes import Outcomes
from alphaction.evaluation.recall import best_scores

MissReason = Literal["detector", "threshold", "class"]
"""Why a label was missed: no detected box overlaps the person (or the one that does belongs to another person with the
label, whom it fits better); one does, below TEST.BOX_THRESH; or the box was used, and its score for the class is below
the class's threshold."""

REASONS: tuple[MissReason, ...] = get_args(MissReason)


@dataclass(frozen=True)
class Misses:
    """How many labels of a class were found at its threshold, and why the others were not."""

    name: str
    found: int
    reasons: Mapping[MissReason, int]


@dataclass(frozen=True, eq=False)
class MissedLabels:
    """Why labels were missed.

    Attributes:
        reason: int64 [L], place in :data:`REASONS`; -1 for a label that was found.
        unused: float32 [L], the best score of an unused box that overlaps the label's; -1: none, or not known.
    """

    reason: np.ndarray
    unused: np.ndarray


def why_missed(
    outcomes: Outcomes, annotations: AnnotationTable, all_boxes: BoxTable | None, iou_threshold: float
) -> MissedLabels:
    """Return why labels were missed, given every box of the person detector, if they are known."""
    labels, truth = outcomes.labels, outcomes.truth
    unused = np.full(len(truth.boxes), -1, dtype=np.float32)
    if all_boxes is not None:
        unused = best_scores(annotations, all_boxes, iou=iou_threshold)
        unused[outcomes.matched.overlaps.ground_truth] = -1  # A box there was used.
    reason = np.full(len(labels.box), -1, dtype=np.int64)
    reason[~labels.found] = REASONS.index("class")
    reason[~labels.found & ~labels.with_box] = REASONS.index("detector")
    reason[~labels.found & ~labels.with_box & (unused[labels.box] >= 0)] = REASONS.index("threshold")
    return MissedLabels(reason, unused[labels.box])


def count_misses(outcomes: Outcomes, missed: MissedLabels) -> tuple[Misses, ...]:
    """Return the counts of each class that has labels."""
    kinds = len(REASONS) + 1
    place = outcomes.labels.channel * kinds + missed.reason + 1
    counts = np.bincount(place, minlength=len(outcomes.classes) * kinds).reshape(-1, kinds)
    return tuple(
        Misses(entry.name, found, dict(zip(REASONS, reasons, strict=True)))
        for entry, (found, *reasons) in zip(outcomes.classes, counts.tolist(), strict=True)
        if found or any(reasons)
    )
