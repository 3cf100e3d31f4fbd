"""Each setting that the golden cases say matters, planted wrong in a config, is refused with its key and its value."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from contracts.zoo_files import CASES, write_zoo_file, zoo_case
from messages import refused

from alphaction.checkpoint import read_weight_file
from alphaction.checkpoint.foreign.converted import Converted
from alphaction.checkpoint.recorded_settings import record_settings
from alphaction.checkpoint.weight_file import WeightFile
from alphaction.checkpoint.weight_settings import check_settings, mismatches
from alphaction.config import get_cfg

HEAD, SLOWFAST = "MODEL.ROI_ACTION_HEAD", "MODEL.BACKBONE.SLOWFAST"
LATERALS = {"bias only": "tconv", "batch norm, ReLU": "tconv_bn_relu", False: "tconv", True: "tconv_bn_relu"}
# A row of a sensitivity table -> the key that has it, and the wrong value of the row as a config has it.
KEYS = {
    "lateral: after the convolution": (f"{SLOWFAST}.LATERAL", LATERALS.get),
    "lateral: ReLU": (f"{SLOWFAST}.LATERAL", LATERALS.get),
    "lateral: temporal kernel": (f"{SLOWFAST}.LATERAL_KERNEL", int),
    "stem: padding of the max pool": (f"{SLOWFAST}.STEM_POOL_PADDING", int),
    "last stage: dilation": (f"{SLOWFAST}.LAST_STAGE_DILATION", int),
    "clip: slow frames": ("INPUT.SLOW_SAMPLING", lambda wrong: wrong.split()[0]),
    "roi: aligned": (f"{HEAD}.POOLER_ALIGNED", bool),
    "roi: resolution": (f"{HEAD}.POOLER_RESOLUTION", int),
    "roi: sampling ratio": (f"{HEAD}.POOLER_SAMPLING_RATIO", int),
    "roi: pooling over time": (f"{HEAD}.TIME_POOLING", str),
    "boxes: enlargement before pooling": ("TEST.EXTEND_SCALE", lambda wrong: tuple(map(float, wrong))),
    "outputs": (f"{HEAD}.EXCLUSIVE_MOVEMENT", lambda wrong: True),
    "pixels: channel order": ("INPUT.TO_BGR", lambda wrong: True),
}
# No config has these: the network or the conversion always does it right.
FIXED = {
    "lateral: order of concatenation",
    "classifier: rows of the file",
    "positions",
    "attention: heads",
    "attention: q_bias and v_bias",
    "MLP: GELU",
    "layer norm: eps",
    "final layer norm",
}
# Not in the tables, as every network but one has them.
OTHERS = {
    "INPUT.ALPHA": 2,
    "INPUT.PIXEL_MEAN": [1.0, 2.0, 3.0],
    "INPUT.PIXEL_STD": [1.0, 2.0, 3.0],
    "INPUT.CLIP_OFFSET": 3,
    "MODEL.BACKBONE.BN_EPSILON": 1e-3,
    "MODEL.BACKBONE.VIT.POSITIONS": "learned",
    "MODEL.BACKBONE.CONV_BODY": "I3D-Resnet50",
    f"{HEAD}.FEATURE_EXTRACTOR": "2MLPFeatureExtractor",
    f"{HEAD}.MEAN_BEFORE_POOLER": False,
    "MODEL.IA_STRUCTURE.ACTIVE": True,
}
SENSITIVE = [(case, row) for case in CASES for row in zoo_case(case)["sensitivity"]]
PLANTED = [
    (case, KEYS[row["setting"]][0], KEYS[row["setting"]][1](row["instead"]))
    for case, row in SENSITIVE
    if row["setting"] in KEYS
]


@pytest.fixture(scope="module")
def weight_files(tmp_path_factory):
    """Return, for a case, its file as it is read, and as the conversion writes it; tensors have shapes only."""

    @cache
    def files(case: str) -> dict[str, WeightFile]:
        folder: Path = tmp_path_factory.mktemp(case)
        tensors = {name: torch.zeros(()).expand(shape) for name, shape in zoo_case(case)["tensors"].items()}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("alphaction.checkpoint.file_bounds.MOST_INFLATION", 10**9)
            original = read_weight_file(write_zoo_file(case, folder, tensors))
        converted = Converted(original.source, original.what, {}, dict(original.settings), dict(original.recipe))
        torch.save({"model": {"a": torch.zeros(1)}, **record_settings(converted)}, folder / "converted.pth")
        return {"original": original, "converted": read_weight_file(folder / "converted.pth")}

    return files


def fitting(file: WeightFile) -> list[Any]:
    settings = {key: setting.value for key, setting in file.settings.items()}
    return [item for pair in (file.recipe | settings).items() for item in pair]


def require_refusal(file: WeightFile, key: str, wrong: Any) -> None:
    cfg = get_cfg()
    cfg.merge_from_list(fitting(file))
    assert mismatches(file, cfg, takes_classifier=True) == []
    cfg.merge_from_list([key, wrong])
    message = refused(lambda: check_settings(file, cfg, takes_classifier=True), str(file.path), f"set {key} ")
    assert message.count("; the config says ") == 1  # nothing else is refused


def test_every_row_is_a_key_or_fixed():
    assert {row["setting"] for _, row in SENSITIVE} == KEYS.keys() | FIXED
    assert len(PLANTED) >= 45


@pytest.mark.parametrize("kind", ["original", "converted"])
@pytest.mark.parametrize(("case", "key", "wrong"), PLANTED)
def test_a_row_of_the_table_is_refused(weight_files, case, key, wrong, kind):
    require_refusal(weight_files(case)[kind], key, wrong)


@pytest.mark.parametrize("kind", ["original", "converted"])
@pytest.mark.parametrize("case", CASES)
def test_other_settings_are_refused(weight_files, case, kind):
    file = weight_files(case)[kind]
    planted = [key for key in OTHERS if key in file.settings]
    assert {"INPUT.PIXEL_MEAN", "INPUT.PIXEL_STD", "MODEL.BACKBONE.CONV_BODY"} <= set(planted)
    assert ("INPUT.CLIP_OFFSET" in planted) is ("ava" in case)
    for key in planted:
        require_refusal(file, key, OTHERS[key])
