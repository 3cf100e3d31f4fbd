"""The small network from the weights that come with the package: a pretrained backbone whose head is new."""

from __future__ import annotations

from pathlib import Path

import pytest

from alphaction.utils.errors import UserError
from alphaction.workflows.finetune.finetune_options import FinetuneOptions
from alphaction.workflows.finetune.generate import generate_config
from alphaction.workflows.finetune.starting_weights import default_backbone, has_trained_head, missing_weights

NAME = "slowfast_tiny_rendered"


@pytest.mark.parametrize("given", [NAME, f"zoo:{NAME}"])
@pytest.mark.parametrize("use_ia", [False, True])
def test_a_config_that_starts_from_them(toy_data, toy_statistics, given, use_ia):
    options = FinetuneOptions("toy", backbone="tiny", weights=given, use_ia=use_ia, data_dir=str(toy_data))
    generated = generate_config(options, toy_statistics)
    assert generated.cfg.MODEL.WEIGHT == f"zoo:{NAME}"
    assert generated.cfg.MODEL.BACKBONE.CONV_BODY == "Slowfast-Tiny"
    assert generated.new_head
    assert not has_trained_head(options)
    assert missing_weights(options) == ""
    assert any("finetune_quickstart.sh" in c and "--new-classes" in c for c in generated.commands(Path("x.yaml")))
    assert "license Apache-2.0" in generated.text
    random = FinetuneOptions("toy", backbone="tiny", weights="", use_ia=use_ia, data_dir=str(toy_data))
    assert generate_config(random, toy_statistics).cfg.MODEL.WEIGHT == ""


def test_they_are_of_the_small_network_only(toy_data, toy_statistics):
    assert default_backbone(FinetuneOptions("toy", weights=NAME, num_gpus=4)) == "tiny"
    options = FinetuneOptions("toy", backbone="resnet50", weights=NAME, data_dir=str(toy_data))
    with pytest.raises(UserError, match="are of a Slowfast-Tiny, but --backbone resnet50"):
        generate_config(options, toy_statistics)
