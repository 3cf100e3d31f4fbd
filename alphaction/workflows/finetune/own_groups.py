"""The settings of the label map's own groups of classes."""

from __future__ import annotations

from collections.abc import Iterator

from alphaction.config.class_groups import EXCLUSIVE_WEIGHT, GROUPS
from alphaction.config.config_text import Setting
from alphaction.workflows.finetune.dataset_statistics import DatasetStatistics

_HEAD = "MODEL.ROI_ACTION_HEAD"


def own_groups(stats: DatasetStatistics, softmax: bool) -> Iterator[Setting]:
    """Yield the groups, their sizes, and which of them are exclusive.

    Args:
        stats: figures of the dataset.
        softmax: False: as the network was published, all classes are independent.
    """
    groups = stats.label_map.own_groups
    yield Setting(f"{_HEAD}.GROUPS", [group.name for group in groups], f"from {stats.label_map.source}")
    yield Setting(f"{_HEAD}.GROUP_SIZES", [len(group.ids) for group in groups])
    if not softmax:
        why = "all classes are independent sigmoids, as in the network that the weights are of"
        yield Setting(f"{_HEAD}.EXCLUSIVE_GROUPS", [], why)
        return
    exclusive = [group.name for group in groups if stats.is_exclusive(group.name)]
    yield Setting(
        f"{_HEAD}.EXCLUSIVE_GROUPS",
        exclusive,
        "; ".join(
            f"{group.name}: {'softmax' if group.name in exclusive else 'independent'}, {stats.labels_are(group.name)}"
            for group in groups
        ),
    )


def own_weights(stats: DatasetStatistics, factor: float) -> Setting:
    """Return the weights of their losses; ``factor``: how much more than the number of classes, where independent."""
    groups = stats.label_map.own_groups
    weights = [EXCLUSIVE_WEIGHT if stats.is_exclusive(group.name) else factor * len(group.ids) for group in groups]
    times = "the number" if factor == 1 else f"{factor:g} times the number"
    comment = f"{EXCLUSIVE_WEIGHT:g} for a softmax; else {times} of classes, as the loss is a mean over them"
    return Setting(f"{_HEAD}.GROUP_LOSS_WEIGHTS", weights, comment)


def own_shares(stats: DatasetStatistics) -> Setting:
    """Return the weights that make the loss the mean over all classes."""
    groups, total = stats.label_map.own_groups, stats.label_map.num_classes
    shares = [float(f"{len(group.ids) / total:.6g}") for group in groups]
    return Setting(f"{_HEAD}.GROUP_LOSS_WEIGHTS", shares, "the same for the label map's own groups")


def groups_in_words(stats: DatasetStatistics) -> str:
    """Return the sizes of all groups: "5 movement, 0 object, 2 person, 3 posture"."""
    sizes = dict(zip(GROUPS, stats.label_map.group_sizes, strict=True))
    sizes |= {group.name: len(group.ids) for group in stats.label_map.own_groups}
    return ", ".join(f"{size} {name}" for name, size in sizes.items())
