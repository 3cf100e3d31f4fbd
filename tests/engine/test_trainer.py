"""The trainer on a model of one weight, without a config: what a step computes, and what happens when."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from engine.toy_trainer import make_batch, make_trainer

from alphaction.data.sample import ClipBatch
from alphaction.engine.bad_steps import BadSteps
from alphaction.memory import MemoryPool
from alphaction.utils.errors import DivergenceError


def test_micro_batches_give_the_gradient_of_one_batch(tmp_path):
    trainer = make_trainer(tmp_path)
    report = trainer.train_step([make_batch(0, [1.0, 2.0]), make_batch(1, [5.0])])
    # Three boxes: the losses are 1 and 5/3, the gradient is 8/3.
    assert report["loss"].item() == pytest.approx(8 / 3)
    assert report["accuracy_movement"].item() == pytest.approx((1 + 5 / 3) / 2)
    assert trainer.step.model.weight.item() == pytest.approx(1 - 0.5 * 8 / 3)


def test_the_gradient_is_clipped(tmp_path):
    trainer = make_trainer(tmp_path, clip_grad_norm=0.1)
    trainer.train_step([make_batch(0, [3.0])])
    assert trainer.step.model.weight.item() == pytest.approx(1 - 0.5 * 0.1)


@pytest.mark.parametrize("penalty", [False, True])
def test_a_step_reads_the_memory_that_the_step_before_wrote(tmp_path, penalty):
    pool = MemoryPool(dim=1, max_per_second=2, length=(1, 1))
    trainer = make_trainer(tmp_path, lr=0.1, pool=pool, penalty=penalty, max_boxes=2)
    batches = [make_batch(0, [2.0]), make_batch(1, [6.0, 4.0]), make_batch(2, [1.0]), make_batch(1, [1.0])]
    known, losses = [], []
    for batch in batches:
        losses.append(trainer.train_step([batch])["loss"].item())
        known.append(len(pool))
    assert known == [0, 1, 2, 3]  # a step is written when the next one begins
    # The weight is 1, 0.8 and 0.3; the losses are it times the mean score.
    assert losses[:3] == pytest.approx([2.0, 4.0, 0.3])
    first, second, third, fourth = (memory.features[0, :, :, 0] for memory in trainer.step.model.memories)
    assert not first.any()
    # What the last step wrote has the last loss, so it is never scaled.
    assert second.tolist() == [[2.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    assert third[0].sort().values.tolist() == [4.0, 6.0]
    # Second 1 again: second 0 was written at loss 2, second 2 at 0.3, the last one.
    scale = 0.3 / 2.0 if penalty else 1.0
    assert fourth[:, 0].tolist() == pytest.approx([2.0 * scale, 0.0, 1.0])


def test_the_loop_logs_saves_and_evaluates_when_it_should(tmp_path):
    trainer = make_trainer(tmp_path / "run", lr=0.01, accumulation_steps=2)
    evaluated = []

    def evaluate() -> dict[str, float]:
        evaluated.append(trainer.step.scheduler.last_epoch)
        return {"mAP": 0.5}

    def stream() -> Iterator[ClipBatch]:
        while True:
            yield make_batch(0, [1.0])

    trainer.run(stream(), evaluate_between=evaluate, evaluate_at_end=evaluate)
    assert evaluated == [3, 4]
    assert sorted(path.name for path in (tmp_path / "run").glob("*.pth")) == ["model_0000002.pth", "model_final.pth"]
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines if "loss" in line] == [1, 2, 3, 4]
    assert [line["iteration"] for line in lines if "mAP" in line] == [3, 4]


def test_a_loss_that_is_not_finite_stops_before_a_checkpoint(tmp_path):
    trainer = make_trainer(tmp_path / "run", checkpoint_period=1, bad_steps=BadSteps(1, "Lower SOLVER.BASE_LR."))
    with pytest.raises(DivergenceError, match=r"iteration 1: .*loss \(inf\).*a at 0 s.*SOLVER.BASE_LR"):
        trainer.run(iter([make_batch(0, [float("inf")])]))
    assert list((tmp_path / "run").glob("*.pth")) == []


def test_the_time_of_earlier_starts_counts(tmp_path):
    trainer = make_trainer(tmp_path)
    spent = {"total": 100.0, "data": 1.0, "evaluation": 2.0, "saving": 3.0}
    trainer.restore({"time": spent})
    assert trainer.time.state_dict() == spent
    trainer.restore({"time": {"total": -1.0}})
    assert trainer.time.state_dict() == spent
