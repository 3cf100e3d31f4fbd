from __future__ import annotations

from pathlib import Path

import pytest

from alphaction.config.paths_catalog import BUILT_IN, DatasetSpec
from alphaction.utils.errors import UserError
from alphaction.workflows.detect.dataset_boxes import _registered, default_output, registration_hint


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


def test_boxes_go_beside_the_dataset_but_never_into_the_program(repo_root, tmp_path):
    catalog = tmp_path / "dataset.yaml"
    catalog.write_text("name: mine\n")
    assert default_output(spec(catalog), False) == tmp_path / "boxes" / "detected_persons_val.csv"
    assert default_output(spec(catalog, "mine_train"), True) == tmp_path / "boxes" / "detected_objects_train.csv"
    for source, name in (
        (repo_root / "config_files/tiny/pets_dataset.yaml", "pets_val"),
        (BUILT_IN, "ava_video_val_v2.2"),
    ):
        with pytest.raises(UserError, match=f"{name} .*--output FILE"):
            default_output(spec(source, name), False)
    shipped = spec(repo_root / "config_files/tiny/pets_dataset.yaml", "pets_val")
    before = Path(shipped.source).read_text()
    text = _registered(shipped, tmp_path / "x.csv", every_class=False, wanted=True)
    assert text.startswith(f"Not registered: {shipped.source} comes with the program. To use {tmp_path}/x.csv, copy ")
    assert text.endswith(f"below splits: val:\n    person_boxes: {tmp_path}/x.csv")
    assert Path(shipped.source).read_text() == before


def test_built_in_datasets_have_a_place():
    hint = registration_hint(spec(BUILT_IN, "ava_video_val_v2.2"), Path("x.csv"), "object_boxes")
    assert "data/AVA/boxes/ava_val_det_object_bbox.json" in hint
