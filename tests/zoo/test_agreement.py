"""What the registry says of a file before it is here is what the file itself says."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from contracts.zoo_files import write_zoo_file, zoo_case
from torchvision.models import video

from alphaction.checkpoint import read_weight_file
from alphaction.checkpoint.weight_file import WeightFile
from alphaction.config.keys import KEYS
from alphaction.zoo import WEIGHTS, PublicWeights

# A golden case, and the entry whose file is like it but for its name.
PAIRS = {
    "mmaction2_ava_slowfast_r50_4x16": "slowfast_r50_4x16_ava21_mmaction2",
    "pyslowfast_kinetics_slowfast_r50_8x8": "slowfast_r50_8x8_k400",
    "pytorchvideo_ava_slow_r50": "slow_r50_4x16_ava_pytorchvideo",
    "videomae_kinetics_vit_b_hf": "vit_b_videomae_k400",
    "vmad_ava_vit_s": "vit_s_videomae_unlabeled_ava22",
}
# What only matters in training, and is not the registry's.
TRAINING = {"MODEL.ROI_ACTION_HEAD.DROPOUT_RATE"}


def plain(value: Any) -> Any:
    return [plain(part) for part in value] if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize("case", PAIRS)
def test_entries_say_what_their_files_say(case, tmp_path, monkeypatch):
    entry = WEIGHTS[PAIRS[case]]
    # Tensors of the right shapes that take no space, which a file from elsewhere would be refused for.
    monkeypatch.setattr("alphaction.checkpoint.tensors.MOST_INFLATION", 10**9)
    tensors = {name: torch.zeros(()).expand(shape) for name, shape in zoo_case(case)["tensors"].items()}
    require_agreement(entry, read_weight_file(write_zoo_file(case, tmp_path, tensors)))


@pytest.mark.parametrize("name", ["mvitv2_s_k400", "swin3d_t_k400", "swin3d_s_k400", "swin3d_b_k400"])
def test_entries_of_torchvision(name, tmp_path, monkeypatch):
    monkeypatch.setattr("alphaction.checkpoint.tensors.MOST_INFLATION", 10**9)
    entry = WEIGHTS[name]
    with torch.device("meta"):
        network = getattr(video, entry.page.rpartition(".")[0].rpartition(".")[2])(weights=None)
    path = tmp_path / entry.file_name
    torch.save({key: torch.zeros(()).expand(value.shape) for key, value in network.state_dict().items()}, path)
    require_agreement(entry, read_weight_file(path))


def require_agreement(entry: PublicWeights, file: WeightFile) -> None:
    assert file.source == entry.source
    assert file.license == entry.license
    registered = {**entry.recipe, **entry.settings}
    told = {**file.recipe, **{key: setting.value for key, setting in file.settings.items()}}
    compared = [key for key in told if key not in TRAINING]
    assert {key: plain(told[key]) for key in compared} == {
        key: plain(registered.get(key, KEYS[key].default)) for key in compared
    }
