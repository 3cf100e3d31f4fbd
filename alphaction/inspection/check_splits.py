"""Checks between the splits of one dataset: leakage, and classes that only one of them has."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from alphaction.data.clip_source import MovieSource
from alphaction.data.label_statistics import labels_per_class
from alphaction.inspection.loaded import Split
from alphaction.inspection.report import Finding, listed, percent, plural
from alphaction.inspection.rows import place
from alphaction.utils.errors import UserError

_HASHED_BYTES = 1 << 20


def check_splits(splits: Sequence[Split], *, compare_files: bool = True) -> Iterator[Finding]:
    """Yield what is wrong between any two splits.

    Args:
        splits: of one dataset, or what one run trains and tests on.
        compare_files: also look for one video under two names.
    """
    for first, second in combinations(splits, 2):
        if first.training and second.training:
            continue  # sets that are trained on together; a clip twice does no harm
        # The split that is trained on comes first in messages.
        one, other = (second, first) if second.training else (first, second)
        yield from _shared_keyframes(one, other)
        if one.training:
            yield from _classes(one, other)
    if compare_files:
        yield from _copies(splits)


def _shared_keyframes(train: Split, test: Split) -> Iterator[Finding]:
    ours, theirs = train.annotations.keyframes, test.annotations.keyframes
    videos = np.intersect1d(ours.videos[np.unique(ours.video_index)], theirs.videos[np.unique(theirs.video_index)])
    if not len(videos) or not _one_folder(train, test):
        return
    pair = f"{train.name} + {test.name}"
    found = ours.locate(theirs.videos, theirs.video_index, theirs.seconds)
    shared = np.flatnonzero(found >= 0)
    if len(shared):
        k = int(shared[0])
        yield Finding(
            "error",
            "leakage",
            f"{place(test.annotations, k)} is also in {place(train.annotations, int(found[k]))}: {len(shared)} of "
            f"{len(theirs)} keyframes of {test.name} ({percent(len(shared), len(theirs))}) are in {train.name} as "
            "well, so its mAP says nothing about new videos. Remove them from one of the two (tools/prepare_dataset.py "
            "--val-fraction splits by video).",
            pair,
        )
        return
    yield Finding(
        "note",
        "leakage",
        f"{plural(len(videos), 'video')} ({listed(videos.tolist())}) at different seconds of both {train.name} and "
        f"{test.name}: the same persons and places make the mAP higher than on new videos. Split by video where there "
        "are enough.",
        pair,
    )


def _one_folder(first: Split, second: Split) -> bool:
    """Return whether equal names mean equal videos: two datasets may have a "video_1" each."""
    if first.source is None or second.source is None:
        return True
    return first.source.folder.resolve() == second.source.folder.resolve()


def _classes(train: Split, test: Split) -> Iterator[Finding]:
    if train.label_map != test.label_map:
        return  # the engine refuses such a pair with a message of its own
    trained = labels_per_class(train.annotations, train.label_map)
    tested = labels_per_class(test.annotations, test.label_map)
    counted = test.eval_label_map or test.label_map
    never = [
        f'{entry.id} "{entry.name}" ({tested[channel]})'
        for channel, entry in enumerate(train.label_map)
        if entry.id in counted and tested[channel] and not trained[channel]
    ]
    if never:
        yield Finding(
            "warning",
            "classes",
            f"{test.annotations.source} has labels of {plural(len(never), 'class', 'classes')} that "
            f"{train.annotations.source} never shows: {listed(never)}. Their AP will be about 0 and lowers the mAP: "
            f"move a video that shows them to {train.name}, or remove the classes.",
            f"{train.name} + {test.name}",
        )


def _copies(splits: Sequence[Split]) -> Iterator[Finding]:
    """Yield videos whose files are equal (size and first megabyte) under two names."""
    by_size: dict[int, dict[Path, tuple[Split, str]]] = {}
    for split in splits:
        if not isinstance(split.source, MovieSource):
            continue
        for video in split.seconds_of_videos():
            try:
                path = split.source.path(video).resolve()
                size = path.stat().st_size
            except (UserError, OSError):
                continue  # reported with the videos
            by_size.setdefault(size, {}).setdefault(path, (split, video))
    for files in by_size.values():
        if len(files) < 2:
            continue
        first_of: dict[str, tuple[Split, str]] = {}
        for path, (split, video) in files.items():
            owner = first_of.setdefault(_digest(path), (split, video))
            if owner != (split, video):
                yield _copy(*owner, split, video)


def _copy(split: Split, video: str, other: Split, copy: str) -> Finding:
    across = split.training != other.training
    meaning = "A test on a video that is trained on says nothing about new ones" if across else "It counts twice"
    return Finding(
        "error" if across else "warning",
        "leakage" if across else "duplicates",
        f'videos "{video}" ({split.name}) and "{copy}" ({other.name}) are one file under two names in '
        f"{other.source.folder}. {meaning}: remove the rows of one of them, first: {_first_row(other, copy)}.",
        split.name if split.name == other.name else f"{split.name} + {other.name}",
    )


def _first_row(split: Split, video: str) -> str:
    keyframe = next(k for k, entry in enumerate(split.annotations.keyframes) if entry.video == video)
    return place(split.annotations, keyframe)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.sha256(file.read(_HASHED_BYTES)).hexdigest()
