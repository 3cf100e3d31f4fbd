"""A config takes its classes and groups from the label map."""

from __future__ import annotations

import shlex

import pytest
from messages import says

from alphaction.config import get_cfg
from alphaction.data.annotations import ActionClass, LabelMap
from alphaction.engine.classes import adopt_label_map, exclusive_groups, forget_classes
from alphaction.modeling.roi_head import ActionLoss
from alphaction.utils.errors import UserError

NAMES = (("sit", "posture"), ("hum", 'it\'s "sound"'), ("lie", "posture"), ("walk", "movement"))
OWN = LabelMap(tuple(ActionClass(i, name, group) for i, (name, group) in enumerate(NAMES)), exclusive={"posture"})
AVA = LabelMap((ActionClass(1, "walk", "movement"), ActionClass(2, "carry", "object")))


def test_groups_come_from_the_label_map():
    cfg = get_cfg()
    note = adopt_label_map(cfg, OWN)
    head = cfg.MODEL.ROI_ACTION_HEAD
    assert (head.NUM_CLASSES, head.NUM_PERSON_MOVEMENT_CLASSES, head.NUM_OBJECT_MANIPULATION_CLASSES) == (4, 1, 0)
    assert (list(head.GROUPS), list(head.GROUP_SIZES)) == (["posture", NAMES[1][1]], [2, 1])
    assert list(head.EXCLUSIVE_GROUPS) == ["posture"]
    assert [group.name for group in ActionLoss.from_config(cfg).groups[3:]] == ["posture", NAMES[1][1]]
    assert adopt_label_map(cfg, OWN) is None
    again = get_cfg()
    again.merge_from_list(shlex.split(note.partition(": ")[2]))
    assert again == cfg


def test_a_label_map_of_avas_groups_sets_what_it_always_did():
    cfg, before = get_cfg(), get_cfg()
    note = adopt_label_map(cfg, AVA)
    says(note, "classes from the label map: MODEL.ROI_ACTION_HEAD.NUM_CLASSES 2", "NUM_PERSON_INTERACTION_CLASSES 0")
    assert "GROUP" not in note
    for key in ("GROUPS", "GROUP_SIZES", "EXCLUSIVE_GROUPS", "GROUP_LOSS_WEIGHTS"):
        assert cfg.MODEL.ROI_ACTION_HEAD[key] == before.MODEL.ROI_ACTION_HEAD[key]


def test_the_config_decides_which_groups_are_exclusive():
    cfg = get_cfg()
    assert exclusive_groups(cfg, OWN) == {"movement", "posture"}
    adopt_label_map(cfg, OWN)
    cfg.MODEL.ROI_ACTION_HEAD.EXCLUSIVE_GROUPS = (NAMES[1][1],)
    cfg.MODEL.ROI_ACTION_HEAD.EXCLUSIVE_MOVEMENT = False
    assert adopt_label_map(cfg, OWN) is None
    assert exclusive_groups(cfg, OWN) == {NAMES[1][1]}


def test_other_groups_than_the_label_maps_are_refused():
    cfg = get_cfg()
    adopt_label_map(cfg, OWN)
    with pytest.raises(UserError) as caught:
        adopt_label_map(cfg, AVA)
    message = str(caught.value)
    says(message, "4 classes", "posture: 2", "Remove these keys and those of GROUPS")
    words = shlex.split(message.partition("or set ")[2])
    cfg.merge_from_list([*words, "MODEL.ROI_ACTION_HEAD.EXCLUSIVE_GROUPS", "[]"])
    assert adopt_label_map(cfg, AVA) is None
    smaller = LabelMap(OWN.classes[:3], exclusive={"posture"})
    cfg = get_cfg()
    adopt_label_map(cfg, OWN)
    with pytest.raises(UserError, match="4 classes .* the label map of the data 3 "):
        adopt_label_map(cfg, smaller)


def test_forgotten_classes_are_those_of_another_label_map():
    cfg = get_cfg()
    adopt_label_map(cfg, OWN)
    forget_classes(cfg)
    assert cfg == get_cfg()
    adopt_label_map(cfg, AVA)
    assert cfg.MODEL.ROI_ACTION_HEAD.NUM_CLASSES == AVA.num_classes
