"""A registered dataset whose files are opened together."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from alphaction.config import load_cfg
from alphaction.config.paths_catalog import find_dataset
from alphaction.data.tables import open_tables, seconds_of_videos
from alphaction.utils.errors import UserError


def test_tables_of_a_dataset(small_toy_folder):
    cfg = load_cfg(None, ["DATASETS.DATA_DIR", str(small_toy_folder)])
    tables = open_tables(find_dataset(cfg, "toy_val"))
    assert tables.label_map.num_classes == 13
    assert set(tables.annotations.keyframes.videos) == {"val_000"}
    assert tables.source.frame_size("val_000") == (160, 120)
    assert len(tables.person_boxes) > 0
    assert len(tables.object_boxes) > 0
    bare = open_tables(find_dataset(cfg, "toy_val", without=("person_boxes", "object_boxes")))
    assert (bare.person_boxes, bare.object_boxes) == (None, None)


def test_the_videos_tell_the_frame_size_of_boxes_in_pixels(small_toy_folder):
    cfg = load_cfg(None, ["DATASETS.DATA_DIR", str(small_toy_folder)])
    spec = find_dataset(cfg, "toy_val")
    spec.person_boxes.write_text(json.dumps([{"image_id": "val_000/1", "bbox": [40, 30, 80, 60], "score": 0.5}]))
    assert open_tables(spec).person_boxes.boxes.tolist() == [[0.25, 0.25, 0.75, 0.75]]


def test_only_the_boxes_that_are_wanted_are_read(small_toy_folder):
    spec = find_dataset(load_cfg(None, ["DATASETS.DATA_DIR", str(small_toy_folder)]), "toy_val")
    tables = open_tables(
        replace(spec, object_boxes=small_toy_folder / "none.csv"), boxes=["person_boxes"], training=True
    )
    assert tables.object_boxes is None
    assert (tables.training, tables.name, tables.counted_classes) == (True, "toy_val", tables.label_map)
    assert (tables.keyframe_of(tables.person_boxes) >= 0).all()
    assert [
        (video, seconds.tolist()) for video, seconds in seconds_of_videos(tables.annotations.keyframes).items()
    ] == [("val_000", [0, 1, 2, 3])]


def test_every_faulty_file_is_reported_where_errors_are_collected(small_toy_folder, tmp_path):
    spec = find_dataset(load_cfg(None, ["DATASETS.DATA_DIR", str(small_toy_folder)]), "toy_val")
    broken = tmp_path / "broken.csv"
    broken.write_text("val_000,one,0,0,1,1,0.5\n")
    faulty = replace(spec, videos=tmp_path / "none", person_boxes=broken, exclusions=broken)
    found = []
    tables = open_tables(faulty, on_error=lambda what, error: found.append((what, str(error))))
    assert [what for what, _ in found] == ["videos", "exclusions", "person boxes"]
    assert all(str(broken) in message for _, message in found[1:])
    assert (tables.source, tables.person_boxes) == (None, None)
    assert len(tables.object_boxes) > 0
    found.clear()
    assert open_tables(replace(faulty, annotations=broken), on_error=lambda *fault: found.append(fault)) is None
    assert [what for what, _ in found] == ["videos", "annotations", "exclusions", "person boxes"]
    with pytest.raises(UserError, match="videos"):
        open_tables(faulty)
