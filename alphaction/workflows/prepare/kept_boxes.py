"""The boxes that a dataset had before it is prepared again: which stay registered, and what happens to the others."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from alphaction.data.annotations import BoxTable, ImageIds, read_boxes
from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted, listed
from alphaction.workflows.prepare.dataset_contents import Contents
from alphaction.workflows.prepare.dataset_folder import BOXES, DatasetFolder
from alphaction.workflows.prepare.split_tables import divide_boxes
from alphaction.workflows.prepare.video_library import VideoLibrary


@dataclass(frozen=True)
class KeptBoxes:
    """What becomes of the boxes that ``dataset.yaml`` named.

    Attributes:
        roles: split -> role -> file, as the former ``dataset.yaml`` had it, of those that stay as they are.
        tables: role -> split -> boxes that an earlier run of the command wrote, to be written again.
        sources: role -> the files from which these were made, for the record.
        gone: a sentence for each that goes, or is replaced.
        stay: a sentence for each that stays.
    """

    roles: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, BoxTable]] = field(default_factory=dict)
    sources: Mapping[str, list[str]] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    stay: tuple[str, ...] = ()


NOTHING_KEPT = KeptBoxes()


def kept_boxes(
    folder: DatasetFolder, contents: Contents, library: VideoLibrary, image_ids: Mapping[str, ImageIds]
) -> KeptBoxes:
    """Return which registered boxes stay: those for which this run has none, and that lie at keyframes of their split.

    Boxes that an earlier run of the command wrote from --person-boxes or --object-boxes are read again from the files
    that it named, so that new keyframes get theirs too, or from what was written where these are gone. Files of anyone
    else are never removed, even where the dataset no longer names them.

    Args:
        folder: the dataset as it is; called before anything in it changes.
        contents: what it will hold.
        library: its videos.
        image_ids: what image ids of JSON box files mean.
    """
    again = {
        role: _read_again(folder, role, own, contents, library, image_ids)
        for role in BOXES
        if role not in contents.boxes and (own := _own(folder, role))
    }
    roles: dict[str, dict[str, str]] = {}
    gone: list[str] = []
    stay: list[str] = []
    for split, before in folder.registered_boxes().items():
        for role, file in before.items():
            what, flag = f"{role} of {split}", f"--{role.replace('_', '-')}"
            own = file in folder.written_boxes()
            if role in contents.boxes and own:
                if split not in contents.boxes[role]:
                    gone.append(
                        f"{what}: {file} is removed: the files of {flag} take its place, and have no box at a keyframe "
                        f"of {split}"
                    )
            elif split in contents.boxes.get(role, {}):
                gone.append(f"{what}: those of {flag} take the place of {file}, which stays where it is")
            elif own:
                if split in again[role].tables:
                    covered = len(again[role].tables[split].keyframes)
                    whence = again[role].whence or f"{file} stays registered"
                    stay.append(f"{what}: {whence}{_share(covered, split, contents)}")
                else:
                    reason = again[role].problem or f"none of its boxes is at a keyframe of the new {split}"
                    gone.append(f"{what}: {file} is removed: {reason}. To give others, add {flag} FILE")
            else:
                problem, covered = _fit(folder, split, role, file, contents, library)
                new = f" To make new ones: {_command(folder.name, split, role)}" if split in contents.splits else ""
                if problem:
                    gone.append(f"{what}: {file} is no longer registered: {problem}.{new}")
                    continue
                roles.setdefault(split, {})[role] = file
                stays = f"{what}: {file} stays registered{_share(covered, split, contents)}"
                stay.append(f"{stays}.{new}" if covered < len(contents.splits[split].keyframes) else stays)
    return KeptBoxes(
        roles,
        {role: found.tables for role, found in again.items() if found.tables},
        {role: found.sources for role, found in again.items() if found.tables},
        tuple(gone),
        (*stay, *(note for found in again.values() for note in found.notes)),
    )


@dataclass(frozen=True)
class _Again:
    """Boxes of one role that an earlier run wrote, read once more.

    Attributes:
        tables: split -> boxes.
        sources: the files that the earlier run was given.
        whence: where the boxes come from, for notes; "": from what it wrote.
        notes: what was left out.
        problem: why there are none.
    """

    tables: Mapping[str, BoxTable]
    sources: list[str]
    whence: str = ""
    notes: tuple[str, ...] = ()
    problem: str = ""


def _own(folder: DatasetFolder, role: str) -> dict[str, str]:
    """Return split -> registered file of those that an earlier run wrote."""
    written = folder.written_boxes()
    return {split: roles[role] for split, roles in folder.registered_boxes().items() if roles.get(role) in written}


def _read_again(
    folder: DatasetFolder,
    role: str,
    own: Mapping[str, str],
    contents: Contents,
    library: VideoLibrary,
    image_ids: Mapping[str, ImageIds],
) -> _Again:
    """Read boxes from the files that the earlier run was given; where one is gone or wrong, from what it wrote."""
    given = folder.former_options().get(role)
    sources = [str(path) for path in given] if isinstance(given, list) else []
    missing = [path for path in sources if not Path(path).is_file()]
    written = [path for file in own.values() if (path := folder.folder / file).is_file()]
    tries = [([Path(path) for path in sources], True)] if sources and not missing else []
    tries += [(written, False)] if written else []
    problem = f"neither it nor {listed(missing) or 'what it was made from'} is there"
    for paths, as_given in tries:
        try:
            divided = divide_boxes(paths, contents.splits, image_ids, library, objects=role == "object_boxes")
        except UserError as error:
            problem = problem if as_given else str(error).splitlines()[0].rstrip(".")
            why = str(error).splitlines()[0].rstrip(".")
            continue
        tables = {split: table for split, table in divided.tables.items() if _takes(folder, split, role, own)}
        if as_given:
            whence = f"read again from {listed(sources)}, which --{role.replace('_', '-')} named before"
            return _Again(tables, sources, whence, (*divided.left_out, *divided.notes))
        if missing:
            whence = f"those of before stay, as {listed(missing)}, from which they were made, is not there"
        else:
            whence = f"those of before stay, as what they were made from cannot be used ({why})" if sources else ""
        return _Again(tables, sources, whence)
    return _Again({}, sources, problem=problem)


def _takes(folder: DatasetFolder, split: str, role: str, own: Mapping[str, str]) -> bool:
    """Return whether a split takes boxes that are read again: not where a person removed or replaced its own."""
    registered = role in folder.registered_boxes().get(split, {})
    return split in own or not (registered or folder.files(split)[role] in folder.written_boxes())


def _share(covered: int, split: str, contents: Contents) -> str:
    return f" (boxes at {covered} of {counted(len(contents.splits[split].keyframes), 'keyframe')})"


def _command(name: str, split: str, role: str) -> str:
    if role == "object_boxes":
        return f"tools/detect_persons.py --dataset-name {name}_{split} --every-class --no-persons --force"
    return f"tools/detect_persons.py --dataset-name {name}_{split} --force"


def _fit(
    folder: DatasetFolder, split: str, role: str, file: str, contents: Contents, library: VideoLibrary
) -> tuple[str, int]:
    """Return why a file cannot stay ("": it can), and at how many keyframes of the split it has boxes."""
    table = contents.splits.get(split)
    if table is None:
        return "the dataset has no such split now", 0
    path = folder.folder / os.path.expanduser(file)
    if not path.is_file():
        return "there is no such file", 0
    try:
        boxes = read_boxes(path, table, library.size, objects=role == "object_boxes")
    except UserError as error:
        return f"it cannot be read ({error})", 0
    covered = int((table.keyframes.locate_each(boxes.keyframes) >= 0).sum())
    if len(boxes) and not covered:
        return f"none of its {counted(len(boxes), 'box', 'boxes')} is at a keyframe of the new {split}", 0
    return "", covered
