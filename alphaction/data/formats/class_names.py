"""Lists of class names as people have them: ``1: name`` or a name a line, JSON, and the ``names`` of YOLO's data.yaml.

SlowFast's, mmaction2's and UCF's files number the names (``1: wave``, ``1,wave``, ``1 wave``, ``wave,1``). Names
without numbers are numbered by their lines, from 1; those of YOLO's list from 0, as that tool does. A csv whose header
names a column of names and one of groups (``id,name,group,exclusive``) states groups, as objects of JSON can.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from alphaction.data.formats.cells import is_number
from alphaction.data.formats.file_content import looks_like_json
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.numbers import NOT_NEGATIVE
from alphaction.utils.plain_yaml import YamlError, load_yaml
from alphaction.utils.values import Value, parse_integer, parse_json, shown

_ID_FIRST = re.compile(r"(\d+)(?:\s*[:,;=\t]\s*|\s+)(\S.*)?$")
_ID_LAST = re.compile(r"(\D.*?)\s*[:,;=\t]\s*(\d+)$")
_HEADING = re.compile(
    r"(?i)(label_|class_|action_)?(id|index|name|label|class|action)s?\s*[:,;=\t]\s*\w*(id|name|label)\w*$"
)
_YOLO = re.compile(r"^names[ \t]*:", re.MULTILINE)
_NAME_COLUMNS = ("name", "label_name", "class_name", "action_name", "label", "class", "action")
_ID_COLUMNS = ("id", "label_id", "class_id", "action_id", "index")
_TOO_LONG = 200
GROUP_FIELDS = ("label_type", "group")
"""What the group of a class is called, in blocks and in JSON."""


class NamedId(NamedTuple):
    """A class, where it stands ("line 3"), and as texts its group and whether that is exclusive, if said."""

    id: int
    name: str
    place: str
    group: str = ""
    exclusive: str = ""


def read_class_names(text: str, path: str | Path, what: str) -> Iterator[NamedId]:
    """Yield the classes of a list of names, in its order. Blank lines and ``#`` lines are skipped.

    Args:
        text: the file's content.
        path: the file, for messages.
        what: what it is to the user, for messages.

    Raises:
        DataError: names line, what is wrong and the remedy.
    """

    def error(place: str, problem: str) -> UserError:
        return DataError(f"{what}: {path}{', ' if place else ''}{place}: {problem}")

    if looks_like_json(text):
        yield from _from_data(Value(parse_json(text, error), error), "entry", 1)
    elif _YOLO.search(text):
        try:
            data = load_yaml(text)
        except YamlError as problem:
            place = "" if problem.line is None else f"line {problem.line}"
            raise error(place, f"not readable as YAML ({problem}).") from problem
        yield from _from_data(Value(data, error)["names"], "names, entry", 0)
    else:
        yield from _from_lines(text, error)


def _from_lines(text: str, error: Any) -> Iterator[NamedId]:
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), start=1)]
    lines = [(number, line) for number, line in lines if line and not line.startswith("#")]
    if len(lines) > 1 and _HEADING.match(lines[0][1]) and not _HEADING.match(lines[1][1]):
        lines = lines[1:]  # a csv's header
    if not lines:
        return
    if columns := _columns(lines[0][1]):
        yield from _from_table(lines[1:], columns, error)
        return
    for number, line in lines:
        _require_a_name(line, f"line {number}", error)
    if all(_ID_LAST.match(line) for _, line in lines):
        for number, line in lines:
            name, class_id = _ID_LAST.match(line).groups()
            yield NamedId(int(class_id), _unquoted(name), f"line {number}")
        return
    numbered = [_ID_FIRST.match(line) for _, line in lines]
    bare = [line for (line, match) in zip(lines, numbered, strict=True) if match is None]
    if bare and len(bare) < len(lines):
        number, line = bare[0]
        raise error(
            f"line {number}",
            f'"{line}" has no id, but other lines have one, such as "1: wave". Give each class its id, or none.',
        )
    for position, ((number, line), match) in enumerate(zip(lines, numbered, strict=True), start=1):
        place = f"line {number}"
        if match is None:
            yield NamedId(position, _unquoted(line), place)
            continue
        if match[2] is None:
            raise error(place, f"id {match[1]} has no name. Write it behind: {match[1]}: wave")
        yield NamedId(int(match[1]), _unquoted(match[2]), place)


class _Columns(NamedTuple):
    """Which columns of a csv with a header hold what; None: no column does."""

    separator: str
    name: int
    id: int | None
    group: int
    exclusive: int | None


def _columns(header: str) -> _Columns | None:
    """Return the columns of a csv whose header names one of names and one of groups, else None."""
    for separator in "\t;,":
        cells = [cell.strip().strip("\"'").casefold() for cell in header.split(separator)]
        name, class_id, group, exclusive = (
            next((place for place, cell in enumerate(cells) if cell in known), None)
            for known in (_NAME_COLUMNS, _ID_COLUMNS, GROUP_FIELDS, ("exclusive",))
        )
        if name is not None and group is not None:
            return _Columns(separator, name, class_id, group, exclusive)
    return None


def _from_table(lines: list[tuple[int, str]], columns: _Columns, error: Any) -> Iterator[NamedId]:
    """Yield the classes of a csv with a column of groups; without one of ids, rows are numbered from 1."""
    for position, (number, line) in enumerate(lines, start=1):
        cells = [cell.strip() for cell in next(csv.reader([line], delimiter=columns.separator, skipinitialspace=True))]
        if len(cells) <= max(place for place in columns[1:] if place is not None):
            raise error(f"line {number}", f"{shown(line)} has fewer columns than the header. Add what is missing.")
        class_id = position if columns.id is None else parse_integer(cells[columns.id], NOT_NEGATIVE)
        if class_id is None or not cells[columns.name]:
            wanted = "a whole number from 0 up as id, and a name"
            raise error(f"line {number}", f"{shown(line)} is no class. Expected {wanted}.")
        exclusive = "" if columns.exclusive is None else cells[columns.exclusive]
        yield NamedId(class_id, cells[columns.name], f"line {number}", cells[columns.group], exclusive)


def _require_a_name(line: str, place: str, error: Any) -> None:
    """Refuse a line that belongs to another kind of file."""
    cells = line.split(",")
    csv_row = len(cells) > 3 and sum(map(is_number, cells)) > 1
    if csv_row or line.startswith("<") or re.search(r"\D:$", line) or len(line) > _TOO_LONG:
        shown = line if len(line) <= 60 else f"{line[:60]}..."
        raise error(
            place,
            f'"{shown}" is no class name. Expected blocks like label {{ name: "sit" label_id: 1 }}, lines like '
            '"1: sit", or one name a line. Is this a label map?',
        )


def _from_data(data: Value, place: str, first: int) -> Iterator[NamedId]:
    """Yield the classes of a list of names or of objects with id and name, or of id -> name or name -> id."""
    data = data["categories"] if data["categories"].is_list else data
    if data.is_list:
        pairs = [
            (item["id"].raw, item["name"].raw, *_group_of(item)) if item.is_object else (number, item.raw)
            for number, item in enumerate(data.each(), start=first)
        ]
    else:
        pairs = [(key, value.raw) for key, value in data.items()]
        if pairs and all(isinstance(value, int) and not isinstance(value, bool) for _, value in pairs):
            pairs = [(class_id, name) for name, class_id in pairs]
    for number, (raw, name, *group) in enumerate(pairs, start=1):
        class_id = parse_integer(raw, NOT_NEGATIVE)
        text = Value(name, data.error_at).text("")
        if class_id is None or not text:
            raise data.error_at(
                f"{place} {number}",
                f"{shown(raw)}: {shown(name)} is no class. Expected "
                '{"1": "sit"}, {"sit": 1}, ["sit"] or objects with id and name.',
            )
        yield NamedId(class_id, text, f"{place} {number}", *group)


def _group_of(item: Value) -> tuple[str, str]:
    """Return the group that an object with id and name has, and whether its classes exclude each other, as texts."""
    group = next((item[key] for key in GROUP_FIELDS if item[key].raw is not None), None)
    exclusive = item["exclusive"].raw
    return "" if group is None else group.text(), "" if exclusive is None else str(exclusive)


def _unquoted(name: str) -> str:
    """Return a name without the quotes, or the comma of a list, around it."""
    name = name.strip()
    bare = name.rstrip(",").rstrip()
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'":
        return bare[1:-1].strip()
    return name
