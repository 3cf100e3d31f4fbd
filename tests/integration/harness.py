"""The command lines on a small toy dataset, run in this process or as a person would."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from alphaction.engine.test import test as run_test
from alphaction.engine.train import train as run_train

# Frozen batch norms and no dropout: what a step computes then depends on its clips only.
PLAIN = (
    "MODEL.BACKBONE.FROZEN_BN True MODEL.ROI_ACTION_HEAD.DROPOUT_RATE 0.0 MODEL.IA_STRUCTURE.DROPOUT 0.0 "
    "INPUT.FLIP_PROB 0.0 INPUT.COLOR_JITTER False INPUT.SLOW_JITTER False "
    "MODEL.ROI_ACTION_HEAD.PROPOSAL_JITTER_X (0.0,0.0) MODEL.ROI_ACTION_HEAD.PROPOSAL_JITTER_Y (0.0,0.0)"
).split()
SMALL = (
    "INPUT.MIN_SIZE_TRAIN 64 INPUT.MAX_SIZE_TRAIN 96 INPUT.MIN_SIZE_TEST 64 INPUT.MAX_SIZE_TEST 96 "
    "SOLVER.VIDEOS_PER_BATCH 4 TEST.VIDEOS_PER_BATCH 4 SOLVER.LOG_PERIOD 1 SOLVER.WARMUP_ITERS 1 "
    "SOLVER.MAX_ITER 4 SOLVER.CHECKPOINT_PERIOD 2 SOLVER.EVAL_PERIOD 100 DATALOADER.NUM_WORKERS 0"
).split()


class Runner:
    """Runs train_net.py and test_net.py on the toy dataset with the memory model of config_files/tiny/toy.yaml."""

    def __init__(self, root: Path, data: Path, env: dict[str, str], python: str = sys.executable) -> None:
        self.root, self.data, self.env, self.python = root, data, env, python
        self.config = root / "config_files" / "tiny" / "toy.yaml"

    def arguments(self, output: Path, *extra: str) -> list[str]:
        """Return flags and overrides; later overrides win."""
        paths = ["DATASETS.DATA_DIR", str(self.data), "OUTPUT_DIR", str(output)]
        flags = [arg for arg in extra if arg.startswith("--")]
        overrides = [arg for arg in extra if not arg.startswith("--")]
        return ["--config-file", str(self.config), *flags, *paths, *SMALL, *overrides]

    def train(self, output: Path, *extra: str) -> list[dict]:
        """Train in this process; return the lines of metrics.jsonl."""
        run_train(load_script(self.root / "train_net.py").parse_arguments(self.arguments(output, *extra)))
        return read_metrics(output)

    def test(self, output: Path, *extra: str) -> dict:
        """Evaluate in this process; return result.json."""
        run_test(load_script(self.root / "test_net.py").parse_arguments(self.arguments(output, *extra)))
        return json.loads((output / "inference" / "toy_val" / "result.json").read_text())

    def command(self, launcher: list[str], script: str, output: Path, *extra: str) -> subprocess.CompletedProcess:
        """Run a script as a command line, from another folder; return the finished process."""
        command = [self.python, *launcher, str(self.root / script), *self.arguments(output, *extra)]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=300, cwd=self.data)


def load_script(path: Path):
    """Import a script of the clone's folder."""
    namespace = type(sys)(path.stem)
    namespace.__file__ = str(path)
    exec(compile(path.read_text(), str(path), "exec"), namespace.__dict__)
    return namespace


def read_metrics(output: Path) -> list[dict]:
    """Return the lines of a run's metrics.jsonl."""
    return [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]


def losses(metrics: list[dict]) -> dict[int, float]:
    """Return iteration -> loss."""
    return {line["iteration"]: line["loss"] for line in metrics if "loss" in line}
