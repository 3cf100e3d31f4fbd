"""The action classes and their groups, in the order of a network's channels; written as pbtxt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from alphaction.config.class_groups import GROUPS, MOVEMENT
from alphaction.data.formats.file_content import open_for_writing
from alphaction.utils.errors import DataError
from alphaction.utils.limits import LARGEST_CLASS_ID, LONGEST_NAME
from alphaction.utils.messages import counted, suggest
from alphaction.utils.values import parse_integer, quoted, shown

LABEL_TYPES = {"PERSON_MOVEMENT": MOVEMENT, "OBJECT_MANIPULATION": "object", "PERSON_INTERACTION": "person"}
"""How AVA's files call its groups."""


@dataclass(frozen=True)
class ActionClass:
    """One action class: its id in the annotation files, its name and the name of its group, one line each."""

    id: int
    name: str
    group: str

    def __post_init__(self) -> None:
        if "\n" in self.name:
            object.__setattr__(self, "name", " ".join(self.name.split()))
        if self.group not in GROUPS:
            object.__setattr__(self, "group", " ".join(self.group.split()))


class ClassGroup(NamedTuple):
    """A group of classes.

    Attributes:
        name: one of ``GROUPS``, or the label map's own.
        exclusive: whether a person does one of its classes at a time. AVA's movements are; a config can say otherwise.
        ids: its class ids in channel order.
    """

    name: str
    exclusive: bool
    ids: tuple[int, ...]


@dataclass(frozen=True)
class LabelMap:
    """The action classes in channel order: movement, object, person, then the groups of its own; in a group by id.

    Own groups are ordered by their lowest ids, so that no order of a file's lines matters.

    Attributes:
        classes: the classes; any order is accepted and sorted into channel order.
        source: where they came from, for messages; not compared.
        untyped: ids of the classes that had no ``label_type`` and got the default group; callers may warn.
        exclusive: names of the own groups of whose classes a person does one at a time.

    Raises:
        DataError: no class, an id or a name twice, a group without a name, or spelled in two ways.
    """

    classes: tuple[ActionClass, ...]
    source: str = field(default="label map", compare=False)
    untyped: tuple[int, ...] = field(default=(), compare=False)
    exclusive: frozenset[str] = frozenset()

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
        order = {group: place for place, group in enumerate((*GROUPS, *self._own_groups()))}
        ordered = sorted(self.classes, key=lambda entry: (order[entry.group], entry.id))
        object.__setattr__(self, "classes", tuple(ordered))
        object.__setattr__(self, "exclusive", frozenset(self.exclusive))
        if none := sorted(self.exclusive - set(order)) or sorted(self.exclusive & set(GROUPS)):
            known = [group for group in order if group not in GROUPS]
            raise DataError(
                f'{self.source}: no class is of the exclusive group "{none[0]}". {suggest(none[0], known)}'
                if none[0] not in GROUPS
                else f"{self.source}: {none[0]} is a group of AVA's, whose kind is fixed. Give the group another name."
            )

    def _own_groups(self) -> list[str]:
        """Return the groups that are not AVA's, by their lowest ids."""
        own: dict[str, ActionClass] = {}
        spelled: dict[str, ActionClass] = {}
        for entry in sorted(self.classes, key=lambda entry: entry.id):
            if entry.group in GROUPS:
                continue
            if not entry.group or len(entry.group) > LONGEST_NAME:
                problem = f"{len(entry.group):,} characters; {LONGEST_NAME:,} at most" if entry.group else "no letter"
                raise DataError(f'{self.source}: the group of class {entry.id} "{entry.name}" has {problem}.')
            first = spelled.setdefault(entry.group.casefold(), entry)
            if first.group != entry.group:
                raise DataError(
                    f'{self.source}: the group of class {first.id} "{first.name}" is "{first.group}", that of class '
                    f'{entry.id} "{entry.name}" is "{entry.group}". Write them alike, or give one another name.'
                )
            own.setdefault(entry.group, entry)
        return list(own)

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

    @cached_property
    def class_groups(self) -> tuple[ClassGroup, ...]:
        """The groups that have classes, in channel order."""
        ids: dict[str, list[int]] = {}
        for entry in self.classes:
            ids.setdefault(entry.group, []).append(entry.id)
        return tuple(
            ClassGroup(group, group == MOVEMENT or group in self.exclusive, tuple(own)) for group, own in ids.items()
        )

    @property
    def own_groups(self) -> tuple[ClassGroup, ...]:
        """Those of ``class_groups`` that are not AVA's."""
        return tuple(group for group in self.class_groups if group.name not in GROUPS)

    @property
    def group_sizes(self) -> tuple[int, int, int]:
        """Numbers of movement, object and person classes, AVA's groups; the channels begin in this order."""
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
        """Return plain lists in channel order, as checkpoints hold them; "exclusive" only where a group is."""
        plain = {"ids": list(self.ids), "names": list(self.names), "groups": list(self.groups)}
        return plain | ({"exclusive": sorted(self.exclusive)} if self.exclusive else {})

    @classmethod
    def from_dict(cls, data: dict[str, Any], source: str = "label map") -> LabelMap:
        """Return the label map that :meth:`to_dict` was called on; a malformed dict is a :class:`UserError`."""
        try:
            columns = data["ids"], data["names"], data["groups"]
            classes = tuple(ActionClass(int(i), str(n), str(g)) for i, n, g in zip(*columns, strict=True))
            exclusive = frozenset(map(str, data.get("exclusive") or ()))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{source}: expected equally long lists ids, names and groups ({error!r}).") from error
        return cls(classes, source, exclusive=exclusive)

    def write(self, path: str | Path) -> None:
        """Write a pbtxt file in AVA's 2019 spelling (``label``, ``label_id``), by id; ``read_label_map`` reads it.

        AVA's tools look at name and id only, and read own groups, too.
        """
        spelling = {group: label_type for label_type, group in LABEL_TYPES.items()}
        spelling |= {group.name: _in_quotes(group.name) for group in self.own_groups}
        with open_for_writing(path) as file:
            for entry in sorted(self.classes, key=lambda entry: entry.id):
                lines = [f"name: {_in_quotes(entry.name)}", f"label_id: {entry.id}"]
                lines.append(f"label_type: {spelling[entry.group]}")
                if entry.group not in GROUPS:
                    lines.append(f"exclusive: {'true' if entry.group in self.exclusive else 'false'}")
                file.write("".join(["label {\n", *(f"  {line}\n" for line in lines), "}\n"]))


def _in_quotes(text: str) -> str:
    for character, written in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(character, written)
    return f'"{text}"'
