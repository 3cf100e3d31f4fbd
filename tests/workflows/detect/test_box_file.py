from __future__ import annotations

from pathlib import Path

import numpy as np

from alphaction.config.paths_catalog import BUILT_IN, DatasetSpec
from alphaction.data.annotations import BoxTable
from alphaction.workflows.detect.box_file import registration_hint, write_boxes


def spec(source, name="mine_val") -> DatasetSpec:
    annotations = Path("data/AVA/annotations/ava_val_v2.2.csv")
    return DatasetSpec(name, None, None, Path("c.pbtxt"), None, annotations, None, None, None, str(source))


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    import pytest

    from alphaction.workflows.detect import box_file

    output = tmp_path / "x.csv"
    output.write_text("old")
    monkeypatch.setattr(box_file, "write_box_csv", lambda path, table: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_boxes(output, BoxTable.from_columns([], [], np.zeros((0, 4)), []))
    assert output.read_text() == "old"


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
