"""A study whose runs are a few lines of Python instead of trainings."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from alphaction.toy import ToyOptions
from benchmarks.ablation.dataset import StudyData
from benchmarks.ablation.plan import Run, Study, StudyOptions, plan_study
from benchmarks.ablation.record import new_record
from benchmarks.ablation.results import Cost, Results, Scores

KINDS = {
    "jump": "own",
    "wave": "own",
    "after": "memory",
    "before": "memory",
    "ball": "object",
    "other": "person",
}
CHANCE = {"jump": 0.5, "wave": 0.5, "after": 0.375, "before": 0.375, "ball": 0.5, "other": 0.5}
# Stands for train_net.py: notes its start and its threads, and writes AP as the mode says.
FAKE = """
import json, os, sys, time
from pathlib import Path
mode, folder, result = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
(folder / "pid").write_text(str(os.getpid()))
with (folder / "starts").open("a") as file:
    file.write(os.environ["OMP_NUM_THREADS"] + "\\n")
print("a line of", mode, flush=True)
if mode == "once" and len((folder / "starts").read_text().splitlines()) == 1:
    mode = "hang"
if mode == "break" and len((folder / "starts").read_text().splitlines()) == 1:
    (folder / "half").touch()
    mode = "hang"
if mode == "hang":
    time.sleep(600)
if mode == "fail":
    sys.exit("it broke")
if mode != "silent":
    result.parent.mkdir(parents=True, exist_ok=True)
    result.write_text(json.dumps({"per_class": {"jump": 0.75, "wave": None, "after": 0.25}}))
"""


TINY = ToyOptions("interactions", num_train=2, num_val=2, seconds=8, width=256, height=48)


@pytest.fixture(scope="session")
def folder(made_toy) -> Path:
    """A tiny dataset of the world, the default one but for its size."""
    return made_toy(TINY) / "toy"


@pytest.fixture(autouse=True)
def no_picture(monkeypatch):
    """The picture of the world needs its videos; test_picture.py draws it."""
    monkeypatch.setattr("benchmarks.ablation.study.draw_world", lambda *_: None)


@pytest.fixture
def data(tmp_path) -> StudyData:
    """What would be known of a dataset that is not there."""
    options = {"world": "interactions", "num_train": 4, "num_val": 2, "seconds": 16, "fps": 12.0, "width": 224}
    record = {"format": 2, "options": {**options, "height": 48, "seed": 0}}
    return StudyData(tmp_path / "data", "data", record, KINDS, CHANCE, lag=4)


@pytest.fixture
def options(tmp_path) -> StudyOptions:
    """Two arms, two seeds, two at a time."""
    return StudyOptions(tmp_path / "data", tmp_path / "out", (0, 1), ("baseline", "M"), jobs=2)


@pytest.fixture
def study(options, data) -> Study:
    """The plan of ``options``."""
    return plan_study(options, data)


@pytest.fixture
def fake():
    """Return a function that replaces a run's command by a program that behaves as ``mode`` says."""

    def replaced(run: Run, mode: str = "ok") -> Run:
        return replace(run, command=(sys.executable, "-c", FAKE, mode, str(run.folder), str(run.result)))

    return replaced


@pytest.fixture
def measured(options, data):
    """Return a function from arm -> AP in points of each kind, for each seed, to results of a study of all arms."""

    def results(numbers: dict[str, list[dict[str, float]]]) -> Results:
        study = plan_study(replace(options, arms=(), seeds=(0, 1, 2)), data)
        scores = {}
        for run in study.runs:
            if run.seed < len(numbers.get(run.arm, [])):
                kinds = numbers[run.arm][run.seed]
                record = new_record(run)
                record.seconds, record.device, record.finished = 120.0, "CPU (2 cores)", True
                scores[run.arm, run.seed] = Scores({name: kinds[kind] for name, kind in KINDS.items()}, record)
        return Results(study, scores, Cost(600.0, 2, 1))

    return results


def starts_of(folder: Path) -> list[str]:
    """Return the threads of each start of a fake run."""
    return (folder / "starts").read_text().splitlines()


def record_of(folder: Path) -> dict:
    """Return a run's record."""
    return json.loads((folder / "ablation.json").read_text())
