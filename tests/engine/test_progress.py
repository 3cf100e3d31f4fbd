"""A run that is continued logs what one that was left alone does, wherever it was stopped."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from engine.toy_trainer import make_batch, make_trainer
from messages import says

from alphaction.data.sample import ClipBatch
from alphaction.engine.bad_steps import BadSteps
from alphaction.engine.divergence import DivergenceWatch
from alphaction.engine.metric_log import RunningMeans
from alphaction.engine.progress import load_progress, progress_of
from alphaction.engine.trainer import Trainer
from alphaction.memory import MemoryPool

TIMES = {"data_time", "step_time", "data_share", "memory_mb", "eta_seconds"}
LAST = 11


def make(folder: Path) -> Trainer:
    pool = MemoryPool(dim=1, max_per_second=2, length=(1, 1))
    options = {"max_iter": LAST, "log_period": 4, "checkpoint_period": 6, "eval_period": 3}
    return make_trainer(folder, 0.01, momentum=0.9, pool=pool, penalty=True, max_boxes=2, **options)


def stream(start: int = 0) -> Iterator[ClipBatch]:
    for index in range(start, LAST):
        scores = [math.nan, 1.0] if index == 7 else [1.0 / (index + 3), 0.7]
        yield make_batch(index % 4, scores)


def run(trainer: Trainer, start: int = 0) -> None:
    trainer.run(stream(start), start, evaluate_between=evaluation(trainer), evaluate_at_end=evaluation(trainer))


def evaluation(trainer: Trainer):
    return lambda: {"mAP": trainer.step.model.weight.item()}


def lines(folder: Path) -> list[dict]:
    text = (folder / "metrics.jsonl").read_text()
    return [{k: v for k, v in json.loads(line).items() if k not in TIMES} for line in text.splitlines()]


def stop_at(trainer: Trainer, saved: int, done: int) -> None:
    """Save a checkpoint after step ``saved``, and stop within step ``done`` + 1."""
    step = trainer.train_step

    def stopping(batches: list[ClipBatch]) -> dict:
        if trainer.step.scheduler.last_epoch == saved:
            trainer.save(saved)
        if trainer.step.scheduler.last_epoch == done:
            raise KeyboardInterrupt
        return step(batches)

    trainer.train_step = stopping
    with pytest.raises(KeyboardInterrupt):
        run(trainer)


@pytest.mark.parametrize("saved", range(1, LAST))
def test_metrics_are_those_of_a_run_that_was_left_alone(tmp_path, saved):
    whole = make(tmp_path / "whole")
    run(whole)
    expected = lines(tmp_path / "whole")
    assert [line["iteration"] for line in expected if "loss" in line] == [1, 4, 6, 8, 11]
    assert [line["iteration"] for line in expected if "mAP" in line] == [3, 6, 9, 11]
    assert [line.get("skipped_steps") for line in expected if "loss" in line] == [None, None, None, 1, None]

    stopped = tmp_path / "stopped"
    stop_at(make(stopped), saved, max(saved, min(saved + 3, 5 if saved < 6 else LAST - 1)))
    with (stopped / "metrics.jsonl").open("a") as file:
        file.write('{"iteration": 5, "lo')  # killed while it wrote
    again = make(stopped)
    resumed = again.checkpointer.resume()
    memory = again.checkpointer.load_memory(resumed.iteration)
    again.step.pool.load_state_dict(memory.state)
    again.restore(resumed.extra)
    assert resumed.iteration == saved
    run(again, saved)
    assert lines(stopped) == expected
    assert torch.equal(again.step.model.weight, whole.step.model.weight)
    assert torch.equal(again.step.last_loss, whole.step.last_loss)
    assert again.step.bad_steps.state_dict() == whole.step.bad_steps.state_dict()
    assert again.watch.state_dict() == whole.watch.state_dict()


def test_an_evaluation_that_a_stop_left_out_is_made_up_for(tmp_path):
    run(make(tmp_path / "whole"))
    trainer = make(tmp_path / "stopped")

    def stopping() -> dict[str, float]:
        if trainer.step.scheduler.last_epoch == 6:
            raise KeyboardInterrupt
        return evaluation(trainer)()

    with pytest.raises(KeyboardInterrupt):
        trainer.run(stream(), evaluate_between=stopping)
    again = make(tmp_path / "stopped")
    resumed = again.checkpointer.resume()
    again.step.pool.load_state_dict(again.checkpointer.load_memory(6).state)
    again.restore(resumed.extra)
    run(again, 6)
    assert lines(tmp_path / "stopped") == lines(tmp_path / "whole")


def test_an_older_checkpoint_begins_anew_and_a_new_run_needs_no_word(tmp_path, caplog):
    trainer = make(tmp_path)
    with caplog.at_level(logging.INFO, "alphaction"):
        trainer.restore({})
        assert caplog.text == ""
        trainer.restore({"seed": 0})
    says(caplog.text, "older version", "begin anew")
    assert trainer.means.pop() == {}


@pytest.mark.parametrize(
    "change",
    [
        {"means": 3},
        {"means": {"names": ["a"], "sums": torch.zeros(1, 2), "good": 1.0, "steps": 1}},
        {"means": {"names": ["a"], "sums": torch.zeros(1, 1, dtype=torch.int64), "good": 1.0, "steps": 1}},
        {"means": {"names": ["a"], "sums": torch.zeros(0, 1), "good": 1.0, "steps": 1}},
        {"means": {"names": "a", "sums": torch.zeros(1, 1), "good": 1.0, "steps": 1}},
        {"means": {"names": ["a"], "sums": [[1.0]], "good": 1.0, "steps": 1}},
        {"means": {"names": ["a"], "sums": torch.zeros(1, 1), "good": 2.0, "steps": 1}},
        {"means": {"names": ["a"], "sums": torch.zeros(1, 1), "good": 1.0, "steps": "1"}},
        {"watch": {"past": 1}},
        {"bad_steps": []},
    ],
)
def test_a_malformed_part_is_left_out_with_a_note(tmp_path, change):
    trainer = make(tmp_path)
    state = progress_of(trainer.step, RunningMeans(), DivergenceWatch()) | change
    (note,) = load_progress(state, trainer.step, trainer.means, trainer.watch)
    (name,) = change
    assert f'"{name}"' in note
    assert trainer.means.peek() == {}
    assert trainer.step.bad_steps.state_dict() == BadSteps().state_dict()
    assert list(load_progress(3, trainer.step, trainer.means, trainer.watch)) != []


def test_sums_of_more_processes_become_their_mean():
    means = RunningMeans()
    means.load_state_dict({"names": ["loss"], "sums": torch.tensor([[2.0], [4.0]]), "good": 2.0, "steps": 3})
    assert means.peek() == {"loss": 1.5, "skipped_steps": 1}
    assert means.pop() == {"loss": 1.5, "skipped_steps": 1}
    assert means.peek() == {}
