"""An honest file to begin with: bytes, or a tree that becomes bytes when it has been changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

Kind = Literal["text", "json", "xml", "yaml", "weights"]

_LONGEST_LIST = 12  # entries of a list of a real file that are kept
_MOST_LINES = 40
_MOST_CHILDREN = 12


@dataclass(frozen=True)
class Seed:
    """A file that readers accept.

    Attributes:
        name: of the file, with the ending that it has in life.
        kind: what it is written in.
        data: text of "text" and "yaml"; the parsed value of "json"; the root of "xml"; of "weights" the content that
            ``encode`` writes.
        encode: of "weights": gives the bytes of a changed content.
        beside: file name -> bytes of what lies beside it.
    """

    name: str
    kind: Kind
    data: Any
    encode: Callable[[Any], bytes] | None = None
    beside: dict[str, bytes] = field(default_factory=dict)

    def content(self) -> bytes:
        """Return the file as it is when nothing is changed."""
        return encoded(self, self.data)


def encoded(seed: Seed, data: Any) -> bytes:
    """Return the bytes of a tree of the kind of a seed."""
    if seed.encode is not None:
        return seed.encode(data)
    if seed.kind == "xml":
        return ElementTree.tostring(data, encoding="utf-8", xml_declaration=True)
    text = json.dumps(data) if seed.kind == "json" else data
    return text.encode("utf-8", "surrogatepass")


def text(name: str, content: str) -> Seed:
    """Return a seed of plain text."""
    return Seed(name, "text", content)


def file_seed(path: Path) -> Seed:
    """Return a real file as a seed; of long ones a part is taken that is a file of the same form."""
    content = path.read_text(encoding="utf-8-sig")
    if path.suffix == ".json":
        return Seed(path.name, "json", _shorter(json.loads(content)))
    if path.suffix == ".xml":
        root = ElementTree.fromstring(content)
        _thin(root)
        return Seed(path.name, "xml", root)
    if path.suffix in (".yaml", ".yml"):
        return Seed(path.name, "yaml", content)
    return text(path.name, "".join(content.splitlines(keepends=True)[:_MOST_LINES]))


def _shorter(value: Any) -> Any:
    if isinstance(value, list):
        return [_shorter(item) for item in value[:_LONGEST_LIST]]
    if isinstance(value, dict):
        return {key: _shorter(item) for key, item in list(value.items())[:_LONGEST_LIST]}
    return value


def _thin(element: ElementTree.Element) -> None:
    for extra in list(element)[_MOST_CHILDREN:]:
        element.remove(extra)
    for child in element:
        _thin(child)
