"""Whether a checkpoint's action classes agree with the dataset's."""

from __future__ import annotations

from collections.abc import Mapping

from alphaction.utils.messages import counted, listed

_SEPARATOR = "; "  # names of classes may have commas


def is_label_map(value: object) -> bool:
    """Return whether ``value`` is {"ids": [...], "names": [...], "groups": [...]}, three lists of one length."""
    if not isinstance(value, Mapping):
        return False
    columns = [value.get(key) for key in ("ids", "names", "groups")]
    return all(isinstance(column, list | tuple) for column in columns) and len({len(c) for c in columns}) == 1


def compare_label_maps(checkpoint: Mapping | None, dataset: Mapping | None, limit: int = 5) -> str | None:
    """Return a text that says how two label maps differ, or None when every channel means the same in both.

    Class ids may differ: results carry the dataset's ids, and a channel is its position. Case and surrounding space of
    names do not matter. A label map that is None is unknown, and differs from nothing.

    Args:
        checkpoint: label map stored with the weights, {"ids", "names", "groups"} in channel order.
        dataset: the dataset's, in the same form.
        limit: most differing channels named.
    """
    if not is_label_map(checkpoint) or not is_label_map(dataset):
        return None
    theirs, ours = _channels(checkpoint), _channels(dataset)
    if theirs == ours:
        return None
    parts = []
    if len(theirs) != len(ours):
        parts.append(f"the checkpoint has {counted(len(theirs), 'class', 'classes')}, the dataset {len(ours)}")
    their_names, our_names = [name for name, _ in theirs], [name for name, _ in ours]
    if only := sorted(set(their_names) - set(our_names)):
        parts.append(f"only in the checkpoint: {listed(only, limit, _SEPARATOR)}")
    if only := sorted(set(our_names) - set(their_names)):
        parts.append(f"only in the dataset: {listed(only, limit, _SEPARATOR)}")
    differing = [
        f'channel {channel}: "{a[0]}" ({a[1]}) in the checkpoint, "{b[0]}" ({b[1]}) in the dataset'
        for channel, (a, b) in enumerate(zip(theirs, ours, strict=False))
        if a != b
    ]
    if differing:
        parts.append(listed(differing, limit, _SEPARATOR))
    return "the action classes differ: " + "; ".join(parts)


def _channels(label_map: Mapping) -> list[tuple[str, str]]:
    return [
        (str(name).strip().lower(), str(group))
        for name, group in zip(label_map["names"], label_map["groups"], strict=True)
    ]
