"""Label maps as files: AVA's pbtxt, or lists of names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from alphaction.config.class_groups import GROUPS
from alphaction.data.annotations.label_map import ActionClass, LabelMap
from alphaction.data.annotations.stated_groups import StatedGroups
from alphaction.data.formats.class_names import GROUP_FIELDS, read_class_names
from alphaction.data.formats.file_content import looks_like_json, read_text
from alphaction.data.formats.pbtxt import GROUP, Block, Word, has_blocks, read_blocks
from alphaction.utils.errors import DataError
from alphaction.utils.limits import LARGEST_CLASS_ID, LARGEST_LABEL_MAP, MOST_CLASSES
from alphaction.utils.messages import suggest
from alphaction.utils.values import parse_integer

_WHAT = "label map"


def read_label_map(path: str | Path, default_group: str = "object") -> LabelMap:
    """Read a label map: AVA's blocks, or a list of names; which one it is, the content says.

    Blocks are ``item { name id }`` (2018) or ``label { name label_id label_type }`` (2019), see
    :func:`alphaction.data.formats.pbtxt.read_blocks`; other fields of a block (``display_name`` ...) are skipped.
    ``label_type`` is one of AVA's, or any name: such a group is exclusive where a label of it says ``exclusive: true``,
    or a block ``group { name: "posture" exclusive: true }``. Of lists, JSON and csv
    may have ``group`` and ``exclusive``: see :func:`alphaction.data.formats.class_names.read_class_names`.

    Args:
        path: the file (may be gzip).
        default_group: the group of classes without ``label_type``; their ids are listed in ``LabelMap.untyped``.

    Raises:
        DataError: names file, line and column of what is wrong.
    """
    if default_group not in GROUPS:
        raise DataError(f'default group "{default_group}" is unknown. {suggest(default_group, GROUPS)}')
    classes: list[ActionClass] = []
    untyped: list[int] = []
    places: dict[int | str, str] = {}
    groups = StatedGroups(f"{_WHAT}: {path}")
    for number, name, label_type, exclusive, place in _read_classes(path, groups):
        if len(classes) == MOST_CLASSES:
            raise DataError(f"{_WHAT}: {path}, {place}: more than {MOST_CLASSES:,} classes. Is this a label map?")
        for kind, key in (("id", number), ("name", name)):
            if key in places:
                raise DataError(
                    f'{_WHAT}: {path}, {place}: {kind} "{key}" is already used by the class in {places[key]}. '
                    "Give each class its own id and name."
                )
            places[key] = place
        group = groups.of_class(name, label_type, exclusive)
        classes.append(ActionClass(number, name, group or default_group))
        if group is None:
            untyped.append(number)
    if not classes:
        raise DataError(
            f'{_WHAT}: {path} has no class. Expected blocks like: label {{ name: "sit" label_id: 1 '
            f'label_type: PERSON_MOVEMENT }}, or lines like "1: sit"'
        )
    exclusive = groups.exclusive()
    return LabelMap(tuple(classes), f"{_WHAT} {path}", tuple(sorted(untyped)), exclusive)


_Read = tuple[int, str, Word | None, Word | None, str]


def _read_classes(path: str | Path, groups: StatedGroups) -> Iterator[_Read]:
    """Yield id and name of each class of a label map, its label_type, whether that is exclusive, and its place."""
    text = read_text(path, _WHAT)
    if len(text) > LARGEST_LABEL_MAP:
        raise DataError(
            f"{_WHAT}: {path} has {len(text):,} characters; label maps of up to {LARGEST_LABEL_MAP:,} are read."
        )
    if has_blocks(text) and not looks_like_json(text):
        blocks = list(read_blocks(path, _WHAT))
        for block in blocks:  # A group may stand behind its classes.
            if block.opener == GROUP:
                groups.declare(block)
        yield from (_to_class(block, path) for block in blocks if block.opener != GROUP)
    else:
        for entry in read_class_names(text, path, _WHAT):
            group, exclusive = (Word(said, entry.place) if said else None for said in (entry.group, entry.exclusive))
            yield entry.id, entry.name, group, exclusive, entry.place


def _to_class(block: Block, path: str | Path) -> _Read:
    """Return what a block says of a class."""

    def error(place: str, problem: str) -> DataError:
        return DataError(f"{_WHAT}: {path}, {place}: {problem}")

    name, class_id, label_type, exclusive = (
        next((block.fields[key] for key in keys if key in block.fields), None)
        for keys in (("name",), ("label_id", "id"), GROUP_FIELDS, ("exclusive",))
    )
    found = ", ".join(block.fields) or "nothing"
    if name is None or not name.text:
        raise error(block.place, f'this class has no name (found: {found}). Add name: "...".')
    if class_id is None:
        raise error(block.place, f'class "{name.text}" has no id (found: {found}). Add label_id: N.')
    number = parse_integer(class_id.text) if class_id.text.isdecimal() else None
    if number is None or number > LARGEST_CLASS_ID:
        found = f'id "{class_id.text[:40]}" of class "{name.text}"'
        problem = f"{found} is not a whole number from 0 up, {LARGEST_CLASS_ID} at most."
        raise error(class_id.place, problem)
    return number, name.text, label_type, exclusive, block.place
