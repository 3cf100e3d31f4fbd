"""tools/compare_runs.py: what it says of two runs, and which runs it refuses to compare."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from messages import refused, says

from alphaction.commands.compare import main
from alphaction.evaluation import read_detections
from alphaction.evaluation.comparison import Comparison, Difference
from alphaction.evaluation.evaluate_files import evaluate_files
from alphaction.evaluation.result_text import write_json
from alphaction.workflows.compare.compare_options import CompareOptions
from alphaction.workflows.compare.compare_runs import as_dict, compare_runs
from alphaction.workflows.compare.comparison_text import comparison_text, verdict

BOX = "0.1,0.1,0.5,0.9"
LABELS = 'item {\n  name: "stand"\n  id: 1\n  label_type: PERSON_MOVEMENT\n}\n' + (
    'item {\n  name: "walk"\n  id: 2\n  label_type: PERSON_MOVEMENT\n}\n'
)


@pytest.fixture
def data(tmp_path) -> Path:
    """A dataset without the files of its 8 videos, which nothing here needs; in each, a person walks, then stands."""
    folder = tmp_path / "data" / "d"
    folder.mkdir(parents=True)
    rows = [f"v{k},{second},{BOX},{1 + second % 2}\n" for k in range(8) for second in (1, 2)]
    (folder / "val.csv").write_text("".join(rows))
    (folder / "labels.pbtxt").write_text(LABELS)
    catalog = {
        "name": "d",
        "videos": "videos",
        "label_map": "labels.pbtxt",
        "splits": {"val": {"annotations": "val.csv"}},
    }
    (folder / "dataset.yaml").write_text(yaml.safe_dump(catalog))
    return folder


@pytest.fixture
def make_run(tmp_path, data):
    """Function: name, how often the right class has the higher score, seed -> folder of a run with its evaluation."""

    def make(name: str, right: float, seed: int = 0, dataset: str = "d") -> Path:
        rng = np.random.default_rng(seed)
        rows = []
        for k in range(8):
            for second in (1, 2):
                true = 1 + second % 2
                first = true if rng.random() < right else 3 - true
                for class_id in (1, 2):
                    score = rng.uniform(0.5, 1) if class_id == first else rng.uniform(0, 0.5)
                    rows.append(f"v{k},{second},{BOX},{class_id},{score:.6f}\n")
        folder = tmp_path / "output" / name
        results = folder / "inference" / f"{dataset}_val"
        results.mkdir(parents=True)
        (results / "detections.csv").write_text("".join(rows))
        write_json(
            results / "result.json", evaluate_files(data / "val.csv", results / "detections.csv", data / "labels.pbtxt")
        )
        settings = {"DATASETS": {"DATA_DIR": str(data.parent), "TEST": [f"{dataset}_val"]}, "OUTPUT_DIR": str(folder)}
        (folder / "config.yaml").write_text(yaml.safe_dump(settings))
        return folder

    return make


def refused_runs(**options) -> str:
    return refused(lambda: compare_runs(CompareOptions(**options)))


def test_a_clear_difference(make_run, tmp_path):
    poor, good = make_run("poor", 0.3), make_run("good", 1.0)
    compared = compare_runs(CompareOptions(a=(poor,), b=(good,), json=tmp_path / "out.json"))
    text = comparison_text(compared)
    says(text, "on d_val: 16 labels in 8 videos; 1000 resamples", "B is better by ", "more than noise", "another seed")
    assert compared.comparison.mean.b == 1.0
    record = json.loads((tmp_path / "out.json").read_text())
    assert record == json.loads(json.dumps(as_dict(compared)))
    assert (record["dataset"], record["more_than_noise"], record["mean"]["videos"]) == ("d_val", True, 8)
    assert [row["name"] for row in record["classes"]] == ["AP/stand", "AP/walk"]
    swapped = comparison_text(compare_runs(CompareOptions(a=(good,), b=(poor,))))
    assert "A is better by " in swapped


def test_a_difference_that_can_be_noise(make_run):
    text = comparison_text(compare_runs(CompareOptions(a=(make_run("a", 0.7, 1),), b=(make_run("b", 0.7, 5),))))
    says(text, "The difference can be noise", "includes 0", "more than 100 times the validation data")
    row = Difference("mAP", 0.4, 0.41, 0.01, (-0.03, 0.05), 0.7, 8)
    one = Comparison(row, (), (), 8, 100, (1, 1), (None, None), 1000, 0.95)
    says(verdict(one), "B is higher by 1.0 points", "about 16.0 times the validation data: some 128 videos with 1600")
    assert "validation data and trainings: some" in verdict(replace(one, trainings=(3, 3)))


def test_a_class_in_few_videos_has_no_mark_and_the_text_says_why(make_run):
    compared = compare_runs(CompareOptions(a=(make_run("a", 0.7, 1),), b=(make_run("b", 0.7, 5),)))
    rows = [Difference(f"AP/{name}", 0.1, 0.6, 0.5, (0.2, 0.8), 1.0, 4) for name in ("golf", "sit")]
    found = replace(compared.comparison, classes=(rows[0],))
    says(comparison_text(replace(compared, comparison=found)), "The interval of golf leaves out 0, too", "5 videos")
    found = replace(found, classes=tuple(rows))
    says(comparison_text(replace(compared, comparison=found)), "The intervals of golf, sit leave out 0, too")


def test_several_trainings_of_a_side(make_run):
    first = tuple(make_run(f"a{seed}", 0.5, seed) for seed in range(3))
    second = tuple(make_run(f"b{seed}", 0.95, seed + 10) for seed in range(3))
    compared = compare_runs(CompareOptions(a=first, b=second))
    text = comparison_text(compared)
    says(text, "mean of 3 trainings, whose mAP has a standard deviation of ", "the seeds of both sides")
    assert compared.comparison.trainings == (3, 3)
    assert "seeds of the other side, but not" in " ".join(
        comparison_text(compare_runs(CompareOptions(a=first[:1], b=second))).split()
    )


def test_folders_of_evaluations_and_files_name_the_same(make_run, data, tmp_path):
    a, b = make_run("a", 0.4, 1), make_run("b", 0.9, 2)
    expected = compare_runs(CompareOptions(a=(a,), b=(b,))).comparison
    found = Path("inference/d_val")
    assert compare_runs(CompareOptions(a=(a / found,), b=(b / found / "detections.csv",))).comparison == expected
    alone = tmp_path / "alone.csv"
    alone.write_bytes((b / found / "detections.csv").read_bytes())
    files = {"groundtruth": data / "val.csv", "label_map": data / "labels.pbtxt"}
    assert compare_runs(CompareOptions(a=(a,), b=(b,), **files)).comparison == expected
    assert compare_runs(CompareOptions(a=(a / found / "detections.csv",), b=(alone,), **files)).comparison == expected
    # An evaluation alone writes no config: the other run knows the dataset.
    (b / "config.yaml").unlink()
    assert compare_runs(CompareOptions(a=(a,), b=(b,))).comparison == expected
    says(refused_runs(a=(a,), b=(alone,)), "alone.csv does not lie in a run's folder",
         "--groundtruth", "--label-map")  # fmt: skip


def test_what_is_found_at_excluded_keyframes_does_not_count(make_run, data, tmp_path):
    found = [make_run(name, right, 1) / "inference/d_val/detections.csv" for name, right in (("a", 0.4), ("b", 0.9))]
    excluded = tmp_path / "excluded.csv"
    excluded.write_text("v0,1\nv3,2\n")
    files = {"groundtruth": data / "val.csv", "label_map": data / "labels.pbtxt", "exclusions": excluded}
    row = compare_runs(CompareOptions(a=(found[0],), b=(found[1],), **files)).comparison.mean
    expected = [evaluate_files(data / "val.csv", file, data / "labels.pbtxt", excluded).mAP for file in found]
    assert [row.a, row.b] == pytest.approx(expected, abs=1e-12)


def test_other_labels_are_refused_with_the_first_difference(make_run, data, tmp_path):
    a, b = make_run("a", 0.4), make_run("b", 0.9)
    other = tmp_path / "other" / "d"
    other.mkdir(parents=True)
    for file in data.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    settings = yaml.safe_load((b / "config.yaml").read_text())
    settings["DATASETS"]["DATA_DIR"] = str(other.parent)
    (b / "config.yaml").write_text(yaml.safe_dump(settings))
    assert compare_runs(CompareOptions(a=(a,), b=(b,))).comparison.videos == 8  # the same in other files

    def message() -> str:
        return refused_runs(a=(a,), b=(b,))

    text = (data / "val.csv").read_text()
    (other / "val.csv").write_text(text.replace(f"v3,1,{BOX},2", f"v3,1,{BOX},1"))
    says(message(), "same labels", "v3, second 0001 has the classes 2 in the first and 1 in the second",
         str(data / "val.csv"), str(other / "val.csv"), "test_net.py")  # fmt: skip
    (other / "val.csv").write_text(text.replace(f"v3,1,{BOX}", "v3,1,0.2,0.1,0.5,0.9"))
    says(message(), "v3, second 0001 has a box (0.100, ", "(0.200, ")
    (other / "val.csv").write_text(text.replace(f"v3,1,{BOX},2\n", ""))
    says(message(), "1 keyframe is only in the first, v3, second 0001")
    (other / "val.csv").write_text(text.replace("v3,", "v9,"))
    says(message(), "1 video is only in the first (v3)")
    (other / "val.csv").write_text(text)
    (other / "labels.pbtxt").write_text(LABELS.replace("walk", "run"))
    says(message(), "same classes", 'class 2 is "walk" in the first and "run" in the second', str(other))


def test_what_is_missing_is_named(make_run, data, tmp_path):
    a, b = make_run("a", 0.4), make_run("b", 0.9)
    says(refused_runs(a=(a,), b=(tmp_path / "output" / "c",)), "output/c does not exist")
    says(refused_runs(a=(a,), b=(a,)), "is named twice")
    says(refused_runs(a=(a,)), "two sides are needed", "--a A1 A2 --b B1 B2")
    says(refused_runs(a=(a,), b=(b,), groundtruth=data / "val.csv"), "go together")
    says(refused_runs(a=(a,), b=(b,), dataset_name="d_vall"), 'no evaluation of "d_vall"',
         'Did you mean "d_val"?')  # fmt: skip
    (b / "inference/d_val").rename(b / "elsewhere")
    says(refused_runs(a=(a,), b=(b,)), "has no evaluation", "test_net.py")
    (b / "elsewhere").rename(b / "inference/d_val")
    (data / "val.csv").unlink()
    says(refused_runs(a=(a,), b=(b,)), "annotations of d_val cannot be read",
         "DATASETS.DATA_DIR FOLDER")  # fmt: skip


def test_notes_on_runs_that_are_not_alike(make_run, data):
    a, b = make_run("a", 0.4), make_run("b", 0.9)
    results = b / "inference/d_val"
    record = json.loads((results / "result.json").read_text())
    (results / "result.json").write_text(json.dumps({**record, "optimistic": True, "mAP": 0.123}))
    rows = [row for row in (results / "detections.csv").read_text().splitlines(True) if not row.startswith("v0,1,")]
    (results / "detections.csv").write_text("".join(rows))
    # On annotated boxes both are, unless one says otherwise.
    record = json.loads((a / "inference/d_val/result.json").read_text())
    (a / "inference/d_val/result.json").write_text(json.dumps({**record, "optimistic": False}))
    compared = compare_runs(CompareOptions(a=(a,), b=(b,)))
    says("\n".join(compared.notes), "took the annotated boxes", "had 0.1230 when it was written", "1 of 16 annotated")
    assert len(read_detections(results / "detections.csv").keyframes) == 15


def test_two_videos_decide_nothing(make_run, data):
    (data / "val.csv").write_text("".join(f"v{k},1,{BOX},2\n" for k in range(2)))
    a, b = make_run("a", 0.0), make_run("b", 1.0)
    text = comparison_text(compare_runs(CompareOptions(a=(a,), b=(b,))))
    says(text, "B is higher by ", "2 videos only", "--folds")
    (data / "val.csv").write_text(f"v0,1,{BOX},2\n")
    text = comparison_text(compare_runs(CompareOptions(a=(a,), b=(b,))))
    says(text, "all labels are in one video", "  in one video\n")


def test_the_command_line(make_run, tool, data, monkeypatch, capsys):
    a, b = make_run("a", 0.4), make_run("b", 0.9)
    status, text, _ = tool("compare_runs.py", a, b, "DATASETS.DATA_DIR", data.parent)
    assert (status, "B - A" in text) == (0, True)

    def say(*words: object) -> str:
        monkeypatch.setattr("sys.argv", ["compare_runs.py", *map(str, words)])
        main()
        return capsys.readouterr().out

    assert say("--a", a, "--b", b) == text
    assert refused(lambda: say(a)) == "two runs are compared: name their folders, A B (all flags: --help)"
    says(refused(lambda: say(a, b, a)), "--a A1 A2 --b B1 B2")
    says(refused_runs(a=(a,), b=(b,), resamples=3), "--resamples 3")
