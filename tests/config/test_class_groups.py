"""Groups of classes in a config."""

from __future__ import annotations

import pytest
import yaml

from alphaction.config import get_cfg, load_cfg
from alphaction.config.class_groups import HeadGroup, groups_text, head_groups, stated_kinds, value_names
from alphaction.config.config_text import Setting, to_yaml
from alphaction.utils.errors import UserError

HEAD = "MODEL.ROI_ACTION_HEAD"
NAMES = ["posture", 'gait / "步态"', "yes"]


def changed(**values):
    cfg = get_cfg()
    head = cfg.MODEL.ROI_ACTION_HEAD
    if "GROUPS" in values:
        head.NUM_PERSON_MOVEMENT_CLASSES = head.NUM_PERSON_INTERACTION_CLASSES = 0
        head.NUM_OBJECT_MANIPULATION_CLASSES, head.NUM_CLASSES = 2, 2 + sum(values.get("GROUP_SIZES", ()))
    for key, value in values.items():
        head[key] = value
    return cfg


def test_without_own_groups_they_are_avas():
    assert head_groups(get_cfg()) == (
        HeadGroup("movement", 14, True, 1.2),
        HeadGroup("object", 49, False, 49.0),
        HeadGroup("person", 17, False, 17.0),
    )
    assert stated_kinds(get_cfg()) == {"movement": True}


def test_own_groups_follow_with_their_usual_weights():
    cfg = changed(GROUPS=tuple(NAMES), GROUP_SIZES=[3, 2, 1], EXCLUSIVE_GROUPS=("posture", "yes"))
    assert head_groups(cfg)[3:] == (
        HeadGroup("posture", 3, True, 1.2),
        HeadGroup(NAMES[1], 2, False, 2.0),
        HeadGroup("yes", 1, True, 1.0),  # learned as a sigmoid
    )
    assert stated_kinds(cfg) == {"movement": True, "posture": True, NAMES[1]: False, "yes": True}
    assert groups_text(head_groups(cfg)) == f"object 2, posture 3 (exclusive), {NAMES[1]} 2, yes 1"
    cfg.MODEL.ROI_ACTION_HEAD.GROUP_LOSS_WEIGHTS = [1.0, 5.0, 0.0]
    assert [group.weight for group in head_groups(cfg)[3:]] == [1.0, 5.0, 0.0]


def test_a_file_and_a_command_line_give_the_same_groups(tmp_path):
    settings = [Setting(f"{HEAD}.GROUPS", NAMES), Setting(f"{HEAD}.GROUP_SIZES", [3, 2, 1])]
    path = tmp_path / "own.yaml"
    path.write_text(to_yaml(settings), encoding="utf-8")
    cfg = load_cfg(path)
    assert list(cfg.MODEL.ROI_ACTION_HEAD.GROUPS) == NAMES
    assert list(cfg.MODEL.ROI_ACTION_HEAD.GROUP_SIZES) == [3, 2, 1]
    dumped = yaml.safe_load(cfg.dump())["MODEL"]["ROI_ACTION_HEAD"]
    assert (dumped["GROUPS"], dumped["GROUP_SIZES"]) == (NAMES, [3, 2, 1])
    again = get_cfg()
    again.merge_from_list([f"{HEAD}.GROUPS", "[posture, 'gait / \"步态\"', 'yes']", f"{HEAD}.GROUP_SIZES", "[3, 2, 1]"])
    assert again == cfg


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"GROUPS": ("a", "a"), "GROUP_SIZES": [1, 1]}, 'GROUPS names "a" twice'),
        ({"GROUPS": ("movement",), "GROUP_SIZES": [1]}, "its size is MODEL.*NUM_PERSON_MOVEMENT_CLASSES"),
        ({"GROUPS": ("a",)}, r"GROUP_SIZES is \[\], and GROUPS \['a'\]"),
        ({"GROUPS": ("a",), "GROUP_SIZES": [2], "GROUP_LOSS_WEIGHTS": [1.0, 2.0]}, "Give each group its weight"),
        ({"GROUPS": ("posture",), "GROUP_SIZES": [2], "EXCLUSIVE_GROUPS": ("postur",)}, 'Did you mean "posture"'),
        ({"EXCLUSIVE_GROUPS": ("movement",)}, "said by .*EXCLUSIVE_MOVEMENT"),
        ({"GROUPS": ("a",), "GROUP_SIZES": [2], "NUM_CLASSES": 5}, r"0 \+ 2 \+ 0 \+ 2 = 4 .*GROUP_SIZES"),
    ],
)
def test_keys_that_contradict_each_other(values, said):
    with pytest.raises(UserError, match=said):
        head_groups(changed(**values))


def test_names_of_losses_suit_tools_that_draw_curves():
    names = ["movement", "gait / 步态", 'a "b"', "A b", "///", "v1.2-x", "v1.2-X"]
    assert value_names(names) == ["movement", "gait_步态", "a_b", "A_b_2", "group", "v1.2-x", "v1.2-X_2"]
