"""Checks of the classes and the labels of one split."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from alphaction.data.augmentation import flip_pairs
from alphaction.data.formats.files import read_text
from alphaction.data.label_statistics import movements_per_box
from alphaction.utils.messages import counted, listed
from alphaction.workflows.inspect.loaded import Split
from alphaction.workflows.inspect.report import Finding, percent
from alphaction.workflows.inspect.rows import place
from alphaction.workflows.inspect.settings import Settings

_TOLERATED = 0.01  # share of boxes with several movements that a softmax may misread (slips of annotators)
_MANY_WITHOUT = 0.05
_KEY = "MODEL.ROI_ACTION_HEAD.EXCLUSIVE_MOVEMENT"


def check_labels(split: Split, settings: Settings) -> Iterator[Finding]:
    """Yield what is wrong with the labels of a split: none at all, movements, classes that a mirrored clip confuses."""
    if not len(split.annotations):
        yield Finding(
            "error",
            "labels",
            f"{split.annotations.source} has {counted(len(split.annotations.keyframes), 'keyframe')} and not one box: "
            "there is nothing to learn or to test. Is it the right file?",
            split.name,
        )
        return
    if not split.annotations.num_labels:
        yield Finding(
            "error",
            "labels",
            f"{split.annotations.source} has {counted(len(split.annotations), 'box', 'boxes')} and not one action "
            "label. Fill in the class ids (7th column), or is it a file of detections?",
            split.name,
        )
        return
    yield from _movements(split, settings)
    if split.training:
        yield from _flips(split, settings)


def check_label_map(split: Split) -> Iterator[Finding]:
    """Yield what is odd about the label map, whose classes could be read."""
    label_map = split.label_map
    if label_map.untyped:
        yield Finding(
            "warning",
            "label map",
            f"{label_map.source}: classes {listed(label_map.untyped)} have no label_type and are taken as "
            "OBJECT_MANIPULATION (independent of each other). Add label_type: PERSON_MOVEMENT, OBJECT_MANIPULATION or "
            "PERSON_INTERACTION to each.",
            split.name,
        )
    odd = [entry for entry in label_map if entry.name != " ".join(entry.name.split())]
    if odd:
        yield Finding(
            "warning",
            "label map",
            f"{label_map.source}: the name {odd[0].name!r} of class {odd[0].id} has tabs or superfluous spaces, which "
            "tables and other tools render differently. Write single spaces.",
            split.name,
        )
    if split.spec is None:
        return
    path = split.spec.label_map
    lines = read_text(path, "label map").splitlines()
    tabs = [number for number, line in enumerate(lines, start=1) if "\t" in line]
    if tabs:
        yield Finding(
            "note",
            "label map",
            f"{path}, line {tabs[0]}: indented by tabs ({counted(len(tabs), 'line')}). All "
            f"{counted(label_map.num_classes, 'class', 'classes')} were read; replace tabs by two spaces for other "
            "tools, some of which then find no class.",
            split.name,
        )


def _movements(split: Split, settings: Settings) -> Iterator[Finding]:
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
            f"{place(table, keyframe, row)}: this box has {per_box[row]} movements, {names}. So have {several} of "
            f"{len(table)} boxes; movements exclude each other (softmax), which learns one of them. If they may "
            f"coincide, set {_KEY} False, which makes them independent; else correct the rows.",
            split.name,
        )
    if movements == 1 and split.training:
        only = split.label_map.classes[0]
        yield Finding(
            settings.level("error", "warning"),
            "movements",
            f'{split.label_map.source}: "{only.name}" is the only PERSON_MOVEMENT, and a softmax over one class always '
            f"says 1. Set {_KEY} False, or give it another label_type, or add its opposite as a class.",
            split.name,
        )
    without = len(table) - labeled
    if labeled and without > _MANY_WITHOUT * len(table):
        row = int(np.argmax(per_box == 0))
        keyframe = int(table.keyframe_of_box()[row])
        yield Finding(
            "warning",
            "movements",
            f"{place(table, keyframe, row)}: this box has no movement. So have {without} of {len(table)} boxes "
            f"({percent(without, len(table))}): a softmax skips them in training and gives them a movement in testing. "
            f'Label a movement for every person (a class such as "other" will do), or set {_KEY} False.',
            split.name,
        )


def _flips(split: Split, settings: Settings) -> Iterator[Finding]:
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
