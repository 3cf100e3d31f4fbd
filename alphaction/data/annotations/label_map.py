"""The action classes: read from label maps (AVA's pbtxt, or lists of names), and written as pbtxt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from alphaction.data.formats.class_names import read_class_names
from alphaction.data.formats.file_content import looks_like_json, open_for_writing, read_text
from alphaction.data.formats.pbtxt import Block, has_blocks, read_blocks
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.limits import LARGEST_CLASS_ID, LARGEST_LABEL_MAP, LONGEST_NAME, MOST_CLASSES
from alphaction.utils.messages import counted, suggest
from alphaction.utils.values import parse_integer, quoted, shown

GROUPS = ("movement", "object", "person")
"""Groups in channel order: person movement, object manipulation, person interaction."""

_LABEL_TYPES = {"PERSON_MOVEMENT": "movement", "OBJECT_MANIPULATION": "object", "PERSON_INTERACTION": "person"}
_GROUP_OF_SPELLING = {**_LABEL_TYPES, **{group.upper(): group for group in GROUPS}}
_WHAT = "label map"


@dataclass(frozen=True)
class ActionClass:
    """One action class: its id in the annotation files, its name (one line), and its group (one of ``GROUPS``)."""

    id: int
    name: str
    group: str

    def __post_init__(self) -> None:
        if "\n" in self.name:
            object.__setattr__(self, "name", " ".join(self.name.split()))


@dataclass(frozen=True)
class LabelMap:
    """The action classes in channel order: movement, object, person; within a group by id.

    Attributes:
        classes: the classes; any order is accepted and sorted into channel order.
        source: where they came from, for messages; not compared.
        untyped: ids of the classes that had no ``label_type`` and got the default group; callers may warn.

    Raises:
        DataError: no class, an id or a name twice, or an unknown group.
    """

    classes: tuple[ActionClass, ...]
    source: str = field(default="label map", compare=False)
    untyped: tuple[int, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if not self.classes:
            raise DataError(f"{self.source}: no class. Write one label {{ name: ... label_id: ... }} block per class.")
        by_id: dict[int, ActionClass] = {}
        by_name: dict[str, ActionClass] = {}
        for entry in self.classes:
            if not entry.name.strip():
                raise DataError(f"{self.source}: class {shown(entry.id)} has no name. Give it one.")
            if len(entry.name) > LONGEST_NAME:
                raise DataError(
                    f"{self.source}: the name {quoted(entry.name)} of class {entry.id} has {len(entry.name):,} "
                    f"characters, and names have {LONGEST_NAME:,} at most."
                )
            if not 0 <= entry.id <= LARGEST_CLASS_ID:
                raise DataError(
                    f'{self.source}: class "{entry.name}" has the id {shown(entry.id)}; ids are from 0 to '
                    f"{LARGEST_CLASS_ID}."
                )
            if entry.group not in GROUPS:
                raise DataError(
                    f'{self.source}: class {entry.id} "{entry.name}": group "{entry.group}" is unknown. '
                    f"{suggest(entry.group, GROUPS)}"
                )
            if entry.id in by_id:
                raise DataError(
                    f'{self.source}: id {entry.id} stands for two classes, "{by_id[entry.id].name}" and '
                    f'"{entry.name}". Give each class its own id.'
                )
            if entry.name in by_name:
                raise DataError(
                    f'{self.source}: two classes are named "{entry.name}" (ids {by_name[entry.name].id} and '
                    f"{entry.id}). Give each class its own name."
                )
            by_id[entry.id] = by_name[entry.name] = entry
        ordered = sorted(self.classes, key=lambda entry: (GROUPS.index(entry.group), entry.id))
        object.__setattr__(self, "classes", tuple(ordered))

    @cached_property
    def ids(self) -> tuple[int, ...]:
        """Class id of each channel."""
        return tuple(entry.id for entry in self.classes)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Class name of each channel."""
        return tuple(entry.name for entry in self.classes)

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """Group of each channel."""
        return tuple(entry.group for entry in self.classes)

    @property
    def num_classes(self) -> int:
        """Number of channels."""
        return len(self.classes)

    @property
    def group_sizes(self) -> tuple[int, int, int]:
        """Numbers of movement, object and person classes; the channels lie in this order."""
        return tuple(self.groups.count(group) for group in GROUPS)

    @cached_property
    def _channels(self) -> dict[int, int]:
        return {class_id: channel for channel, class_id in enumerate(self.ids)}

    @cached_property
    def _sorted_ids(self) -> tuple[np.ndarray, np.ndarray]:
        order = np.argsort(self.ids)
        return np.asarray(self.ids, dtype=np.int64)[order], order

    def __len__(self) -> int:
        return len(self.classes)

    def __iter__(self) -> Iterator[ActionClass]:
        return iter(self.classes)

    def __contains__(self, class_id: object) -> bool:
        return class_id in self._channels

    def channel_of(self, class_id: int) -> int:
        """Return the channel of a class id; an unknown id is a :class:`UserError` that names the nearest ones."""
        if class_id not in self._channels:
            raise DataError(f"{self.source}: no class has id {class_id}. {self.nearest_ids(class_id)}")
        return self._channels[class_id]

    def channels(self, class_ids: Sequence[int] | np.ndarray) -> np.ndarray:
        """Return the channels, int64 [n], of class ids [n]; an unknown id is a :class:`UserError`."""
        class_ids = np.asarray(class_ids, dtype=np.int64)
        sorted_ids, order = self._sorted_ids
        slots = np.minimum(np.searchsorted(sorted_ids, class_ids), len(order) - 1)
        unknown = sorted_ids[slots] != class_ids
        if unknown.any():
            self.channel_of(int(class_ids[unknown][0]))
        return order[slots]

    def find(self, name_or_id: str | int) -> ActionClass:
        """Return a class by its id, its name, or its id written as text.

        Raises:
            DataError: there is none; the message names the nearest one.
        """
        if isinstance(name_or_id, str):
            if name_or_id in self.names:
                return self.classes[self.names.index(name_or_id)]
            if not name_or_id.strip().isdecimal() or parse_integer(name_or_id) is None:
                raise DataError(f'{self.source}: no class is named "{name_or_id}". {suggest(name_or_id, self.names)}')
        return self.classes[self.channel_of(int(name_or_id))]

    def nearest_ids(self, class_id: int, limit: int = 3) -> str:
        """Return a sentence that names the classes whose ids are nearest to ``class_id``."""
        near = sorted(sorted(self.classes, key=lambda entry: abs(entry.id - class_id))[:limit], key=lambda e: e.id)
        listed = ", ".join(f'{entry.id} "{entry.name}"' for entry in near)
        number = counted(self.num_classes, "class", "classes")
        return f"Nearest: {listed} ({number}, ids {min(self.ids)} to {max(self.ids)})."

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists in channel order, as checkpoints hold them."""
        return {"ids": list(self.ids), "names": list(self.names), "groups": list(self.groups)}

    @classmethod
    def from_dict(cls, data: dict[str, Any], source: str = "label map") -> LabelMap:
        """Return the label map that :meth:`to_dict` was called on; a malformed dict is a :class:`UserError`."""
        try:
            columns = data["ids"], data["names"], data["groups"]
            classes = tuple(ActionClass(int(i), str(n), str(g)) for i, n, g in zip(*columns, strict=True))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{source}: expected equally long lists ids, names and groups ({error!r}).") from error
        return cls(classes, source)

    def write(self, path: str | Path) -> None:
        """Write a pbtxt file in AVA's 2019 spelling (``label``, ``label_id``), by id; ``read_label_map`` reads it."""
        spelling = {group: label_type for label_type, group in _LABEL_TYPES.items()}
        with open_for_writing(path) as file:
            for entry in sorted(self.classes, key=lambda entry: entry.id):
                name = entry.name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
                file.write(
                    f'label {{\n  name: "{name}"\n  label_id: {entry.id}\n  label_type: {spelling[entry.group]}\n}}\n'
                )


def read_label_map(path: str | Path, default_group: str = "object") -> LabelMap:
    """Read a label map: AVA's blocks, or a list of names; which one it is, the content says.

    Blocks are ``item { name id }`` (2018) or ``label { name label_id label_type }`` (2019), see
    :func:`alphaction.data.formats.pbtxt.read_blocks`; other fields of a block (``display_name`` ...) are skipped.
    Lists have no groups: see :func:`alphaction.data.formats.class_names.read_class_names`.

    Args:
        path: the file (may be gzip).
        default_group: the group of classes without ``label_type``; their ids are listed in ``LabelMap.untyped``.

    Raises:
        DataError: names file, line and column of what is wrong.
    """
    if default_group not in GROUPS:
        raise DataError(f'default group "{default_group}" is unknown. {suggest(default_group, GROUPS)}')
    classes: list[ActionClass] = []
    untyped: list[int] = []
    places: dict[int | str, str] = {}
    for entry, typed, place in _read_classes(path, default_group):
        if len(classes) == MOST_CLASSES:
            raise DataError(f"{_WHAT}: {path}, {place}: more than {MOST_CLASSES:,} classes. Is this a label map?")
        for kind, key in (("id", entry.id), ("name", entry.name)):
            if key in places:
                raise DataError(
                    f'{_WHAT}: {path}, {place}: {kind} "{key}" is already used by the class in {places[key]}. '
                    "Give each class its own id and name."
                )
            places[key] = place
        classes.append(entry)
        if not typed:
            untyped.append(entry.id)
    if not classes:
        raise DataError(
            f'{_WHAT}: {path} has no class. Expected blocks like: label {{ name: "sit" label_id: 1 '
            f'label_type: PERSON_MOVEMENT }}, or lines like "1: sit"'
        )
    return LabelMap(tuple(classes), f"{_WHAT} {path}", tuple(sorted(untyped)))


def _read_classes(path: str | Path, default_group: str) -> Iterator[tuple[ActionClass, bool, str]]:
    """Yield each class of a label map, whether it names its type, and its place."""
    text = read_text(path, _WHAT)
    if len(text) > LARGEST_LABEL_MAP:
        raise DataError(
            f"{_WHAT}: {path} has {len(text):,} characters; label maps of up to {LARGEST_LABEL_MAP:,} are read."
        )
    if has_blocks(text) and not looks_like_json(text):
        for block in read_blocks(path, _WHAT):
            yield (*_to_class(block, default_group, path), block.place)
    else:
        for entry in read_class_names(text, path, _WHAT):
            yield ActionClass(entry.id, entry.name, default_group), False, entry.place


def _to_class(block: Block, default_group: str, path: str | Path) -> tuple[ActionClass, bool]:
    """Return the class of a block, and whether the block names its type."""

    def error(place: str, problem: str) -> UserError:
        return DataError(f"{_WHAT}: {path}, {place}: {problem}")

    name, class_id, label_type = (
        next((block.fields[key] for key in keys if key in block.fields), None)
        for keys in (("name",), ("label_id", "id"), ("label_type",))
    )
    found = ", ".join(block.fields) or "nothing"
    if name is None or not name.text:
        raise error(block.place, f'this class has no name (found: {found}). Add name: "...".')
    if class_id is None:
        raise error(block.place, f'class "{name.text}" has no id (found: {found}). Add label_id: N.')
    number = parse_integer(class_id.text) if class_id.text.isdecimal() else None
    if number is None or number > LARGEST_CLASS_ID:
        found = f'id "{class_id.text[:40]}" of class "{name.text}"'
        problem = f"{found} is not a whole number from 0 up, {LARGEST_CLASS_ID} at most."
        raise error(class_id.place, problem)
    if label_type is None:
        return ActionClass(number, name.text, default_group), False
    group = _GROUP_OF_SPELLING.get(label_type.text.upper())
    if group is None:
        problem = f'label_type "{label_type.text}" of class "{name.text}" is unknown. '
        raise error(label_type.place, problem + suggest(label_type.text, _LABEL_TYPES))
    return ActionClass(number, name.text, group), True
