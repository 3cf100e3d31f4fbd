from __future__ import annotations

import pytest

from alphaction.config import load_cfg
from alphaction.config.paths_catalog import find_dataset
from alphaction.data.annotations import Keyframe, read_annotations, read_label_map
from alphaction.toy.writer import LABEL_MAP, split_files
from benchmarks.active.world import Pool


@pytest.fixture
def pool(toy_folder) -> Pool:
    folder = toy_folder / "toy"
    truth = read_annotations(folder / split_files("train")["annotations"], read_label_map(folder / LABEL_MAP))
    return Pool(folder, truth)


def test_labels_are_those_of_the_chosen_keyframes_alone(pool, tmp_path):
    chosen = [Keyframe("train_002", 1), Keyframe("train_000", 4)]
    assert set(chosen) < set(pool.keyframes)
    catalog = pool.write_labeled(tmp_path, chosen)
    cfg = load_cfg("config_files/tiny/base.yaml", ["DATASETS.CATALOG", f"[{catalog}]"])
    entry = find_dataset(cfg, "labeled_train")
    label_map = read_label_map(pool.folder / LABEL_MAP)
    written = read_annotations(tmp_path / "labeled.csv", label_map)
    assert list(written.keyframes) == sorted(chosen)
    assert len(written.boxes) == len(pool.labeled(chosen).boxes)
    rows = (pool.folder / split_files("train")["annotations"]).read_text(encoding="utf-8").splitlines()
    expected = [row for row in rows if row.startswith(("train_002,0001,", "train_000,0004,"))]
    assert len(written.label_ids) == len(expected) == len(pool.labeled(chosen).label_ids)
    assert str(entry.label_map) == str(pool.folder / LABEL_MAP)


def test_videos_are_those_with_labels(pool):
    assert [path.stem for path in pool.videos] == [f"train_{number:03d}" for number in range(4)]
    assert all(path.is_file() for path in [*pool.videos, pool.detections, pool.catalog])
