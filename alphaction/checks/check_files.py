"""Opens a dataset with a finding for each file that cannot be read, and checks what is odd about the others."""

from __future__ import annotations

import re
from collections.abc import Iterator

from yacs.config import CfgNode

from alphaction.checks.findings import Finding
from alphaction.config.paths_catalog import find_dataset
from alphaction.data.formats.file_content import read_text
from alphaction.data.tables import DatasetTables, open_tables
from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted, listed, nearest
from alphaction.utils.values import quoted

_ALIKE = 0.85
"""How alike the names of two groups are that may be one (0 to 1)."""
_MOST_COMPARED = 100
_DIGITS = re.compile(r"\d+")


def is_training(cfg: CfgNode, name: str) -> bool:
    """Return whether a dataset is trained on: by DATASETS.TRAIN and TEST, else by its name."""
    if name in cfg.DATASETS.TRAIN or name in cfg.DATASETS.TEST:
        return name in cfg.DATASETS.TRAIN
    return "train" in name.rsplit("_", 1)[-1] or "_train_" in name


def open_split(cfg: CfgNode, name: str) -> tuple[DatasetTables | None, list[Finding]]:
    """Read every file of a dataset; a faulty file does not keep the others from being read.

    Returns:
        the dataset, None if its label map or annotations cannot be read; and a finding for each faulty file.
    """
    try:
        spec = find_dataset(cfg, name)
    except UserError as error:
        return None, [Finding("error", "files", str(error), name)]
    findings: list[Finding] = []
    tables = open_tables(
        spec,
        training=is_training(cfg, name),
        on_error=lambda what, error: findings.append(Finding("error", what, str(error), name)),
    )
    if tables is None:
        # Without the classes, the annotations are not read at all.
        missing = "annotations" if {"annotations", "exclusions"} & {found.check for found in findings} else "label map"
        message = f"nothing else of {name} can be checked until its {missing} can be read."
        findings.append(Finding("note", missing, message, name))
    return tables, findings


def check_files(split: DatasetTables) -> Iterator[Finding]:
    """Yield what is odd about a label map and exclusions that could be read."""
    yield from _label_map(split)
    excluded = {keyframe.video for keyframe in split.annotations.excluded}
    # Timestamps without annotations are often excluded on purpose; videos that nobody annotated are a mistake.
    if excluded and not excluded & set(split.annotations.keyframes.videos):
        source = "the exclusions" if split.spec is None else split.spec.exclusions
        yield Finding(
            "warning",
            "exclusions",
            f'{source}: none of its videos (first: "{min(excluded)}") is annotated in {split.annotations.source}, so '
            "it excludes nothing. Write video names alike in both files.",
            split.name,
        )


def _label_map(split: DatasetTables) -> Iterator[Finding]:
    """Yield what is odd about the label map."""
    label_map = split.label_map
    if label_map.untyped:
        yield Finding(
            "warning",
            "label map",
            f"{label_map.source}: classes {listed(label_map.untyped)} have no label_type and are taken as "
            "OBJECT_MANIPULATION (independent of each other). Add label_type: PERSON_MOVEMENT, OBJECT_MANIPULATION, "
            "PERSON_INTERACTION or a group of your own to each.",
            split.name,
        )
    odd = [entry for entry in label_map if entry.name != " ".join(entry.name.split())]
    if odd:
        yield Finding(
            "warning",
            "label map",
            f"{label_map.source}: the name {odd[0].name!r} of class {odd[0].id} has tabs or extra spaces, which tables "
            "and other tools show differently. Write single spaces.",
            split.name,
        )
    yield from _alike_groups(split)
    if split.spec is None:
        return
    path = split.spec.label_map
    lines = read_text(path, "label map").splitlines()
    tabs = [number for number, line in enumerate(lines, start=1) if "\t" in line]
    if tabs:
        yield Finding(
            "note",
            "label map",
            f"{path}, line {tabs[0]}: indented by tabs ({counted(len(tabs), 'line')}). All "
            f"{counted(label_map.num_classes, 'class', 'classes')} were read; replace tabs by two spaces for other "
            "tools, some of which then find no class.",
            split.name,
        )


def _alike_groups(split: DatasetTables) -> Iterator[Finding]:
    """Yield own groups whose names are so much alike that they may be one; "arm 1" and "arm 2" are two."""
    groups = split.label_map.own_groups
    for position, group in enumerate(groups[:_MOST_COMPARED]):
        digits = _DIGITS.findall(group.name)
        others = [other.name for other in groups[:position] if _DIGITS.findall(other.name) == digits]
        if (other := nearest(group.name, others, cutoff=_ALIKE)) is not None:
            yield Finding(
                "warning",
                "label map",
                f"{split.label_map.source}: the groups {quoted(other)} and {quoted(group.name)} are spelled almost "
                "alike, and learned apart. If they are one, write them alike.",
                split.name,
            )
