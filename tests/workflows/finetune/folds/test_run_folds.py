"""tools/run_folds.py: what is kept, what is refused, what a failure says, and what comes out; without a training."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from messages import refused, says

from alphaction.config import load_cfg
from alphaction.config.paths_catalog import find_dataset
from alphaction.data.tables import open_tables
from alphaction.evaluation import AvaEvaluator, Predictions, read_detections, write_detections, write_json
from alphaction.workflows.finetune.finetune_options import FinetuneOptions
from alphaction.workflows.finetune.folds import run_folds as module
from alphaction.workflows.finetune.folds.pooled import pooled_text
from alphaction.workflows.finetune.folds.run_folds import run_folds
from alphaction.workflows.finetune.folds.write_folds import write_folds

# Stands for the launcher: puts there what the training of a fold would have left, unless it is to fail.
TRAINING = """
import os, shutil, sys
from pathlib import Path
place, fails = Path(sys.argv[1]), sys.argv[2:]
print("training in", place.name)
if fails:
    (place / "run").mkdir(exist_ok=True)
    (place / "run" / "last_checkpoint").write_text("model_0000003.pth")
    if fails == ["killed"]:
        os.kill(os.getpid(), 9)
    sys.exit("no space left")
shutil.copytree(place / "left", place / "run", dirs_exist_ok=True)
"""


@dataclass
class Folds:
    path: Path
    started: list[int]
    fails: set[int]
    how: str = "fails"


@pytest.fixture
def folds(toy_folder, tmp_path, monkeypatch) -> Folds:
    """Two folds of the toy dataset, whose trainings are quick."""
    options = FinetuneOptions(dataset_name="toy", backbone="tiny", folds=2, data_dir=str(toy_folder), weights="")
    folder = write_folds(options, tmp_path / "folds").folder
    rng = np.random.default_rng(0)
    for number in (1, 2):
        name = f"{folder.base(number)}_val"
        cfg = load_cfg(None, ["DATASETS.CATALOG", [str(folder.place(number) / "dataset.yaml")]])
        tables = open_tables(find_dataset(cfg, name), boxes=())
        truth = tables.annotations
        scores = rng.uniform(0, 0.6, (len(truth), tables.label_map.num_classes)).astype(np.float32)
        scores[truth.box_of_label(), tables.label_map.channels(truth.label_ids)] += 0.3
        found = Predictions(list(truth.keyframes), truth.keyframe_of_box(), truth.boxes, scores, tables.label_map.ids)
        left = folder.place(number) / "left" / "inference" / name
        write_detections(left / "detections.csv", found)
        write_json(left / "result.json", AvaEvaluator(truth, tables.label_map).evaluate(found))
    made = Folds(folder.path, [], set())

    def command(folder, number, overrides):
        made.started.append(number)
        more = [made.how] if number in made.fails else []
        return [sys.executable, "-c", TRAINING, str(folder.place(number)), *more]

    monkeypatch.setattr(module, "_command", command)
    return made


def test_all_videos_together_and_the_mean_of_the_folds(folds, capsys):
    pooled = run_folds(folds.path)
    assert folds.started == [1, 2]
    says(capsys.readouterr().out, "[1/2] fold_1: training; its output goes to ", "[2/2] fold_2: finished after ",
         "mAP over all 6 videos", "bootstrap over 6 videos", "mean of the folds", "compare_runs.py")  # fmt: skip
    assert "training in fold_2" in (folds.path / "fold_2" / "train.log").read_text()
    alone = []
    for number in (1, 2):
        record = folds.path / f"fold_{number}" / "run" / "inference" / f"toy_folds_{number}_val" / "result.json"
        alone.append(json.loads(record.read_text())["mAP"])
    assert [each.mAP for each in pooled.folds] == alone
    assert pooled.mean == pytest.approx(sum(alone) / 2)
    assert pooled.deviation == pytest.approx(abs(alone[0] - alone[1]) / 2**0.5)
    cfg = load_cfg(None, ["DATASETS.CATALOG", [str(folds.path / "dataset.yaml")]])
    tables = open_tables(find_dataset(cfg, "toy_folds_all"), boxes=())
    results = folds.path / "inference" / "toy_folds_all"
    found = read_detections(results / "detections.csv")
    assert len(found.boxes) == len(tables.annotations)
    expected = AvaEvaluator(tables.annotations, tables.label_map).evaluate(found)
    assert pooled.result.per_class == expected.per_class
    assert pooled.result.optimistic  # every box is an annotated one
    assert json.loads((results / "result.json").read_text())["intervals"]["videos"] == 6
    assert (results / "report.txt").read_text() == pooled_text(pooled).lstrip() + "\n"
    spaced = replace(pooled, folder=replace(pooled.folder, path=Path("my folds")))
    says(pooled_text(spaced), "report.py --run 'my folds'", "compare_runs.py 'my folds' OTHER_FOLDS")


def test_a_fold_that_fails_is_named_and_the_others_are_kept(folds):
    folds.fails = {2}
    says(refused(lambda: run_folds(folds.path)), "fold_2 ended with status 1", "no space left", "run_folds.py")
    assert folds.started == [1, 2]
    says(refused(lambda: run_folds(folds.path, sum_only=True)), "fold_2 of 2 folds", "--sum-only")
    folds.fails = set()
    run_folds(folds.path)
    assert folds.started == [1, 2, 2]
    run_folds(folds.path, sum_only=True)
    assert folds.started == [1, 2, 2]


def test_a_training_that_began_with_something_else_does_not_go_on(folds):
    folds.fails, folds.how = {1}, "killed"
    says(refused(lambda: run_folds(folds.path, ["SOLVER.MAX_ITER", "3"])), "fold_1 was ended by SIGKILL")
    says(refused(lambda: run_folds(folds.path)), "fold_1 was trained with other KEY VALUE pairs",
         f"rm -r {folds.path / 'fold_1' / 'run'}")  # fmt: skip
    # The videos are divided anew: those that fold 1 has begun to train on may be its validation now.
    for name in ("train.csv", "val.csv"):
        file = folds.path / "fold_1" / name
        file.write_text("".join(file.read_text().splitlines(keepends=True)[1:]))
    folds.fails = set()
    message = refused(lambda: run_folds(folds.path, ["SOLVER.MAX_ITER", "3"]))
    says(message, "fold_1 was trained with another config or other data")
    assert "finished.json" not in message
    assert folds.started == [1]
    shutil.rmtree(folds.path / "fold_1" / "run")
    run_folds(folds.path)
    assert folds.started == [1, 1, 2]


def test_what_was_trained_with_something_else_is_refused(folds):
    run_folds(folds.path, ["SOLVER.MAX_ITER", "3"])
    says(refused(lambda: run_folds(folds.path)), "fold_1 was trained with other KEY VALUE pairs", "SOLVER.MAX_ITER 3",
         "fold_2 was trained with other KEY VALUE pairs", "finished.json")  # fmt: skip
    run_folds(folds.path, sum_only=True)
    config = folds.path / "fold_2" / "config.yaml"
    config.write_text(config.read_text() + "# another\n")
    says(
        refused(lambda: run_folds(folds.path, sum_only=True)), "fold_2 was trained with another config", "finished.json"
    )


def test_what_is_no_folder_of_folds_is_refused(folds, tmp_path):
    says(refused(lambda: run_folds(tmp_path / "fold")), "does not exist", "folds")
    says(refused(lambda: run_folds(folds.path / "fold_1")), "has no folds.json", "--folds K")
    (folds.path / "fold_2" / "config.yaml").unlink()
    says(refused(lambda: run_folds(folds.path)), "fold_2/config.yaml is missing", "--force")
    (folds.path / "folds.json").write_text("[1]")
    says(refused(lambda: run_folds(folds.path)), "folds.json cannot be read")
