"""From the labels of annotation files, names or ids, to class ids of one label map."""

from __future__ import annotations

import textwrap
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from alphaction.data.annotations import ActionClass, LabelMap
from alphaction.data.formats.rows import RowTable
from alphaction.utils.errors import DataError
from alphaction.utils.limits import LARGEST_CLASS_ID, LONGEST_NAME
from alphaction.utils.messages import counted, one_line, suggest
from alphaction.utils.values import parse_integer, quoted
from alphaction.workflows.prepare.class_notes import DEFAULT_GROUP, guess_notes, nameless_notes
from alphaction.workflows.prepare.folded_names import composed, fold
from alphaction.workflows.prepare.group_choices import WantedGroup, group_by_attribute, regroup
from alphaction.workflows.prepare.nothing_to_learn import no_action_at_all

# More classes than this are more likely a misread field (file names, free text) than actions.
MANY_CLASSES = 100
_DIGITS = 10


@dataclass(frozen=True)
class ResolvedClasses:
    """The classes of a dataset, and the class ids of every box.

    Attributes:
        label_map: the classes.
        class_ids: for each imported file, for each of its rows, the class ids; () for a negative, or no box.
        notes: what was decided, for the user.
        comment: the same as lines for the top of the label map; "" if the user wrote the label map.
    """

    label_map: LabelMap
    class_ids: list[list[tuple[int, ...]]]
    notes: tuple[str, ...]
    comment: str


def resolve_classes(
    parts: Sequence[RowTable],
    label_map: LabelMap | None,
    class_group: str | None = None,
    groups: Sequence[WantedGroup] = (),
    *,
    by_attribute: bool = False,
) -> ResolvedClasses:
    """Return the class ids of all labels.

    Args:
        parts: the imported files, of all splits.
        label_map: the classes; None: collect them from the labels. Ids of files that name their ids are kept, names
            are numbered from 1 in alphabetical order, or by what they say if all are numbers, and ids without names
            are called "class 3".
        class_group: the group (movement, object or person) of collected classes whose file states none; None: object.
        groups: groups of the command line, which count before all others.
        by_attribute: whether the attributes of a tool are groups, where nothing else states one.

    Raises:
        UserError: no label at all; labels outside the label map (lists all of them, with counts and the nearest);
            names and nameless ids mixed where there is no label map.
    """
    keys = [[tuple(_key(part, label) for label in labels) for labels in part.labels()] for part in parts]
    counts = Counter(key for part in keys for labels in part for key in labels)
    if not counts:
        raise no_action_at_all(parts)
    for key in counts:
        if isinstance(key, str) and not key.strip():
            where = _first_place(parts, key)
            raise DataError(f"{where}: an action without a name. Name it in the tool, and export again.")
        if isinstance(key, str) and len(key) > LONGEST_NAME:
            where = _first_place(parts, key)
            raise DataError(
                f"{where}: the action {quoted(key)} has {len(key):,} characters, and names have {LONGEST_NAME:,} at "
                "most. Is a free text read as the action?"
            )
        if isinstance(key, int) and not 0 <= key <= LARGEST_CLASS_ID:
            where = _first_place(parts, key)
            raise DataError(f"{where}: the class id {key} is not one from 0 to {LARGEST_CLASS_ID}.")
    given = label_map is not None
    if label_map is None:
        label_map, ids, notes = _collect(parts, counts, class_group)
    else:
        ids, notes = _match(parts, keys, counts, label_map), []
    class_ids = [[tuple(dict.fromkeys(ids[key] for key in labels)) for labels in part] for part in keys]
    attributes = _attributes(parts, ids)
    boxes = [labels for part in class_ids for labels in part]
    if groups:
        label_map, decided = regroup(label_map, groups, boxes)
        notes += decided
    if by_attribute:
        stated = set(label_map.ids) - set(label_map.untyped)
        label_map, decided = group_by_attribute(label_map, attributes, boxes, stated)
        notes += decided
    if given and label_map.untyped:
        notes.append(
            f"{label_map.source}: {counted(len(label_map.untyped), 'class has', 'classes have')} no label_type; "
            f"taken as {class_group or DEFAULT_GROUP}"
        )
    elif label_map.untyped and class_group is None:
        notes += guess_notes(label_map, class_ids, attributes)
    if not given:
        label_map = replace(label_map, untyped=())
    comment = "" if given else "\n".join(line for note in notes for line in textwrap.wrap(note, 110))
    return ResolvedClasses(label_map, class_ids, tuple(notes), comment)


def _key(part: RowTable, label: int | str) -> int | str:
    """Return the name of a label where its file has one, else its id."""
    return label if isinstance(label, str) else part.class_names.get(int(label), int(label))


def _first_place(parts: Sequence[RowTable], wanted: int | str) -> str:
    for part in parts:
        of_label = np.array([_key(part, label) == wanted for label in part.classes], dtype=bool)
        rows = part.label_rows[of_label[part.label_codes]] if len(of_label) else part.label_rows
        if len(rows):
            return part.source.where(int(rows[0]))
    raise ValueError(f"no label {wanted!r}")


def _match(
    parts: Sequence[RowTable],
    keys: Sequence[Sequence[tuple[int | str, ...]]],
    counts: Counter[int | str],
    label_map: LabelMap,
) -> dict[int | str, int]:
    """Return the class id of each label; names may differ in case and white space from the label map's."""
    exact = dict(zip(label_map.names, label_map.ids, strict=True))
    folded: dict[str, list[int]] = {}
    for name, class_id in exact.items():
        folded.setdefault(fold(name), []).append(class_id)
    ids: dict[int | str, int] = {}
    for key in counts:
        if isinstance(key, int):
            found = [key] if key in label_map else []
        else:
            found = [exact[key]] if key in exact else folded.get(fold(key), [])
            if not found and key.strip().isdecimal() and parse_integer(key) in label_map:
                found = [parse_integer(key)]  # an attribute that holds the class id as text
        if len(found) == 1:
            ids[key] = found[0]
    unknown = [key for key in counts if key not in ids]
    if unknown:
        raise DataError(_unknown_labels(parts, keys, counts, unknown, label_map))
    return ids


def _unknown_labels(
    parts: Sequence[RowTable],
    keys: Sequence[Sequence[tuple[int | str, ...]]],
    counts: Counter[int | str],
    unknown: Sequence[int | str],
    label_map: LabelMap,
) -> str:
    first: dict[int | str, str] = {}
    for part, boxes in zip(parts, keys, strict=True):
        for row, labels in enumerate(boxes):
            for key in labels:
                first.setdefault(key, part.source.where(row))
    lines = []
    for key in sorted(unknown, key=lambda key: (isinstance(key, str), key)):
        shown = f'"{key}"' if isinstance(key, str) else f"class id {key}"
        near = suggest(key, label_map.names, limit=6) if isinstance(key, str) else label_map.nearest_ids(key)
        lines.append(f"{shown} ({counted(counts[key], 'box', 'boxes')}; the first: {first[key]}). {near}")
    zero_based = [
        part.source.path
        for part, boxes in zip(parts, keys, strict=True)
        if _starts_at_zero({key for labels in boxes for key in labels}, label_map)
    ]
    hint = f" The ids of {zero_based[0]} start at 0 and the label map's do not: add 1 to each?" if zero_based else ""
    head = (
        f"{len(unknown)} of the {counted(len(counts), 'label')} in the annotations are not in {label_map.source}. "
        f"Add them to it, or correct the annotations.{hint} Without --label-map, all labels of the annotations become "
        "classes."
    )
    return "\n  - ".join([head, *lines])


def _starts_at_zero(used: set[int | str], label_map: LabelMap) -> bool:
    ids = {key for key in used if isinstance(key, int)}
    return 0 in ids and 0 not in label_map and all(class_id + 1 in label_map for class_id in ids)


def _collect(
    parts: Sequence[RowTable], counts: Counter[int | str], class_group: str | None
) -> tuple[LabelMap, dict[int | str, int], list[str]]:
    """Return the label map of all labels, the class id of each label, and what was decided."""
    own_ids = _own_ids(parts, counts)
    nameless = sorted(key for key in counts if isinstance(key, int))
    if nameless and own_ids is None:
        text = next(key for key in counts if isinstance(key, str))
        raise DataError(
            f'the annotations name some classes ("{text}") and only number others ({nameless[0]}): which of them are '
            "the same? Write a label map that has both, and pass it with --label-map. The first of each: "
            f"{_first_place(parts, text)}; {_first_place(parts, nameless[0])}."
        )
    groups = _groups(parts)
    if own_ids is not None:
        names = {key: key if isinstance(key, str) else f"class {key}" for key in counts}
        spelled = {key: own_ids[key] for key in counts}
        number = counted(len(counts), "class", "classes")
        notes = [f"no --label-map: {number} collected from the annotations, with the ids of the file"]
    else:
        best = _spellings(counts)
        order = _numbered(set(best.values()))
        names, spelled = dict(best), {key: order[best[key]] for key in counts}
        number = counted(len(order), "class", "classes")
        notes = [f"no --label-map: {number} collected from the annotations, numbered by name"]
        notes += [
            f'labels "{one_line(key)}" and "{name}" are taken as one class'
            for key, name in best.items()
            if unicodedata.normalize("NFC", key) != name
        ]
    classes: dict[int, ActionClass] = {}
    guessed: list[int] = []
    for key, class_id in sorted(spelled.items(), key=lambda item: item[1]):
        group = groups.get(fold(names[key])) or groups.get(key)
        if group is None and class_id not in classes:
            guessed.append(class_id)
        known = classes.get(class_id)
        classes[class_id] = known or ActionClass(class_id, names[key], group or class_group or DEFAULT_GROUP)
    if nameless:
        notes += nameless_notes(nameless)
    if len(classes) > MANY_CLASSES:
        notes.append(
            f"{len(classes)} different labels are many for actions: is a free text or a track name read as the label?"
        )
    return LabelMap(tuple(classes.values()), "the collected classes", tuple(sorted(guessed))), spelled, notes


def _attributes(parts: Sequence[RowTable], ids: Mapping[int | str, int]) -> dict[int, dict[str, str]]:
    """Return class id -> the attributes that it is a value of, and their kinds."""
    found: dict[int, dict[str, str]] = {}
    for part in parts:
        for label, attributes in part.class_attributes.items():
            class_id = ids.get(_key(part, label))
            if class_id is not None:
                found.setdefault(class_id, {}).update(attributes)
    return found


def _own_ids(parts: Sequence[RowTable], counts: Counter[int | str]) -> dict[int | str, int] | None:
    """Return label -> id where the files number all their classes without contradiction, else None."""
    ids: dict[int | str, int] = {key: key for key in counts if isinstance(key, int)}
    for part in parts:
        used = {label for labels in part.labels() for label in labels}
        if any(isinstance(label, str) for label in used):
            return None
        for label in used:
            key = _key(part, label)
            if ids.setdefault(key, label) != label:
                return None
    folded = {fold(key) if isinstance(key, str) else f"class {key}" for key in counts}
    return ids if len(set(ids.values())) == len(ids) == len(folded) else None


def _numbered(names: set[str]) -> dict[str, int]:
    """Return name -> class id: its place in the alphabet, or what it says if all are different numbers."""
    said = {name: int(name) for name in names if name.isdecimal() and len(name) < _DIGITS}
    if len(set(said.values())) == len(names):
        return said
    return {name: number for number, name in enumerate(sorted(names, key=fold), start=1)}


def _spellings(counts: Counter[int | str]) -> dict[str, str]:
    """Return for each name the commonest of those that differ only in case and white space."""
    best: dict[str, str] = {}
    for name in sorted(counts, key=lambda name: (-counts[name], name)):
        best.setdefault(fold(name), composed(name))
    return {name: best[fold(name)] for name in counts}


def _groups(parts: Sequence[RowTable]) -> dict[int | str, str]:
    """Return the group that the files state for a class, by folded name or id.

    Raises:
        UserError: two files contradict each other.
    """
    groups: dict[int | str, str] = {}
    for part in parts:
        for label, group in part.class_groups.items():
            key = _key(part, label)
            key = fold(key) if isinstance(key, str) else key
            if groups.setdefault(key, group) != group:
                raise DataError(
                    f'{part.source.path}: class "{label}" is of group {group} here and of group {groups[key]} '
                    "elsewhere. Correct one, or pass --label-map, which then decides."
                )
    return groups
