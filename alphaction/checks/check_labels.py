"""Checks of the classes and the labels of one split."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from alphaction.checks.check_settings import CheckSettings
from alphaction.checks.findings import Finding, fault, percent
from alphaction.config.class_groups import MOVEMENT
from alphaction.data.annotations import ClassGroup
from alphaction.data.augmentation import flip_pairs
from alphaction.data.label_statistics import labels_of_group
from alphaction.data.row_places import place
from alphaction.data.table_checks import require_boxes, require_labels
from alphaction.data.tables import DatasetTables
from alphaction.utils.messages import counted
from alphaction.utils.values import quoted

_TOLERATED = 0.01  # share of boxes with several classes of a group that a softmax may misread (slips of annotators)
_MANY_WITHOUT = 0.05


def check_labels(split: DatasetTables, settings: CheckSettings) -> Iterator[Finding]:
    """Yield problems of the labels: none at all, several of an exclusive group, classes that mirroring confuses."""
    for require in (require_boxes, require_labels):
        nothing = fault("labels", split.name, require, split.annotations)
        if nothing is not None:
            yield nothing
            return
    for group in split.label_map.class_groups:
        if settings.is_exclusive(group):
            yield from _exclusive_group(split, settings, group)
    if split.training:
        yield from _flips(split, settings)


def _exclusive_group(split: DatasetTables, settings: CheckSettings, group: ClassGroup) -> Iterator[Finding]:
    """Yield boxes that a softmax over a group cannot learn."""
    words = _words(group)
    if len(group.ids) == 1 and group.name != MOVEMENT:
        return  # It is learned on its own.
    table = split.annotations
    per_box = labels_of_group(table, split.label_map, group.name)
    several, labeled = int((per_box > 1).sum()), int((per_box > 0).sum())
    if several:
        grave = several > _TOLERATED * len(table)
        row = int(np.argmax(per_box > 1))
        keyframe = int(table.keyframe_of_box()[row])
        names = " and ".join(f'"{entry.name}"' for entry in split.label_map if entry.group == group.name
                             and entry.id in table.labels(row))  # fmt: skip
        yield Finding(
            settings.level("error", "warning") if grave else "warning",
            words.check,
            f"{place(table, keyframe, row)}: this box has {per_box[row]} {words.classes}, {names}; {several} of "
            f"{counted(len(table), 'box', 'boxes')} {'has' if several == 1 else 'have'} several. {words.exclude}"
            f" each other (softmax), so only one of them is learned. If they can occur together, {words.fix}, "
            "which makes them independent; otherwise correct the rows.",
            split.name,
        )
    if len(group.ids) == 1 and split.training:
        only = split.label_map.classes[0]
        yield Finding(
            settings.level("error", "warning"),
            words.check,
            f'{split.label_map.source}: "{only.name}" is the only PERSON_MOVEMENT, and a softmax over one class is '
            f"always 1. {words.fix[0].upper()}{words.fix[1:]}, or give it another label_type, or add its opposite as a "
            "class.",
            split.name,
        )
    without = len(table) - labeled
    if labeled and without > _MANY_WITHOUT * len(table):
        row = int(np.argmax(per_box == 0))
        keyframe = int(table.keyframe_of_box()[row])
        yield Finding(
            "warning",
            words.check,
            f"{place(table, keyframe, row)}: this box has {words.none}, like {without} of "
            f"{counted(len(table), 'box', 'boxes')} ({percent(without, len(table))}). The softmax skips them in "
            f"training and gives them {words.one} in "
            f'testing. Label {words.one} for every person (a class such as "other" will do), or {words.fix}.',
            split.name,
        )


class _GroupWords(NamedTuple):
    """What an exclusive group is called in a finding."""

    check: str
    classes: str
    exclude: str
    none: str
    one: str
    fix: str


def _words(group: ClassGroup) -> _GroupWords:
    if group.name == MOVEMENT:
        fix = "set MODEL.ROI_ACTION_HEAD.EXCLUSIVE_MOVEMENT False"
        return _GroupWords("movements", "movements", "Movements exclude", "no movement", "a movement", fix)
    named = quoted(group.name)
    return _GroupWords(
        "groups",
        f"classes of the exclusive group {named}",
        "These exclude",
        f"no class of the exclusive group {named}",
        "one",
        "write exclusive: false for the group in the label map (or take it out of MODEL.ROI_ACTION_HEAD."
        "EXCLUSIVE_GROUPS where a config names it)",
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
