"""tools/detect_persons.py on the toy dataset, with random weights and with its own boxes in other forms."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest
from messages import says
from workflows.detect.stubs import save_random_weights

from alphaction.data.annotations import read_boxes
from alphaction.utils.errors import UserError

MODEL = ["--model", "fasterrcnn_mobilenet_v3_large_fpn", "--short-side", "64"]


@pytest.fixture
def command(repo_root, toy_folder, tmp_path, monkeypatch, capsys):
    """Run the command line on toy_val, in this process; returns what it printed."""
    spec = importlib.util.spec_from_file_location("detect_persons", repo_root / "tools" / "detect_persons.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    # Logging is set up once for a process: that of the tests is not the command's.
    monkeypatch.setattr(script, "set_up_logging", lambda *args, **kwargs: None)
    monkeypatch.chdir(tmp_path)

    def run(*flags):
        line = ["detect_persons.py", "--dataset-name", "toy_val", *map(str, flags)]
        monkeypatch.setattr(sys, "argv", [*line, "DATASETS.DATA_DIR", str(toy_folder)])
        script.main()
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


def test_no_network_and_no_weights(repo_root, toy_folder, quick_python, subprocess_env, tmp_path):
    script = repo_root / "tools" / "detect_persons.py"
    line = [quick_python, str(script), "--dataset-name", "toy_val", "--output", "boxes.csv", *MODEL]
    # A proxy that nobody listens at: no request leaves this machine.
    env = {**subprocess_env, "TORCH_HOME": str(tmp_path / "cache"), "https_proxy": "http://127.0.0.1:9"}
    line += ["DATASETS.DATA_DIR", str(toy_folder)]
    done = subprocess.run(line, env=env, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: the COCO weights of fasterrcnn_mobilenet_v3_large_fpn ")
    assert str(tmp_path / "cache/hub/checkpoints/fasterrcnn_mobilenet_v3_large_fpn-fb6a3cc7.pth") in done.stderr


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
    says(printed, "Recall at IoU 0.5: 0 of ", "number frames")


def test_a_dataset_whose_boxes_are_still_to_be_made(command, toy_folder, tmp_path):
    """dataset.yaml may name the file that the command will write."""
    catalog = tmp_path / "dataset.yaml"
    text = (toy_folder / "toy" / "dataset.yaml").read_text().replace("name: toy", "name: later")
    (source,) = toy_folder.glob("toy/**/*val_person*.csv")
    text = text.replace(str(source.relative_to(toy_folder / "toy")), "still_missing.csv")
    text = text.replace(": ", f": {toy_folder}/toy/").replace(f"name: {toy_folder}/toy/", "name: ")
    catalog.write_text(text.replace(f"{toy_folder}/toy/still", "still"))
    flags = ["--dataset-name", "later_val", "--output", "still_missing.csv", "--import", source, "--from", "csv"]
    printed = command(*flags, "DATASETS.CATALOG", f"['{catalog}']")
    assert "person_boxes: still_missing.csv" in printed


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
