"""The elements of CVAT's XML: parsing, numbers, and which attributes the labels have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from alphaction.data.formats.action_attributes import (
    CHECKBOX,
    TEXT,
    AttributeUse,
    is_boolean,
    kind_of_texts,
)
from alphaction.data.formats.file_content import FileContent
from alphaction.utils.limits import DEEPEST
from alphaction.utils.values import is_deep

Element = ElementTree.Element
# "~select=action:standing,walking", "@text=id:": CVAT's spelling until 2019; @ is an attribute that cannot change.
_OLD_ATTRIBUTE = re.compile(r"^[@~](?P<kind>select|radio|checkbox|number|text)=(?P<name>[^:]+):", re.IGNORECASE)


def parse_xml(file: FileContent) -> Element:
    """Return the root element; document types and entities are refused, as they can name other files or explode."""
    if re.search(r"<!(DOCTYPE|ENTITY)", file.text, re.IGNORECASE):
        raise file.error("", "it declares a document type or entities, which CVAT never writes. Export it again.")
    try:
        declaration = re.compile(r"^\s*<\?xml[^>]*\?>")
        root = ElementTree.fromstring(declaration.sub("", file.text, count=1).strip())
    except ElementTree.ParseError as error:
        line, column = error.position
        raise file.error(f"line {line}, column {column + 1}", f"not valid XML ({error}). Export it again.") from error
    if is_deep(root, list):
        raise file.error("", f"elements within each other at more than {DEEPEST} levels, which CVAT never writes.")
    if root.tag != "annotations":
        raise file.error("", f"the root element is <{root.tag}>, expected CVAT's <annotations>.")
    return root


def text(element: Element | None, path: str) -> str:
    """Return the text of an element inside another one, "" if it is not there."""
    return (element.findtext(path) or "").strip() if element is not None else ""


def integer(value: str, default: int = 0) -> int:
    """Return a whole number, ``default`` if ``value`` is none."""
    return int(value) if re.fullmatch(r"-?[0-9]{1,300}", value) else default


def attribute_use(content: FileContent) -> AttributeUse:
    """Return the attributes that the file declares for its labels, and those in use that it does not declare."""
    root = parse_xml(content)
    kinds: dict[str, str] = {}
    owners: dict[str, set[str]] = {}
    boxed = set()
    for label, name, kind in _declared(root):
        kinds.setdefault(name, kind)
        owners.setdefault(name, set()).add(label)
    values: dict[str, list[set[str]]] = {}
    for element in (*root.findall("track"), *root.findall("image/box")):
        label = element.get("label", "")
        if element.tag == "box" or element.find("box") is not None:
            boxed.add(label)
        own: dict[str, set[str]] = {}
        for attribute in element.iter("attribute"):
            name = attribute.get("name") or ""
            if name:
                own.setdefault(name, set()).add((attribute.text or "").strip())
        for name, found in own.items():
            values.setdefault(name, []).append(found)
            owners.setdefault(name, set()).add(label)
    for name, found in values.items():
        if name not in kinds:
            flags = all(is_boolean(value) for some in found for value in some)
            kinds[name] = CHECKBOX if flags else kind_of_texts(name, found)
        elif kinds[name] == TEXT:
            kinds[name] = kind_of_texts(name, found)
    return AttributeUse(kinds, {name: frozenset(own) for name, own in owners.items()}, frozenset(boxed))


def _declared(root: Element) -> Iterator[tuple[str, str, str]]:
    """Yield (label, name of the attribute, kind), in the spelling of today or in the old one."""
    for label in root.iterfind("meta//label"):
        for attribute in label.findall("attributes/attribute"):
            name, kind = text(attribute, "name"), text(attribute, "input_type").lower()
            old = _OLD_ATTRIBUTE.match((attribute.text or "").strip())
            if not name and old:
                name, kind = old["name"].strip(), old["kind"].lower()
            if name:
                yield text(label, "name"), name, kind or TEXT
