"""The numbers of classes in the config are those of the data's label map, or must agree with it."""

from __future__ import annotations

from yacs.config import CfgNode

from alphaction.config import get_cfg
from alphaction.data.annotations import LabelMap
from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted

_GROUP_KEYS = ("NUM_PERSON_MOVEMENT_CLASSES", "NUM_OBJECT_MANIPULATION_CLASSES", "NUM_PERSON_INTERACTION_CLASSES")


def adopt_label_map(cfg: CfgNode, label_map: LabelMap) -> str | None:
    """Set NUM_CLASSES and the three group sizes from ``label_map`` where the config leaves them at AVA's 80.

    Returns:
        A line for the log if something was set, else None.

    Raises:
        UserError: if the config has other numbers than the label map.
    """
    head = cfg.MODEL.ROI_ACTION_HEAD
    wanted = (label_map.num_classes, *label_map.group_sizes)
    keys = ("NUM_CLASSES", *_GROUP_KEYS)
    given = tuple(head[key] for key in keys)
    if given == wanted:
        return None
    default_head = get_cfg().MODEL.ROI_ACTION_HEAD
    fix = " ".join(f"MODEL.ROI_ACTION_HEAD.{key} {value}" for key, value in zip(keys, wanted, strict=True))
    if given != tuple(default_head[key] for key in keys):
        raise UserError(
            f"the config has {counted(given[0], 'class', 'classes')} (movement, object, person: {given[1:]}), the "
            f"label map of the data {wanted[0]} {wanted[1:]}. Remove the four keys from the config to take the label "
            f"map's, or set {fix}"
        )
    for key, value in zip(keys, wanted, strict=True):
        head[key] = value
    return f"classes from the label map: {fix}"
