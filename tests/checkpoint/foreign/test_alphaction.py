"""Files of this project: names stay; settings come from the recorded config, or are those of the published networks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from contracts.golden import reference_shapes

from alphaction.checkpoint.foreign.alphaction import SOURCE
from alphaction.checkpoint.foreign.converted import Converted, ForeignFile
from alphaction.checkpoint.foreign.recognize import convert_file, convert_with
from alphaction.config import get_cfg, load_cfg
from alphaction.utils.errors import UserError


def own_file(experiment: str, **extras: object) -> ForeignFile:
    tensors = {name: torch.empty(shape, device="meta") for name, shape in reference_shapes(experiment).items()}
    return ForeignFile(Path("own.pth"), tensors, extras, "model")


def values(converted: Converted) -> dict[str, object]:
    return {key: setting.value for key, setting in converted.settings.items()}


def test_a_run_reads_its_own_files_as_they_are() -> None:
    assert convert_file(own_file("resnet50_4x16f_baseline")) is None


@pytest.mark.parametrize(("experiment", "alpha"), [("resnet50_4x16f_baseline", 8), ("resnet101_8x8f_baseline", 4)])
def test_published_files_carry_no_config(repo_root: Path, experiment: str, alpha: int) -> None:
    converted = convert_with(SOURCE, own_file(experiment), {})
    found, cfg = values(converted), load_cfg(repo_root / f"config_files/{experiment}.yaml")
    assert found["INPUT.ALPHA"] == cfg.INPUT.ALPHA == alpha
    assert found["MODEL.BACKBONE.CONV_BODY"] == cfg.MODEL.BACKBONE.CONV_BODY
    assert found["MODEL.ROI_ACTION_HEAD.FEATURE_EXTRACTOR"] == cfg.MODEL.ROI_ACTION_HEAD.FEATURE_EXTRACTOR
    assert found["MODEL.BACKBONE.SLOWFAST.LATERAL"] == "tconv"
    assert found["MODEL.BACKBONE.SLOWFAST.STEM_POOL_PADDING"] == 0
    assert set(converted.weights) == set(own_file(experiment).tensors)
    assert converted.what == f"SlowFast R{'50' if alpha == 8 else '101'} detector, 80 classes"


@pytest.mark.parametrize("experiment", ["resnet50_4x16f_denseserial", "i3d_resnet50_nonlocal"])
def test_what_no_tensor_tells_is_refused(experiment: str) -> None:
    with pytest.raises(UserError, match=r"own\.pth: .* It needs no conversion: set MODEL\.WEIGHT"):
        convert_with(SOURCE, own_file(experiment), {})


def test_the_recorded_config_is_read(repo_root: Path) -> None:
    cfg = load_cfg(repo_root / "config_files/resnet50_4x16f_denseserial.yaml")
    cfg.merge_from_list(["MODEL.ROI_ACTION_HEAD.POOLER_ALIGNED", "True", "INPUT.MIN_SIZE_TEST", "224"])
    converted = convert_with(SOURCE, own_file("resnet50_4x16f_denseserial", config=cfg.dump()), {})
    found = values(converted)
    assert found["MODEL.ROI_ACTION_HEAD.POOLER_ALIGNED"] is True
    assert found["MODEL.IA_STRUCTURE.STRUCTURE"] == "dense"
    assert converted.recipe["INPUT.MIN_SIZE_TEST"] == 224
    assert not {"MODEL.BACKBONE.FROZEN_BN", "SOLVER.BASE_LR", "MODEL.ROI_ACTION_HEAD.DROPOUT_RATE"} & set(found)
    extra = {"config": get_cfg().dump()}
    assert values(convert_with(SOURCE, own_file("resnet50_4x16f_baseline", extra=extra), {}))


@pytest.mark.parametrize(
    ("settings", "lacking"),
    [
        ({}, "lack MODEL.BACKBONE.CONV_BODY, MODEL.ROI_ACTION_HEAD.NUM_CLASSES"),
        (
            {"MODEL.BACKBONE.CONV_BODY": {"value": "Slowfast-Resnet50", "part": "network", "why": ""}},
            "lack MODEL.ROI_ACTION_HEAD.NUM_CLASSES",
        ),
    ],
)
def test_recorded_settings_that_lack_the_network_are_refused(settings: dict, lacking: str) -> None:
    texts = {"recipe": {}, "source": "pyslowfast", "what": "SlowFast", "license": ""}
    file = own_file("resnet50_4x16f_baseline", settings=settings, **texts)
    with pytest.raises(UserError, match=rf"own\.pth: its settings.*({lacking})"):
        convert_with(SOURCE, file, {})


def test_a_recorded_config_of_other_keys_names_the_file() -> None:
    with pytest.raises(UserError, match=r"own\.pth: the config of its run .*(?s:.)*NO_SUCH"):
        convert_with(SOURCE, own_file("resnet50_4x16f_baseline", config="NO_SUCH: 1\n"), {})
