"""Whether a checkpoint's action classes agree with the dataset's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from alphaction.utils.messages import counted, listed

_SEPARATOR = "; "  # names of classes may have commas


def is_label_map(value: object) -> bool:
    """Return whether ``value`` is {"ids": [...], "names": [...], "groups": [...]}, three lists of one length.

    It may have a list "exclusive", too.
    """
    if not isinstance(value, Mapping) or not isinstance(value.get("exclusive", ()), list | tuple):
        return False
    columns = [value.get(key) for key in ("ids", "names", "groups")]
    return all(isinstance(column, list | tuple) for column in columns) and len({len(c) for c in columns}) == 1


def compare_label_maps(checkpoint: Mapping | None, dataset: Mapping | None, limit: int = 5) -> str | None:
    """Return a text that says how two label maps differ, or None when every channel means the same in both.

    Class ids may differ: results carry the dataset's ids, and a channel is its position. Case and surrounding space of
    names do not matter. A label map that is None is unknown, and differs from nothing.

    Args:
        checkpoint: label map stored with the weights, {"ids", "names", "groups"} in channel order, and perhaps
            "exclusive", the own groups whose classes exclude each other.
        dataset: the dataset's, in the same form.
        limit: most differing channels named.
    """
    if not is_label_map(checkpoint) or not is_label_map(dataset):
        return None
    theirs, ours = _channels(checkpoint), _channels(dataset)
    parts = list(_kinds(checkpoint, dataset))
    if theirs == ours:
        return f"the action classes differ: {'; '.join(parts)}" if parts else None
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


def _kinds(checkpoint: Mapping, dataset: Mapping) -> Iterator[str]:
    """Yield which groups of both are exclusive in one only."""
    common = set(map(str, checkpoint["groups"])) & set(map(str, dataset["groups"]))
    theirs, ours = (set(map(str, each.get("exclusive") or ())) & common for each in (checkpoint, dataset))
    for group in sorted(theirs ^ ours):
        held, other = ("the checkpoint", "the dataset") if group in theirs else ("the dataset", "the checkpoint")
        yield f'the classes of the group "{group}" exclude each other in {held}, and not in {other}'


def _channels(label_map: Mapping) -> list[tuple[str, str]]:
    return [
        (str(name).strip().lower(), str(group))
        for name, group in zip(label_map["names"], label_map["groups"], strict=True)
    ]
