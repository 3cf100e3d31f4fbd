"""train_net.py and test_net.py with --compile, without a compiler."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from integration.harness import PLAIN, losses

from alphaction.engine import compiling
from alphaction.engine import test as testing
from alphaction.engine import train as training

pytestmark = pytest.mark.slow


def test_a_compiled_run_is_the_same_run(runner, tmp_path, monkeypatch):
    options = ("--skip-final-test", "SOLVER.MAX_ITER", "2", *PLAIN)
    expected = losses(runner.train(tmp_path / "plain", *options))
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    for module in (training, testing):
        monkeypatch.setattr(module, "require_compiler", lambda device: None)
        monkeypatch.setattr(module, "compile_backbone", partial(compiling.compile_backbone, backend=backend))
    torch.compiler.reset()
    found = losses(runner.train(tmp_path / "compiled", "--compile", *options))
    assert found == pytest.approx(expected, rel=1e-5)
    assert len(graphs) == 1
    states = [
        torch.load(tmp_path / run / "model_final.pth", weights_only=True)["model"] for run in ("plain", "compiled")
    ]
    assert list(states[0]) == list(states[1])

    plain, compiled = (runner.test(tmp_path / "compiled", *flags) for flags in ((), ("--compile",)))
    assert compiled == plain
    assert 1 < len(graphs) <= 3
    torch.compiler.reset()
