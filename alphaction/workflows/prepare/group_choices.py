"""Which groups the classes of a prepared dataset are given by the command line, or by the attributes of a tool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from alphaction.config.class_groups import GROUPS, MOVEMENT
from alphaction.data.annotations import LabelMap
from alphaction.data.formats.action_attributes import OPTIONS
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.messages import counted, listed, suggest
from alphaction.utils.values import quoted
from alphaction.workflows.prepare.folded_names import fold

EXCLUSIVE_FLAG = "--group"
INDEPENDENT_FLAG = "--independent-group"
ATTRIBUTES_FLAG = "--groups-from-attributes"


@dataclass(frozen=True)
class WantedGroup:
    """A group of the command line.

    Attributes:
        name: of the group.
        exclusive: whether a person does one of its classes at a time.
        classes: its classes as written: names or ids, separated by commas (or by semicolons).
        flag: the flag, for messages.
    """

    name: str
    exclusive: bool
    classes: str
    flag: str

    @classmethod
    def parse(cls, text: str, exclusive: bool) -> WantedGroup:
        """Read "posture=sit,stand,lie".

        Raises:
            UserError: there is no name, no class, or AVA's group of that name is of the other kind.
        """
        flag = EXCLUSIVE_FLAG if exclusive else INDEPENDENT_FLAG
        name, _, classes = text.partition("=")
        name, classes = " ".join(name.split()), classes.strip(" ,;")
        if not name or not classes:
            raise UserError(f"{flag} {quoted(text)}: expected a name and its classes, as posture=sit,stand,lie")
        if name.casefold() in GROUPS:
            name = name.casefold()
            if exclusive != (name == MOVEMENT):
                kind, other = ("independent", INDEPENDENT_FLAG) if exclusive else ("exclusive", EXCLUSIVE_FLAG)
                raise UserError(
                    f"{flag} {quoted(text)}: the classes of AVA's group {name} are {kind}. Give the group another "
                    f"name, or write {other}."
                )
        return cls(name, exclusive, classes, flag)


def read_groups(exclusive: Sequence[str], independent: Sequence[str]) -> tuple[WantedGroup, ...]:
    """Return the groups of both flags.

    Raises:
        UserError: a text is no group, or two are of one name.
    """
    groups = [WantedGroup.parse(text, True) for text in exclusive]
    groups += [WantedGroup.parse(text, False) for text in independent]
    names = [group.name.casefold() for group in groups]
    for group in groups:
        if names.count(group.name.casefold()) > 1:
            raise UserError(
                f"{group.flag}: the group {quoted(group.name)} is given twice. Name all its classes in one."
            )
    return tuple(groups)


def regroup(
    label_map: LabelMap, groups: Sequence[WantedGroup], boxes: Sequence[Sequence[int]]
) -> tuple[LabelMap, list[str]]:
    """Give classes the groups of the command line.

    Args:
        label_map: the classes.
        groups: the groups.
        boxes: the class ids of each box.

    Returns:
        the label map, and what was decided.

    Raises:
        DataError: a class is unknown, or in two groups.
    """
    group_of: dict[int, WantedGroup] = {}
    for group in groups:
        for class_id in _ids(group, label_map):
            other = group_of.setdefault(class_id, group)
            if other is not group:
                name = label_map.find(class_id).name
                raise DataError(
                    f"{group.flag}: class {quoted(name)} is in the groups {quoted(other.name)} and "
                    f"{quoted(group.name)}. A class has one group."
                )
    kinds = {group.name: group.exclusive for group in groups}
    label_map = _with_groups(label_map, {key: group.name for key, group in group_of.items()}, kinds)
    sizes, several = _sizes(label_map), _with_several(label_map, boxes)
    notes = []
    for group in groups:
        size, found = sizes[group.name], several[group.name]
        kind = f"{_kind(group.exclusive, size)} ({group.flag})"
        if group.exclusive and found:
            kind += (
                f"; but {counted(found, 'box has', 'boxes have')} several of them, which no softmax learns: correct "
                f"them, or write {INDEPENDENT_FLAG}"
            )
        notes.append(f"group {quoted(group.name)}: {counted(size, 'class', 'classes')}, {kind}")
    return label_map, notes


def group_by_attribute(
    label_map: LabelMap,
    attributes: Mapping[int, Mapping[str, str]],
    boxes: Sequence[Sequence[int]],
    stated: Collection[int] = (),
) -> tuple[LabelMap, list[str]]:
    """Give classes the attributes that they are values of as groups.

    A group is exclusive unless its attribute is a list of which several can be ticked, or a box has two of its values.
    Where a class has a group of the attribute's name by other means, the others join it.

    Args:
        label_map: the classes.
        attributes: class id -> the attributes that it is a value of, and their kinds.
        boxes: the class ids of each box.
        stated: ids of classes whose group is stated otherwise; they keep it.

    Returns:
        the label map, and what was decided.

    Raises:
        DataError: no class is a value of an attribute, or one is of two.
    """
    joined = {group.name: group.exclusive for group in label_map.class_groups if not set(stated).isdisjoint(group.ids)}
    group_of: dict[int, str] = {}
    spelled = {name.casefold(): name for name in joined}
    of_attribute: dict[str, tuple[str, str]] = {}
    for class_id, names in attributes.items():
        if class_id in stated or not names:
            continue
        bare = [" ".join(name.split()) for name in names]
        own = sorted({spelled.setdefault(name.casefold(), name) for name in bare})
        if len(own) > 1:
            raise DataError(
                f"{ATTRIBUTES_FLAG}: {quoted(label_map.find(class_id).name)} is a value of the attributes "
                f"{listed(map(quoted, own))}, and a class has one group. Call it differently in each (in the tool), or "
                f"give the groups with {EXCLUSIVE_FLAG}."
            )
        group_of[class_id] = own[0]
        of_attribute[own[0]] = bare[0], next(iter(names.values()))
    if not group_of:
        raise DataError(
            f"{ATTRIBUTES_FLAG}: no class is the value of an attribute (the labels of the boxes are the actions, or "
            f"checkboxes are). Give the groups with {EXCLUSIVE_FLAG} and {INDEPENDENT_FLAG}."
        )
    several = _with_several(_with_groups(label_map, group_of, {}), boxes)
    sizes, kinds, notes = Counter(group_of.values()), dict(joined), []
    for name, (attribute, kind) in of_attribute.items():
        size = counted(sizes[name], "class", "classes")
        if name in joined:
            which = f"{size} more, of the attribute {quoted(attribute)}"
            learned = _kind(joined[name], sizes[name] + 1)
            if joined[name] and several[name]:
                learned += f"; but {counted(several[name], 'box has', 'boxes have')} several of them"
        else:
            kinds[name] = kind != OPTIONS and not several[name]
            which, learned = f"the {size} of this attribute", _kind(kinds[name], sizes[name])
            learned += "" if sizes[name] == 1 else f", as {_why(kinds[name], several[name])}"
        notes.append(f"group {quoted(name)}: {which}, {learned}")
    return _with_groups(label_map, group_of, kinds), notes


def _why(exclusive: bool, several: int) -> str:
    if several:
        return f"{counted(several, 'box has', 'boxes have')} several"
    return "no box has two of them" if exclusive else "several can be ticked"


def _sizes(label_map: LabelMap) -> dict[str, int]:
    return {group.name: len(group.ids) for group in label_map.class_groups}


def _with_several(label_map: LabelMap, boxes: Sequence[Sequence[int]]) -> Counter[str]:
    """Return how many boxes have two classes of each group."""
    group_of = dict(zip(label_map.ids, label_map.groups, strict=True))
    several: Counter[str] = Counter()
    for ids in boxes:
        if len(ids) > 1:
            several.update(name for name, number in Counter(map(group_of.__getitem__, set(ids))).items() if number > 1)
    return several


def _with_groups(label_map: LabelMap, group_of: Mapping[int, str], kinds: Mapping[str, bool]) -> LabelMap:
    classes = tuple(replace(entry, group=group_of.get(entry.id, entry.group)) for entry in label_map)
    left = {entry.group for entry in classes} - set(GROUPS)
    exclusive = {name for name in label_map.exclusive if kinds.get(name, True)} | {n for n, yes in kinds.items() if yes}
    untyped = tuple(class_id for class_id in label_map.untyped if class_id not in group_of)
    return LabelMap(classes, label_map.source, untyped, frozenset(exclusive & left))


def _ids(group: WantedGroup, label_map: LabelMap) -> list[int]:
    """Return the ids of a group's classes. Names hold commas: parts that are no class are joined with the next ones."""
    known: dict[str, int] = {str(class_id): class_id for class_id in label_map.ids}
    known |= {fold(entry.name): entry.id for entry in label_map}
    separator = ";" if ";" in group.classes and fold(group.classes) not in known else ","
    parts = [part.strip() for part in group.classes.split(separator)]
    ids, start = [], 0
    while start < len(parts):
        # The longest name counts: "eat" and "eat, fast" may both be classes.
        for end in range(len(parts), start, -1):
            text = f"{separator} ".join(parts[start:end])
            found = known.get(fold(text), known.get(fold(separator.join(parts[start:end]))))
            if found is not None:
                ids.append(found)
                start = end
                break
        else:
            if not parts[start]:
                start += 1
                continue
            raise DataError(
                f"{group.flag} {quoted(group.name)}: no class is named {quoted(parts[start])}. "
                f"{suggest(parts[start], label_map.names)}"
            )
    return ids


def _kind(exclusive: bool, size: int) -> str:
    if size == 1:
        return "learned on its own (sigmoid)"
    return "one at a time (softmax)" if exclusive else "any number at once (sigmoid)"
