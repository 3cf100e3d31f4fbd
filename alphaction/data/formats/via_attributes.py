"""The attributes of a VIA project, and what their values say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from alphaction.data.formats.action_attributes import OPTIONS, split_text
from alphaction.data.formats.rows import RowBuilder
from alphaction.utils.values import Value

_KINDS = {1: "text", 2: OPTIONS, 3: "radio", 4: "select"}
_TEXT, _CHECKBOX = 1, 2


@dataclass(frozen=True)
class Attribute:
    """An attribute, taken out of the file once.

    Attributes:
        name: as messages and actions have it.
        number: VIA's number of its kind; None: unknown.
        options: id -> text.
        by_text: text in lower case -> text.
        of_boxes: whether boxes have it; those of files and of temporal segments are anchored elsewhere.
    """

    name: str
    number: int | None
    options: Mapping[str, str]
    by_text: Mapping[str, str]
    of_boxes: bool

    @property
    def kind(self) -> str:
        """The kind, as :mod:`.action_attributes` calls it."""
        return _KINDS.get(self.number, "text")


def attributes_of(section: Mapping[str, Value]) -> dict[str, Attribute]:
    """Return the attributes by id; what is no object is left out."""
    found = {}
    for aid, value in section.items():
        if value.is_object:
            options = {key: option.text("") for key, option in value["options"].items()}
            found[aid] = Attribute(
                value["aname"].text("") or f"attribute {aid}",
                value["type"].whole(None),
                options,
                {option.casefold(): option for option in options.values()},
                value["anchor_id"].text("_XY1").endswith("_XY1"),
            )
    return found


def kinds_of(attributes: Mapping[str, Attribute]) -> dict[str, str]:
    """Return the kind of each attribute by its name."""
    return {each.name: each.kind for each in attributes.values()}


def answers_of(
    attributes: Mapping[str, Attribute], answers: Mapping[str, Value], rows: RowBuilder | None = None
) -> dict[str, list[str]]:
    """Return name of an attribute -> the texts that an entry has for it.

    Args:
        attributes: those that count, by id.
        answers: of the entry, by id.
        rows: counts what is none of the options; None: it may be any text.
    """
    found = ((attributes[aid], value) for aid, value in answers.items() if aid in attributes)
    return {attribute.name: _texts(attribute, value.text(""), rows) for attribute, value in found}


def _texts(attribute: Attribute, text: str, rows: RowBuilder | None) -> list[str]:
    """Return the texts that a value stands for: options by id, or by their text; else the text itself."""
    options, by_text = attribute.options, attribute.by_text
    if attribute.number == _TEXT or not options:
        return split_text(text)
    if text in options:
        return [options[text]]
    keys = [part.strip() for part in text.split(",")] if attribute.number == _CHECKBOX else [text]
    found = []
    for key in filter(None, keys):
        if rows is not None and key not in options and key.casefold() not in by_text:
            rows.count(f'values of the attribute "{attribute.name}" that are none of its options')
        found.append(options.get(key) or by_text.get(key.casefold(), key))
    return found
