"""A registered dataset whose files are opened together."""

from __future__ import annotations

import json

import pytest

from alphaction.config import load_cfg
from alphaction.config.paths_catalog import find_dataset
from alphaction.data.tables import open_tables
from alphaction.toy import ToyOptions, make_toy_dataset


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    make_toy_dataset(folder / "toy", ToyOptions(num_train=1, num_val=1, seconds=3))
    return folder


def test_tables_of_a_dataset(data_dir):
    cfg = load_cfg(None, ["DATASETS.DATA_DIR", str(data_dir)])
    tables = open_tables(find_dataset(cfg, "toy_val"))
    assert tables.label_map.num_classes == 13
    assert set(tables.annotations.keyframes.videos) == {"val_000"}
    assert tables.source.frame_size("val_000") == (160, 120)
    assert len(tables.persons()) > 0
    assert len(tables.objects()) > 0
    bare = open_tables(find_dataset(cfg, "toy_val", without=("person_boxes", "object_boxes")))
    assert (bare.persons(), bare.objects()) == (None, None)


def test_the_videos_tell_the_frame_size_of_boxes_in_pixels(data_dir):
    cfg = load_cfg(None, ["DATASETS.DATA_DIR", str(data_dir)])
    spec = find_dataset(cfg, "toy_val")
    spec.person_boxes.write_text(json.dumps([{"image_id": "val_000/1", "bbox": [40, 30, 80, 60], "score": 0.5}]))
    assert open_tables(spec).persons().boxes.tolist() == [[0.25, 0.25, 0.75, 0.75]]
