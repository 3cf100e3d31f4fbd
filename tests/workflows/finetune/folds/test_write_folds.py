"""--folds: which files and configs are written, that they load, and what is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from messages import refused, says

from alphaction.config import load_cfg
from alphaction.config.paths_catalog import find_dataset
from alphaction.data.annotations import write_ava_csv
from alphaction.data.tables import open_tables
from alphaction.workflows.finetune.finetune_options import FinetuneOptions
from alphaction.workflows.finetune.folds.fold_record import read_folds
from alphaction.workflows.finetune.folds.joined_splits import part_of_annotations
from alphaction.workflows.finetune.folds.write_folds import default_folder, write_folds


@pytest.fixture(scope="module")
def options(toy_folder) -> FinetuneOptions:
    return FinetuneOptions(
        dataset_name="toy", backbone="tiny", max_iter=2, folds=2, data_dir=str(toy_folder), weights=""
    )


@pytest.fixture(scope="module")
def written(options, tmp_path_factory):
    """Two folds of the toy dataset, which has 4 + 2 videos."""
    return write_folds(options, tmp_path_factory.mktemp("folds") / "toy_folds")


def tables_of(folder: Path, name: str):
    cfg = load_cfg(None, ["DATASETS.DATA_DIR", str(folder), "DATASETS.CATALOG", [str(folder / "dataset.yaml")]])
    return open_tables(find_dataset(cfg, name))


def test_every_video_is_validated_once_by_a_training_on_the_others(written, options, toy_folder):
    folder = written.folder
    whole = tables_of(folder.path, folder.all_videos).annotations
    videos = set(whole.keyframes.videos.tolist())
    splits = [open_tables(find_dataset(options.catalog_cfg, name)) for name in ("toy_train", "toy_val")]
    assert videos == {video for each in splits for video in each.annotations.keyframes.videos.tolist()}
    assert len(whole) == sum(len(each.annotations) for each in splits)
    assert whole.num_labels == sum(each.annotations.num_labels for each in splits)
    validated = []
    for number in (1, 2):
        train = tables_of(folder.place(number), f"{folder.base(number)}_train")
        val = tables_of(folder.place(number), f"{folder.base(number)}_val")
        own = set(val.annotations.keyframes.videos.tolist())
        assert set(train.annotations.keyframes.videos.tolist()) == videos - own
        assert set(val.person_boxes.keyframes.videos.tolist()) == own
        assert val.object_boxes is not None
        assert train.label_map.names == splits[0].label_map.names
        validated += sorted(own)
    assert sorted(validated) == sorted(videos)
    # What is in them is what was there, to the last digit.
    video = splits[1].annotations.keyframes[0].video
    number = json.loads((folder.path / "folds.json").read_text())["videos"][video]
    val = tables_of(folder.place(number), f"{folder.base(number)}_val")
    for name in ("boxes", "label_ids", "person_ids"):
        before, after = (
            getattr(part_of_annotations(table, {video}), name) for table in (splits[1].annotations, val.annotations)
        )
        assert before.tolist() == after.tolist()
    assert not (toy_folder / "toy" / "folds.json").exists()


def test_the_configs_are_those_of_the_generator(written):
    for number in (1, 2):
        cfg = load_cfg(written.folder.config(number))
        assert tuple(cfg.DATASETS.TRAIN) == (f"toy_folds_{number}_train",)
        assert tuple(cfg.DATASETS.TEST) == (f"toy_folds_{number}_val",)
        assert cfg.OUTPUT_DIR == str(written.folder.run(number))
        assert cfg.SOLVER.MAX_ITER == 2
    assert written.folder.launch == ("--cpu",)
    assert read_folds(written.folder.path) == written.folder
    assert len(written.table) == 3
    assert "run_folds.py" in written.folder.command()


def test_clips_of_one_source_stay_together(options, tmp_path):
    written = write_folds(replace(options, together=r"^([a-z]+)_"), tmp_path / "folds")
    fold = json.loads((tmp_path / "folds" / "folds.json").read_text())["videos"]
    assert {video.partition("_")[0]: number for video, number in fold.items()} in (
        {"train": 1, "val": 2},
        {"train": 2, "val": 1},
    )
    says("\n".join(written.notes), "6 videos make 2 groups, 2 of several videos")
    says(refused(lambda: write_folds(replace(options, together="^([a-z]+)_", folds=3), tmp_path / "more")),
         "--folds 3: 2 groups of videos", "--folds 2")  # fmt: skip
    says(refused(lambda: write_folds(replace(options, folds=7), tmp_path / "more")), "6 videos", "--folds 6")
    says(refused(lambda: write_folds(replace(options, together="("), tmp_path / "more")), "no regular expression")
    says(refused(lambda: write_folds(replace(options, output_dir="o"), tmp_path / "more")), "--output-dir", "(-o)")
    says(refused(lambda: write_folds(replace(options, together="a", folds=None), tmp_path / "more")), "--folds")


def test_what_is_there_is_not_overwritten(written, options, tmp_path):
    says(refused(lambda: write_folds(options, written.folder.path)), "holds folds already", "--force")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").touch()
    says(refused(lambda: write_folds(options, tmp_path / "mine")), "something else")
    before = written.folder.fingerprint(1)
    assert write_folds(options, written.folder.path, force=True).folder.fingerprint(1) == before
    assert str(default_folder(options)) == "output/toy_tiny_baseline_2_folds"


def test_avas_split_is_not_divided(tmp_path):
    says(refused(lambda: write_folds(FinetuneOptions(folds=2), tmp_path / "f")), "ava_video_train_v2.2", "fixed")


def test_splits_that_do_not_fit_are_refused(toy_folder, options, tmp_path):
    data = tmp_path / "data" / "toy"
    shutil.copytree(toy_folder / "toy", data, ignore=shutil.ignore_patterns("videos", "exports"))
    catalog = yaml.safe_load((data / "dataset.yaml").read_text())
    catalog["videos"] = str((toy_folder / "toy" / "videos").resolve())
    boxes = catalog["splits"]["train"].pop("person_boxes")
    (data / "dataset.yaml").write_text(yaml.safe_dump(catalog))
    own = replace(options, data_dir=str(data.parent))
    says(refused(lambda: write_folds(own, tmp_path / "f")), "toy_train has no person boxes", "detect_persons.py")
    catalog["splits"]["train"]["person_boxes"] = boxes
    (data / "dataset.yaml").write_text(yaml.safe_dump(catalog))
    shutil.copy(data / "annotations" / "train.csv", data / "annotations" / "val.csv")
    says(refused(lambda: write_folds(own, tmp_path / "f")), "is in both splits", "train.csv", "val.csv")
    assert not (tmp_path / "f").exists()
    shutil.copy(toy_folder / "toy" / "annotations" / "val.csv", data / "annotations" / "val.csv")
    bad = replace(own, weights="missing.pth", backbone="resnet50", folds=2, batch_size=3, num_gpus=2)
    says(refused(lambda: write_folds(bad, tmp_path / "f")), "--batch-size 3")
    (data / "annotations" / "toy_action_list.pbtxt").write_text('item {\n  name: "a"\n  id: 1\n}\n')
    refused(lambda: write_folds(own, tmp_path / "f"))
    assert not (tmp_path / "f").exists()


def test_a_keyframe_without_boxes_stays(written):
    table = tables_of(written.folder.path, written.folder.all_videos).annotations
    write_ava_csv(written.folder.path.parent / "again.csv", table)
    assert (written.folder.path.parent / "again.csv").read_bytes() == (written.folder.path / "all.csv").read_bytes()
