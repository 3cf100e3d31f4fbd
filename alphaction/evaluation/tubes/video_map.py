"""Video-mAP: average precision of tubes, by the protocol of JHMDB-21, UCF101-24 and MultiSports.

Each class is evaluated by itself over all videos. Its tubes are ranked, best score first. A tube is a true positive if
its spatio-temporal IoU (:func:`~alphaction.evaluation.tubes.action_tube.tube_iou`) with a ground-truth tube of its
class and video reaches the threshold that no better one has taken; it takes that of the highest IoU (the first of
equals). All others are false positives, second ones of the same action as well. AP is the area under precision over
recall as for boxes (:func:`alphaction.evaluation.average_precision.area`, all points). The mean is over the classes
with ground truth.

- Gkioxari and Malik, "Finding Action Tubes", CVPR 2015: video-AP.
- Weinzaepfel, Harchaoui and Schmid, "Learning to Track for Spatio-Temporal Action Localization", ICCV 2015.
- Kalogeiton et al., "Action Tubelet Detector for Spatio-Temporal Action Localization", ICCV 2017: the mean over
  thresholds from 0.5 to 0.95, as COCO has it.

Sizes in shapes: C classes, T thresholds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alphaction.evaluation.average_precision import area, ranking
from alphaction.evaluation.tubes.action_tube import ActionTube, Tube, tube_iou

STRICT = tuple(percent / 100 for percent in range(50, 100, 5))
"""The thresholds 0.5, 0.55, ... 0.95, over which a mean is taken."""
THRESHOLDS = (0.2, *STRICT)
DECISIVE = 0.5
"""The threshold at which it is told what became of each ground-truth tube."""


@dataclass(frozen=True)
class Fates:
    """What became of the ground-truth tubes at IoU 0.5, whatever the class of the tubes that were found.

    Attributes:
        covered: a tube reaches the IoU.
        mistimed: none does, but on the frames that it shares with one the boxes overlap by 0.5: begin or end are wrong.
        missed: no tube's boxes fit, or there is none.
    """

    covered: int
    mistimed: int
    missed: int

    @property
    def total(self) -> int:
        """Number of ground-truth tubes."""
        return self.covered + self.mistimed + self.missed


class Overlap:
    """The IoU of pairs of tubes, each computed once: a person's tube is the same for all classes."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[float, float]] = {}

    def of(self, found: Tube, annotated: Tube) -> tuple[float, float]:
        """Return what :func:`tube_iou` does; both tubes must live as long as this."""
        key = id(found), id(annotated)
        if key not in self._known:
            self._known[key] = tube_iou(found, annotated)
        return self._known[key]


def video_average_precision(
    ground_truth: Sequence[ActionTube],
    found: Sequence[ActionTube],
    classes: Sequence[str],
    thresholds: Sequence[float] = THRESHOLDS,
    overlap: Overlap | None = None,
) -> np.ndarray:
    """Return the AP of each class at each threshold, float64 [C, T]; NaN for a class without ground truth.

    Args:
        ground_truth: annotated tubes; videos have the same names as in ``found``.
        found: tubes with scores; equal scores rank in their order.
        classes: C names; tubes of others play no part.
        thresholds: T IoUs in (0, 1].
        overlap: what is known already.
    """
    overlap = overlap or Overlap()
    annotated = _by_class(ground_truth)
    predicted = _by_class(found)
    result = np.full((len(classes), len(thresholds)), np.nan)
    for row, name in enumerate(classes):
        targets = annotated.get(name, [])
        if not targets:
            continue
        mine = predicted.get(name, [])
        order = ranking(np.array([tube.score for tube in mine])) if mine else ()
        candidates = _candidates([mine[index] for index in order], targets, overlap)
        for column, threshold in enumerate(thresholds):
            result[row, column] = area(_true_positives(candidates, threshold), len(targets))
    return result


def fates(ground_truth: Sequence[ActionTube], found: Sequence[ActionTube], overlap: Overlap | None = None) -> Fates:
    """Return what became of the ground-truth tubes, by the boxes and times of the tubes that were found alone."""
    overlap = overlap or Overlap()
    tubes: dict[str, dict[int, Tube]] = defaultdict(dict)
    for entry in found:
        tubes[entry.video][id(entry.tube)] = entry.tube
    covered = mistimed = 0
    for target in ground_truth:
        pairs = [overlap.of(tube, target.tube) for tube in tubes[target.video].values()]
        if max((iou for iou, _ in pairs), default=0.0) >= DECISIVE:
            covered += 1
        elif max((common for _, common in pairs), default=0.0) >= DECISIVE:
            mistimed += 1
    return Fates(covered, mistimed, len(ground_truth) - covered - mistimed)


def _by_class(tubes: Sequence[ActionTube]) -> dict[str, list[ActionTube]]:
    grouped: dict[str, list[ActionTube]] = defaultdict(list)
    for tube in tubes:
        grouped[tube.action].append(tube)
    return grouped


def _candidates(
    ranked: Sequence[ActionTube], targets: Sequence[ActionTube], overlap: Overlap
) -> list[list[tuple[float, int]]]:
    """Return for each tube, best first, the ground-truth tubes that it overlaps: IoU and position, best IoU first."""
    of_video: dict[str, list[int]] = defaultdict(list)
    for position, target in enumerate(targets):
        of_video[target.video].append(position)
    result = []
    for tube in ranked:
        pairs = [(overlap.of(tube.tube, targets[target].tube)[0], target) for target in of_video[tube.video]]
        result.append(sorted((pair for pair in pairs if pair[0] > 0), key=lambda pair: (-pair[0], pair[1])))
    return result


def _true_positives(candidates: Sequence[Sequence[tuple[float, int]]], threshold: float) -> np.ndarray:
    """Return the ranks, int64 ascending from 0, of true positives."""
    taken: set[int] = set()
    right = []
    for rank, pairs in enumerate(candidates):
        target = next((target for iou, target in pairs if iou >= threshold and target not in taken), None)
        if target is not None:
            taken.add(target)
            right.append(rank)
    return np.array(right, dtype=np.int64)
