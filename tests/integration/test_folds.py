"""A cross-validation by the real command lines: configs, trainings, the sum, and what may be done with it."""

from __future__ import annotations

import json

import pytest
from messages import says


@pytest.mark.slow(weight=2)
def test_two_folds_of_a_toy_dataset(tool, small_toy_folder, tmp_path):
    places = ("DATASETS.DATA_DIR", small_toy_folder)
    flags = ("--dataset-name", "toy", "--backbone", "tiny", "--num-gpus", 0, "--max-iter", 2, "--folds", 2)
    status, text, message = tool("generate_finetune_config.py", *flags, "-o", "output/folds", *places)
    assert status == 0, message
    says(text, "Wrote 2 folds to output/folds", "python ", "run_folds.py output/folds")
    quick = (
        "DATALOADER.NUM_WORKERS",
        0,
        "SOLVER.EVAL_PERIOD",
        100,
        "INPUT.MIN_SIZE_TRAIN",
        64,
        "INPUT.MIN_SIZE_TEST",
        64,
    )
    status, text, message = tool("run_folds.py", "output/folds", *quick)
    assert status == 0, message
    says(text, "[2/2] fold_2: finished", "mAP over all 3 videos", "bootstrap over 3 videos: too few to rely on it")
    folder = tmp_path / "output" / "folds"
    result = json.loads((folder / "inference" / "toy_folds_all" / "result.json").read_text())
    alone = [
        json.loads((folder / f"fold_{k}" / "run" / "inference" / f"toy_folds_{k}_val" / "result.json").read_text())
        for k in (1, 2)
    ]
    for name in ("keyframes", "ground_truth_labels", "detection_boxes"):
        assert result["counts"][name] == sum(each["counts"][name] for each in alone) > 0
    # What is finished is kept.
    stamp = (folder / "fold_1" / "run" / "model_final.pth").stat().st_mtime_ns
    status, again, message = tool("run_folds.py", "output/folds", *quick)
    assert (status, "2 finished" in again) == (0, True), message
    assert (folder / "fold_1" / "run" / "model_final.pth").stat().st_mtime_ns == stamp
    status, text, message = tool("report.py", "--run", "output/folds", "--examples", 0)
    assert status == 0, message
    assert "toy_folds_all" in (folder / "report.html").read_text()
    # The folds can be compared like a run; here with one of their own evaluations, which has other videos.
    status, _, message = tool("compare_runs.py", "output/folds", "output/folds/fold_1/run")
    assert (status, "only in the first" in message) == (3, True)
