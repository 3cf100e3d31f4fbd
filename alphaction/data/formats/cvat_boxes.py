"""The boxes of CVAT's XML, in tracks and in images alike: corners, attribute values, and what is no box."""

from __future__ import annotations

from alphaction.data.formats.action_rule import ActionRule
from alphaction.data.formats.cvat_xml import Element
from alphaction.data.formats.rows import RowBuilder
from alphaction.data.formats.tracks import Box, upright
from alphaction.utils.values import finite_number

OTHER_SHAPES = "shapes that are not boxes left out"
"""How the counts begin of what was drawn otherwise."""
_SHAPES = ("polygon", "polyline", "points", "ellipse", "cuboid", "mask", "skeleton")


_CORNERS = ("xtl", "ytl", "xbr", "ybr")


def unit_box(box: Element, size: tuple[float, float], place: str, rows: RowBuilder) -> Box | None:
    """Return the corners of a ``box`` element as fractions of the frame; turned and flipped ones are counted.

    None: they are no numbers, which is noted.
    """
    keys = _numbers_of(box)
    values = [finite_number(box.get(key)) for key in keys]
    for key, value in zip(keys, values, strict=True):
        if value is None:
            problem = f'<box> needs a number "{key}", found {box.get(key)!r}.'
            rows.wrong.add("boxes left out as their coordinates are no numbers", place, problem)
            return None
    x1, y1, x2, y2 = values[:4]
    if x2 < x1 or y2 < y1:  # as other programs write it
        rows.count("boxes drawn upwards or leftwards, turned over")
        x1, y1, x2, y2 = min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)
    turn = values[4] if len(values) > 4 else 0.0
    if turn:
        rows.count("turned boxes replaced by the upright box around them")
        x1, y1, x2, y2 = upright(x1, y1, x2 - x1, y2 - y1, turn, ((x1 + x2) / 2, (y1 + y2) / 2))
    return x1 / size[0], y1 / size[1], x2 / size[0], y2 / size[1]


def has_numbers(box: Element) -> bool:
    """Return whether a ``box`` element says where it is."""
    return all(finite_number(box.get(key)) is not None for key in _numbers_of(box))


def _numbers_of(box: Element) -> tuple[str, ...]:
    return (*_CORNERS, "rotation") if box.get("rotation") else _CORNERS


def attribute_values(element: Element, before: dict[str, list[str]], rule: ActionRule) -> dict[str, list[str]]:
    """Return the attribute values of a box: those of before, replaced by its own; the same object if none changes."""
    changed = {}
    for attribute in element.findall("attribute"):
        name = attribute.get("name") or ""
        values = rule.split(name, (attribute.text or "").strip())
        if before.get(name) != values:
            changed[name] = values
    return {**before, **changed} if changed else before


def count_others(element: Element, rows: RowBuilder) -> None:
    """Count what a track or image holds besides boxes."""
    for child in element:
        if child.tag in _SHAPES:
            rows.count(f"{OTHER_SHAPES} ({child.tag})")
        elif child.tag == "tag":
            rows.count("tags (labels of a whole picture) left out")
