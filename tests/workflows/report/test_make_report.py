"""The page of a run, of which everything, something or almost nothing is there."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from pathlib import Path

import pytest
import torch
from messages import refused
from workflows.report.conftest import write_run
from workflows.report.reading import PageText

from alphaction.checkpoint import Thresholds, store_thresholds
from alphaction.commands.report import main
from alphaction.config import load_cfg
from alphaction.config.paths_catalog import find_dataset
from alphaction.data.tables import open_tables
from alphaction.workflows.report.make_report import make_report
from alphaction.workflows.report.report_options import ReportOptions


def test_everything_of_a_complete_run(run, page):
    html = page(run, examples=2)
    found = PageText(html)
    assert found.open == []
    result = json.loads((run / "inference/toy_val/result.json").read_text())
    assert f"mAP {result['mAP']:.3f} at IoU 0.5" in found.text
    assert "weights of iteration 40" in found.text
    assert f"Best mAP {result['mAP'] + 0.1:.3f} iteration 20" in found.text
    assert f"Last mAP {result['mAP']:.3f} iteration 40" in found.text
    assert "stay 0.500 0.250 -0.250" in found.text  # the class that lost
    assert "training complete: 40 iterations" in found.text
    for title in ("Loss", "Learning rate", "Validation loss", "Seconds per step"):
        assert f" {title} " in found.text
    for heading in ("AP of each class", "Precision, recall and F1", "Confusion between classes", "What was missed",
                    "Calibration", "False positives", "False negatives", "Label conflicts"):  # fmt: skip
        assert heading in found.text
    # The labels of a class in training and in test, in its row.
    assert "INPUT.FRAME_NUM" in found.text.replace("INPUT. FRAME_ NUM", "INPUT.FRAME_NUM")
    assert "not readable" not in found.text
    pictures = found.all("img")
    assert 4 <= len(pictures) <= 12
    for picture in pictures:
        assert picture["alt"]
        assert base64.b64decode(picture["src"].removeprefix("data:image/jpeg;base64,"))[:2] == b"\xff\xd8"


def test_nothing_comes_from_outside_and_only_the_own_script_may_run(run, page):
    html = page(run, examples=0)
    found = PageText(html)
    policy = next(each["content"] for each in found.all("meta") if "http-equiv" in each)
    (script,) = found.scripts
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}';" in policy
    for attributes in (attributes for _, attributes in found.tags):
        for name in ("href", "src"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))
    assert "http://" not in html
    assert "https://" not in html


def test_a_report_replaces_a_report_and_nothing_else(run, tmp_path):
    first = make_report(ReportOptions(run=run, examples=0))
    assert first.path == run / "report.html"
    assert first.size == first.path.stat().st_size
    make_report(ReportOptions(run=run, examples=0))
    mine = tmp_path / "mine.html"
    mine.write_text("<p>mine")
    assert "mine.html exists" in refused(lambda: make_report(ReportOptions(run=run, output=mine)))
    assert mine.read_text() == "<p>mine"
    make_report(ReportOptions(run=run, output=mine, force=True, examples=0))
    assert "AlphAction" in mine.read_text()


def test_what_is_missing_is_said_with_the_command_that_makes_it(run, page):
    shutil.rmtree(run / "inference")
    found = PageText(page(run))
    assert "There is no evaluation on toy_val yet." in found.text
    assert f"test_net.py --config-file {run}/config.yaml --report OUTPUT_DIR {run}" in found.text
    assert "Labels of each class" in found.text  # without an AP table
    (run / "metrics.jsonl").unlink()
    assert "nothing was trained in this folder" in PageText(page(run)).text


def test_a_stopped_run_says_how_to_continue_it(run, page):
    lines = (run / "metrics.jsonl").read_text().splitlines()
    (run / "metrics.jsonl").write_text("\n".join(lines[:10]) + '\n{"iteration": 11, "lo')
    found = PageText(page(run, examples=0))
    assert "The training stopped at iteration 10 of 40." in found.text
    assert f"train_net.py --config-file {run}/config.yaml --resume" in found.text
    assert "weights of iteration" not in found.text  # metrics.jsonl does not know this evaluation
    (run / "summary.json").write_text(json.dumps({"ended_early": "no better for 3 evaluations", "iteration": 10}))
    found = PageText(page(run, examples=0))
    assert "ended early, at iteration 10 of 40: no better for 3 evaluations" in found.text
    assert "--resume" not in found.text


def test_the_best_by_another_metric_and_the_whole_time(run, page):
    best = {"metric": "toy_val/loss", "value": 1.25, "iteration": 20, "weights": "ema"}
    (run / "summary.json").write_text(json.dumps({"best": best, "seconds": {"total": 3723.4}}))
    found = PageText(page(run, examples=0))
    assert "Best toy_val/loss, averaged weights 1.250 iteration 20" in found.text
    assert "Time 1:02:03 0.20 s a step" in found.text
    best |= {"metric": "toy_val/mAP", "value": 0.5}
    (run / "summary.json").write_text(json.dumps({"best": best}))
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"iteration": 40, "ema/toy_val/mAP": 0.5}\n')
    found = PageText(page(run, examples=0))
    assert "Best mAP, averaged weights 0.500 iteration 40" in found.text
    assert found.text.count("averaged weights 0.500") == 1
    assert [each.get("class") for each in found.all("div") if (each.get("class") or "").startswith("tile strong")] == [
        "tile strong"
    ]
    (run / "summary.json").write_text('{"best": [], "seconds": 3, "ended_early": 7}')
    assert "Best mAP" in PageText(page(run, examples=0)).text


def test_thresholds_of_a_checkpoint_and_averaged_weights_are_shown(run, page):
    tables = open_tables(find_dataset(load_cfg(run / "config.yaml"), "toy_val"), boxes=())
    names = tables.label_map.names
    rare = Thresholds(tuple(tables.label_map.ids), names, (0.125,) * len(names), (9,) * len(names),
                      (False,) * len(names), "best F1", "toy_val", 20)  # fmt: skip
    torch.save({"model": {}, "label_map": tables.label_map.to_dict()}, run / "model_final.pth")
    assert "Stored" not in PageText(page(run, examples=0)).text
    store_thresholds(run / "model_final.pth", rare)
    averaged = run / "inference_ema" / "toy_val"
    averaged.mkdir(parents=True)
    (averaged / "result.json").write_text('{"mAP": 0.0625}')
    found = PageText(page(run, examples=0))
    assert "model_final.pth stores thresholds (best F1 on toy_val) for the weights of iteration 20;" in found.text
    assert " Threshold Stored Precision " in found.text
    assert found.text.count(" 0.12 ") >= len(names)
    assert "averaged weights: mAP 0.062 (details in inference_ema/toy_val)" in found.text
    (run / "model_best.pth").write_bytes(b"damaged")
    (averaged / "result.json").write_text("[")
    found = PageText(page(run, examples=0))
    assert "model_final.pth stores thresholds" in found.text
    assert "averaged weights" not in found.text


def test_flags_of_commands_are_not_broken(run, page):
    html = page(run, examples=0)
    assert '<span class="flag">--config-file</span>' in html
    assert "--report OUTPUT_DIR" in PageText(html).text


def test_thresholds_are_kept_in_the_weights_that_predict(run, page):
    for name in ("model_final.pth", "model_best.pth"):
        (run / name).touch()
        text = PageText(page(run, examples=0)).text
        assert f"calibrate.py --weights {run / name} --evaluate" in text
        assert f"MODEL.WEIGHT {run / name}" in text


def test_videos_that_are_gone(run, page, small_toy_folder, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(small_toy_folder, data)
    shutil.rmtree(data / "toy" / "videos")
    (run / "config.yaml").write_text((run / "config.yaml").read_text().replace(str(small_toy_folder), str(data)))
    found = PageText(page(run, examples=1))
    assert found.all("img") == []
    assert "No picture: the videos are not there" in found.text
    assert "Confusion between classes" in found.text
    assert f"videos: {data}/toy/videos does not exist" in found.text
    # The dataset is elsewhere now.
    assert PageText(page(run, ("DATASETS.DATA_DIR", str(small_toy_folder)), examples=1)).all("img")


def test_a_dataset_that_is_gone_leaves_the_result(run, page):
    text = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text("\n".join(line for line in text.splitlines() if "DATA_DIR" not in line))
    report = make_report(ReportOptions(run=run))
    found = PageText(report.path.read_text())
    assert 'dataset "toy_val" is not known' in found.text
    assert "AP of each class" in found.text
    assert "Confusion between classes" not in found.text
    assert any("toy_val" in sentence for sentence in report.missing)
    assert "not in it: " in str(report)


def test_a_folder_that_only_test_net_wrote(run, page, repo_root):
    config = run.with_name("experiment.yaml")
    (run / "config.yaml").rename(config)
    (run / "metrics.jsonl").unlink()
    found = PageText(page(run))
    assert "name the experiment with --config-file" in found.text
    assert "AP of each class" in found.text
    found = PageText(page(run, config_file=config, examples=1))
    assert "Confusion between classes" in found.text
    assert "not trained in this folder" in found.text
    assert found.all("img")


@pytest.mark.parametrize("broken", ["{", "[]", '{"mAP": "high", "per_class": [1], "hints": 3}', "\xff"])
def test_damaged_files_leave_out_their_part(run, page, broken):
    (run / "inference/toy_val/result.json").write_text(broken, encoding="latin-1")
    (run / "summary.json").write_text(broken, encoding="latin-1")
    (run / "config.yaml").write_text("SOLVER: {MAX_ITERATIONS: 3}\nOUTPUT_DIR: x\n")
    found = PageText(page(run))
    assert "MAX_ITERATIONS" in found.text
    assert "Loss" in found.text
    (run / "inference/toy_val/detections.csv").write_text("video,second\n1,2")
    assert "AlphAction report" in PageText(page(run)).text


def test_several_test_sets_have_a_section_each(run, page):
    text = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(text.replace("- toy_val", "- toy_val\n  - toy_train"))
    shutil.copytree(run / "inference" / "toy_val", run / "inference" / "elsewhere_val")
    found = PageText(page(run, examples=1))
    for name in ("toy_val", "toy_train", "elsewhere_val"):
        assert f"Evaluation on {name}" in found.text
    assert "There is no evaluation on toy_train yet." in found.text
    identifiers = [attributes["id"] for _, attributes in found.tags if attributes.get("id")]
    assert len(identifiers) == len(set(identifiers))
    links = [link["href"].removeprefix("#") for link in found.all("a")]
    assert set(links) <= set(identifiers)


@pytest.mark.parametrize("config", [None, "a: 1\n"])
def test_a_folder_without_a_run_is_refused_with_those_that_have_one(run, tmp_path, config):
    other = tmp_path / "others"
    other.mkdir()
    if config:
        (other / "config.yaml").write_text(config)
    message = refused(lambda: make_report(ReportOptions(run=other)))
    assert f"--run {other}: this folder holds no run: none of config.yaml, metrics.jsonl and inference/" in message
    assert f"These do: {run}." in message
    message = refused(lambda: make_report(ReportOptions(run=tmp_path / "rum")))
    assert f"Did you mean {run}?" in message
    assert f"These do: {run}." in refused(lambda: make_report(ReportOptions(run=run / "inference" / "toy_val")))
    assert "is a file" in refused(lambda: make_report(ReportOptions(run=run / "config.yaml")))
    assert "SOLVER.MAX_ITERS" in refused(lambda: make_report(ReportOptions(run=run), ("SOLVER.MAX_ITERS", "3")))
    assert not list(tmp_path.rglob("*.html"))


def test_pictures_stop_when_the_time_is_up(run, page):
    found = PageText(page(run, examples=3, max_seconds=0))
    assert found.all("img") == []
    assert "left out: reading frames took longer than 0 s" in found.text


def test_the_command_line(run, tmp_path, monkeypatch, capsys):
    output = tmp_path / "new" / "page.html"
    words = ["report.py", "--run", str(run), "--examples", "1", "--output", str(output), "INPUT.FPS", "5"]
    monkeypatch.setattr("sys.argv", words)
    main()
    assert capsys.readouterr().out.startswith(f"report: {output} (")
    assert output.is_file()


def test_relative_places_are_those_of_the_folder_that_the_run_began_in(tmp_path, small_toy_folder, monkeypatch):
    shutil.copytree(small_toy_folder, tmp_path / "clone" / "data")
    monkeypatch.chdir(tmp_path / "clone")
    run = write_run(Path("output/run"), Path("data"))
    monkeypatch.chdir(tmp_path)
    report = make_report(ReportOptions(run=Path("clone/output/run"), examples=1))
    assert report.missing == ()
    assert PageText(report.path.read_text()).all("img")
    # A folder that was moved away from there, and data that is nowhere.
    shutil.move(tmp_path / "clone" / run, tmp_path / "moved")
    (missing, *_) = make_report(ReportOptions(run=Path("moved"))).missing
    assert missing.startswith(
        'toy_train: dataset "toy_train" is not known: DATASETS.DATA_DIR is data, and there is no '
    )
