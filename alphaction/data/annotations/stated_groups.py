"""The groups that a label map states for its classes: AVA's types, or names of its own, each exclusive or not."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

from alphaction.config.class_groups import GROUPS, MOVEMENT
from alphaction.config.values import FALSE_WORDS, TRUE_WORDS
from alphaction.data.annotations.label_map import LABEL_TYPES
from alphaction.data.formats.pbtxt import Block, Word
from alphaction.utils.errors import DataError
from alphaction.utils.messages import nearest, suggest
from alphaction.utils.values import quoted

_GROUP_OF_SPELLING = {**LABEL_TYPES, **{group.upper(): group for group in GROUPS}}
_TYPE_OF_GROUP = {group: label_type for label_type, group in LABEL_TYPES.items()}
_AVA_PREFIXES = ("PERSON_", "OBJECT_")
_LIKE_AVA = 0.84
"""Names that are so much like one of AVA's (0 to 1) are misspelled, unless the file says "exclusive" of them."""


class _Stated(NamedTuple):
    exclusive: bool
    place: str


class StatedGroups:
    """Collects the groups of a file, and refuses what contradicts itself.

    Args:
        file: "label map: PATH", for messages.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._exclusive: dict[str, _Stated] = {}
        self._blocks: dict[str, str] = {}
        self._spelled: dict[str, tuple[str, str]] = {}
        self._of_classes: dict[str, str] = {}

    def declare(self, block: Block) -> None:
        """Take a block ``group { name: "posture" exclusive: true }``; exclusive may be missing: false.

        Raises:
            DataError: it has no name, AVA has a group of that name and another kind, or it comes twice.
        """
        name = block.fields.get("name")
        if name is None or not name.text.strip():
            found = ", ".join(block.fields) or "nothing"
            raise self._error(block.place, f'this group has no name (found: {found}). Add name: "...".')
        group = _group_of(name.text)
        if group in self._blocks:
            first = self._blocks[group]
            raise self._error(name.place, f"group {quoted(group)} is declared in {first} already. Keep one of them.")
        self._blocks[group] = name.place
        self._spell(group, name.place)
        exclusive = block.fields.get("exclusive")
        if exclusive is not None or group not in GROUPS:
            self._state(group, exclusive or Word("false", name.place))

    def of_class(self, name: str, label_type: Word | None, exclusive: Word | None) -> str | None:
        """Return the group of a class; None: it states none.

        Args:
            name: of the class.
            label_type: what it says of its group.
            exclusive: what it says of that group's kind.

        Raises:
            DataError: the type looks like a misspelled one of AVA's, or the kind contradicts what was said before.
        """
        if label_type is None or not label_type.text.strip():
            if exclusive is not None:
                problem = f"class {quoted(name)} is said to be exclusive, and not in which group. "
                raise self._error(exclusive.place, f'{problem}Add label_type: "...".')
            if label_type is not None:
                raise self._error(label_type.place, f"the label_type of class {quoted(name)} is empty. Name a group.")
            return None
        group = _group_of(label_type.text)
        if exclusive is not None:
            self._state(group, exclusive)
        if group not in GROUPS and group not in self._exclusive and _looks_like_ava(group):
            raise self._error(
                label_type.place,
                f"label_type {quoted(label_type.text)} of class {quoted(name)} is unknown. "
                f"{suggest(label_type.text, LABEL_TYPES)} For a group of your own, say of its classes whether they "
                "exclude each other: exclusive: true, or false.",
            )
        self._spell(group, label_type.place)
        self._of_classes.setdefault(group, label_type.place)
        return group

    def exclusive(self) -> frozenset[str]:
        """Return the own groups that are exclusive.

        Raises:
            DataError: a group was declared, and no class is in it.
        """
        for group, place in self._blocks.items():
            if group not in self._of_classes:
                known = suggest(group, self._of_classes)
                raise self._error(place, f"no class is in the group {quoted(group)}. {known} Correct one of them.")
        return frozenset(name for name, stated in self._exclusive.items() if stated.exclusive and name not in GROUPS)

    def _state(self, group: str, said: Word) -> None:
        word = said.text.strip().lower()
        if word not in (*TRUE_WORDS, *FALSE_WORDS, "1", "0", "t", "f"):
            raise self._error(said.place, f"exclusive is {quoted(said.text)}. Write true or false.")
        exclusive = word in (*TRUE_WORDS, "1", "t")
        if group in GROUPS and exclusive != (group == MOVEMENT):
            fix = "set MODEL.ROI_ACTION_HEAD.EXCLUSIVE_MOVEMENT False, or " if group == MOVEMENT else ""
            kind = "exclusive" if group == MOVEMENT else "independent"
            raise self._error(
                said.place,
                f"the classes of {_TYPE_OF_GROUP[group]} are {kind}, as in AVA: {fix}give the group a name of your "
                f'own, such as label_type: "{"posture" if group == MOVEMENT else "in the hand"}".',
            )
        first = self._exclusive.setdefault(group, _Stated(exclusive, said.place))
        if first.exclusive != exclusive:
            raise self._error(
                said.place,
                f"group {quoted(group)} is {'' if exclusive else 'not '}exclusive here, and "
                f"{'' if first.exclusive else 'not '}in {first.place}. Say the same of all its classes.",
            )

    def _spell(self, group: str, place: str) -> None:
        spelling, first = self._spelled.setdefault(group.casefold(), (group, place))
        if spelling != group:
            fix = "Write them alike, or give one another name."
            raise self._error(place, f"group {quoted(group)} is {quoted(spelling)} in {first}. {fix}")

    def _error(self, place: str, problem: str) -> DataError:
        return DataError(f"{self._file}, {place}: {problem}")


def _group_of(text: str) -> str:
    """Return the group that a label_type names: one of AVA's, or the name in one line, its accents composed."""
    name = unicodedata.normalize("NFC", " ".join(text.split()))
    return _GROUP_OF_SPELLING.get(name.upper(), name)


def _looks_like_ava(name: str) -> bool:
    if name == name.upper() and name.startswith(_AVA_PREFIXES):
        return True
    return nearest(name, _GROUP_OF_SPELLING, cutoff=_LIKE_AVA) is not None
