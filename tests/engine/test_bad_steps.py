"""Steps that are not finite: what they leave alone, how they are counted and named."""

from __future__ import annotations

import copy
import logging
import math
from pathlib import Path

import pytest
import torch
from engine.toy_trainer import OneWeight, make_batch, make_trainer
from messages import says
from torch import Tensor, nn

from alphaction.data.sample import ClipBatch
from alphaction.engine.bad_steps import BadSteps, RunningStatistics, clip_gradients, norm_of
from alphaction.engine.trainer import Trainer
from alphaction.layers import FrozenBatchNorm3d
from alphaction.memory import MemoryFeatures, MemoryPool
from alphaction.modeling.detector import TrainOutput
from alphaction.utils.errors import DivergenceError

NAN, INF = math.nan, math.inf


class WithNorm(OneWeight):
    """Also has a batch norm over the scores, and a loss whose gradient alone may be infinite."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(1)
        self.steep = False

    def forward(self, batch: ClipBatch, memory: MemoryFeatures | None, *, boxes_per_process: Tensor) -> TrainOutput:
        output = super().forward(batch, memory, boxes_per_process=boxes_per_process)
        loss = output.losses["loss_movement"] + 0 * self.norm(batch.scores[:, None]).sum()
        if self.steep:  # the root of 0
            loss = loss + (self.weight - self.weight.detach()).sqrt()
        return TrainOutput({"loss_movement": loss}, output.accuracies, output.person_features)


def make(folder: Path, **options) -> Trainer:
    pool = MemoryPool(dim=1, max_per_second=2, length=(1, 1))
    trainer = make_trainer(folder, 0.1, WithNorm(), pool=pool, max_boxes=4, momentum=0.9, dataset="toy", **options)
    trainer.step.model.train()
    return trainer


def state(trainer: Trainer) -> dict:
    step = trainer.step
    return copy.deepcopy(
        {**step.model.state_dict(), **{str(key): value for key, value in step.optimizer.state_dict()["state"].items()}}
    )


def assert_same(found: dict, expected: dict) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if isinstance(value, dict):
            assert_same(found[name], value)
        else:
            assert torch.equal(found[name], value), name


@pytest.mark.parametrize("clip", [0.0, 1.0])
@pytest.mark.parametrize("scores", [[NAN, 1.0], [INF, 1.0], [3e38, 3e38]], ids=["nan", "inf", "overflow"])
def test_a_bad_step_changes_nothing_but_the_schedule(tmp_path, caplog, scores, clip):
    trainer = make(tmp_path, clip_grad_norm=clip)
    trainer.train_step([make_batch(0, [2.0, 1.0])])
    before, loss = state(trainer), trainer.step.last_loss.clone()
    with caplog.at_level(logging.WARNING, "alphaction"):
        trainer.means.add(trainer.train_step([make_batch(1, scores)]), trainer.step.good)
    assert_same(state(trainer), before)
    assert torch.equal(trainer.step.last_loss, loss)
    assert trainer.step.scheduler.last_epoch == 2
    trainer.step.remember()
    assert [keyframe.second for keyframe in trainer.step.pool.keyframes()] == [0]
    says(caplog.text, "iteration 2 is skipped", "toy/a at 1 s", "1 in a row", "SOLVER.MAX_BAD_STEPS 20")
    # The next one goes on from there.
    trainer.means.add(trainer.train_step([make_batch(2, [1.0, 2.0])]), trainer.step.good)
    assert trainer.step.model.weight.item() != before["weight"].item()
    assert trainer.means.pop() == {
        "loss": pytest.approx(before["weight"].item() * 1.5),
        "loss_movement": pytest.approx(before["weight"].item() * 1.5),
        "accuracy_movement": pytest.approx(before["weight"].item() * 1.5),
        "skipped_steps": 1,
    }
    assert (trainer.step.bad_steps.total, trainer.step.bad_steps.in_a_row) == (1, 0)


def test_a_gradient_that_is_not_finite_with_a_loss_that_is(tmp_path, caplog):
    trainer = make(tmp_path)
    before = state(trainer)
    trainer.step.model.steep = True
    with caplog.at_level(logging.WARNING, "alphaction"):
        report = trainer.train_step([make_batch(1, [2.0, 1.0]), make_batch(3, [1.0, 1.0])])
    assert report["loss"].isfinite()
    assert_same(state(trainer), before)
    says(
        caplog.text, "skipped and changes no weight: not finite: gradient (inf)", "2 clips: toy/a at 1 s, toy/a at 3 s"
    )


def test_of_several_micro_batches_the_one_at_fault_is_named(tmp_path, caplog):
    trainer = make(tmp_path)
    with caplog.at_level(logging.WARNING, "alphaction"):
        trainer.train_step([make_batch(1, [2.0, 1.0]), make_batch(3, [NAN, 1.0])])
    says(caplog.text, "1 clip: toy/a at 3 s")
    assert "at 1 s" not in caplog.text


@pytest.mark.parametrize("late", [False, True])
def test_too_many_in_a_row_end_the_run(tmp_path, late):
    trainer = make(tmp_path, bad_steps=BadSteps(3, "Lower it."), max_iter=20, log_period=100, checkpoint_period=2)
    trainer.step.settles_late = late
    batches = [[1.0, 2.0], [NAN, 1.0], [NAN, 1.0], [1.0, 1.0], *[[INF, 1.0]] * 9]
    with pytest.raises(DivergenceError) as caught:
        trainer.run(make_batch(index % 4, scores) for index, scores in enumerate(batches))
    says(str(caught.value), "iteration 7", "3 steps in a row", "MAX_BAD_STEPS 3", "toy/a at 2 s", "loss (nan)")
    # At iteration 4 the last step was good, at 2 one may be that of a broken clip, at 6 the weights are in doubt.
    assert sorted(path.name for path in tmp_path.glob("model_*")) == ["model_0000002.pth", "model_0000004.pth"]


def test_a_run_does_not_end_in_doubt(tmp_path):
    trainer = make(tmp_path, max_iter=3, checkpoint_period=100)
    with pytest.raises(DivergenceError, match="2 steps in a row up to iteration 3"):
        trainer.run(make_batch(0, scores) for scores in ([1.0, 2.0], [NAN, 1.0], [NAN, 1.0]))
    assert not list(tmp_path.glob("*.pth"))


def test_weights_that_are_settled_late_are_the_same(tmp_path):
    lines, states = [], []
    for late in (False, True):
        trainer = make(tmp_path / str(late), penalty=True, max_iter=7, checkpoint_period=3, log_period=2)
        trainer.step.settles_late = late
        batches = [[1.0, 2.0], [0.5, 1.0], [NAN, 1.0], [2.0, 1.0], [1.0, 1.0], [0.1, 0.0], [1.0, 3.0]]
        trainer.run(
            (make_batch(index % 3, scores) for index, scores in enumerate(batches)),
            evaluate_between=lambda trainer=trainer: {"weight": trainer.step.model.weight.item()},
        )
        states.append(state(trainer))
        text = (tmp_path / str(late) / "metrics.jsonl").read_text()
        lines.append([part for part in text.replace("}", ",").split(", ") if "loss" in part or "weight" in part])
        assert len(trainer.step.pool) == 3
    assert_same(states[1], states[0])
    assert lines[1] == lines[0]


def test_what_the_scaler_skips_while_it_looks_for_its_scale_is_no_bad_step(tmp_path, caplog):
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127, backoff_factor=2.0**-20)
    trainer = make(tmp_path, scaler=scaler, bad_steps=BadSteps(3))
    weight = trainer.step.model.weight.item()
    with caplog.at_level(logging.INFO, "alphaction"):
        trainer.train_step([make_batch(0, [4.0, 4.0])])
        assert trainer.step.model.weight.item() == weight
        trainer.train_step([make_batch(0, [4.0, 4.0])])
    assert trainer.step.model.weight.item() == pytest.approx(weight - 0.1 * 4.0)
    assert scaler.get_scale() == 2.0**107
    assert caplog.text == ""
    assert (trainer.step.bad_steps.total, trainer.step.bad_steps.doubtful) == (1, False)


def test_a_scaler_that_finds_no_scale_ends_the_run(tmp_path):
    trainer = make(tmp_path, scaler=torch.amp.GradScaler("cpu", init_scale=2.0**127), bad_steps=BadSteps(3))
    batch = [make_batch(0, [64.0, 64.0])]
    trainer.train_step(batch)
    trainer.train_step(batch)
    with pytest.raises(DivergenceError, match="3 steps in a row"):
        trainer.train_step(batch)


def test_running_statistics_are_those_of_trained_norms():
    frozen, masked = nn.BatchNorm1d(1).eval(), nn.Identity()
    masked.register_buffer("mask", torch.tensor([-INF, 0.0]))
    model = nn.Sequential(nn.BatchNorm1d(1), frozen, FrozenBatchNorm3d(1), masked)
    statistics = RunningStatistics(model)
    statistics.keep()
    model[0](torch.tensor([[INF], [1.0]]))
    assert not statistics.norm(torch.device("cpu")).isfinite()
    statistics.put_back()
    assert model[0].running_mean.item() == 0.0
    assert model[0].num_batches_tracked.item() == 0
    assert statistics.norm(torch.device("cpu")).item() == 1.0


@pytest.mark.parametrize("change", [{"total": -1}, {"in_a_row": True}, {"in_doubt": None}, {"total": 1.0}])
def test_counts_of_other_types_are_refused(change):
    with pytest.raises(ValueError, match="no counts"):
        BadSteps().load_state_dict({"total": 1, "in_a_row": 0, "in_doubt": 0} | change)


@pytest.mark.parametrize("limit", [0.5, 1e3])
def test_gradients_are_clipped_as_torch_does(limit):
    mine, theirs = ([torch.nn.Parameter(torch.zeros(size)) for size in (3, 5)] for _ in range(2))
    for one, other in zip(mine, theirs, strict=True):
        one.grad = torch.randn_like(one)
        other.grad = one.grad.clone()
    gradients = [parameter.grad for parameter in mine]
    clip_gradients(gradients, limit, norm_of(gradients, torch.device("cpu")).item())
    torch.nn.utils.clip_grad_norm_(theirs, limit)
    for one, other in zip(mine, theirs, strict=True):
        assert torch.equal(one.grad, other.grad)
