"""Our own runs' files: which keys of their configs a later run must agree with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from alphaction.checkpoint.foreign.alphaction import SOURCE
from alphaction.checkpoint.foreign.converted import ForeignFile
from alphaction.checkpoint.foreign.slowfast_shape import CLASSIFIER
from alphaction.checkpoint.weight_file import WeightFile
from alphaction.checkpoint.weight_settings import mismatches
from alphaction.config import get_cfg

SLOWFAST, IA = "MODEL.BACKBONE.SLOWFAST", "MODEL.IA_STRUCTURE"
SERIAL = [f"{IA}.ACTIVE", True]
WITHOUT_NONLOCAL = [f"{SLOWFAST}.SLOW.CONV3_NONLOCAL", False, f"{SLOWFAST}.SLOW.CONV4_NONLOCAL", False]


def refused(of_the_run: list[Any], of_another: list[Any]) -> list[str]:
    """Return what is said of a config that differs in some keys from that of the run that wrote a file."""
    cfg = get_cfg()
    cfg.merge_from_list(of_the_run)
    tensors = {f"{CLASSIFIER}.weight": torch.ones(80, 4)}
    converted = SOURCE.convert(ForeignFile(Path("model_final.pth"), tensors, {"config": cfg.dump()}), {})
    cfg.merge_from_list(of_another)
    file = WeightFile(Path("w.pth"), weights={}, settings=converted.settings)
    return mismatches(file, cfg, takes_classifier=True)


@pytest.mark.parametrize(
    ("body", "more", "key", "value", "matters"),
    [
        ("ViT-Small", [], f"{SLOWFAST}.STEM_POOL_PADDING", 1, False),
        ("ViT-Small", [], "INPUT.SLOW_SAMPLING", "first", False),
        ("ViT-Small", [], "INPUT.ALPHA", 4, False),
        ("ViT-Small", [], "MODEL.NONLOCAL.USE_SOFTMAX", False, False),
        ("ViT-Small", [], "MODEL.BACKBONE.VIT.POSITIONS", "learned", True),
        ("MViTv2-Small", [], "MODEL.BACKBONE.MVIT.STRIDE", 16, True),
        ("Slow-Resnet50", [], f"{SLOWFAST}.LATERAL_KERNEL", 7, False),
        ("Slow-Resnet50", [], f"{SLOWFAST}.STEM_POOL_PADDING", 1, True),
        ("Slowfast-Resnet50", [], f"{SLOWFAST}.LATERAL_KERNEL", 7, True),
        ("Slowfast-Resnet50", [], "INPUT.ALPHA", 4, True),
        ("Slowfast-Resnet50", [], "MODEL.NONLOCAL.USE_SOFTMAX", False, True),
        ("Slowfast-Resnet50", WITHOUT_NONLOCAL, "MODEL.NONLOCAL.USE_SOFTMAX", False, False),
        ("I3D-Resnet50", WITHOUT_NONLOCAL, "MODEL.NONLOCAL.USE_SOFTMAX", False, True),
        ("Slowfast-Resnet50", [], f"{IA}.MAX_PERSON", 9, False),
        ("Slowfast-Resnet50", SERIAL, f"{IA}.MAX_PERSON", 9, True),
        ("Slowfast-Resnet50", [], f"{IA}.ACTIVE", True, True),
    ],
)
def test_only_keys_that_the_network_reads_must_agree(body, more, key, value, matters) -> None:
    lines = refused(["MODEL.BACKBONE.CONV_BODY", body, *more], [key, value])
    assert [key in line for line in lines] == [True] * matters
