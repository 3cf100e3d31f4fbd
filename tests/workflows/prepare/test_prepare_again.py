"""Preparing a dataset again: what is replaced, what a person changed, and where datasets are looked for."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from workflows.prepare.preparing import prepare, write_rows

from alphaction.config import load_cfg
from alphaction.config.catalog_file import register_file
from alphaction.config.paths_catalog import find_dataset
from alphaction.config.yaml_file import read_yaml_mapping
from alphaction.data.annotations import read_label_map
from alphaction.data.tables import open_tables
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
    # Not named again, they are the same, and the user's file stays.
    prepare(options)
    assert {path.name: path.read_bytes() for path in sorted(folder.rglob("*.csv"))} == before
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
    with pytest.raises(UserError, match=r"dataset\.yaml, annotations/own_train\.csv were changed .* Lines of person_"):
        prepare(kept)
    assert {path: path.read_bytes() for path in options.folder.rglob("*") if path.is_file()} == before
    prepare(replace(kept, force=True))
    assert not rows.read_text().endswith(",99\n")


def register(options, split: str, role: str, text: str, file: str = "boxes/mine.csv") -> Path:
    """Write boxes into the dataset's folder and register them as tools/detect_persons.py does."""
    path = options.folder / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    register_file(options.folder / "dataset.yaml", split, role, file)
    return path


def roles_of(options, split: str) -> dict[str, str]:
    return read_yaml_mapping(options.folder / "dataset.yaml", "dataset file")["splits"][split]


@pytest.mark.parametrize("force", [False, True])
def test_registered_boxes_stay_where_they_fit(toy, options, force):
    prepare(options)
    detected = (toy / "boxes/val_person_detections.csv").read_text()
    path = register(options, "val", "person_boxes", detected)
    register(options, "train", "object_boxes", "train_000,2,0.1,0.1,0.2,0.2,0.9\n", "boxes/things.csv")
    catalog, text = prepare(replace(options, force=force))
    assert roles_of(options, "val")["person_boxes"] == "boxes/mine.csv"
    assert roles_of(options, "train")["object_boxes"] == "boxes/things.csv"
    assert path.read_text() == detected
    assert "person_boxes of val: boxes/mine.csv stays registered (boxes at 10 of 10 keyframes)\n" in text
    assert "object_boxes of train: boxes/things.csv stays registered (boxes at 1 of 15 keyframes). To make " in text
    assert "no person boxes for val" not in text
    assert "python tools/detect_persons.py" not in text
    cfg = load_cfg(None, ["DATASETS.CATALOG", f"['{catalog}']"])
    assert len(open_tables(find_dataset(cfg, "own_val")).person_boxes)
    # Which is no change of a person, and neither is their removal.
    catalog.write_text("".join(line for line in catalog.read_text().splitlines(True) if "person_boxes:" not in line))
    _, text = prepare(options)
    assert "no person boxes for val" in text


def test_boxes_that_no_longer_fit_are_named(options):
    prepare(options)
    path = register(options, "val", "person_boxes", "val_000,99,0.1,0.1,0.2,0.2,0.9\n")
    _, text = prepare(replace(options, force=True))
    assert "person_boxes" not in roles_of(options, "val")
    gone = "boxes/mine.csv is no longer registered: "
    assert f"{gone}none of its 1 box is at a keyframe of the new val. To make new ones: " in text
    assert "tools/detect_persons.py --dataset-name own_val --force" in text
    assert path.exists()
    register(options, "val", "person_boxes", "x").unlink()
    _, text = prepare(options)
    assert f"person_boxes of val: {gone}there is no such file" in text


def test_given_boxes_take_the_place_of_registered_ones(toy, options):
    detected = toy / "boxes/val_person_detections.csv"
    prepare(options)
    path = register(options, "val", "person_boxes", detected.read_text())
    _, text = prepare(replace(options, person_boxes=(path,)))
    own = "boxes/own_val_person_detections.csv"
    assert roles_of(options, "val")["person_boxes"] == own
    assert "val: those of --person-boxes take the place of boxes/mine.csv, which stays where it is" in text
    assert path.exists()
    # Its own file may be given as well, with or without --force.
    before = (options.folder / own).read_bytes()
    prepare(replace(options, person_boxes=(options.folder / own,)))
    assert (options.folder / own).read_bytes() == before
    path.unlink()
    _, text = prepare(replace(options, force=True))
    assert roles_of(options, "val")["person_boxes"] == own
    assert (options.folder / own).read_bytes() == before
    assert f"person_boxes of val: read again from {options.folder.resolve() / own}, which --person-boxes named" in text


def test_boxes_of_an_earlier_run_stay_and_are_read_again(toy, options, tmp_path, monkeypatch):
    given = tmp_path / "persons.csv"
    given.write_text((toy / "boxes/val_person_detections.csv").read_text() + "train_000,2,0.1,0.1,0.2,0.2,0.9\n")
    some = "".join(line for line in options.val[0].read_text().splitlines(True) if line.startswith("val_000"))
    first = replace(options, val=(tmp_path / "val.csv",))
    first.val[0].write_text(some)
    monkeypatch.chdir(tmp_path)
    prepare(replace(first, person_boxes=(Path("persons.csv"),)))
    own = {split: options.folder / f"boxes/own_{split}_person_detections.csv" for split in ("train", "val")}
    before = own["val"].read_bytes()
    # New keyframes get their boxes, too, wherever the command runs.
    monkeypatch.chdir("/")
    first.val[0].write_text(options.val[0].read_text())
    catalog, text = prepare(first)
    assert len(own["val"].read_bytes()) > len(before)
    assert (
        f"person_boxes of val: read again from {given}, which --person-boxes named before (boxes at 10 of 10 " in text
    )
    cfg = load_cfg(None, ["DATASETS.CATALOG", f"['{catalog}']"])
    assert len(open_tables(find_dataset(cfg, "own_val")).person_boxes)
    # Once their file is gone, those that were written stay.
    given.rename(tmp_path / "elsewhere.csv")
    written = {split: path.read_bytes() for split, path in own.items()}
    for _ in range(2):
        _, text = prepare(first)
        assert {split: path.read_bytes() for split, path in own.items()} == written
        assert f"person_boxes of train: those of before stay, as {given}, from which they were made, is not th" in text
    # A line that a person removed stays removed.
    catalog.write_text("".join(line for line in catalog.read_text().splitlines(True) if "own_train_person" not in line))
    prepare(first)
    assert "person_boxes" not in roles_of(options, "train")
    assert "person_boxes" in roles_of(options, "val")
    # Others that are named take their place.
    _, text = prepare(replace(first, person_boxes=(tmp_path / "elsewhere.csv",)))
    other = tmp_path / "other.csv"
    other.write_text("val_000,2,0.1,0.1,0.2,0.2,0.9\n")
    _, text = prepare(replace(first, person_boxes=(other,)))
    assert own["val"].read_text().count("\n") == 1
    assert not own["train"].exists()
    gone = (
        "person_boxes of train: boxes/own_train_person_detections.csv is removed: the files of --person-boxes take its"
    )
    assert gone in text
    assert text.index("Notes:") < text.index(gone) < text.index("keyframes without any")


def test_boxes_of_an_earlier_run_that_fit_no_longer_go_by_name(toy, options, tmp_path):
    given = tmp_path / "persons.csv"
    given.write_text("val_000,2,0.1,0.1,0.2,0.2,0.9\n")
    prepare(replace(options, person_boxes=(given,)))
    given.write_text("val_000,99,0.1,0.1,0.2,0.2,0.9\n")
    _, text = prepare(options)
    assert "person_boxes" not in roles_of(options, "val")
    assert (
        "boxes/own_val_person_detections.csv is removed: none of its boxes is at a keyframe of the new val. To" in text
    )
    assert "no person boxes for val" in text


def test_a_dataset_of_ones_own_keeps_its_boxes_when_it_is_replaced(toy, options):
    folder = options.folder
    (folder / "boxes").mkdir(parents=True)
    # Even where they are called as the command would call them.
    mine = folder / "boxes/own_val_person_detections.csv"
    mine.write_text((toy / "boxes/val_person_detections.csv").read_text())
    rows = "splits:\n  val:\n    annotations: a.csv\n    person_boxes: boxes/own_val_person_detections.csv\n"
    (folder / "dataset.yaml").write_text(
        f"name: own\nvideos: v\n{rows}  test: {{annotations: b.csv, object_boxes: c.csv}}\n"
    )
    before = mine.read_bytes()
    _, text = prepare(replace(options, force=True))
    assert mine.read_bytes() == before
    assert roles_of(options, "val")["person_boxes"] == "boxes/own_val_person_detections.csv"
    assert "object_boxes of test: c.csv is no longer registered: the dataset has no such split now.\n" in text


def test_an_interrupted_run_does_not_forget_registered_boxes(toy, options, monkeypatch):
    prepare(options)
    register(options, "val", "person_boxes", (toy / "boxes/val_person_detections.csv").read_text())
    with monkeypatch.context() as patch:
        patch.setattr(dataset_folder, "checksum", lambda path: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            prepare(replace(options, force=True))
    assert not (options.folder / "dataset.yaml").exists()
    prepare(options)
    assert roles_of(options, "val")["person_boxes"] == "boxes/mine.csv"


def test_detections_that_stand_twice_are_one(toy, options, tmp_path):
    text = (toy / "boxes/val_person_detections.csv").read_text()
    twice = tmp_path / "twice.csv"
    twice.write_text("".join(line.replace(",", "\t") * 2 for line in text.splitlines(True)))
    _, printed = prepare(replace(options, person_boxes=(twice,)))
    lines = text.count("\n")
    assert f"person boxes: {lines} of {2 * lines} equal another at that second, left out" in printed
    spec = find_dataset(load_cfg(None, ["DATASETS.CATALOG", f"['{options.folder / 'dataset.yaml'}']"]), "own_val")
    assert len(open_tables(spec).person_boxes) <= lines


@pytest.mark.parametrize("key", ["train", "val", "videos"])
def test_a_name_that_is_taken_by_other_files_is_refused(options, toy, tmp_path, monkeypatch, key):
    prepare(options)
    before = {path: path.read_bytes() for path in options.folder.rglob("*") if path.is_file()}
    others = tmp_path / "others"
    shutil.copytree(toy / "videos", others)
    rows = shutil.copy(toy / "annotations/train.csv", others / "rows.csv")
    other = replace(options, **{key: others if key == "videos" else (Path(rows),)})
    flag = {"train": "annotations", "val": "--val", "videos": "--videos"}[key]
    with pytest.raises(UserError, match=rf'--name own: .*"own" already, of other files \({flag}: there .*--force'):
        prepare(other)
    assert {path: path.read_bytes() for path in options.folder.rglob("*") if path.is_file()} == before
    prepare(replace(other, force=True))
    prepare(other)
    # Once it is gone, its name is free.
    (options.folder / "dataset.yaml").unlink()
    prepare(options)
    # The same files from elsewhere are the same files.
    monkeypatch.chdir(toy)
    prepare(replace(options, train=(Path("annotations/train.csv"),)))


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


def test_datasets_are_looked_for_where_the_command_line_says(toy, options, tmp_path, monkeypatch, repo_root):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mnt").mkdir()
    there = replace(options, output=None, overrides=("DATASETS.DATA_DIR", "mnt"))
    catalog, text = prepare(there)
    assert catalog == Path("mnt/own/dataset.yaml")
    for tool in ("validate_dataset", "visualize_dataset", "generate_finetune_config", "detect_persons"):
        (line,) = [line for line in text.splitlines() if f"{repo_root}/tools/{tool}.py" in line]
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
