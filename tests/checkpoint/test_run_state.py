"""A checkpoint with wrong values inside is refused as a whole, or continued; it never ends in a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from checkpoint.small_run import GONE, WRONG, SmallRun, changed, places
from messages import refused, says

from alphaction.checkpoint import read_recorded_config
from alphaction.utils.errors import CheckpointError


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_every_entry_with_wrong_values(tmp_path: Path, monkeypatch, optimizer: str) -> None:
    saved = SmallRun(tmp_path, optimizer)
    content = torch.load(saved.save(1), weights_only=True)
    run = SmallRun(tmp_path, optimizer)
    run.step()
    before = run.state()
    held = {}
    # As read_content returns it: writing and reading thousands of files would take minutes.
    monkeypatch.setattr("alphaction.checkpoint.checkpointer._read_plain", lambda path: held["content"])
    refusals = 0
    for number, place in enumerate(places(content)):
        for value in WRONG[number % 7 :: 7]:  # all values for each kind of entry, in reasonable time
            held["content"] = changed(content, place, value)
            try:
                run.checkpointer.resume(tmp_path / "model_0000001.pth")
            except CheckpointError as error:
                refusals += 1
                assert run.state() == before, (place, value)
                says(str(error), "model_0000001.pth")
            else:
                run.step()  # what was restored can be trained with
                assert all(torch.isfinite(weight).all() for weight in run.model.parameters()), (place, value)
                run = SmallRun(tmp_path, optimizer)
                run.step()
    assert refusals > 150


@pytest.mark.parametrize(
    ("place", "value", "parts"),
    [
        (("iteration",), -1, ["iteration", "-1"]),
        (("iteration",), 2**70, ["iteration", "beyond 64 bits"]),
        (("optimizer", "param_groups"), ["x"], ["optimizer", "param_groups"]),
        (("optimizer", "state", 0, "momentum_buffer"), torch.zeros(5), ["optimizer.state[0]", "[5]", "[4, 3]"]),
        (("optimizer", "state", 7), {}, ["optimizer.state[7]"]),
        (("scheduler", "last_epoch"), "x", ["scheduler.last_epoch", "'x'"]),
        (("scheduler", "base_lrs"), [0.1], ["scheduler.base_lrs", "list of 2"]),
        (("model", "0.weight"), torch.full((4, 3), float("nan")), ["model.0.weight", "NaN"]),
        (("model", "0.weight"), torch.zeros(4, 3, dtype=torch.int64), ["model.0.weight", "int64", "float32"]),
        (("model", "1.running_mean"), torch.full((4,), float("nan")), ["model.1.running_mean", "NaN"]),
        (("model", "1.running_var"), torch.full((4,), -1.0), ["model.1.running_var", "squares", "negative"]),
        (("iteration",), 3, ["iteration is 3", "scheduler.last_epoch 1"]),
        (("scaler", "scale"), -1.0, ["scaler.scale"]),
        (("label_map", "names"), [1, 2], ["label_map.names"]),
        (("extra", "seed"), torch.zeros(2), ["extra.seed", "tensor [2]"]),
        (("config",), "a: [", ["config", "YAML"]),
        (("extra", "config"), "just text", ["config"]),
    ],
)
def test_the_message_names_the_entry(tmp_path: Path, place: tuple, value: object, parts: list[str]) -> None:
    run = SmallRun(tmp_path)
    path = run.save(1)
    torch.save(changed(torch.load(path, weights_only=True), place, value), path)
    refused(lambda: run.checkpointer.resume(path), path, *parts)


def test_negative_means_of_squares(tmp_path: Path) -> None:
    run = SmallRun(tmp_path, "adamw")
    path = run.save(1)
    place = ("optimizer", "state", 0, "exp_avg_sq")
    torch.save(changed(torch.load(path, weights_only=True), place, torch.full((4, 3), -1.0)), path)
    refused(lambda: run.checkpointer.resume(path), path, "optimizer.state[0]", "exp_avg_sq", "squares", "negative")


def test_an_absent_state_of_the_optimizer_is_told(tmp_path: Path) -> None:
    run = SmallRun(tmp_path)
    path = run.save(1)
    content = torch.load(path, weights_only=True)
    assert "optimizer" not in run.checkpointer.resume(path).info
    torch.save(changed(content, ("optimizer", "state", 2), GONE), path)
    says(run.checkpointer.resume(path).info, "the optimizer's state of 1 parameter is not in it and starts anew")
    torch.save(changed(content, ("optimizer", "state"), {}), path)
    says(run.checkpointer.resume(path).info, "the optimizer's state of 6 parameters")


def test_nothing_but_its_place_is_taken_of_a_schedule(tmp_path: Path) -> None:
    run = SmallRun(tmp_path)
    path = run.save(1)
    content = torch.load(path, weights_only=True)
    content["scheduler"].update(_get_lr_called_within_step=True, step="x")
    torch.save(content, path)
    run.checkpointer.resume(path)
    assert not run.scheduler._get_lr_called_within_step
    assert callable(run.scheduler.step)


def test_options_of_the_optimizer_are_those_of_the_run(tmp_path: Path) -> None:
    path = SmallRun(tmp_path, "adamw").save(1)
    torch.save(
        changed(torch.load(path, weights_only=True), ("optimizer", "param_groups", 0, "betas"), (5.0, "x")), path
    )
    run = SmallRun(tmp_path, "adamw")
    run.checkpointer.resume(path)
    assert run.optimizer.param_groups[0]["betas"] == (0.9, 0.999)


def test_a_recorded_config_of_wrong_values(tmp_path: Path) -> None:
    path = SmallRun(tmp_path).save(1)
    content = torch.load(path, weights_only=True)
    for place, value, part in (
        (("extra", "config"), "SOLVER: 5", "SOLVER"),
        (("extra", "config"), "SOLVER: {MAX_ITER: [x]}", "MAX_ITER"),
        (("extra", "config"), "SOLVER: {MAX_ITER: -4}", "MAX_ITER"),
        (("extra", "config"), 7, "config"),
        (("extra", "config"), "[1, 2]", "config"),
        (("extra", "world_size"), "x", "world_size"),
        (("extra",), GONE, ""),
    ):
        torch.save(changed(content, place, value), path)
        if part:
            refused(lambda: read_recorded_config(path), path, part)
        else:
            assert read_recorded_config(path) == ({"SOLVER": {"MAX_ITER": 5}}, None)
