"""The best evaluation of a run, an early end, and the weights that are kept, on a model of one weight."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
import torch
from engine.toy_trainer import OneWeight, make_batch, make_trainer
from messages import says

from alphaction.checkpoint import BestResult, find_start
from alphaction.checkpoint.run_folder import newest_checkpoint
from alphaction.checkpoint.weights_beside import read_best
from alphaction.data.sample import ClipBatch
from alphaction.engine.best import BestTracker, recall, settle_best_file
from alphaction.engine.best_metric import Metric
from alphaction.engine.metrics_file import read_evaluations
from alphaction.engine.run_start import begin_in_folder
from alphaction.engine.saving import RunSaver
from alphaction.engine.trainer import Trainer
from alphaction.engine.weight_average import WeightAverage
from alphaction.utils.errors import CheckpointError
from alphaction.utils.logging import collected_log

MAP = Metric("val/mAP", dataset="val")


def tracker_of(values: list[float], patience: int = 0, **options: Any) -> BestTracker:
    tracker = BestTracker(Metric("val/mAP", **options), patience)
    for iteration, value in enumerate(values, start=1):
        tracker.observe(iteration, {"val/mAP": value})
    return tracker


@pytest.mark.parametrize(
    ("values", "lower", "best", "since"),
    [
        ([0.1, 0.3, 0.2, 0.3], False, (2, 0.3), 2),
        ([0.4, 0.3, 0.2, 0.3], True, (3, 0.2), 1),
        ([nan, 0.1, nan], False, (2, 0.1), 1),
        ([-inf, nan, 0.0], False, (3, 0.0), 0),
    ],
)
def test_the_best_is_the_first_of_the_highest_and_never_nan(values, lower, best, since):
    tracker = tracker_of(values, lower=lower)
    assert (tracker.best.iteration, tracker.best.value, tracker.since) == (*best, since)


def test_nothing_but_nan_is_no_best_and_no_end():
    tracker = tracker_of([nan] * 5, patience=2)
    assert tracker.best is None
    assert not tracker.exhausted


def test_whichever_weights_are_better_count():
    tracker = BestTracker(MAP)
    assert tracker.observe(2, {"val/mAP": 0.2, "ema/val/mAP": 0.1})
    assert tracker.best.weights == "model"
    assert tracker.observe(4, {"val/mAP": nan, "ema/val/mAP": 0.3})
    assert tracker.best == BestResult("val/mAP", 0.3, 4, "ema")
    assert not tracker.observe(4, {"val/mAP": 0.9})  # The same evaluation again.
    says(str(tracker), "0.3000 of iteration 4, of the averaged weights")


def test_a_continued_run_knows_its_best_from_checkpoint_and_metrics(tmp_path):
    (tmp_path / "metrics.jsonl").write_text(
        '{"iteration": 1, "val/mAP": 0.5}\n{"iteration": 2, "lr": 1, "loss": 2}\n{"iteration": 2, "val/mAP": null}\n'
        '{"iteration": 3, "val/mAP": 0.4}\n{"iteration": 4, "val/mAP": 0.9}\n{"iteration": 4, "val/m'
    )
    lines = read_evaluations(tmp_path, 3)
    for state in (None, tracker_of([0.5, nan]).state_dict(), {"metric": "val/mAP", "best": 3}, {"metric": "other"}):
        tracker = BestTracker(MAP)
        recall(tracker, state, lines)
        assert (tracker.best, tracker.since, tracker.last) == (BestResult("val/mAP", 0.5, 1, "model"), 2, 3)
    tracker = BestTracker(MAP)
    recall(tracker, tracker_of([0.5, nan]).state_dict(), [])
    assert (tracker.best.value, tracker.since, tracker.last) == (0.5, 1, 2)
    assert read_evaluations(tmp_path / "absent", 3) == []


@pytest.mark.parametrize("wrong", [None, {}, {"since": -1}, {"best": {}}, {"last": 1.5}, {"best": {"value": nan}}])
def test_a_state_that_was_changed_is_not_used(wrong):
    state = tracker_of([0.5]).state_dict()
    tracker = BestTracker(MAP)
    assert not tracker.load_state_dict({**state, **wrong} if wrong else wrong)
    assert tracker.best is None


class Run:
    """A run of a model of one weight whose evaluations give ``values``, by iteration."""

    def __init__(self, folder: Path, values: Mapping[int, float], *, patience: int = 0, **options: Any) -> None:
        self.folder, self.values, self.patience = folder, values, patience
        self.options = {"max_iter": 6, "eval_period": 1, "checkpoint_period": 2, "log_period": 100} | options
        self.evaluated: list[int] = []
        self.weights: dict[int, tuple[float, float | None]] = {}

    def start(self) -> Trainer:
        """Do as train_net.py does: begin or go on, to the end or until the values end; return the trainer."""
        average = self.options.get("ema")
        model = OneWeight()
        averaged = WeightAverage(model, average) if average else None
        trainer = make_trainer(
            self.folder, lr=0.01, model=model, momentum=0.9, best=BestTracker(MAP, self.patience), average=averaged,
            **{name: value for name, value in self.options.items() if name != "ema"},
        )  # fmt: skip
        start, done = find_start(self.folder, ""), 0
        if start.action == "resume":
            done, _, extra = trainer.checkpointer.resume(start.path)
            trainer.restore(extra)
            recall(trainer.best, extra.get("best"), read_evaluations(self.folder, done))
        self.trained = done < self.options["max_iter"] and not trainer.best.exhausted
        if self.trained:
            begin_in_folder(self.folder, start)
        settle_best_file(trainer.best, self.folder, start)

        def evaluate() -> dict[str, float]:
            iteration = trainer.step.scheduler.last_epoch
            if iteration not in self.values:
                raise InterruptedError
            self.evaluated.append(iteration)
            self.weights[iteration] = (model.weight.item(), averaged and averaged.model.weight.item())
            value = self.values[iteration]
            return value if isinstance(value, dict) else {"val/mAP": value}

        def stream() -> Iterator[ClipBatch]:
            while True:
                yield make_batch(0, [1.0])

        if self.trained:
            self.done = trainer.run(stream(), done, evaluate_between=evaluate, evaluate_at_end=evaluate)
        else:
            trainer.finish(done, evaluate)
        return trainer

    def crash(self) -> None:
        with pytest.raises(InterruptedError):
            self.start()

    @property
    def best(self) -> BestResult | None:
        """What model_best.pth says, after a look at its weight."""
        best = read_best(self.folder / "model_best.pth")
        if best is not None and best.iteration in self.weights:
            content = torch.load(self.folder / "model_best.pth", weights_only=True)
            assert content["iteration"] == best.iteration
            assert content["model"]["weight"].item() == self.weights[best.iteration][best.weights == "ema"]
        return best

    def lines(self) -> list[int]:
        found = [json.loads(line) for line in (self.folder / "metrics.jsonl").read_text().splitlines()]
        return [line["iteration"] for line in found if "val/mAP" in line]


def test_the_best_weights_are_kept_and_no_run_continues_from_them(tmp_path):
    run = Run(tmp_path, {1: 0.1, 2: 0.5, 3: 0.2, 4: 0.5, 5: 0.4, 6: 0.3})
    run.start()
    assert run.best == BestResult("val/mAP", 0.5, 2, "model")
    assert run.done == 6
    assert newest_checkpoint(tmp_path).path.name == "model_final.pth"
    trainer = make_trainer(tmp_path)
    assert find_start(tmp_path / "new", str(tmp_path / "model_best.pth")).action == "weights"
    with pytest.raises(CheckpointError, match="no optimizer"):
        trainer.checkpointer.resume(tmp_path / "model_best.pth")


def test_best_weights_may_be_the_averaged_ones(tmp_path):
    run = Run(tmp_path, {2: {"val/mAP": 0.1, "ema/val/mAP": 0.2}, 4: {"val/mAP": 0.1, "ema/val/mAP": nan}},
              ema=0.5, max_iter=4, eval_period=2)  # fmt: skip
    run.start()
    assert run.best == BestResult("val/mAP", 0.2, 2, "ema")
    assert run.weights[2][0] != run.weights[2][1]
    final = torch.load(tmp_path / "model_final.pth", weights_only=True)
    averaged = torch.load(tmp_path / "model_ema.pth", weights_only=True)
    assert averaged["model"] == final["ema"]["model"]
    assert averaged["average"] == {"decay": 0.5, "updates": 4}
    assert "optimizer" not in averaged


def test_a_stopped_run_goes_on_from_its_best_result_or_later(tmp_path):
    run = Run(tmp_path, {1: 0.1, 2: 0.2, 3: 0.6}, checkpoint_period=100)
    run.crash()
    assert run.best.iteration == 3
    assert newest_checkpoint(tmp_path).path.name == "model_0000003.pth"
    run.values = {4: 0.5, 5: 0.5, 6: 0.5}
    run.start()
    assert run.evaluated == [1, 2, 3, 4, 5, 6] == run.lines()
    assert run.best.iteration == 3
    assert [path.name for path in tmp_path.glob("model_0*")] == []


def test_a_best_result_that_is_done_again_makes_room_for_the_one_before(tmp_path):
    run = Run(tmp_path, {1: 0.1, 2: 0.3, 3: 0.2, 4: 0.4, 5: 0.9}, max_iter=8)
    run.crash()
    assert run.best.iteration == 5
    for name in ("model_0000006.pth", "model_0000004.pth"):
        (tmp_path / name).write_bytes(b"damaged")
    run.values = {}
    run.crash()  # goes on from 2, and ends before the next evaluation
    assert run.best == BestResult("val/mAP", 0.3, 2, "model")
    assert read_best(tmp_path / "model_best_earlier.pth").iteration == 5
    assert run.lines() == [1, 2]


def test_a_best_result_whose_weights_are_gone_is_forgotten_with_a_warning(tmp_path):
    run = Run(tmp_path, {1: 0.1, 2: 0.3, 3: 0.8, 4: 0.4, 5: 0.5})
    run.crash()
    (tmp_path / "model_best.pth").unlink()
    run.values = {6: 0.45}
    with collected_log() as log:
        run.start()
    says(" ".join(record.getMessage() for record in log), "no checkpoint has the weights", "0.8000 of iteration 3")
    assert run.best == BestResult("val/mAP", 0.45, 6, "model")


@pytest.mark.parametrize("lost", ["metrics.jsonl", "model_best.pth"])
def test_the_best_survives_a_lost_file(tmp_path, lost):
    run = Run(tmp_path, {1: 0.1, 2: 0.3, 3: 0.2, 4: 0.2, 5: 0.25})
    run.crash()
    (tmp_path / lost).unlink()
    run.values = {4: 0.2, 5: 0.25, 6: 0.2}
    run.start()
    assert run.best == BestResult("val/mAP", 0.3, 2, "model")


def test_a_run_ends_early_and_says_how_to_go_on(tmp_path):
    run = Run(tmp_path, {1: 0.1, 2: 0.5, 3: 0.2, 4: 0.5, 5: nan}, patience=2)
    with collected_log() as log:
        run.start()
    assert run.done == 4
    says(" ".join(record.getMessage() for record in log), "ends early, at iteration 4 of 6", "2 evaluations in a row",
         "0.5000 of iteration 2", "SOLVER.PATIENCE 4", "or 0")  # fmt: skip
    assert torch.load(tmp_path / "model_final.pth", weights_only=True)["iteration"] == 4
    assert run.evaluated == [1, 2, 3, 4] == run.lines()

    run.start()  # The same command again.
    assert not run.trained
    assert run.evaluated == [1, 2, 3, 4] == run.lines()

    run.patience = 3  # Counts on: one more.
    run.start()
    assert run.trained
    assert run.done == 5
    assert (tmp_path / "model_0000004.pth").is_file()  # where it ended before
    run.patience, run.values = 0, {6: 0.1}
    run.start()
    assert run.done == 6
    assert run.lines() == [1, 2, 3, 4, 5, 6]


def test_an_early_end_that_was_cut_short_is_made_whole(tmp_path, monkeypatch):
    run = Run(tmp_path, {1: 0.1, 2: 0.5, 3: 0.2, 4: 0.5}, patience=2)
    with monkeypatch.context() as patch:
        write = RunSaver._write

        def cut_short(saver, iteration, progress, final):
            if final:
                raise InterruptedError
            write(saver, iteration, progress, final)

        patch.setattr(RunSaver, "_write", cut_short)
        run.crash()
    assert not (tmp_path / "model_final.pth").exists()
    run.start()
    assert torch.load(tmp_path / "model_final.pth", weights_only=True)["iteration"] == 4
    assert run.lines() == [1, 2, 3, 4]

    # A lower patience than before ends a run where it is.
    (tmp_path / "low").mkdir()
    run = Run(tmp_path / "low", {1: 0.1, 2: 0.05, 3: 0.05})
    run.crash()
    run.patience, run.values = 2, {4: 0.05}
    run.start()
    assert not run.trained
    assert torch.load(tmp_path / "low" / "model_final.pth", weights_only=True)["extra"]["best"]["since"] == 2


def test_the_average_is_restored_to_the_bit_or_begins_anew(tmp_path):
    values = dict.fromkeys(range(1, 7), 0.1)
    whole = Run(tmp_path / "whole", values, ema=0.9)
    whole.start()
    stopped = Run(tmp_path / "stopped", {1: 0.1, 2: 0.1, 3: 0.1}, ema=0.9)
    stopped.crash()
    stopped.values = values
    stopped.start()
    assert whole.weights == {**stopped.weights}
    finals = [torch.load(tmp_path / name / "model_final.pth", weights_only=True) for name in ("whole", "stopped")]
    assert finals[0]["ema"] == finals[1]["ema"]

    without = Run(tmp_path / "without", {1: 0.1, 2: 0.1, 3: 0.1})
    without.crash()
    without.values, without.options["ema"] = values, 0.9
    trainer = without.start()
    assert trainer.step.average.updates == 2  # since iteration 4
    content = torch.load(tmp_path / "without" / "model_final.pth", weights_only=True)
    for wrong in ({}, 3, {"model": 3, "updates": 1}, {**content["ema"], "updates": -1},
                  {**content["ema"], "model": {"weight": torch.tensor(nan)}},
                  {**content["ema"], "model": {"weight": torch.zeros(2)}}):  # fmt: skip
        torch.save({**content, "ema": wrong}, tmp_path / "wrong.pth")
        with pytest.raises(CheckpointError, match=r"wrong\.pth: ema"):
            trainer.checkpointer.resume(tmp_path / "wrong.pth")
