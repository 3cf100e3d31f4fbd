"""Which attributes of annotation tools can be actions, and which labels say who acts: judged by their names and kinds.

An attribute can carry an action if it is a choice (select, radio), free text (several actions: separated by ``;`` or
line breaks, as AVA's names hold commas), or a checkbox named like the action. Numbers are not, nor is what only says
who it is ("old_id"), how well it is seen ("occlusion", "edge_zone") or how it looks ("gender"). An attribute named like
"person_id" or "track_id" holds the number of the person. What is made of it: :mod:`.action_rule`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from alphaction.utils.values import parse_integer

GROUP_OF_NAME = {
    "personmovement": "movement", "movement": "movement", "movements": "movement", "pose": "movement",
    "objectmanipulation": "object", "object": "object", "objects": "object", "objectinteraction": "object",
    "personinteraction": "person", "person": "person", "interaction": "person", "persons": "person",
}  # fmt: skip
_ACTION_NAMES = {"action", "actions", "activity", "activities", "behavior", "behaviors", "behaviour", "behaviours"}
_ACTION_NAMES |= {"actionclass", "actionlabel", "actionname", "actiontype", "class", "label", "labels", "event"}
_ACTION_NAMES |= {"classname", "labelname", "eventname"}
_ACTION_WORDS = {"action", "actions", "activity", "activities", "behavior", "behaviors", "behaviour", "behaviours"}
_PERSON_ID_NAMES = {"personid", "trackid", "actorid", "playerid", "objectid", "instanceid", "identity", "pid", "id"}
_ID_WORDS = {"id", "ids", "uid", "uuid", "guid", "identity", "identifier", "idx", "index", "name", "jersey", "plate"}
_SEEN_STEMS = (
    "occlu", "truncat", "visib", "invisib", "outside", "difficult", "blur", "crowd", "ignor", "quality", "confiden",
    "certain", "uncertain", "score", "verif", "review", "annotat", "keyframe", "interpolat", "rotation", "hidden",
    "obscur",
)  # fmt: skip
"""How words begin that say how well a box is seen, or how it was drawn."""
_LOOK_WORDS = {
    "age", "gender", "sex", "color", "colour", "clothes", "clothing", "team", "uniform", "size", "shape", "material",
    "brand", "model", "breed", "species", "view", "viewpoint", "orientation", "facing", "lighting", "weather",
    "night", "daytime", "edge", "border", "zone",
}  # fmt: skip
_PERSON_LABELS = {
    "person", "persons", "people", "human", "humans", "pedestrian", "pedestrians", "ped", "peds", "man", "woman", "men",
    "women", "boy", "boys", "girl", "girls", "child", "children", "kid", "kids", "adult", "adults", "actor", "actors",
    "subject", "subjects", "individual", "individuals", "someone", "somebody", "passerby", "bystander", "bystanders",
    "persona", "personas", "personne", "personnes", "pessoa", "pessoas", "mensch", "menschen", "人", "行人", "人物",
    "사람", "человек", "люди",
}  # fmt: skip
_WHO_LABELS = {
    "player", "goalkeeper", "keeper", "referee", "umpire", "coach", "athlete", "runner", "swimmer", "skier", "skater",
    "surfer", "boxer", "fighter", "dancer", "performer", "cyclist", "bicyclist", "biker", "motorcyclist", "rider",
    "driver", "passenger", "worker", "employee", "staff", "operator", "student", "pupil", "teacher", "lecturer",
    "patient", "nurse", "doctor", "surgeon", "caregiver", "customer", "shopper", "cashier", "guest", "visitor",
    "tourist", "cook", "chef", "waiter", "guard", "officer", "soldier", "thief", "suspect", "victim", "speaker",
    "participant", "user", "resident", "baby", "infant", "toddler", "male", "female", "guy", "lady", "crowd",
    "face", "head", "hand", "body",
    "animal", "pet", "dog", "puppy", "cat", "kitten", "mouse", "rat", "hamster", "rabbit", "pig", "piglet", "cow",
    "calf", "cattle", "bull", "sheep", "lamb", "goat", "horse", "foal", "donkey", "chicken", "hen", "bird", "pigeon",
    "duck", "fish", "monkey", "macaque", "baboon", "chimp", "chimpanzee", "gorilla", "ape", "lion", "tiger", "leopard",
    "bear", "panda", "elephant", "giraffe", "zebra", "deer", "wolf", "fox", "seal", "dolphin", "whale", "fly", "bee",
}  # fmt: skip
"""Who can act, but is a class of its own where nothing says what is done. Singular; a plural is found by its s."""
NO_VALUE = {"", "undefined", "none", "na", "null", "noaction", "nothing"}
"""What stands where nothing is said, as :func:`plain` has it."""

CONFIRMED = "confirmed"
"""The attribute that says that a person has looked at a predicted box; see :mod:`.confirmation`."""
ACTIONS_TAKEN = "actions are taken from"
"""How the note begins that says what is an action."""
ANYONE = -2
"""A merge key of rows that are one box whoever their persons are."""
CHECKBOX = "checkbox"
OPTIONS = "options"
"""The kind of a list of which several can be ticked: VIA's checkbox."""
NUMBER = "number"
TEXT = "text"
IDENTIFIER = "identifier"
"""The kind of a text that names each person."""
Answers = Mapping[str, Sequence[str]]
"""Attribute name -> what is written there for one box: values of a choice or text; "true" for a ticked checkbox."""


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """Return a name without case, white space and punctuation."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFC", name)).casefold()


@lru_cache(maxsize=4096)
def _words(name: str) -> tuple[str, ...]:
    """Return the words of a name, lower case: "old_id", "oldId" and "Old ID" are "old" and "id"."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", unicodedata.normalize("NFC", name))
    return tuple(word.casefold() for word in re.findall(r"[^\W\d_]+", parted))


def says_action(name: str) -> bool:
    """Return whether an attribute's name says that it is an action."""
    return plain(name) in _ACTION_NAMES or plain(name) in GROUP_OF_NAME or not _ACTION_WORDS.isdisjoint(_words(name))


def says_who_or_how_seen(name: str) -> bool:
    """Return whether an attribute's name says that it tells persons apart, or how well a box is seen."""
    if plain(name) in _PERSON_ID_NAMES or plain(name) == CONFIRMED or not _ID_WORDS.isdisjoint(_words(name)):
        return True
    words = (*_words(name), plain(name).removeprefix("is"))
    return any(word.startswith(_SEEN_STEMS) for word in words)


def can_be_action(name: str, kind: str) -> bool:
    """Return whether an attribute of that name and kind can carry an action."""
    if kind in (NUMBER, IDENTIFIER):
        return False
    return says_action(name) or not (says_who_or_how_seen(name) or not _LOOK_WORDS.isdisjoint(_words(name)))


def kind_of_texts(name: str, values: Sequence[Collection[str]]) -> str:
    """Return the kind of an attribute of free text: text, number or identifier, as its values have it.

    Args:
        name: the attribute's; one that says action is text, whatever its values.
        values: for each track, what is written there.
    """
    filled = [{value for value in some if plain(value) not in NO_VALUE} for some in values]
    filled = [some for some in filled if some]
    if not filled or says_action(name):
        return TEXT
    if all(re.fullmatch(r"[-+]?\d+([.,]\d+)?", value) for some in filled for value in some):
        return NUMBER
    single = [next(iter(some)) for some in filled if len(some) == 1]
    distinct = len(set(single)) == len(single) == len(filled)
    return IDENTIFIER if distinct and all(re.search(r"\d", value) for value in single) else TEXT


def means_person(label: object) -> bool:
    """Return whether a label merely says that the box shows a person."""
    return isinstance(label, str) and plain(label).rstrip("0123456789") in _PERSON_LABELS


def can_act(label: str) -> bool:
    """Return whether a label says who acts, and not what is done: "person", "Player 2", "bus driver", "dogs"."""
    if means_person(label):
        return True
    words = [word for word in _words(label) if len(word) > 1]
    if not words or any(word.endswith("ing") for word in words):  # "walking man"
        return False
    return not {words[-1], words[-1].removesuffix("s")}.isdisjoint(_WHO_LABELS | _PERSON_LABELS)


def split_text(text: str) -> list[str]:
    """Return the actions of a free text: separated by semicolons or line breaks."""
    return [part.strip() for part in text.replace("\n", ";").split(";") if part.strip()]


@dataclass(frozen=True)
class AttributeUse:
    """The attributes that a file declares or uses; which of them are actions is asked of all files together.

    Attributes:
        kinds: attribute name -> kind (``select``, ``radio``, ``options``, ``text``, ``checkbox``, ``number``,
            ``identifier``).
        owners: attribute name -> the labels that have it; one that is not in it belongs to every label.
        labels: the labels that boxes have; "" where one has none.
    """

    kinds: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, frozenset[str]] = field(default_factory=dict)
    labels: frozenset[str] = frozenset()

    @classmethod
    def joined(cls, uses: Iterable[AttributeUse]) -> AttributeUse:
        """Return the attributes of all files of an import.

        Of two kinds of a name the first counts; what is free text in one file is no identifier.
        """
        kinds: dict[str, str] = {}
        owners: dict[str, frozenset[str]] = {}
        of_every_label: set[str] = set()
        labels: frozenset[str] = frozenset()
        for use in uses:
            for name, kind in use.kinds.items():
                if kinds.setdefault(name, kind) in (IDENTIFIER, NUMBER) and kind == TEXT:
                    kinds[name] = TEXT
                owners[name] = owners.get(name, frozenset()) | use.owners.get(name, frozenset())
            of_every_label.update(use.kinds.keys() - use.owners.keys())
            labels |= use.labels
        return cls(kinds, {name: own for name, own in owners.items() if name not in of_every_label}, labels)

    def has(self, label: str, name: str) -> bool:
        """Return whether a label has an attribute."""
        return name not in self.owners or label in self.owners[name]

    def on_boxes(self, name: str) -> bool:
        """Return whether an attribute is one of boxes; labels may have only points, polygons, or nothing at all."""
        return name not in self.owners or not self.labels or not self.labels.isdisjoint(self.owners[name])


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
