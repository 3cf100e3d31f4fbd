"""The average of the weights: its values, what it shares with the model, and what it leaves alone."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

import pytest
import torch
from engine.toy_trainer import OneWeight, make_batch, make_trainer
from torch import nn

from alphaction.engine.weight_average import WeightAverage
from alphaction.layers import FrozenBatchNorm3d


def network() -> nn.Module:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), FrozenBatchNorm3d(2), nn.Linear(2, 1))
    model[0].requires_grad_(False)
    return model


def test_it_follows_the_weights_and_copies_statistics():
    model = network()
    average = WeightAverage(model, 0.75)
    expected = model[3].weight.detach().clone()
    for number in range(12):
        with torch.no_grad():
            for weight in model[3].parameters():
                weight.add_(torch.randn_like(weight))
        model[1].running_mean.add_(1.0)
        model[1].num_batches_tracked.add_(1)
        average.update()
        decay = min(0.75, (1 + number) / (10 + number))
        expected = decay * expected + (1 - decay) * model[3].weight.detach()
    assert torch.allclose(average.model[3].weight, expected, atol=1e-6)
    assert average.updates == 12
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        own, copied = (getattr(part[1], name) for part in (model, average.model))
        assert torch.equal(own, copied)
        assert own.data_ptr() != copied.data_ptr()
    assert not any(weight.requires_grad for weight in average.model.parameters())


def test_what_is_frozen_is_there_once(tmp_path):
    model = network()
    average = WeightAverage(model, 0.9)
    assert average.model[0].weight is model[0].weight
    assert average.model[2].running_mean is model[2].running_mean
    average.update()
    other = network()
    with torch.no_grad():
        other[0].weight.fill_(3.0)
    model.load_state_dict(other.state_dict())
    average.begin()
    assert average.updates == 0
    begun = average.model.state_dict()
    assert all(torch.equal(value, begun[name]) for name, value in other.state_dict().items())
    sizes = []
    for content in ({"model": model.state_dict()}, {"model": model.state_dict(), "ema": average.state_dict()}):
        torch.save(content, tmp_path / "file.pth")
        read = torch.load(tmp_path / "file.pth", weights_only=True)
        sizes.append(len({tensor.untyped_storage().data_ptr() for part in read.values()
                          for tensor in part.get("model", part).values()}))  # fmt: skip
    frozen = 2 + 4
    assert sizes[1] == 2 * sizes[0] - frozen


def test_a_model_without_trained_weights_is_no_error():
    average = WeightAverage(nn.Sequential(nn.Linear(1, 1).requires_grad_(False)), 0.5)
    average.update()
    average.begin()


def test_a_step_that_is_skipped_does_not_count(tmp_path):
    model = OneWeight()
    average = WeightAverage(model, 0.5)
    trainer = make_trainer(tmp_path, model=model, average=average)
    trainer.train_step([make_batch(0, [1.0])])
    assert average.updates == 1
    assert average.model.weight.item() == pytest.approx(0.1 * 1.0 + 0.9 * 0.5)
    before = average.model.weight.item()
    trainer.train_step([make_batch(0, [float("inf")])])
    assert (average.updates, average.model.weight.item()) == (1, before)


def test_it_changes_nothing_in_the_training(tmp_path):
    found = []
    for decay in (None, 0.99):
        model = OneWeight()
        average = None if decay is None else WeightAverage(model, decay)
        trainer = make_trainer(tmp_path / str(decay), model=model, average=average)
        losses = [trainer.train_step([make_batch(0, [value])])["loss"].item() for value in (1.0, -2.0, 3.0)]
        found.append((losses, model.weight.item()))
    assert found[0] == found[1]
    assert average.updates == 3


@pytest.mark.parametrize("count", [1, 2])
def test_a_run_that_goes_on_ends_with_the_same_bits_on_all_processes(tmp_path, quick_python, subprocess_env, count):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**subprocess_env, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(count)}
    command = [quick_python, str(Path(__file__).with_name("averaging.py")), str(tmp_path), str(tmp_path / "found")]
    processes = [subprocess.Popen(command, env={**env, "RANK": str(rank)}) for rank in range(count)]
    assert [process.wait(120) for process in processes] == [0] * count
    found = [json.loads((tmp_path / f"found{rank}").read_text()) for rank in range(count)]
    whole, stopped, done, best = found[0]
    assert found == [found[0]] * count
    assert whole == stopped
    assert whole[0] == 6
    assert done == 3
    assert best == {"metric": "val/mAP", "value": 0.4, "iteration": 1, "weights": "model"}
