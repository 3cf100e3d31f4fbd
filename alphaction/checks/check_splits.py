"""Checks between the splits of one dataset: the same keyframes, videos or files in two of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from alphaction.checks.findings import Finding, percent
from alphaction.data.row_places import place
from alphaction.data.table_checks import used_videos
from alphaction.data.tables import DatasetTables
from alphaction.data.video.whole_movies import MovieSource
from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted, listed

_HASHED_BYTES = 1 << 20


def check_splits(splits: Sequence[DatasetTables], *, compare_files: bool = True) -> Iterator[Finding]:
    """Yield what any two splits should not have in common.

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
    if compare_files:
        yield from _copies(splits)


def _shared_keyframes(train: DatasetTables, test: DatasetTables) -> Iterator[Finding]:
    """Yield what ``test`` shares with ``train``, which may be another test split."""
    ours, theirs = train.annotations.keyframes, test.annotations.keyframes
    videos = np.intersect1d(used_videos(ours), used_videos(theirs))
    if not len(videos) or not _one_folder(train, test):
        return
    pair = f"{train.name} + {test.name}"
    found = ours.locate_each(theirs)
    shared = np.flatnonzero(found >= 0)
    if len(shared):
        k = int(shared[0])
        overlap = (
            f"{place(test.annotations, k)} is also in {place(train.annotations, int(found[k]))}: {len(shared)} of "
            f"{counted(len(theirs), 'keyframe')} of {test.name} ({percent(len(shared), len(theirs))}) are in "
            f"{train.name} as well"
        )
        if train.training:
            advice = (
                ", so its mAP says nothing about new videos. Remove them from one of the two (tools/prepare_dataset.py "
                "--val-fraction splits by video)."
            )
        else:
            advice = ". Neither is trained on; the two mAPs are not independent."
        yield Finding("error" if train.training else "note", "leakage", f"{overlap}{advice}", pair)
        return
    if not train.training:
        return
    yield Finding(
        "note",
        "leakage",
        f"{counted(len(videos), 'video')} ({listed(videos.tolist())}) in both {train.name} and {test.name}, at "
        "different seconds: the same persons and places make the mAP higher than on new videos. Split by video if "
        "there are enough videos.",
        pair,
    )


def _one_folder(first: DatasetTables, second: DatasetTables) -> bool:
    """Return whether equal names mean equal videos: two datasets may have a "video_1" each."""
    if first.source is None or second.source is None:
        return True
    return first.source.folder.resolve() == second.source.folder.resolve()


def _copies(splits: Sequence[DatasetTables]) -> Iterator[Finding]:
    """Yield videos whose files are equal (size and first megabyte) under two names, or in two folders."""
    by_size: dict[int, dict[Path, list[_Video]]] = {}
    # The split that is trained on comes first in messages.
    for split in sorted(splits, key=lambda split: not split.training):
        if not isinstance(split.source, MovieSource):
            continue
        for video in used_videos(split.annotations.keyframes):
            try:
                path = split.source.path(video).resolve()
                size = path.stat().st_size
            except (UserError, OSError):
                continue  # reported with the videos
            by_size.setdefault(size, {}).setdefault(path, []).append(_Video(split, video))
    for files in by_size.values():
        equal: dict[str, list[_Video]] = {}
        for path, videos in files.items():
            equal.setdefault(_digest(path) if len(files) > 1 else "", []).extend(videos)
        for first, *others in equal.values():
            yield from (_copy(first, other) for other in others if _harmful(first, other))


@dataclass(frozen=True, eq=False)
class _Video:
    """A video as a split calls it."""

    split: DatasetTables
    name: str

    @property
    def key(self) -> tuple[Path, str]:
        return self.split.source.folder.resolve(), self.name


def _harmful(video: _Video, other: _Video) -> bool:
    """Return whether two entries of equal content are more than one video of two splits, which other checks compare."""
    two_tests = not video.split.training and not other.split.training and video.split.name != other.split.name
    return video.key != other.key and not two_tests


def _copy(video: _Video, other: _Video) -> Finding:
    split, copied = video.split, other.split
    across = split.training != copied.training
    meaning = "A test on a video that is trained on says nothing about new ones" if across else "It counts twice"
    how = "under two names in" if video.name != other.name else f"in {split.source.folder} and"
    return Finding(
        "error" if across else "warning",
        "leakage" if across else "duplicates",
        f'videos "{video.name}" ({split.name}) and "{other.name}" ({copied.name}) are one file {how} '
        f"{copied.source.folder}. {meaning}: remove the rows of one of them, first: {_first_row(copied, other.name)}.",
        split.name if split.name == copied.name else f"{split.name} + {copied.name}",
    )


def _first_row(split: DatasetTables, video: str) -> str:
    keyframe = next(k for k, entry in enumerate(split.annotations.keyframes) if entry.video == video)
    return place(split.annotations, keyframe)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.sha256(file.read(_HASHED_BYTES)).hexdigest()
