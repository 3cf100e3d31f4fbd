"""tools/prepare_dataset.py as a person would run it, and training clips of the result."""

from __future__ import annotations

import subprocess

import pytest
from messages import says

from alphaction.config import get_cfg
from alphaction.config.paths_catalog import find_dataset
from alphaction.data.dataset import ActionDataset
from alphaction.data.sample import SampleRequest


@pytest.fixture
def command(repo_root, quick_python, subprocess_env, tmp_path):
    """Run the tool in a folder of its own; return the finished process."""

    def run(*arguments: str) -> subprocess.CompletedProcess:
        tool = [quick_python, str(repo_root / "tools" / "prepare_dataset.py"), *arguments]
        return subprocess.run(tool, env=subprocess_env, capture_output=True, text=True, timeout=120, cwd=tmp_path)

    return run


def test_prepared_videos_load_as_clips(command, toy_folder, tmp_path, monkeypatch):
    toy = toy_folder / "toy"
    done = command(
        *["--name", "own", "--videos", str(toy / "videos"), "--val-fraction", "0.34", "--split-by", "video"],
        *["--annotations", str(toy / "annotations/train.csv"), str(toy / "annotations/val.csv")],
        *["--label-map", str(toy / "annotations/toy_action_list.pbtxt")],
        *["--person-boxes", str(toy / "boxes/train_person_detections.csv")],
        str(toy / "boxes/val_person_detections.csv"),
        *["DATASETS.DATA_DIR", "mnt", "--process-num", "1"],
    )
    assert done.returncode == 0, done.stderr
    says(
        done.stdout,
        "mnt/own/dataset.yaml registers own_train and own_val",
        "/tools/validate_dataset.py --all own DATASETS.DATA_DIR mnt\n",
    )
    monkeypatch.chdir(tmp_path)
    cfg = get_cfg()
    cfg.DATASETS.DATA_DIR = "mnt"
    clips = {}
    for split in ("train", "val"):
        dataset = ActionDataset.from_config(cfg, find_dataset(cfg, f"own_{split}"), training=split == "train")
        clips[split] = len(dataset)
        sample = dataset[SampleRequest(0, 0)]
        assert sample.slow.shape[0] == 3
        assert sample.boxes.shape[0] >= 1
    keyframes = [
        {tuple(line.split(",")[:2]) for line in (toy / f"annotations/{split}.csv").read_text().splitlines()}
        for split in ("train", "val")
    ]
    assert sum(clips.values()) == sum(map(len, keyframes))
    assert min(clips.values()) > 0


def test_other_keys_are_refused(command, toy_folder):
    toy = toy_folder / "toy"
    done = command(
        *["SOLVER.BASE_LR", "1", "--name", "own", "--videos", str(toy / "videos")],
        *["--annotations", str(toy / "annotations/train.csv")],
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: SOLVER.BASE_LR: ")


def test_a_mistake_is_one_message(command, toy_folder):
    toy = toy_folder / "toy"
    done = command(
        *["--name", "own", "--videos", str(toy / "videos"), "--train", str(toy / "annotations/train.csv")],
        *["--val", str(toy / "annotations/val.csv"), "--label-map", str(toy / "annotations/toy_action_lst.pbtxt")],
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: --label-map: ")
    assert "toy_action_list.pbtxt" in done.stderr
    assert done.stdout == ""
