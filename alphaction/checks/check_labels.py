"""Checks of the classes and the labels of one split."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from alphaction.checks.check_settings import CheckSettings
from alphaction.checks.findings import Finding, fault, percent
from alphaction.data.augmentation import flip_pairs
from alphaction.data.label_statistics import movements_per_box
from alphaction.data.row_places import place
from alphaction.data.table_checks import require_boxes, require_labels
from alphaction.data.tables import DatasetTables
from alphaction.utils.messages import counted

_TOLERATED = 0.01  # share of boxes with several movements that a softmax may misread (slips of annotators)
_MANY_WITHOUT = 0.05
_KEY = "MODEL.ROI_ACTION_HEAD.EXCLUSIVE_MOVEMENT"


def check_labels(split: DatasetTables, settings: CheckSettings) -> Iterator[Finding]:
    """Yield problems of the labels: none at all, impossible movements, classes that a mirrored clip confuses."""
    for require in (require_boxes, require_labels):
        nothing = fault("labels", split.name, require, split.annotations)
        if nothing is not None:
            yield nothing
            return
    yield from _movements(split, settings)
    if split.training:
        yield from _flips(split, settings)


def _movements(split: DatasetTables, settings: CheckSettings) -> Iterator[Finding]:
    """Yield boxes that a softmax over the movements cannot learn."""
    if not settings.exclusive_movement:
        return
    table, movements = split.annotations, split.label_map.group_sizes[0]
    per_box = movements_per_box(table, split.label_map)
    several, labeled = int((per_box > 1).sum()), int((per_box > 0).sum())
    if several:
        grave = several > _TOLERATED * len(table)
        row = int(np.argmax(per_box > 1))
        keyframe = int(table.keyframe_of_box()[row])
        names = " and ".join(f'"{entry.name}"' for entry in split.label_map if entry.group == "movement"
                             and entry.id in table.labels(row))  # fmt: skip
        yield Finding(
            settings.level("error", "warning") if grave else "warning",
            "movements",
            f"{place(table, keyframe, row)}: this box has {per_box[row]} movements, {names}; {several} of "
            f"{counted(len(table), 'box', 'boxes')} {'has' if several == 1 else 'have'} several. Movements exclude "
            f"each other (softmax), so only one of them is learned. If they can occur together, set {_KEY} False, "
            "which makes them independent; otherwise correct the rows.",
            split.name,
        )
    if movements == 1 and split.training:
        only = split.label_map.classes[0]
        yield Finding(
            settings.level("error", "warning"),
            "movements",
            f'{split.label_map.source}: "{only.name}" is the only PERSON_MOVEMENT, and a softmax over one class is '
            f"always 1. Set {_KEY} False, or give it another label_type, or add its opposite as a class.",
            split.name,
        )
    without = len(table) - labeled
    if labeled and without > _MANY_WITHOUT * len(table):
        row = int(np.argmax(per_box == 0))
        keyframe = int(table.keyframe_of_box()[row])
        yield Finding(
            "warning",
            "movements",
            f"{place(table, keyframe, row)}: this box has no movement, like {without} of "
            f"{counted(len(table), 'box', 'boxes')} ({percent(without, len(table))}). The softmax skips them in "
            "training and gives them a movement in "
            f'testing. Label a movement for every person (a class such as "other" will do), or set {_KEY} False.',
            split.name,
        )


def _flips(split: DatasetTables, settings: CheckSettings) -> Iterator[Finding]:
    """Yield classes that a mirrored clip would confuse."""
    if not settings.flips:
        return
    given = {name for pair in settings.flip_pairs for name in pair}
    missing = flip_pairs([entry.name for entry in split.label_map if not given & {entry.name, str(entry.id)}])
    if missing:
        yield Finding(
            settings.level("warning", "note"),
            "mirrored clips",
            f"half of the training clips are mirrored, which turns left into right. Set INPUT.FLIP_CLASS_PAIRS "
            f'"{missing}" so that their labels follow, or INPUT.FLIP_PROB 0.',
            split.name,
        )
