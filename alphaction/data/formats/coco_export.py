"""COCO JSON as annotation tools write it: pictures of frames, attributes, and boxes in need of repair.

CVAT, Roboflow, Label Studio and others export it. Images are named after a video's frames (see
:mod:`alphaction.data.formats.frame_moments`) unless they name ``movie`` and ``timestamp``. The class of a box is its
category, unless it has ``attributes`` of which one's name says that it is the action, or that ``--action-attribute``
names. ``track_id`` (else an attribute named like "person_id") is the person. Sizes in shapes: n annotations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from alphaction.data.formats.action_attributes import (
    ANYONE,
    CHECKBOX,
    NUMBER,
    TEXT,
    Answers,
    AttributeUse,
    can_be_action,
    is_boolean,
    person_id,
    plain,
    says_action,
)
from alphaction.data.formats.action_rule import ActionRule
from alphaction.data.formats.annotation_file import AnnotationFile
from alphaction.data.formats.coco_pictures import read_pictures
from alphaction.data.formats.coco_repair import repaired, without_masks
from alphaction.data.formats.coco_rows import (
    class_columns,
    coco_records,
    coco_table,
    labels_of,
    person_key,
    read_categories,
)
from alphaction.data.formats.confirmation import unconfirmed_rule
from alphaction.data.formats.file_content import FileContent
from alphaction.data.formats.json_records import Records
from alphaction.data.formats.rows import CLASS_ID, NoActions, RowTable
from alphaction.utils.messages import listed
from alphaction.utils.values import Value, parse_integer, shown

# What tools say of every box in its attributes; "keyframe" is that of a track.
_OF_THE_BOX = {"rotation", "keyframe", "occluded", "outside", "zorder", "source", "iscrowd", "score", "trackid"}
# Of COCO's attributes these more likely describe the box than its action, which is the category.
_DESCRIBES = {"class", "classname", "label", "labels", "labelname", "pose", "object", "objects", "person", "persons"}


def read_coco_export(file: AnnotationFile) -> RowTable:
    """Read COCO JSON of another program; boxes, classes and seconds are finished where all tables are.

    Images that stand for no second are left out with their boxes; those without boxes stay keyframes. For how boxes
    are repaired see :mod:`alphaction.data.formats.coco_repair`. Wrong annotations are left out, counted and named.

    Raises:
        UserError: an image or a category is wrong, or most annotations are: names the JSON index of the first wrong
            entry, and how many more have the same fault.
    """
    images, annotations = coco_records(file.path, file.what, file.data, strict=False)
    total = len(annotations)
    counts: Counter[str] = Counter()
    notes: list[str] = []
    pictures = read_pictures(file, images, annotations, counts)
    notes += pictures.notes
    xywh = file.box_format in ("auto", "xywh")
    annotations = repaired(pictures.boxes(annotations, counts), counts, xywh=xywh)
    annotations = without_masks(annotations, counts) if xywh else annotations
    categories = _named(read_categories(file.path, file.what, file.data.get("categories")))
    rule = _rule(file, list(map(attributes_of, annotations.values())))
    upstream = len(annotations) and annotations.has("action_ids").any()
    annotations.boxes()
    if upstream:
        class_columns(annotations)
    elif rule is None:
        _refuse_categories(annotations, categories)
    annotations = annotations.take(~annotations.bad)
    annotations.refuse_most(total)
    position = pictures.found.locate(annotations.ids("image_id"))
    answers = list(map(attributes_of, annotations.values()))
    persons = _persons(annotations, answers, counts)
    boxes = annotations.boxes()
    if upstream:
        classes, categories = class_columns(annotations), []
    elif rule is None:
        unnamed = np.array([value is None for value in annotations.optional("category_id")], dtype=bool)
        unnamed &= annotations.has("category_id")
        counts["boxes without a category, kept without action"] += int(unnamed.sum())
        classes = class_columns(annotations, unnamed)
        notes += _unused_attributes(answers)
    else:
        names = {category["id"]: category["name"] for category in categories}
        labels = [names.get(parse_integer(value), "") for value in annotations.optional("category_id")]
        actions = [
            rule.actions((label,) if label else (), {name: _split(rule, name, some) for name, some in answer.items()})
            for label, answer in zip(labels, answers, strict=True)
        ]
        classes, categories = labels_of(actions), []
        counts.update(rule.counts)
        notes += rule.notes
    rows = coco_table(pictures.records, annotations, pictures.found, position, boxes, classes, persons, categories)
    by_track = rule is None and not upstream and any("track_id" in answer for answer in answers)
    # A person whose categories are actions has a track for each: their equal boxes are one.
    keys = np.full(len(rows), ANYONE) if by_track else None
    unconfirmed = np.zeros(len(rows), dtype=bool)
    unconfirmed[: len(answers)] = list(map(unconfirmed_rule(file.own_attributes.kinds), answers))
    kept = {what: count for what, count in counts.items() if count}
    return replace(
        rows,
        merge_keys=keys,
        unconfirmed=unconfirmed if unconfirmed.any() else None,
        class_groups={} if rule is None else dict(rule.groups),
        class_attributes={} if rule is None else rule.class_attributes,
        counts={**rows.counts, **kept},
        notes=tuple(notes),
        taken_for=pictures.taken_for,
        of_frames=pictures.of_frames,
        no_actions=NoActions(values=_values_met(answers)) if rule is None else rule.no_actions,
    )


def _named(categories: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the categories, those with an empty name by their id."""
    blank = [not category["name"].strip() for category in categories]
    return [
        {**category, "name": f"class {category['id']}"} if bare else {**category}
        for category, bare in zip(categories, blank, strict=True)
    ]


def _refuse_categories(annotations: Records, categories: Sequence[Mapping[str, Any]]) -> None:
    """Mark annotations whose category is missing or is none of the file's; null is a box without a class."""
    hint = 'Expected "category_id" (the action class) or "action_ids" (a list of them).'
    values = annotations.column("category_id", hint)
    ids = [parse_integer(value, CLASS_ID) for value in values]
    annotations.refuse(
        np.array([value is not None and found is None for value, found in zip(values, ids, strict=True)], dtype=bool),
        lambda row: f'"category_id" is {shown(values[row])}, expected a whole number. {hint}',
    )
    known = {category["id"] for category in categories}
    annotations.refuse(
        np.array([bool(known) and found is not None and found not in known for found in ids], dtype=bool),
        lambda row: f"category_id {ids[row]} is not among the file's categories ({listed(sorted(known))}).",
    )


def coco_attributes(content: FileContent) -> AttributeUse:
    """Return the attributes of a file's boxes, less what tools say of every box."""
    data = content.value
    names = {each["id"].whole(None): each["name"].text("") for each in data["categories"].objects()}
    values: dict[str, list[str]] = {}
    owners: dict[str, set[str]] = {}
    labels = set()
    for item in data["annotations"].objects():
        label = names.get(item["category_id"].whole(None), "")
        labels.add(label)
        for name, some in attributes_of(item).items():
            if plain(name) in _OF_THE_BOX:
                continue
            values.setdefault(name, []).extend(some)
            owners.setdefault(name, set()).add(label)
    kinds = {name: _kind(some) for name, some in values.items()}
    return AttributeUse(kinds, {name: frozenset(own) for name, own in owners.items()}, frozenset(labels))


def attributes_of(item: Value) -> dict[str, list[str]]:
    """Return the attributes of an annotation: name -> its values, as text.

    They are an object, with objects in it or not, or a list of ``{"name", "value"}``.
    """
    found: dict[str, list[str]] = {}
    waiting = [(item["attributes"], "")]
    while waiting:
        value, name = waiting.pop()
        if "name" in value and "value" in value:
            waiting.append((value["value"], value["name"].text("")))
        elif value.is_object:
            own = [(each, name if name and key in ("value", "values", "name") else key) for key, each in value.items()]
            waiting += reversed(own)
        elif value.is_list:
            waiting += [(each, name) for each in reversed(value.each())]
        elif value.given:
            text = f"{value.raw:g}" if value.kind == "float" else value.text("")
            found.setdefault(name or "attributes", []).append(text)
    return found


def _kind(values: Sequence[str]) -> str:
    filled = [value for value in values if value]
    if filled and all(is_boolean(value) for value in filled):
        return CHECKBOX
    return NUMBER if filled and all(parse_integer(value) is not None for value in filled) else TEXT


def _is_action(name: str) -> bool:
    return says_action(name) and plain(name) not in _DESCRIBES | _OF_THE_BOX


def _rule(file: AnnotationFile, answers: Sequence[Answers]) -> ActionRule | None:
    """Return the rule by which attributes are actions; None: the categories are."""
    kinds = file.attributes.kinds
    wanted = tuple(name for name in kinds if _is_action(name))
    if wanted:
        wanted += tuple(name for name, kind in kinds.items() if kind == CHECKBOX and can_be_action(name, kind))
    wanted = file.action_attributes or tuple(dict.fromkeys(wanted))
    if not wanted or not (any(answers) or file.action_attributes):
        return None
    return ActionRule(file.attributes, wanted, chosen=bool(file.action_attributes))


def _split(rule: ActionRule, name: str, values: Sequence[str]) -> list[str]:
    return [part for value in values for part in rule.split(name, value)]


def _could_be_actions(answers: Sequence[Answers]) -> list[str]:
    """Return the attributes that are not taken for actions, but might be."""
    names = dict.fromkeys(name for answer in answers for name in answer if plain(name) not in _OF_THE_BOX)
    return [name for name in names if can_be_action(name, TEXT)]


def _values_met(answers: Sequence[Answers]) -> dict[str, Counter[str]]:
    return {
        name: Counter(value for answer in answers for value in answer.get(name, ()) if value)
        for name in _could_be_actions(answers)
    }


def _unused_attributes(answers: Sequence[Answers]) -> list[str]:
    names = _could_be_actions(answers)
    if not names:
        return []
    return [
        "actions are taken from the categories, as no attribute's name says that it is one; attributes: "
        f"{', '.join(names[:8])} (--action-attribute NAME chooses)"
    ]


def _persons(annotations: Records, answers: Sequence[Answers], counts: Counter[str]) -> np.ndarray:
    """Return person ids, int64 [n], -1 unknown: of the annotations themselves, else of their attributes."""
    key = person_key(annotations)
    values = [parse_integer(value) for value in annotations.optional(key, -1)]
    counts[f"boxes whose {key} is no number, kept without a person"] += values.count(None)
    persons = np.array([-1 if value is None else max(value, -1) for value in values], dtype=np.int64)
    for row, answer in enumerate(answers):
        if persons[row] < 0 and answer:
            track = {name: some for name, some in answer.items() if plain(name) == "trackid"}
            number = person_id(track) if track else None
            number = person_id(answer) if number is None else number
            persons[row] = -1 if number is None else number
    return persons
