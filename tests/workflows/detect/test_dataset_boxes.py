from __future__ import annotations

from pathlib import Path

from alphaction.config.paths_catalog import BUILT_IN, DatasetSpec
from alphaction.workflows.detect.dataset_boxes import registration_hint


def spec(source, name="mine_val") -> DatasetSpec:
    annotations = Path("data/AVA/annotations/ava_val_v2.2.csv")
    return DatasetSpec(name, None, None, Path("c.pbtxt"), None, annotations, None, None, None, str(source))


def test_the_line_for_dataset_yaml(tmp_path):
    catalog = tmp_path / "dataset.yaml"
    catalog.write_text("name: mine\n")
    inside = registration_hint(spec(catalog), tmp_path / "boxes" / "val.csv", "person_boxes")
    assert inside == f"To use it, write into {catalog}, below splits: val:\n    person_boxes: boxes/val.csv"
    outside = registration_hint(spec(catalog), tmp_path.parent / "val.csv", "object_boxes")
    assert outside.endswith(f"object_boxes: {(tmp_path.parent / 'val.csv').resolve()}")


def test_built_in_datasets_have_a_place():
    hint = registration_hint(spec(BUILT_IN, "ava_video_val_v2.2"), Path("x.csv"), "object_boxes")
    assert "data/AVA/boxes/ava_val_det_object_bbox.json" in hint
