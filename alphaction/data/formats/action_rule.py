"""Which labels and attributes of the boxes of an annotation tool are actions.

The rule, for all tools with tracks or regions (VIA, CVAT, Label Studio). Attributes count that boxes have, not those of
labels with only points or polygons, or with nothing at all.

1. If some attribute's name says that it is an action ("action", "activity", "PERSON_MOVEMENT", "object", ...), such
   attributes are the actions, with the checkboxes beside them; other choices and texts are not (counted), and labels
   are not. A box whose attributes are empty is a negative; so is a box whose label has none of them (counted).
2. Else it is decided for each label. Where it says who acts ("person", "player", "dog") or a tool has no labels, the
   attributes that can carry an action do. Any other label ("walk", "car") is the action, and its attributes are not
   (counted).
3. A label that merely means a person ("person", "man", ...) is never an action: without attributes its box is a
   negative (counted). One that says more ("player", "dog") is a class where it has no attributes that can be actions.

``--action-attribute`` names the attributes instead; :data:`LABEL` among them means the labels. What attributes can
carry an action: :mod:`.action_attributes`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from alphaction.data.formats.action_attributes import (
    ACTIONS_TAKEN,
    ANYONE,
    CHECKBOX,
    GROUP_OF_NAME,
    NO_VALUE,
    TEXT,
    Answers,
    AttributeUse,
    can_act,
    can_be_action,
    is_true,
    means_person,
    plain,
    says_action,
    says_who_or_how_seen,
    split_text,
)
from alphaction.data.formats.rows import NoActions
from alphaction.utils.errors import DataError
from alphaction.utils.messages import listed, suggest

LABEL = "label"
"""What ``--action-attribute`` calls the labels of boxes, where no attribute has that name."""
_SHOWN = 8
_MOST = 50  # distinct values of an attribute that are counted


class ActionRule:
    """Applies the rule of this module.

    Args:
        use: the attributes of all files, and the labels of their boxes.
        wanted: names of the attributes that are actions, whatever their kind, and :data:`LABEL`; (): the rule decides.
        chosen: whether it is the user who wants them, and need not be told what is left out.

    Attributes:
        attributes: the attributes that are actions.
        notes: what was decided, for the user.
        counts: what was not taken for an action, by reason.
        groups: action -> its group, where an attribute's name says so.
        said_by: action -> the attributes that it is a value of; checkboxes, which are actions themselves, are none.

    Raises:
        DataError: no file has an attribute of a ``wanted`` name.
    """

    def __init__(self, use: AttributeUse, wanted: Collection[str] = (), *, chosen: bool = True) -> None:
        self.counts: dict[str, int] = {}
        self.groups: dict[str, str] = {}
        self.said_by: dict[str, set[str]] = {}
        self._use = use
        self._chosen = bool(wanted) and chosen
        self._labels_wanted = False
        self._candidates = [
            name for name, kind in use.kinds.items() if can_be_action(name, kind) and use.on_boxes(name)
        ]
        named = {name for name in self._candidates if says_action(name)}
        self._for_all_labels = bool(wanted or named)
        if wanted:
            self.attributes, self._labels_wanted = _wanted_attributes(use.kinds, wanted)
        elif named:
            self.attributes = named | {name for name in self._candidates if use.kinds[name] == CHECKBOX}
        else:
            acting = [label for label in use.labels if not label or can_act(label)]
            self.attributes = {
                name for name in self._candidates if not use.labels or any(use.has(label, name) for label in acting)
            }
        self.notes = [self._summary()]
        self._persons: Counter[str] = Counter()
        self._labels_left: Counter[str] = Counter()
        self._values_met: dict[str, Counter[str]] = {}

    @property
    def class_attributes(self) -> dict[str, dict[str, str]]:
        """Return ``said_by`` with the kind of each attribute."""
        return {
            value: {name: self._use.kinds.get(name, TEXT) for name in names} for value, names in self.said_by.items()
        }

    @property
    def no_actions(self) -> NoActions:
        """The labels and attributes that were met and are no actions."""
        return NoActions(self._persons, self._values_met, sorted(self.attributes), self._labels_left)

    def actions(self, labels: Sequence[str], answers: Answers) -> tuple[str, ...]:
        """Return the actions of one box, from its labels and what its attributes say."""
        self._note_values(answers)
        by_labels = self._labels_decide(labels)
        found: list[str] = []
        for name, values in answers.items():
            if name in self.attributes and (not by_labels or self._labels_wanted):
                found += self._values(name, values)
            elif not self._chosen and self._filled(name, values) and not says_who_or_how_seen(name):
                self._count(f'values of the attribute "{name}", which is not taken for an action')
        if by_labels:
            found += self._from_labels(labels)
        else:
            self._leave_labels(labels)
        return tuple(dict.fromkeys(found))

    def split(self, name: str, text: str) -> list[str]:
        """Return the values written for an attribute: several only in a free text, as a choice may hold a semicolon."""
        if self._use.kinds.get(name) == TEXT:
            return split_text(text)
        return [text] if text else []

    def merge_key(self, person: int, labels: Sequence[str]) -> int:
        """Return what equal boxes of two tracks must share to be one box.

        Where attributes are actions a track is a person; where labels are, a person has a track for each action.
        """
        return ANYONE if self._labels_decide(labels) else person

    def _labels_decide(self, labels: Sequence[str]) -> bool:
        """Return whether the labels of a box are its actions."""
        if self._labels_wanted or not self.attributes:
            return True
        if self._for_all_labels:
            return False
        said = [label for label in labels if label]
        return bool(said) and not any(can_act(label) and self._has_attributes(label) for label in said)

    def _has_attributes(self, label: str) -> bool:
        return any(self._use.has(label, name) for name in self.attributes)

    def _from_labels(self, labels: Sequence[str]) -> list[str]:
        found = []
        for label in labels:
            if means_person(label):
                self._persons[label] += 1
                self._count(f'boxes of the label "{label}", which is no action')
            elif plain(label) not in NO_VALUE:
                found.append(label)
        return found

    def _leave_labels(self, labels: Sequence[str]) -> None:
        """Count the labels of a box whose attributes are its actions."""
        for label in labels:
            if not self._has_attributes(label):
                self._count(f'boxes of the label "{label}", which has no action attributes, kept without action')
            if not means_person(label):
                self._labels_left[label] += 1
            elif not self._has_attributes(label):
                self._persons[label] += 1

    def _values(self, name: str, values: Sequence[str]) -> list[str]:
        if self._use.kinds.get(name) == CHECKBOX:
            return [name] if self._filled(name, values) else []
        found = [value.strip() for value in values if plain(value) not in NO_VALUE]
        group = GROUP_OF_NAME.get(plain(name))
        for value in found:
            self.said_by.setdefault(value, set()).add(name)
            if group:
                self.groups.setdefault(value, group)
        return found

    def _filled(self, name: str, values: Sequence[str]) -> bool:
        if self._use.kinds.get(name) == CHECKBOX:
            return any(is_true(value) for value in values)
        return any(plain(value) not in NO_VALUE for value in values)

    def _note_values(self, answers: Answers) -> None:
        """Count the values of attributes that are no actions, as far as they could be."""
        for name, values in answers.items():
            if name in self.attributes or says_who_or_how_seen(name) or not self._filled(name, values):
                continue
            met = self._values_met.setdefault(name, Counter())
            met.update(value for value in values if plain(value) not in NO_VALUE and (value in met or len(met) < _MOST))

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def _summary(self) -> str:
        """Return what was decided, and how to decide otherwise."""
        names, labels = list(self._use.kinds), sorted(label for label in self._use.labels if label)
        taken = [name for name in names if name in self.attributes]
        others = [name for name in names if name not in self.attributes]
        left = f"; other attributes: {listed(others, _SHOWN)}" if others else ""
        attributes = f"the attribute{'s' * (len(taken) > 1)}: {listed(taken, _SHOWN)}"
        of_boxes = "the labels of the boxes"
        if self._labels_wanted:
            return f"{ACTIONS_TAKEN} {of_boxes}" + (f" and {attributes}" if taken else "") + left
        if not taken:
            why = "no attribute's name says that it is one" if self._candidates else "no attribute can be an action"
            choose = f"{left} (--action-attribute NAME chooses)" if others else ""
            return f"{ACTIONS_TAKEN} {of_boxes}, as {why}{choose}"
        if self._chosen:
            return f"{ACTIONS_TAKEN} {attributes}{left}"
        themselves = [label for label in labels if self._labels_decide((label,)) and not means_person(label)]
        if themselves:
            attributes += f"; of boxes of other labels, the label is the action: {listed(themselves, _SHOWN)}"
        doubtful = not self._for_all_labels and sum(self._use.kinds[name] != CHECKBOX for name in taken) > 1
        hints = ["all of these? --action-attribute NAME ... chooses"] * doubtful
        if any(not means_person(label) and label not in themselves for label in labels):
            hints.append(f"to take the labels instead: --action-attribute {LABEL}")
        return f"{ACTIONS_TAKEN} {attributes}{left}" + (f" ({'; '.join(hints)})" if hints else "")


def _wanted_attributes(kinds: Collection[str], wanted: Collection[str]) -> tuple[set[str], bool]:
    """Return the attributes of the wanted names, and whether the labels are wanted."""
    found, labels = set(), False
    for name in wanted:
        same = [known for known in kinds if known == name] or [known for known in kinds if plain(known) == plain(name)]
        if not same and plain(name) in (LABEL, f"{LABEL}s"):
            labels = True
        elif not same:
            raise DataError(
                f'--action-attribute "{name}": no file has such an attribute. {suggest(name, kinds)} '
                f'"{LABEL}" means the labels of the boxes.'
            )
        found.update(same)
    return found, labels
