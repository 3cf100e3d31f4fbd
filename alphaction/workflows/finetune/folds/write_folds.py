"""From a dataset to a folder of folds: for each its training and validation files, and its config."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from alphaction.checkpoint.run_folder import CONFIG_FILE
from alphaction.config.catalog_file import write_catalog
from alphaction.config.paths_catalog import CATALOG_FILE, DatasetSpec, find_dataset
from alphaction.data.annotations import AnnotationTable, LabelMap, write_ava_csv, write_box_csv
from alphaction.data.label_statistics import labels_per_keyframe
from alphaction.utils.atomic import write_text_atomically
from alphaction.utils.errors import UserError
from alphaction.utils.files import check_writable
from alphaction.utils.messages import counted, listed, text_table
from alphaction.workflows.finetune.finetune_options import FinetuneOptions, experiment_name
from alphaction.workflows.finetune.folds.division import confined, divide
from alphaction.workflows.finetune.folds.fold_record import ALL, RECORD, FoldFolder
from alphaction.workflows.finetune.folds.joined_splits import (
    JoinedSplits,
    join_splits,
    part_of_annotations,
    part_of_boxes,
)
from alphaction.workflows.finetune.generate import GeneratedConfig, generate_config, resolve_splits

_COMMENT = "Written by tools/generate_finetune_config.py --folds."


@dataclass(frozen=True)
class WrittenFolds:
    """A folder of folds that was written.

    Attributes:
        folder: what it holds.
        table: lines of a table of the folds.
        notes: what the user should know, one sentence or two each.
    """

    folder: FoldFolder
    table: tuple[str, ...]
    notes: tuple[str, ...]


def default_folder(options: FinetuneOptions) -> Path:
    """Return the default folder, made of the dataset, the network and the number of folds."""
    return Path("output") / f"{experiment_name(options)}_{options.folds}_folds"


def write_folds(options: FinetuneOptions, folder: Path, *, force: bool = False) -> WrittenFolds:
    """Divide the videos of both splits of a dataset into folds, and write a config and the files of each.

    No file of the dataset is changed, and no video is copied.

    Args:
        options: the choices of every fold; ``folds`` and ``together`` among them.
        folder: where to write.
        force: whether folds that are there may be replaced. Their runs stay.

    Raises:
        UserError: the dataset is AVA, or cannot be divided like that; or the folder holds something else.
    """
    options.check()
    train, val = resolve_splits(options)
    if train.startswith("ava_video_"):
        raise UserError(
            f"--folds: {train} has a fixed validation split of 64 videos, which published results are of, and is large "
            "enough to tell recipes apart. Folds are for datasets of your own."
        )
    _check_folder(folder, force)
    cfg = options.catalog_cfg
    joined = join_splits(find_dataset(cfg, train), find_dataset(cfg, val))
    units = _units(joined, options)
    weights = _weights(joined, units)
    fold_of_unit = divide(weights, options.folds)
    fold = {video: int(fold_of_unit[unit]) + 1 for video, unit in units.items()}
    name = f"{train.removesuffix('_train')}_folds"
    found = FoldFolder(folder, name, options.folds, ())
    with _removed_on_failure(folder):
        _write_data(found, joined, fold)
        configs = [_write_config(found, options, number) for number in range(1, options.folds + 1)]
    device = ["--num-gpus", str(options.num_gpus)] if options.num_gpus else ["--cpu"]
    found = replace(found, launch=(*device, *(["--new-classes"] if configs[0].new_head else [])))
    found.write(fold)
    notes = [*_division_notes(joined, units, weights, fold_of_unit), *_shared_notes(configs)]
    return WrittenFolds(found, tuple(_table(joined, fold, options.folds)), tuple(notes))


def _check_folder(folder: Path, force: bool) -> None:
    check_writable("--output", folder / RECORD)
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not (folder / RECORD).is_file():
        raise UserError(f"--output {folder}: this folder holds something else. Name another one.")
    if not force:
        raise UserError(
            f"--output {folder} holds folds already. Name another folder, or replace them with --force; trainings of "
            "theirs stay, and are refused if they no longer belong to them."
        )


@contextmanager
def _removed_on_failure(folder: Path) -> Iterator[None]:
    """Remove a folder that was not there before if the block fails."""
    was_there = folder.exists()
    try:
        yield
    except BaseException:
        if not was_there:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _units(joined: JoinedSplits, options: FinetuneOptions) -> dict[str, int]:
    """Return the unit of each video: videos that stay together have one."""
    index = joined.annotations.keyframes
    videos = [str(index.videos[number]) for number in np.unique(index.video_index)]
    rule = None if options.together is None else re.compile(options.together)
    known: dict[tuple[str, ...], int] = {}
    units = {}
    for video in videos:
        match = rule.search(video) if rule is not None else None
        key = ("video", video) if match is None else ("together", match[0], *(part or "" for part in match.groups()))
        if match is not None and match.groups():
            key = ("together", *(part or "" for part in match.groups()))
        units[video] = known.setdefault(key, len(known))
    if len(known) < options.folds:
        what = counted(len(videos), "video") if rule is None else f"{counted(len(known), 'group')} of videos"
        raise UserError(
            f"--folds {options.folds}: {what} cannot be divided into that many. At most: --folds {len(known)}"
            if len(known) > 1
            else f"--folds: {what} cannot be divided. A single video needs a split by time: "
            "tools/prepare_dataset.py --val-fraction with --split-by time."
        )
    return units


def _weights(joined: JoinedSplits, units: Mapping[str, int]) -> np.ndarray:
    """Return the labels of each class and the keyframes of each unit, int64 [U, C + 1]."""
    table = joined.annotations
    labels = labels_per_keyframe(table, joined.label_map)
    unit_of_video = np.array([units.get(str(name), -1) for name in table.keyframes.videos], dtype=np.int64)
    weights = np.zeros((max(units.values()) + 1, labels.shape[1] + 1), dtype=np.int64)
    rows = np.concatenate([labels, np.ones((len(labels), 1), dtype=np.int64)], axis=1)
    np.add.at(weights, unit_of_video[table.keyframes.video_index], rows)
    return weights


def _write_data(folder: FoldFolder, joined: JoinedSplits, fold: Mapping[str, int]) -> None:
    folder.path.mkdir(parents=True, exist_ok=True)
    write_ava_csv(folder.path / f"{ALL}.csv", joined.annotations)
    _write_catalog(folder.path, folder.dataset, joined.spec, {ALL: {"annotations": f"{ALL}.csv"}})
    for number in range(1, folder.folds + 1):
        place = folder.place(number)
        place.mkdir(exist_ok=True)
        splits: dict[str, dict[str, str]] = {}
        for split, chosen in (
            ("train", {video for video, own in fold.items() if own != number}),
            ("val", {video for video, own in fold.items() if own == number}),
        ):
            splits[split] = {"annotations": f"{split}.csv"}
            write_ava_csv(place / f"{split}.csv", part_of_annotations(joined.annotations, chosen))
            for role, table in joined.boxes.items():
                splits[split][role] = f"{split}_{role}.csv"
                write_box_csv(place / splits[split][role], part_of_boxes(table, chosen))
        _write_catalog(place, folder.base(number), joined.spec, splits)


def _write_catalog(place: Path, name: str, spec: DatasetSpec, splits: Mapping[str, Mapping[str, str]]) -> None:
    def absolute(path: Path | None) -> str | None:
        return None if path is None else str(path.resolve())

    write_catalog(
        place / CATALOG_FILE,
        name,
        label_map=absolute(spec.label_map),
        eval_label_map=absolute(spec.eval_label_map),
        videos=absolute(spec.videos),
        clips=absolute(spec.clips),
        splits=splits,
        comment=_COMMENT,
    )


def _write_config(folder: FoldFolder, options: FinetuneOptions, number: int) -> GeneratedConfig:
    base = folder.base(number)
    own = replace(
        options,
        dataset_name=f"{base}_train",
        val_dataset=f"{base}_val",
        catalog=(str(folder.place(number) / CATALOG_FILE),),
        output_dir=str(folder.run(number)),
        folds=None,
        together=None,
    )
    config = generate_config(own)
    write_text_atomically(folder.place(number) / CONFIG_FILE, config.text)
    return config


def _table(joined: JoinedSplits, fold: Mapping[str, int], folds: int) -> Sequence[str]:
    rows: list[tuple[object, ...]] = [("fold", "videos", "keyframes", "boxes", "labels", "validated")]
    for number in range(1, folds + 1):
        chosen = [video for video, own in fold.items() if own == number]
        part: AnnotationTable = part_of_annotations(joined.annotations, set(chosen))
        rows.append((number, len(chosen), len(part.keyframes), len(part), part.num_labels, listed(chosen, 3)))
    lines = text_table([row[:-1] for row in rows])
    return [f"{line}  {row[-1]}" for line, row in zip(lines, rows, strict=True)]


def _division_notes(
    joined: JoinedSplits, units: Mapping[str, int], weights: np.ndarray, fold: np.ndarray
) -> Sequence[str]:
    """Return what could not be divided, and what stays together."""
    sizes = Counter(units.values())
    notes = []
    if max(sizes.values()) > 1:
        several = sum(size > 1 for size in sizes.values())
        notes.append(
            f"{counted(len(units), 'video')} make {counted(len(sizes), 'group')}, {several} of several videos, which "
            "stay in one fold"
        )
    names = _names(joined.label_map, confined(weights, fold)[:-1])
    if names:
        notes.append(
            f"{'a class is' if len(names) == 1 else 'classes are'} in one fold only, and not in its training: "
            f"{listed(names)}. {'Its labels count' if len(names) == 1 else 'Their labels count'} as missed, since the "
            "networks of the other folds are not asked about them. More videos of it would help"
        )
    return [f"{note}." for note in notes]


def _names(label_map: LabelMap, chosen: np.ndarray) -> list[str]:
    return [f'"{name}"' for name, wanted in zip(label_map.names, chosen.tolist(), strict=True) if wanted]


def _shared_notes(configs: Sequence[GeneratedConfig]) -> Sequence[str]:
    """Return the notes of the configs, each once; those on a single fold's figures do not matter here."""
    common = [set(config.notes) for config in configs]
    return [note for note in configs[0].notes if all(note in found for found in common)]
