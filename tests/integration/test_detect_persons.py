"""tools/detect_persons.py on the toy dataset, with random weights and with its own boxes in other forms."""

from __future__ import annotations

import subprocess
import sys

import pytest
from messages import says
from workflows.detect.stubs import save_random_weights

from alphaction.commands import detect
from alphaction.config import load_cfg
from alphaction.config.paths_catalog import find_dataset
from alphaction.config.yaml_file import read_yaml_mapping
from alphaction.data.annotations import read_boxes
from alphaction.data.tables import open_tables
from alphaction.utils.errors import UserError
from alphaction.workflows.detect import dataset_boxes

MODEL = ["--model", "fasterrcnn_mobilenet_v3_large_fpn", "--short-side", "64"]


@pytest.fixture
def command(toy_folder, tmp_path, monkeypatch, capsys):
    """Run the command line on toy_val, in this process; returns what it printed."""
    # Logging is set up once for a process: that of the tests is not the command's.
    monkeypatch.setattr(detect, "set_up_logging", lambda *args, **kwargs: None)
    monkeypatch.chdir(tmp_path)

    def run(*flags):
        # The toy dataset is shared by all tests.
        line = ["detect_persons.py", "--dataset-name", "toy_val", "--no-register", *map(str, flags)]
        monkeypatch.setattr(sys, "argv", [*line, "DATASETS.DATA_DIR", str(toy_folder)])
        detect.main()
        return capsys.readouterr().out

    return run


def test_detect_with_a_weight_file(command, tmp_path):
    weights = save_random_weights(tmp_path / "random.pth", num_classes=2)
    output = tmp_path / "boxes.csv"
    flags = ["--output", output, *MODEL, "--weights", weights, "--score", 0.1, "--max-per-frame", 3]
    printed = command(*flags, "--batch-size", 5)
    says(printed, "Recall at IoU 0.5: ", " val:")
    table = read_boxes(output)
    # Nothing was learned: every box of the 12 keyframes is a person by about half.
    assert len(table) == 3 * len(table.keyframes)
    assert 0.1 <= table.scores.min()
    with pytest.raises(UserError, match="--force"):
        command(*flags)


def test_what_moves_without_any_weights(command, tmp_path):
    printed = command("--output", tmp_path / "boxes.csv", "--detector", "motion")
    says(printed, "Recall at IoU 0.5: ", " val:")
    assert len(read_boxes(tmp_path / "boxes.csv"))
    with pytest.raises(UserError, match="knows no classes"):
        command("--output", tmp_path / "b.csv", "--detector", "motion", "--every-class")


def test_no_network_and_no_weights(repo_root, toy_folder, quick_python, subprocess_env, tmp_path):
    script = repo_root / "tools" / "detect_persons.py"
    line = [quick_python, str(script), "--dataset-name", "toy_val", "--output", "boxes.csv", *MODEL]
    # A proxy that nobody listens at: no request leaves this machine.
    env = {**subprocess_env, "TORCH_HOME": str(tmp_path / "cache"), "https_proxy": "http://127.0.0.1:9"}
    line += ["DATASETS.DATA_DIR", str(toy_folder)]
    done = subprocess.run(line, env=env, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 4
    assert "\nerror: the COCO weights of fasterrcnn_mobilenet_v3_large_fpn cannot be downloaded " in done.stderr
    assert str(tmp_path / "cache/hub/checkpoints/fasterrcnn_mobilenet_v3_large_fpn-fb6a3cc7.pth") in done.stderr
    assert "--detector motion needs no weights" in done.stderr


@pytest.mark.parametrize(("flags", "role"), [([], "person_boxes"), (["--every-class"], "object_boxes")])
def test_import(command, toy_folder, tmp_path, flags, role):
    (source,) = toy_folder.glob("toy/**/*val_person*.csv")
    printed = command("--output", "new/b.csv", "--import", source, "--from", "csv", "--score", 0.5, *flags)
    assert f"    {role}: {tmp_path / 'new/b.csv'}" in printed
    assert ("Recall at IoU 0.5: " in printed) == (role == "person_boxes")
    expected, found = read_boxes(source), read_boxes(tmp_path / "new" / "b.csv")
    assert len(found)
    for keyframe in found.keyframes:
        boxes, scores = expected.lookup(*keyframe, min_score=0.5)
        assert found.lookup(*keyframe)[0].tolist() == boxes.tolist()
        assert found.lookup(*keyframe)[1].tolist() == scores.tolist()


def test_a_low_recall_is_pointed_out(command, tmp_path):
    (tmp_path / "far.csv").write_text("val_000,0,0.0,0.0,0.01,0.01,0.9\n")
    printed = command("--output", "b.csv", "--import", "far.csv", "--from", "csv")
    says(
        printed, "Recall at IoU 0.5: 0 of ", "That is little. ", " for which there is no box in the import; it has none"
    )
    says(
        printed,
        "none at all of 1 video (val_001)",
        "lie where the import has boxes, but not these",
        "are frames numbered",
    )


def test_rows_that_are_missing_are_named_as_such(command, toy_folder, tmp_path):
    (source,) = toy_folder.glob("toy/**/*val_person*.csv")
    rows = [row for row in source.read_text().splitlines(True) if row.startswith("val_000,0002")]
    assert rows
    (tmp_path / "some.csv").write_text("".join(rows))
    printed = command("--output", "b.csv", "--import", "some.csv", "--from", "csv")
    says(printed, "That is little. ", "All 36 missed are at 9 of 10 keyframes for which there is no box in the import")
    assert "--first-frame" not in printed


@pytest.fixture
def later(toy_folder, tmp_path):
    """The catalog of a dataset of one's own; it names boxes that are still to be made."""
    catalog = tmp_path / "later" / "dataset.yaml"
    catalog.parent.mkdir()
    text = (toy_folder / "toy" / "dataset.yaml").read_text().replace("name: toy", "name: later")
    (source,) = toy_folder.glob("toy/**/*val_person*.csv")
    text = text.replace(str(source.relative_to(toy_folder / "toy")), "still_missing.csv")
    text = text.replace(": ", f": {toy_folder}/toy/").replace(f"name: {toy_folder}/toy/", "name: ")
    catalog.write_text("# mine\n" + text.replace(f"{toy_folder}/toy/still", "still"))
    return catalog


def boxes_of(catalog, split, role="person_boxes"):
    return read_yaml_mapping(catalog, "dataset file")["splits"][split].get(role)


def test_a_dataset_whose_boxes_are_still_to_be_made(command, toy_folder, later):
    """dataset.yaml may name the file that the command will write."""
    (source,) = toy_folder.glob("toy/**/*val_person*.csv")
    flags = ["--dataset-name", "later_val", "--output", "later/still_missing.csv", "--import", source, "--from", "csv"]
    printed = command(*flags, "DATASETS.CATALOG", f"['{later}']")
    assert "    person_boxes: still_missing.csv" in printed
    before = later.read_text()
    printed = command(*flags, "--register", "--force", "DATASETS.CATALOG", f"['{later}']")
    assert printed.endswith(f"Registered in {later} as the person_boxes of later_val\n")
    assert later.read_text() == before


def test_boxes_lie_beside_the_dataset_and_are_registered(command, toy_folder, later, tmp_path):
    (source,) = toy_folder.glob("toy/**/*val_person*.csv")
    flags = ["--dataset-name", "later_val", "--import", source, "--from", "csv", "--register"]
    printed = command(*flags, "DATASETS.CATALOG", f"['{later}']")
    says(printed, f"Registered in {later} as the person_boxes of later_val, in place of still_missing.csv, which stays")
    assert boxes_of(later, "val") == "boxes/detected_persons_val.csv"
    assert later.read_text().startswith("# mine\n")
    spec = find_dataset(load_cfg(None, ["DATASETS.CATALOG", f"['{later}']"]), "later_val")
    assert spec.person_boxes.samefile(tmp_path / "later/boxes/detected_persons_val.csv")
    assert 0 < len(open_tables(spec).person_boxes) <= len(read_boxes(source))
    with pytest.raises(UserError, match=r"detected_persons_val\.csv exists.*--force"):
        command(*flags, "DATASETS.CATALOG", f"['{later}']")
    printed = command(*flags, "--force", "DATASETS.CATALOG", f"['{later}']")
    says(printed, "Registered in ", "as the person_boxes of later_val\n")


def test_every_split_of_a_dataset(command, toy_folder, later, tmp_path):
    (source,) = toy_folder.glob("toy/**/*val_person*.csv")
    flags = ["--dataset-name", "later", "--import", source, "--from", "csv", "--register"]
    printed = command(*flags, "DATASETS.CATALOG", f"['{later}']")
    says(printed, "person_boxes of later_val")
    assert printed.splitlines()[-1].startswith("later_train: not registered: none of its videos (train_000, ")
    assert printed.endswith(f") is in {source}\n")
    assert boxes_of(later, "train") != "boxes/detected_persons_train.csv"
    weights = save_random_weights(tmp_path / "random.pth", num_classes=3)
    flags = ["--dataset-name", "later", *MODEL, "--weights", weights, "--score", 0.01, "--register"]
    command(*flags, "--every-class", "DATASETS.CATALOG", f"['{later}']")
    for split in ("train", "val"):
        assert boxes_of(later, split, "object_boxes") == f"boxes/detected_objects_{split}.csv"
    # An interrupted run is continued: what is there stays.
    (tmp_path / "later/boxes/detected_objects_val.csv").unlink()
    before = (tmp_path / "later/boxes/detected_objects_train.csv").stat().st_mtime_ns
    command(*flags, "--every-class", "DATASETS.CATALOG", f"['{later}']")
    assert (tmp_path / "later/boxes/detected_objects_train.csv").stat().st_mtime_ns == before
    assert (tmp_path / "later/boxes/detected_objects_val.csv").exists()
    with pytest.raises(UserError, match="later has 2 splits.*--dataset-name later_val"):
        command(*flags, "--output", "x.csv", "DATASETS.CATALOG", f"['{later}']")
    (tmp_path / "far.csv").write_text("elsewhere,0,0.0,0.0,0.01,0.01,0.9\n")
    with pytest.raises(UserError, match=r"not one of its videos is annotated"):
        command("--dataset-name", "later", "--import", "far.csv", "--from", "csv", "DATASETS.CATALOG", f"['{later}']")


def test_a_catalog_that_cannot_be_changed(command, toy_folder, later, monkeypatch):
    def refuse(*args):
        raise PermissionError(13, "Permission denied", str(later))

    monkeypatch.setattr(dataset_boxes, "register_file", refuse)
    (source,) = toy_folder.glob("toy/**/*val_person*.csv")
    flags = ["--dataset-name", "later_val", "--import", source, "--from", "csv", "--register"]
    printed = command(*flags, "DATASETS.CATALOG", f"['{later}']")
    says(printed, f"Not registered: {later} cannot be written (Permission denied).", "To use it, write into ")
    assert "    person_boxes: boxes/detected_persons_val.csv" in printed


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--import", "x.csv"], "--import and --from"),
        (["--no-persons"], "--no-persons .*--every-class"),
        (["--weights", "no.pth"], "no.pth"),
        (["--output", "."], "folder"),
        (["--dataset-name", "toy_vall"], '"toy_val"'),
    ],
)
def test_wrong_flags(command, flags, message):
    with pytest.raises(UserError, match=message):
        command("--output", "boxes.csv", *flags)


def test_the_imported_file_is_not_replaced(command, toy_folder, tmp_path):
    (source,) = toy_folder.glob("toy/**/*val_person*.csv")
    (tmp_path / "b.csv").write_text(source.read_text())
    with pytest.raises(UserError, match="b.csv.*--import"):
        command("--output", "b.csv", "--import", "b.csv", "--from", "csv", "--force")
    command("--output", "b.csv", "--import", source, "--from", "csv", "--force", "--score", 0.95)
    assert 0 < len(read_boxes(tmp_path / "b.csv")) < len(read_boxes(source))


def test_wrong_numbers(command, capsys):
    for flags in (["--score", "1.5"], ["--batch-size", "0"], ["--frame-rate", "nan"]):
        with pytest.raises(SystemExit):
            command("--output", "boxes.csv", *flags)
        assert f"{flags[1]}: " in capsys.readouterr().err
