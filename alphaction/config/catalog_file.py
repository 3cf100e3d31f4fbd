"""Writing the ``dataset.yaml`` that registers a dataset; :mod:`alphaction.config.paths_catalog` reads it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from alphaction.config.paths_catalog import SPLIT_KEYS
from alphaction.utils.errors import UserError
from alphaction.utils.messages import suggest


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
