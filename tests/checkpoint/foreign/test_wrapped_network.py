"""Files in which a trainer saved more than the network: prefixes, losses beside it, a second network."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from checkpoint.foreign.pyslowfast_files import pyslowfast_file, shape_of
from checkpoint.foreign.vit_tensors import authors, mmaction2, renamed
from torchvision.models.video import swin3d_t

from alphaction.checkpoint.foreign.converted import ForeignFile
from alphaction.checkpoint.foreign.wrapped_network import unwrap_network
from alphaction.utils.errors import UserError
from alphaction.utils.shapes_only import shapes_only

PATH = Path("epoch=3.ckpt")
PYSLOWFAST = dict(pyslowfast_file(shape_of()).tensors)
with shapes_only():
    SWIN3D = dict(swin3d_t().state_dict())
MMACTION2 = renamed(authors(), mmaction2)
OURS = {"backbone.blocks.0.norm1.weight": torch.ones(2), "roi_heads.action.predictor.cls_score.weight": torch.ones(2)}
LOSS = {"criterion.weight": torch.ones(80), "metrics.val.total": torch.zeros(()), "n_averaged": torch.tensor(3)}


def below(prefix: str, tensors: dict) -> dict:
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


@pytest.mark.parametrize(
    "tensors", [PYSLOWFAST, MMACTION2, SWIN3D, OURS], ids=["pyslowfast", "mmaction2", "swin3d", "ours"]
)
@pytest.mark.parametrize("prefix", ["model.", "model.net.", "module.student.model."])
def test_the_network_beside_a_loss(tensors: dict, prefix: str) -> None:
    file = unwrap_network(ForeignFile(PATH, below(prefix, tensors) | LOSS))
    assert file.tensors == tensors
    (told,) = file.left_out
    assert f'"{prefix}"' in told
    assert "3 tensors (criterion.weight, metrics.val.total, n_averaged)" in told


@pytest.mark.parametrize("tensors", [PYSLOWFAST, MMACTION2, OURS], ids=["pyslowfast", "mmaction2", "ours"])
def test_of_two_networks_none_is_chosen(tensors: dict) -> None:
    both = below("model.student.", tensors) | below("model.teacher.", tensors) | LOSS
    with pytest.raises(UserError, match='2 networks, whose names begin with "model.student.", "model.teacher."'):
        unwrap_network(ForeignFile(PATH, both))


@pytest.mark.parametrize(
    "tensors",
    [PYSLOWFAST | LOSS, MMACTION2 | LOSS, OURS | LOSS, below("net.", {"slow.conv1.weight": torch.ones(1)}) | LOSS],
    ids=["pyslowfast", "mmaction2", "ours", "unknown"],
)
def test_other_files_stay_as_they_are(tensors: dict) -> None:
    file = ForeignFile(PATH, tensors)
    assert unwrap_network(file) is file
