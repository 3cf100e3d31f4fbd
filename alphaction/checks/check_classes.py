"""Checks of which classes have labels: in what is trained on together, in each test split, and between the two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from alphaction.checks.findings import Finding
from alphaction.data.label_statistics import labels_per_class
from alphaction.data.tables import DatasetTables
from alphaction.evaluation.hints import FEW_LABELS
from alphaction.utils.messages import counted, listed


def check_classes(splits: Sequence[DatasetTables], others: Sequence[DatasetTables] = ()) -> Iterator[Finding]:
    """Yield classes without or with few labels, and classes that are tested but never trained.

    Args:
        splits: those to check. Splits for training count together: a class needs labels in one of them only.
        others: further splits of the same dataset or run; only findings about ``splits`` are yielded.
    """
    labeled = [split for split in (*splits, *others) if split.annotations.num_labels]
    checked = {split.name for split in splits}
    groups: list[list[DatasetTables]] = []
    for split in (split for split in labeled if split.training):
        # Splits of other classes cannot be trained on together.
        same = next((group for group in groups if group[0].label_map == split.label_map), None)
        if same is None:
            groups.append([split])
        else:
            same.append(split)
    tests = [split for split in labeled if not split.training]
    for group in groups:
        concerned = any(split.name in checked for split in group)
        if concerned:
            yield from _counts(group)
        for test in tests:
            if test.label_map == group[0].label_map and (concerned or test.name in checked):
                yield from _never_trained(group, test)
    for test in tests:
        if test.name in checked:
            yield from _counts([test])


def _counts(splits: Sequence[DatasetTables]) -> Iterator[Finding]:
    """Yield what one test split, or the splits that are trained on together, have few labels of or none."""
    training, label_map, labels = splits[0].training, splits[0].label_map, _labels(splits)
    wanted = label_map if training else splits[0].counted_classes
    entries = [(entry, int(count)) for entry, count in zip(label_map, labels, strict=True) if entry.id in wanted]
    absent = [f'{entry.id} "{entry.name}"' for entry, count in entries if not count]
    few = [f'{entry.id} "{entry.name}" ({count})' for entry, count in entries if 0 < count < FEW_LABELS]
    level, names = "warning" if training else "note", _names(splits)
    if absent:
        meaning = (
            "A class that is never trained is never predicted: label some examples, or remove it from the label map."
            if training
            else "The mAP is the mean over the other classes."
        )
        yield Finding(
            level,
            "classes",
            f"{_files(splits)}: no labels for {counted(len(absent), 'class', 'classes')}: {listed(absent)}. {meaning}",
            names,
        )
    if few:
        meaning = "too few to learn from" if training else "one box decides much of their AP"
        yield Finding(
            level,
            "classes",
            f"{_files(splits)}: fewer than {FEW_LABELS} labels for {counted(len(few), 'class', 'classes')}: "
            f"{listed(few)}; {meaning}. Label more, or move a video that shows them to this split.",
            names,
        )


def _never_trained(group: Sequence[DatasetTables], test: DatasetTables) -> Iterator[Finding]:
    trained, tested, wanted = _labels(group), _labels([test]), test.counted_classes
    never = [
        f'{entry.id} "{entry.name}" ({tested[channel]})'
        for channel, entry in enumerate(test.label_map)
        if entry.id in wanted and tested[channel] and not trained[channel]
    ]
    if never:
        yield Finding(
            "warning",
            "classes",
            f"{test.annotations.source} has labels for {counted(len(never), 'class', 'classes')} that never "
            f"{'occurs' if len(never) == 1 else 'occur'} in {_files(group)}: {listed(never)}. Their AP will be about "
            f"0, which lowers the mAP: move a video that shows them to {group[0].name}, or remove the classes.",
            f"{_names(group)} + {test.name}",
        )


def _labels(splits: Sequence[DatasetTables]) -> np.ndarray:
    """Return the labels of each class in all of the splits, int64 [C]."""
    return np.sum([labels_per_class(split.annotations, split.label_map) for split in splits], axis=0)


def _files(splits: Sequence[DatasetTables]) -> str:
    return " and ".join(split.annotations.source for split in splits)


def _names(splits: Sequence[DatasetTables]) -> str:
    return " + ".join(split.name for split in splits)
