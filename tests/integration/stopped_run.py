"""train_net.py that saves after an iteration of choice and stops after another, in every process; also for torchrun.

Usage: stopped_run.py SAVED STOPPED BAD FLAGS...: the numbers of the iterations, 0 for never; in iteration BAD the
features of the last process are not finite. FLAGS are those of train_net.py.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from harness import load_script, run_train

from alphaction.engine.trainer import Trainer
from alphaction.modeling.detector import DetectionModel


def _main(saved: int, stopped: int, bad: int, flags: list[str]) -> None:
    step, extract = Trainer.train_step, DetectionModel.extract_features
    done = [0]

    def counted_step(trainer: Trainer, micro_batches: list) -> dict:
        done[0] = trainer.step.scheduler.last_epoch
        if done[0] == saved > 0:
            trainer.save(saved)
        if done[0] == stopped > 0:
            os._exit(0)
        return step(trainer, micro_batches)

    def broken_features(model: DetectionModel, batch: object) -> object:
        pooled = extract(model, batch)
        last = os.environ.get("RANK", "0") == str(int(os.environ.get("WORLD_SIZE", "1")) - 1)
        return replace(pooled, person=pooled.person / 0) if last and model.training and done[0] + 1 == bad else pooled

    Trainer.train_step, DetectionModel.extract_features = counted_step, broken_features
    run_train(load_script(Path(__file__).resolve().parents[2] / "train_net.py").parse_arguments(flags))


if __name__ == "__main__":
    _main(*map(int, sys.argv[1:4]), sys.argv[4:])
