"""Which labels and attributes of an annotation tool are actions.

The rule, for all tools with tracks or regions (VIA, CVAT, Label Studio):

1. If the file has attributes that can carry an action, they do, and labels ("person") are not actions. A box whose
   attributes are empty is a negative; so is a box whose label has no attributes while others have (counted).
2. If no track or region of the file has such attributes, the label is the action. A label that merely means a person
   ("person", "man", ...) is no action even then: the box is a negative (counted).

An attribute can carry an action if it is a choice (select, radio), free text (several actions: separated by ``;`` or
line breaks, as AVA's names hold commas), or a checkbox named like the action. Where some attribute's name says so
("action", "activity", "PERSON_MOVEMENT", "object", ...), other choices and texts are not actions (counted); checkboxes
are. Numbers are not. ``--action-attribute`` names the attributes instead. An attribute named like "person_id" or
"track_id" holds the number of the person.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from alphaction.data.formats.cells import parse_integer
from alphaction.utils.errors import UserError
from alphaction.utils.messages import listed, suggest

_GROUP_OF_NAME = {
    "personmovement": "movement", "movement": "movement", "movements": "movement", "pose": "movement",
    "objectmanipulation": "object", "object": "object", "objects": "object", "objectinteraction": "object",
    "personinteraction": "person", "person": "person", "interaction": "person", "persons": "person",
}  # fmt: skip
_ACTION_NAMES = {"action", "actions", "activity", "activities", "behavior", "behaviors", "behaviour", "behaviours"}
_ACTION_NAMES |= {"actionclass", "actionlabel", "actionname", "actiontype", "class", "label", "labels", "event"}
_PERSON_ID_NAMES = {"personid", "trackid", "actorid", "playerid", "objectid", "instanceid", "identity", "pid", "id"}
_NOT_ACTIONS = {"occluded", "truncated", "outside", "difficult", "crowd", "iscrowd", "blurred", "verified", "reviewed"}
_PERSON_LABELS = {
    "person", "persons", "people", "human", "humans", "pedestrian", "man", "woman", "boy", "girl", "child", "kid",
    "adult", "actor", "subject",
}  # fmt: skip
_NO_VALUE = {"", "undefined", "none", "na", "null", "noaction", "nothing"}

ANYONE = -2
"""A merge key of rows that are one box whoever their persons are."""
CHECKBOX = "checkbox"
NUMBER = "number"
TEXT = "text"
Answers = Mapping[str, Sequence[str]]
"""Attribute name -> what is written there for one box: values of a choice or text; "true" for a ticked checkbox."""


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """Return a name without case, white space and punctuation."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFC", name)).casefold()


def means_person(label: object) -> bool:
    """Return whether a label merely says that the box shows a person."""
    return isinstance(label, str) and plain(label) in _PERSON_LABELS


def split_text(text: str) -> list[str]:
    """Return the actions of a free text: separated by semicolons or line breaks."""
    return [part.strip() for part in re.split(r"[;\n]", text) if part.strip()]


@dataclass(frozen=True)
class AttributeUse:
    """The attributes that a file declares or uses; which of them are actions is asked of all files together.

    Attributes:
        kinds: attribute name -> kind, as :class:`ActionRule` takes it.
        declared_for: labels that have attributes; None: the tool's attributes belong to every label.
    """

    kinds: Mapping[str, str] = field(default_factory=dict)
    declared_for: frozenset[str] | None = None

    @classmethod
    def joined(cls, uses: Iterable[AttributeUse]) -> AttributeUse:
        """Return the attributes of all files of an import; of two kinds of a name the first counts."""
        kinds: dict[str, str] = {}
        labels: set[str] = set()
        every = False
        for use in uses:
            for name, kind in use.kinds.items():
                kinds.setdefault(name, kind)
            every |= use.declared_for is None
            labels |= use.declared_for or set()
        return cls(kinds, None if every else frozenset(labels))


class ActionRule:
    """Applies the rule of this module.

    Args:
        kinds: attribute name -> kind (``select``, ``radio``, ``text``, ``checkbox``, ``number``), all that the files
            declare or use.
        declared_for: labels that have attributes; None: the tool's attributes belong to every label.
        wanted: names of the attributes that are actions, whatever their kind; (): the rule decides.

    Attributes:
        attributes: the attributes that are actions.
        notes: what was decided, for the user.
        counts: what was not taken for an action, by reason.
        groups: action -> its group, where an attribute's name says so.

    Raises:
        UserError: no file has an attribute of a ``wanted`` name.
    """

    def __init__(
        self,
        kinds: Mapping[str, str],
        declared_for: Iterable[str] | None = None,
        wanted: Collection[str] = (),
    ) -> None:
        self.counts: dict[str, int] = {}
        self.groups: dict[str, str] = {}
        self._declared_for = None if declared_for is None else set(declared_for)
        self._kinds = dict(kinds)
        usable = [
            name
            for name, kind in kinds.items()
            if kind != NUMBER and plain(name) not in _PERSON_ID_NAMES | _NOT_ACTIONS
        ]
        named = [name for name in usable if plain(name) in _ACTION_NAMES or plain(name) in _GROUP_OF_NAME]
        self.attributes = {name for name in usable if not named or name in named or kinds[name] == CHECKBOX}
        if wanted:
            self.attributes = _wanted_attributes(kinds, wanted)
        doubtful = not named and not wanted and sum(kinds[name] != CHECKBOX for name in self.attributes) > 1
        self.notes = [_summary(list(kinds), self.attributes, doubtful)]

    def actions(self, labels: Sequence[str], answers: Answers) -> tuple[str, ...]:
        """Return the actions of one box: those of its attributes, or its labels where the file has no attributes."""
        if not self.attributes:
            return self._from_labels(labels)
        found: list[str] = []
        for name, values in answers.items():
            if name in self.attributes:
                found += self._values(name, values)
            elif values and plain(name) not in _PERSON_ID_NAMES:
                self._count(f'values of the attribute "{name}", which is not taken for an action')
        for label in labels:
            if self._declared_for is not None and label not in self._declared_for:
                self._count(f'boxes of the label "{label}", which has no action attributes, kept without action')
        return tuple(dict.fromkeys(found))

    def split(self, name: str, text: str) -> list[str]:
        """Return the values written for an attribute: several only in a free text, as a choice may hold a semicolon."""
        if self._kinds.get(name) == TEXT:
            return split_text(text)
        return [text] if text else []

    def merge_key(self, person: int) -> int:
        """Return what equal boxes of two tracks must share to be one box.

        Where attributes are actions a track is a person; where labels are, a person has a track for each action.
        """
        return person if self.attributes else ANYONE

    def _from_labels(self, labels: Sequence[str]) -> tuple[str, ...]:
        found = []
        for label in labels:
            if means_person(label):
                self._count(f'boxes of the label "{label}", which is no action')
            elif plain(label) not in _NO_VALUE:
                found.append(label)
        return tuple(dict.fromkeys(found))

    def _values(self, name: str, values: Sequence[str]) -> list[str]:
        if self._kinds.get(name) == CHECKBOX:
            return [name] if any(is_true(value) for value in values) else []
        found = [value.strip() for value in values if plain(value) not in _NO_VALUE]
        group = _GROUP_OF_NAME.get(plain(name))
        if group:
            for value in found:
                self.groups.setdefault(value, group)
        return found

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1


def _wanted_attributes(kinds: Mapping[str, str], wanted: Collection[str]) -> set[str]:
    found = set()
    for name in wanted:
        same = [known for known in kinds if known == name] or [known for known in kinds if plain(known) == plain(name)]
        if not same:
            raise UserError(f'--action-attribute "{name}": no file has such an attribute. {suggest(name, kinds)}')
        found.update(same)
    return found


def _summary(names: Sequence[str], used: Collection[str], doubtful: bool) -> str:
    """Return which attributes are actions; ``doubtful``: several are, of which nothing says so but their kind."""
    others = [name for name in names if name not in used]
    left = f"; other attributes: {listed(others, 8)}" if others else ""
    if not used:
        return f"actions are taken from the labels of the boxes, as no attribute can be an action{left}"
    hint = " (all of these? --action-attribute NAME ... chooses)" if doubtful else ""
    taken = [name for name in names if name in used]
    return f"actions are taken from the attribute{'s' * (len(taken) > 1)}: {listed(taken, 8)}{left}{hint}"


def is_true(value: str) -> bool:
    """Return whether a checkbox's value means that it is ticked."""
    return value.strip().casefold() in ("true", "1", "yes", "on")


def is_boolean(value: str) -> bool:
    """Return whether a value looks like that of a checkbox."""
    return value.strip().casefold() in ("true", "false")


def person_id(answers: Answers) -> int | None:
    """Return the number of the person, from an attribute named like "person_id", or None."""
    for name, values in answers.items():
        if plain(name) in _PERSON_ID_NAMES and values:
            number = parse_integer(values[0])
            if number is not None and number >= 0:
                return number
    return None
