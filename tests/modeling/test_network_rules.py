"""What the network says about a config before it is built: widths, blocks, frames, names."""

from __future__ import annotations

import pytest
import torch
from config.problems import BACKBONE, FAST, HEAD, I3D, IA, IA_ON, SLOW, check, problem

from alphaction.config import get_cfg, validate_cfg
from alphaction.modeling.backbone.i3d import i3d_resnet50
from alphaction.modeling.registries import BACKBONES


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ((f"{HEAD}.NUM_CLASSES", 15), "14 + 49 + 17 = 80"),
        ((f"{SLOW}.ACTIVE", False, f"{FAST}.ACTIVE", False), "True"),
        ((*I3D, "INPUT.FRAME_NUM", 6), "7 frames or more"),
        ((f"{BACKBONE}.CONV_BODY", "I3D-Resnet50-Sparse", "INPUT.FRAME_NUM", 1), "2 frames or more"),
        ((f"{BACKBONE}.SLOWFAST.BETA", 0.01), "BETA: 0.01"),
        ((f"{SLOW}.CONV3_GROUP_NL", True, "INPUT.FRAME_NUM", 48), "stage 2 gets 6"),
        ((*IA_ON, f"{IA}.DIM_IN", 2048), "DIM_IN to 2304"),
        ((*IA_ON, *I3D), "DIM_IN to 2048"),
        ((*IA_ON, f"{SLOW}.ACTIVE", False, f"{BACKBONE}.SLOWFAST.BETA", 0.25), "DIM_IN to 512"),
        ((*IA_ON, f"{IA}.FUSION", "add"), "DIM_OUT to 2304, or FUSION to concat"),
        ((*IA_ON, f"{IA}.I_BLOCK_LIST", "[]"), "I_BLOCK_LIST is []"),
        ((*IA_ON, f"{IA}.I_BLOCK_LIST", "[p, O]"), "I_BLOCK_LIST is ['p', 'O']"),
        ((f"{IA}.ACTIVE", True), "MODEL.IA_STRUCTURE.MAX_OBJECT is 0"),
        (
            (*IA_ON, f"{IA}.LENGTH", (0, 0), f"{IA}.MEMORY_OWN_SECOND", False),
            "LENGTH is (0, 0) and MEMORY_OWN_SECOND False",
        ),
    ],
)
def test_rules(overrides, expected):
    assert expected in problem(*overrides)


@pytest.mark.parametrize(
    "overrides",
    [
        (*IA_ON, f"{IA}.LENGTH", (0, 0), f"{IA}.MEMORY_OWN_SECOND", False, f"{IA}.I_BLOCK_LIST", ["P", "O"]),
        (*I3D, "INPUT.FRAME_NUM", 7),
        (f"{SLOW}.CONV3_GROUP_NL", True),
    ],
)
def test_valid(overrides):
    check(*overrides)


def test_a_backbone_is_one_registration(monkeypatch):
    monkeypatch.setattr(BACKBONES, "_entries", dict(BACKBONES._entries))
    BACKBONES.register("Mine")(i3d_resnet50)
    check(f"{BACKBONE}.CONV_BODY", "Mine")
    assert '"Mine"' in problem(f"{BACKBONE}.CONV_BODY", "Min")
    assert "DIM_IN to 2048" in problem(*IA_ON, f"{BACKBONE}.CONV_BODY", "Mine")


def test_random_numbers_stay_as_they_were():
    cfg = get_cfg()
    cfg.merge_from_list(["DATASETS.TRAIN", "a", *IA_ON])
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    validate_cfg(cfg, splits=["TRAIN"])
    assert torch.equal(torch.rand(4), expected)
