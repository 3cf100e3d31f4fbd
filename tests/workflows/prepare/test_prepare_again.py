"""Preparing a dataset again: what is replaced, what a person changed, and where datasets are looked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from workflows.prepare.preparing import prepare, write_rows

from alphaction.data.annotations import read_label_map
from alphaction.utils.errors import UserError
from alphaction.workflows.prepare import dataset_folder
from alphaction.workflows.prepare.prepare_options import take_places


def test_running_again_replaces_its_own_files_and_no_others(toy, options, tmp_path):
    boxes = (toy / "boxes/val_person_detections.csv",)
    _catalog, _ = prepare(replace(options, person_boxes=boxes))
    folder = options.folder
    (folder / "annotations" / "source.xml").write_text("mine")
    before = {path.name: path.read_bytes() for path in sorted(folder.rglob("*.csv"))}
    prepare(replace(options, person_boxes=boxes))
    assert {path.name: path.read_bytes() for path in sorted(folder.rglob("*.csv"))} == before
    assert "own_val_person_detections.csv" in before
    # Without the boxes their file goes, and the user's stays.
    prepare(options)
    assert "own_val_person_detections.csv" not in [path.name for path in folder.rglob("*.csv")]
    assert (folder / "annotations" / "source.xml").read_text() == "mine"
    assert [path.name for path in folder.parent.iterdir()] == ["own"]
    with pytest.raises(UserError, match=r"own_val\.csv is read and would be replaced"):
        prepare(replace(options, val=(folder / "annotations/own_val.csv",), force=True))


def test_what_a_person_changed_is_not_replaced_unasked(options):
    catalog, _ = prepare(options)
    label_map, rows = (options.folder / "annotations" / name for name in ("own_action_list.pbtxt", "own_train.csv"))
    edited = label_map.read_text().replace("OBJECT_MANIPULATION", "PERSON_INTERACTION", 1)
    assert edited != label_map.read_text()
    label_map.write_text(edited)
    with pytest.raises(UserError, match=rf"own_action_list\.pbtxt was changed .* add --label-map {label_map}\. "):
        prepare(options)
    assert label_map.read_text() == edited
    kept = replace(options, label_map=label_map)
    prepare(kept)
    assert read_label_map(label_map).group_sizes != read_label_map(options.label_map).group_sizes
    prepare(kept)  # which is no change of its own
    catalog.write_text(catalog.read_text().replace("videos:", "videos:  "))
    rows.write_text(rows.read_text() + "train_000,1,0.1,0.1,0.2,0.2,1,99\n")
    before = {path: path.read_bytes() for path in options.folder.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=r"dataset\.yaml, annotations/own_train\.csv were changed .* --person-boxes"):
        prepare(kept)
    assert {path: path.read_bytes() for path in options.folder.rglob("*") if path.is_file()} == before
    prepare(replace(kept, force=True))
    assert not rows.read_text().endswith(",99\n")


def test_a_run_that_stopped_while_files_were_moved_is_nobodys_change(options, monkeypatch):
    prepare(options)
    half = replace(options, train=options.val)
    with monkeypatch.context() as patch:
        patch.setattr(dataset_folder, "checksum", lambda path: 1 / 0)  # called when all but dataset.yaml is in place
        with pytest.raises(ZeroDivisionError):
            prepare(replace(half, force=True))
    assert not (options.folder / "dataset.yaml").exists()
    prepare(half)


def test_a_failed_run_leaves_the_former_dataset(options, tmp_path):
    _catalog, _ = prepare(options)
    before = {path: path.read_bytes() for path in options.folder.rglob("*") if path.is_file()}
    with pytest.raises(UserError):
        prepare(replace(options, train=(write_rows(tmp_path / "a.csv", [["train_000", 1, 0, 0, 1, 1, 99, 1]]),)))
    assert {path: path.read_bytes() for path in options.folder.rglob("*") if path.is_file()} == before


def test_files_of_others_are_not_replaced(options, tmp_path):
    options.folder.mkdir(parents=True)
    (options.folder / "dataset.yaml").write_text("name: other\n")
    with pytest.raises(UserError, match=r"holds dataset\.yaml, which this command did not write .*--force"):
        prepare(options)
    assert (options.folder / "dataset.yaml").read_text() == "name: other\n"
    catalog, _ = prepare(replace(options, force=True))
    assert "name: own" in catalog.read_text()
    with pytest.raises(UserError, match='prepared.json of the dataset "own"'):
        prepare(replace(options, name="another"))


def test_datasets_are_looked_for_where_the_command_line_says(toy, options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mnt").mkdir()
    there = replace(options, output=None, overrides=("DATASETS.DATA_DIR", "mnt"))
    catalog, text = prepare(there)
    assert catalog == Path("mnt/own/dataset.yaml")
    for tool in ("validate_dataset", "visualize_dataset", "generate_finetune_config", "detect_persons"):
        (line,) = [line for line in text.splitlines() if f"python tools/{tool}.py" in line]
        assert line.endswith(" DATASETS.DATA_DIR mnt")
    with pytest.raises(UserError, match=r"registered already, by mnt/own/dataset\.yaml"):
        prepare(replace(there, output=tmp_path / "elsewhere"))
    with pytest.raises(UserError, match=r"registered already, by .*mnt/own/dataset\.yaml"):
        prepare(replace(options, overrides=("DATASETS.CATALOG", "mnt/own/dataset.yaml")))
    with pytest.raises(UserError, match=r"SOLVER\.BASE_LR: only DATASETS\.DATA_DIR and DATASETS\.CATALOG"):
        prepare(replace(options, overrides=("SOLVER.BASE_LR", "1")))


def test_keys_are_told_from_files():
    words = ["--person-boxes", "a.csv", "DATASETS.DATA_DIR", "mnt", "--force", "DATASETS.CATALOG", "x.yaml"]
    flags, places = take_places(words)
    assert flags == ["--person-boxes", "a.csv", "--force"]
    assert places == ["DATASETS.DATA_DIR", "mnt", "DATASETS.CATALOG", "x.yaml"]
