"""How well ids are kept: id switches, MOTA and IDF1.

CLEAR MOT: Bernardin and Stiefelhagen, "Evaluating multiple object tracking performance", EURASIP JIVP 2008. IDF1:
Ristani et al., "Performance measures and a data set for multi-target, multi-camera tracking", ECCV workshops 2016.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from alphaction.evaluation.average_precision import box_iou
from benchmarks.tracking.paths import Moment

NOBODY = -1
"""The id of a box that the tracker gives none."""
_MIN_IOU = 0.5


@dataclass(frozen=True)
class IdScores:
    """What is counted over videos.

    Attributes:
        true: boxes of true persons.
        found: boxes with an id.
        matched: pairs of them.
        switches: times that a person was found under another id than before.
        kept: boxes found under the one id that stands for the person in the best assignment of ids to persons.
    """

    true: int
    found: int
    matched: int
    switches: int
    kept: int

    def __add__(self, other: IdScores) -> IdScores:
        return IdScores(
            self.true + other.true,
            self.found + other.found,
            self.matched + other.matched,
            self.switches + other.switches,
            self.kept + other.kept,
        )

    @property
    def mota(self) -> float:
        """1 less misses, false boxes and switches per true box."""
        return 1 - (self.true - self.matched + self.found - self.matched + self.switches) / self.true

    @property
    def idf1(self) -> float:
        """The share of true and found boxes that is ``kept``."""
        return 2 * self.kept / (self.true + self.found)


def score_ids(moments: Iterable[tuple[Moment, np.ndarray]]) -> IdScores:
    """Return the scores of one video, from its moments and the ids, int [m], that their found boxes got."""
    from scipy.optimize import linear_sum_assignment

    last: dict[int, int] = {}
    together: Counter[tuple[int, int]] = Counter()
    true = found = matched = switches = 0
    for moment, ids in moments:
        with_id = ids != NOBODY
        boxes, numbers = moment.found[with_id], ids[with_id].tolist()
        persons = moment.ids.tolist()
        true, found = true + len(persons), found + len(numbers)
        if not persons or not numbers:
            continue
        overlap = np.stack([box_iou(np.broadcast_to(box, boxes.shape), boxes) for box in moment.boxes])
        together.update(
            (person, number)
            for row, person in enumerate(persons)
            for column, number in enumerate(numbers)
            if overlap[row, column] >= _MIN_IOU
        )
        # A pair of the moment before stays one while it overlaps; then as many pairs as there are, of most overlap.
        stays = np.array([[last.get(person) == number for number in numbers] for person in persons])
        worth = np.where(overlap >= _MIN_IOU, overlap + 1000.0 * stays + 10.0, 0.0)
        for row, column in zip(*linear_sum_assignment(-worth), strict=True):
            if worth[row, column] > 0:
                matched += 1
                switches += last.get(persons[row], numbers[column]) != numbers[column]
                last[persons[row]] = numbers[column]
    return IdScores(true, found, matched, switches, _kept(together))


def _kept(together: Counter[tuple[int, int]]) -> int:
    """Return the boxes of the best one-to-one assignment of ids to persons."""
    from scipy.optimize import linear_sum_assignment

    persons, numbers = ({pair[side]: None for pair in together} for side in (0, 1))
    counts = np.zeros((len(persons), len(numbers)))
    for (person, number), count in together.items():
        counts[list(persons).index(person), list(numbers).index(number)] = count
    return int(counts[linear_sum_assignment(-counts)].sum())
