"""Writing the ``dataset.yaml`` that registers a dataset; :mod:`alphaction.config.paths_catalog` reads it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import yaml

from alphaction.config.paths_catalog import SPLIT_KEYS
from alphaction.config.yaml_file import read_yaml_mapping
from alphaction.utils.atomic import replacing
from alphaction.utils.errors import UserError
from alphaction.utils.messages import suggest

_WHAT = "dataset file"
# Text that YAML takes as it is, wherever it stands.
_PLAIN = re.compile(r"[A-Za-z_./][\w./-]*", re.ASCII)


def write_catalog(
    path: str | Path,
    name: str,
    *,
    label_map: str,
    splits: Mapping[str, Mapping[str, str]],
    videos: str | None = None,
    clips: str | None = None,
    eval_label_map: str | None = None,
    comment: str = "",
) -> None:
    """Write a ``dataset.yaml`` that registers ``{name}_{split}`` for each of ``splits``.

    Args:
        path: the file to write; its folder exists. All other paths are relative to it, or absolute.
        name: the dataset's name.
        label_map: pbtxt file of the classes.
        splits: split ("train", "val") -> role (annotations, person_boxes, object_boxes, exclusions) -> file.
        videos: folder of whole movies; exactly one of this and ``clips``.
        clips: folder of one-second clips.
        eval_label_map: pbtxt file of the classes that count in the evaluation, if not all do.
        comment: lines to put at the top, without the leading ``#``.

    Raises:
        UserError: both or neither of ``videos`` and ``clips`` is given, or a role is unknown.
    """
    if bool(videos) == bool(clips):
        raise UserError(f"{path}: a dataset has either a folder of videos or one of clips, got {videos=} and {clips=}.")
    for split, roles in splits.items():
        for role in roles:
            if role not in SPLIT_KEYS:
                raise UserError(f'{path}: split "{split}" names the unknown role "{role}". {suggest(role, SPLIT_KEYS)}')
    content = {
        "name": name,
        "videos": videos,
        "clips": clips,
        "label_map": label_map,
        "eval_label_map": eval_label_map,
        "splits": {split: dict(roles) for split, roles in splits.items()},
    }
    content = {key: value for key, value in content.items() if value is not None}
    head = "".join(f"# {line}\n" for line in comment.splitlines())
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=4096)
    Path(path).write_text(head + text, encoding="utf-8")


def register_file(catalog: Path, split: str, role: str, file: str) -> str | None:
    """Name ``file`` as ``role`` of a split in a ``dataset.yaml``; every other line and all comments stay as they are.

    Args:
        catalog: the ``dataset.yaml``.
        split: as the file calls it ("val").
        role: "person_boxes" or another file of a split.
        file: as seen from the folder of ``catalog``, or absolute.

    Returns:
        the file that had this role before; None: there was none.

    Raises:
        UserError: the file is written in a way that one line cannot change safely (anchors, say).
        OSError: it cannot be written.
    """
    catalog = catalog.resolve()  # a link stays one
    expected = _unshared(read_yaml_mapping(catalog, _WHAT))
    before = expected["splits"][split].get(role)
    if before == file:
        return before
    expected["splits"][split][role] = file
    text = catalog.read_bytes().decode("utf-8")
    with replacing(catalog) as part:
        part.write_bytes(_with_role(text, split, role, file).encode("utf-8"))
        try:
            found = read_yaml_mapping(part, _WHAT)
        except UserError:
            found = None
        if found != expected:
            raise UserError(f"{catalog}: splits: {split} is written in a way that is not changed automatically.")
        shutil.copymode(catalog, part)
    return before


def _with_role(text: str, split: str, role: str, file: str) -> str:
    """Return the text of a catalog with one role of a split changed or added."""
    section = _value(_value(yaml.compose(text, Loader=yaml.SafeLoader), "splits"), split)
    scalar = file if _PLAIN.fullmatch(file) and yaml.safe_load(file) == file else json.dumps(file, ensure_ascii=False)
    old = _value(section, role)
    if old is not None:
        start, end = old.start_mark.index, old.end_mark.index
        return f"{text[:start]}{' ' if start == end else ''}{scalar}{text[end:]}"
    if section.flow_style:
        end = section.end_mark.index - 1
        return f"{text[:end].rstrip()}, {role}: {scalar}{text[end:]}"
    key, last = section.value[0][0], section.value[-1][1]
    line_feed = "\r\n" if "\r\n" in text else "\n"
    end = text.find("\n", last.end_mark.index)
    head, tail = (text, "") if end < 0 else (text[: end + 1], text[end + 1 :])
    head += "" if head.endswith("\n") else line_feed
    return f"{head}{' ' * key.start_mark.column}{role}: {scalar}{line_feed}{tail}"


def _unshared(value: object) -> object:
    """Return a copy in which two keys with one YAML anchor have a mapping each."""
    return {key: _unshared(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def _value(node: yaml.MappingNode, name: str) -> yaml.Node | None:
    return next((value for key, value in node.value if key.value == name), None)
