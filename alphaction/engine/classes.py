"""The classes and groups in the config are those of the data's label map, or must agree with it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from yacs.config import CfgNode

from alphaction.config import get_cfg
from alphaction.config.class_groups import HEAD, SIZE_KEYS, stated_kinds
from alphaction.config.config_text import format_value
from alphaction.data.annotations import LabelMap
from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted

_KEYS = ("NUM_CLASSES", *SIZE_KEYS)
_OWN_KEYS = ("GROUPS", "GROUP_SIZES")
_EXCLUSIVE = "EXCLUSIVE_GROUPS"


def adopt_label_map(cfg: CfgNode, label_map: LabelMap) -> str | None:
    """Set NUM_CLASSES, the groups and their sizes from ``label_map`` where the config leaves them at AVA's 80.

    A config that names the groups also says which of them are exclusive, whatever the label map says.

    Returns:
        A line for the log if something was set, else None.

    Raises:
        UserError: if the config has other numbers or groups than the label map.
    """
    head, default_head = cfg.MODEL.ROI_ACTION_HEAD, get_cfg().MODEL.ROI_ACTION_HEAD
    own = label_map.own_groups
    wanted = _plain([label_map.num_classes, *label_map.group_sizes, [g.name for g in own], [len(g.ids) for g in own]])
    keys = (*_KEYS, *_OWN_KEYS)
    given = _plain([head[key] for key in keys])
    if given == wanted:
        return None
    values = dict(zip(keys, wanted, strict=True))
    if own:
        values[_EXCLUSIVE] = [group.name for group in own if group.exclusive]
    elif not head.GROUPS:
        values = {key: values[key] for key in _KEYS}
    if given != _plain([default_head[key] for key in keys]) or head[_EXCLUSIVE]:
        fix = " ".join(f"{HEAD}.{key} {_argument(value)}" for key, value in values.items())
        raise UserError(
            f"the config has {counted(given[0], 'class', 'classes')} ({_groups_text(given)}), the label map of the "
            f"data {wanted[0]} ({_groups_text(wanted)}). Remove {_removed(head)} from the config to take the label "
            f"map's, or set {fix}"
        )
    for key, value in values.items():
        head[key] = type(head[key])(value)
    fix = " ".join(f"{HEAD}.{key} {_argument(value)}" for key, value in values.items())
    return f"classes from the label map: {fix}"


def forget_classes(cfg: CfgNode) -> None:
    """Set all keys about which classes there are back to their defaults, so that another label map is adopted."""
    head, default_head = cfg.MODEL.ROI_ACTION_HEAD, get_cfg().MODEL.ROI_ACTION_HEAD
    for key in (*_KEYS, *_OWN_KEYS, _EXCLUSIVE, "GROUP_LOSS_WEIGHTS"):
        head[key] = default_head[key]


def exclusive_groups(cfg: CfgNode, label_map: LabelMap) -> frozenset[str]:
    """Return the groups of ``label_map`` of which a person does one class at a time, as the config has it.

    Of groups that it does not name, which it has not taken from the label map, that says it.
    """
    kinds = stated_kinds(cfg)
    return frozenset(group.name for group in label_map.class_groups if kinds.get(group.name, group.exclusive))


def _plain(values: Sequence[Any]) -> list[Any]:
    return [list(value) if isinstance(value, tuple) else value for value in values]


def _groups_text(values: Sequence[Any]) -> str:
    *sizes, names, own = values[1:]
    further = "".join(f"; {name}: {size}" for name, size in zip(names, own, strict=False))
    return f"movement, object, person: {tuple(sizes)}{further}"


def _removed(head: CfgNode) -> str:
    return "the four keys" if not (head.GROUPS or head[_EXCLUSIVE]) else "these keys and those of GROUPS"


def _argument(value: Any) -> str:
    """Return a value as it is written on a command line."""
    if isinstance(value, list):
        return shlex.quote(format_value(value))
    return str(value)
