"""--compile: how often the backbone is compiled, what stays as it is, and what is missing.

Axes: B clips, T frames, H and W rows and columns.
"""

from __future__ import annotations

import copy

import pytest
import torch
from messages import refused
from torch import Tensor, nn
from torch.nn import functional as F

from alphaction.config import load_cfg
from alphaction.engine import compiling
from alphaction.engine.compiling import compile_backbone, refuse_checkpointing, require_compiler, require_tools
from alphaction.layers import apply_conv, conv_norm, max_pool3d
from alphaction.modeling import DetectionModel, build_detection_model, optimize_for_inference
from alphaction.modeling.backbone.norm import NormOptions
from alphaction.modeling.backbone.residual import ResidualBlock


class Backend:
    """Counts the graphs, and runs them as they are."""

    def __init__(self) -> None:
        self.graphs = 0

    def __call__(self, graph, inputs):
        self.graphs += 1
        return graph.forward


@pytest.fixture
def backend():
    torch.compiler.reset()
    yield Backend()
    torch.compiler.reset()


class Smallest(nn.Module):
    """A backbone with a convolution of each kind, and a residual sum; tracing whole networks takes a minute."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv3d(3, 8, (5, 7, 7), stride=(1, 2, 2), padding=(2, 3, 3), bias=False)
        self.bn = nn.BatchNorm3d(8)
        self.lateral = nn.Conv3d(8, 8, (5, 1, 1), stride=(8, 1, 1), padding=(2, 0, 0))
        self.block = ResidualBlock(8, 4, 8, NormOptions(), temporal_kernel=3)

    def forward(self, slow: Tensor, fast: Tensor) -> tuple[Tensor, Tensor]:
        fast = F.relu(conv_norm(fast, self.stem, self.bn))
        return self.block(apply_conv(fast, self.lateral)) + slow.mean(), max_pool3d(fast, (1, 2, 2), (1, 2, 2))


def tiny() -> DetectionModel:
    torch.manual_seed(0)
    model = build_detection_model(load_cfg(None, ("MODEL.BACKBONE.CONV_BODY", "Slowfast-Tiny")))
    model.backbone = Smallest()
    return model


def clips(batch: int, rows: int = 48, columns: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(batch, 3, 1, rows, columns), torch.randn(batch, 3, 8, rows, columns)


def test_neither_persons_nor_clips_make_more_graphs(backend):
    model = optimize_for_inference(tiny())
    names = list(model.state_dict())
    expected = [model.backbone(*clips(1))[1].shape]
    compile_backbone(model, backend)
    boxes = torch.tensor([[4.0, 4.0, 40.0, 30.0]])
    with torch.inference_mode():
        for persons in range(13):
            features = model.backbone(*clips(1))
            pooled = model.head.pooler(features, boxes.repeat(persons, 1), torch.zeros(persons, dtype=torch.long))
            assert len(pooled) == persons
        assert [features[1].shape] == expected
        assert backend.graphs == 1
        for batch in (2, 3, 4, 1, 6, 5):
            model.backbone(*clips(batch))
    assert backend.graphs <= 3
    assert list(model.state_dict()) == names


def test_compiled_outputs_and_gradients_are_the_same(backend):
    torch.manual_seed(1)
    plain = tiny().train()
    compiled = copy.deepcopy(plain)
    compile_backbone(compiled, backend)
    inputs = clips(2)
    results = []
    for model in (plain, compiled):
        features = model.backbone(*inputs)
        sum(feature.square().mean() for feature in features).backward()
        results.append([*features, *(parameter.grad for parameter in model.backbone.parameters())])
    assert backend.graphs == 1
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected)
    # What an evaluation within the training makes of it is not compiled.
    assert list(compiled.state_dict()) == list(plain.state_dict())
    with torch.inference_mode():
        optimize_for_inference(compiled, share_weights=True).backbone(*inputs)
    assert backend.graphs == 1


@pytest.mark.parametrize("cxx", ["", "no_such_compiler"])
def test_a_missing_compiler_is_told_before_the_start(monkeypatch, cxx):
    monkeypatch.setenv("CXX", cxx)
    monkeypatch.setenv("PATH", "")
    refused(lambda: require_compiler(torch.device("cpu")), "--compile", cxx or "C++ compiler", "apt install g++")


def test_recomputed_activations_are_refused():
    cfg = load_cfg(None, ("MODEL.ACTIVATION_CHECKPOINTING", True))
    refused(lambda: refuse_checkpointing(cfg), "--compile", "MODEL.ACTIVATION_CHECKPOINTING", "False")


def test_missing_triton(monkeypatch):
    monkeypatch.setattr(compiling, "find_spec", lambda name: None)
    refused(lambda: require_tools(torch.device("cuda")), "--compile", "pip install triton")


def test_a_compiler_that_does_not_work(monkeypatch):
    def broken(function, backend):
        raise RuntimeError("CppCompileError: no Python.h\nsecond line\nthird\nfourth")

    monkeypatch.setattr(compiling.torch, "compile", broken)
    message = refused(lambda: require_compiler(torch.device("cpu")), "--compile", "no Python.h", "leave out")
    assert "fourth" not in message
