"""The groups of action classes of a config: AVA's three, each with keys of its own, and those of the data's label map.

A group is exclusive (of its classes a person does one at a time: softmax) or independent (any number: sigmoids).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count

from yacs.config import CfgNode

from alphaction.utils.errors import UserError
from alphaction.utils.messages import suggest

MOVEMENT = "movement"
GROUPS = (MOVEMENT, "object", "person")
"""AVA's groups in channel order: person movement, object manipulation, person interaction."""
SIZE_KEYS = ("NUM_PERSON_MOVEMENT_CLASSES", "NUM_OBJECT_MANIPULATION_CLASSES", "NUM_PERSON_INTERACTION_CLASSES")
WEIGHT_KEYS = ("POSE_LOSS_WEIGHT", "OBJECT_LOSS_WEIGHT", "PERSON_LOSS_WEIGHT")
HEAD = "MODEL.ROI_ACTION_HEAD"
OWN_GROUP_KEYS = tuple(f"{HEAD}.{name}" for name in ("GROUPS", "GROUP_SIZES", "EXCLUSIVE_GROUPS"))
"""What decides about the label map's own groups."""
EXCLUSIVE_WEIGHT = 1.2
"""Weight of an exclusive group's loss where nothing else is said: that of AVA's movements."""
_NOT_IN_NAMES = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class HeadGroup:
    """A group of classes whose channels lie side by side.

    Attributes:
        name: of the group, unique.
        size: number of classes; may be 0.
        exclusive: whether its classes exclude each other.
        weight: factor of its loss.
    """

    name: str
    size: int
    exclusive: bool = False
    weight: float = 1.0

    @property
    def softmax(self) -> bool:
        """Whether the group is learned by a softmax; that of a single class would always be 1."""
        return self.exclusive and self.size > 1


def usual_weight(size: int, exclusive: bool) -> float:
    """Return the factor of a group's loss where GROUP_LOSS_WEIGHTS is empty.

    A loss of sigmoids is a mean over the classes, and times their number the sum, as AVA's groups have it.
    """
    return EXCLUSIVE_WEIGHT if exclusive and size > 1 else float(size)


def head_groups(cfg: CfgNode) -> tuple[HeadGroup, ...]:
    """Return the groups of MODEL.ROI_ACTION_HEAD in channel order: AVA's three, of which some are empty, and GROUPS.

    Raises:
        UserError: the keys contradict each other; names them.
    """
    head = cfg.MODEL.ROI_ACTION_HEAD
    ava = [
        HeadGroup(name, head[size], name == MOVEMENT and head.EXCLUSIVE_MOVEMENT, head[weight])
        for name, size, weight in zip(GROUPS, SIZE_KEYS, WEIGHT_KEYS, strict=True)
    ]
    if problem := _own_problem(head):
        raise UserError(problem)
    exclusive = set(head.EXCLUSIVE_GROUPS)
    weights = head.GROUP_LOSS_WEIGHTS or [
        usual_weight(size, name in exclusive) for name, size in zip(head.GROUPS, head.GROUP_SIZES, strict=True)
    ]
    own = [
        HeadGroup(name, size, name in exclusive, weight)
        for name, size, weight in zip(head.GROUPS, head.GROUP_SIZES, weights, strict=True)
    ]
    groups = (*ava, *own)
    sizes = [group.size for group in groups]
    if min(sizes) < 0 or sum(sizes) < 1 or sum(sizes) != head.NUM_CLASSES:
        keys, all_keys = ", ".join(SIZE_KEYS), "all four"
        if own:
            keys, all_keys = f"{keys}, GROUP_SIZES", "these, GROUPS and EXCLUSIVE_GROUPS"
        raise UserError(
            f"{HEAD}.NUM_CLASSES is {head.NUM_CLASSES}, but its groups hold {' + '.join(map(str, sizes))} = "
            f"{sum(sizes)} ({keys}). Make them agree, or remove {all_keys} to take them from the label map."
        )
    return groups


def stated_kinds(cfg: CfgNode) -> dict[str, bool]:
    """Return whether a group is exclusive, of those about which the config decides; of others the label map does."""
    head = cfg.MODEL.ROI_ACTION_HEAD
    return {MOVEMENT: head.EXCLUSIVE_MOVEMENT} | {name: name in head.EXCLUSIVE_GROUPS for name in head.GROUPS}


def groups_text(groups: Iterable[HeadGroup]) -> str:
    """Return the groups that have classes in words: "movement 5, posture 3 (exclusive)"."""
    return ", ".join(
        f"{group.name} {group.size}" + (" (exclusive)" if group.softmax and group.name not in GROUPS else "")
        for group in groups
        if group.size
    )


def _own_problem(head: CfgNode) -> str:
    """Return what is wrong with the keys of the label map's own groups, "" if nothing is."""
    names, sizes, weights = list(head.GROUPS), list(head.GROUP_SIZES), list(head.GROUP_LOSS_WEIGHTS)
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        return f'{HEAD}.GROUPS names "{twice}" twice. Give each group its own name.'
    if known := [name for name in names if name in GROUPS]:
        key = SIZE_KEYS[GROUPS.index(known[0])]
        return f'{HEAD}.GROUPS names "{known[0]}", which is AVA\'s group: its size is {HEAD}.{key}.'
    if len(sizes) != len(names) or any(size < 1 for size in sizes):
        return (
            f"{HEAD}.GROUP_SIZES is {sizes}, and GROUPS {names}. Give each group its number of classes, 1 or more; or "
            "remove both to take them from the label map."
        )
    if weights and len(weights) != len(names):
        return (
            f"{HEAD}.GROUP_LOSS_WEIGHTS is {weights}, and GROUPS {names}. Give each group its weight, in that order, "
            "or none."
        )
    for name in head.EXCLUSIVE_GROUPS:
        if name in GROUPS:
            fix = f"that is said by {HEAD}.EXCLUSIVE_MOVEMENT" if name == MOVEMENT else "AVA's is independent"
            return f'{HEAD}.EXCLUSIVE_GROUPS names "{name}": {fix}. Name groups of GROUPS only.'
        if name not in names:
            return f'{HEAD}.EXCLUSIVE_GROUPS names "{name}", which is not in GROUPS. {suggest(name, names)}'
    return ""


def value_names(groups: Sequence[str]) -> list[str]:
    """Return what stands for each group in the names of losses and accuracies, all different.

    Runs of what is no letter, digit, dot or dash become one ``_``: tools that draw curves part names at slashes.
    """
    names: list[str] = []
    for group in groups:
        base = _NOT_IN_NAMES.sub("_", group).strip("_") or "group"
        taken = {name.casefold() for name in names}
        numbered = (f"{base}_{number}" for number in count(2))
        names.append(base if base.casefold() not in taken else next(n for n in numbered if n.casefold() not in taken))
    return names
