"""What every transformer must do in training, whatever it is made of.

Axes: B clips, C channels, T frames, H and W rows and columns.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import torch
from modeling.test_detector import config, make_batch
from torch import Tensor, nn

from alphaction.memory import MemoryPool
from alphaction.modeling.backbone.base import Backbone
from alphaction.modeling.detector import build_detection_model
from benchmarks.speed.activations import counting_activations


def clip(frames: int = 4, rows: int = 64, columns: int = 96, batch: int = 1) -> Tensor:
    """Return fast frames [B, 3, T, H, W]."""
    return torch.randn(batch, 3, frames, rows, columns, generator=torch.Generator().manual_seed(3))


def torchvisions_network(builder: Callable[..., nn.Module]) -> nn.Module:
    """Return a network of torchvision whose vectors are random: biases start at 0, where they would hide mistakes."""
    torch.manual_seed(0)
    network = builder(weights=None).eval()
    for name, parameter in network.named_parameters():
        if parameter.ndim == 1:
            nn.init.normal_(parameter, std=0.1, mean=float(name.endswith("weight")))
    return network


def with_weights_of(network: nn.Module, backbone: Backbone) -> Backbone:
    """Return the backbone with the weights of torchvision's network, all but the classifier's."""
    weights = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith("head.")}
    backbone.load_state_dict(weights)
    return backbone


def check_torchvisions_features(
    backbone: Backbone, size: tuple[int, int, int], expected_of: Callable[[Tensor], Tensor]
) -> None:
    """Features of a clip of ``size`` are exactly those that torchvision's own forward gives, at stride 32."""
    frames = clip(*size)
    with torch.no_grad():
        slow, features = backbone(None, frames)
    assert slow is None
    expected = expected_of(frames)
    assert features.shape == expected.shape
    assert features.shape == (1, 768, *(math.ceil(n / s) for n, s in zip(size, (2, 32, 32), strict=True)))
    assert (features - expected).abs().max() == 0.0


def check_initial_weights(build: Callable[[], Backbone], builder: Callable[..., nn.Module]) -> None:
    """A backbone starts from the weights that torchvision's network starts from."""
    torch.manual_seed(5)
    expected = builder(weights=None).state_dict()
    torch.manual_seed(5)
    for name, tensor in build().state_dict().items():
        assert torch.equal(tensor, expected[name]), name


def check_checkpointing(backbone: Backbone, frames: Tensor) -> None:
    """Blocks that are computed twice give the gradients of those computed once, though some are skipped at random."""
    gradients = []
    for checkpointing in (False, True):
        tried = copy.deepcopy(backbone).train()
        tried.checkpointing = checkpointing
        torch.manual_seed(7)
        features = tried(None, frames)[1]
        # Another number is drawn before the blocks are computed again.
        torch.rand(1)
        features.square().mean().backward()
        gradients.append([parameter.grad for parameter in tried.parameters()])
    for found, expected in zip(gradients[1], gradients[0], strict=True):
        torch.testing.assert_close(found, expected)


def kept_bytes(backbone: Backbone, frames: Tensor, checkpointing: bool) -> int:
    """Return how much a forward pass keeps for the way back, without the weights."""
    backbone.checkpointing = checkpointing
    with counting_activations(backbone) as activations:
        features = backbone.train()(None, frames)[1]
    assert features.grad_fn is not None
    return activations.bytes


def check_autocast(backbone: Backbone, frames: Tensor) -> None:
    """In bfloat16, features are near those in float32, and every parameter gets a finite gradient."""
    backbone.train()
    with torch.no_grad():
        exact = backbone(None, frames)[1]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        features = backbone(None, frames)[1]
    assert (features.float() - exact).norm() < 0.05 * exact.norm()
    features.float().square().mean().backward()
    for name, parameter in backbone.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def check_layers(backbone: Backbone, stem: set[str], blocks: int, last_stage: int) -> None:
    """Every parameter but those of the last norm is in one layer; those that begin with ``stem`` are in the first."""
    layers = backbone.layers()
    assert len(layers) == 1 + blocks
    assert backbone.last_stage == last_stage
    layer_of: dict[int, int] = {}
    for index, modules in enumerate(layers):
        for module in modules:
            for parameter in module.parameters():
                assert layer_of.setdefault(id(parameter), index) == index
    names = {name: layer_of.get(id(parameter)) for name, parameter in backbone.named_parameters()}
    assert {name for name, layer in names.items() if layer == 0} == stem
    assert all("norm" in name and name.count(".") <= 2 for name, layer in names.items() if layer is None)
    assert sum(layer is None for layer in names.values()) == 2  # weight and bias


def check_training_step(name: str, *overrides: Any) -> None:
    """A step with a serial IA structure and memory on top reaches every parameter."""
    cfg = config("serial")
    cfg.merge_from_list(["MODEL.BACKBONE.CONV_BODY", name, "MODEL.IA_STRUCTURE.DIM_IN", 768, *overrides])
    torch.manual_seed(1)
    batch = make_batch()
    model = build_detection_model(cfg).train()
    loss = sum(model(batch, MemoryPool.from_config(cfg).read(batch.keyframes)).losses.values())
    assert torch.isfinite(loss)
    loss.backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key
