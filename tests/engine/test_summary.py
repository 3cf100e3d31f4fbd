"""The summary at the end of a training, as text and as JSON."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from messages import says

from alphaction.config import get_cfg
from alphaction.engine.best import BestTracker
from alphaction.engine.best_metric import Metric
from alphaction.engine.run_config import RunConfig
from alphaction.engine.summary import log_ending, summarize
from alphaction.utils.logging import collected_log

SECONDS = {"total": 100.0, "data": 5.0, "evaluation": 25.0, "saving": 1.0}
FIRST = {"val/mAP": 0.5, "val/AP/hold a cup/mug": 0.4, "val/AP/摔倒": 0.6}
BEST = {"val/mAP": 0.7, "val/AP/hold a cup/mug": 0.9, "val/AP/摔倒": 0.5}
LAST = {"val/mAP": 0.6, "val/AP/hold a cup/mug": 0.8, "val/AP/摔倒": 0.4}


def summary_of(
    folder: Path, *evaluations: dict[str, Any], metric: Metric | None = None, done: int | None = None, **solver: Any
):
    """Return summary.json and the text of a run with these evaluations, at the iterations 2, 4, ...

    It has ended there, or at ``done``.
    """
    cfg = get_cfg()
    cfg.OUTPUT_DIR, cfg.SOLVER.MAX_ITER = str(folder), 10
    for key, value in solver.items():
        cfg.SOLVER[key] = value
    folder.mkdir(exist_ok=True)
    lines = [{"iteration": 2 * number, **line} for number, line in enumerate(evaluations, start=1)]
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    tracker = BestTracker(metric or Metric("val/mAP", dataset="val"), cfg.SOLVER.PATIENCE)
    for line in lines:
        tracker.observe(line["iteration"], line)
    dataset = SimpleNamespace(name="val", tables=SimpleNamespace(source=None, spec=None))
    run = RunConfig(Namespace(config_file="my config.yaml", opts=["A.B", "[x y]"]), cfg, 1, "")
    done = done or 2 * len(lines) or 10
    if not solver.get("PATIENCE"):
        cfg.SOLVER.MAX_ITER = done
    with collected_log() as log:
        log_ending(folder, summarize(run, done, tracker, SECONDS, [dataset], dataset))
    return json.loads((folder / "summary.json").read_text()), "\n".join(record.getMessage() for record in log)


def test_best_and_last_and_the_classes_that_gained_and_lost(tmp_path):
    summary, text = summary_of(tmp_path / "a run", FIRST, BEST, LAST)
    says(text, "best 0.7000 at iteration 4, last 0.6000 at iteration 6", "0:01:40",
         "5% waiting for data, 25% evaluation",
         "  AP on val from the first evaluation to the best (iterations 2 to 4)\n"
         "    gained  hold a cup/mug  0.400  ->  0.900  +0.500\n"
         "    lost    摔倒            0.600  ->  0.500  -0.100\n",
         "  AP on val from the best evaluation to the last (iterations 4 to 6)\n    lost  ",
         "test_net.py --config-file 'my config.yaml' --report A.B '[x y]' MODEL.WEIGHT",
         f"--run '{tmp_path}/a run'")  # fmt: skip
    assert summary["best"] == {"metric": "val/mAP", "value": 0.7, "iteration": 4, "weights": "model"}
    assert summary["results"]["val/mAP"]["first"] == {"iteration": 2, "value": 0.5}
    against = summary["classes"]["best_against_first"]
    assert [(entry["class"], entry["before"], entry["after"]) for entry in against["classes"]] == [
        ("hold a cup/mug", 0.4, 0.9), ("摔倒", 0.6, 0.5)
    ]  # fmt: skip
    assert (against["from_iteration"], against["to_iteration"]) == (2, 4)
    assert summary["seconds"] == SECONDS
    assert summary["ended_early"] is None


@pytest.mark.parametrize(
    ("evaluations", "told"),
    [
        ([], "there was no evaluation"),
        ([{"val/mAP": None}, {"val/mAP": None}], "2 evaluations, and none had a value of val/mAP"),
        ([FIRST], "0.5000 at iteration 2 (the only evaluation)"),
        ([FIRST, FIRST], "No AP on val changed from the best evaluation to the last (iterations 2 to 4)"),
    ],
)
def test_few_evaluations(tmp_path, evaluations, told):
    summary, text = summary_of(tmp_path, *evaluations)
    says(text, told)
    assert len(evaluations) == summary["evaluations"]
    assert ("last_against_best" in summary["classes"]) == (evaluations == [FIRST, FIRST])


def test_changes_that_are_none_in_three_digits_are_not_listed(tmp_path):
    _, text = summary_of(tmp_path, FIRST, {**FIRST, "val/AP/摔倒": 0.6004})
    says(text, "No AP on val changed from the best evaluation to the last (iterations 2 to 4)")
    assert "摔倒" not in text


def test_an_early_end_and_the_averaged_weights(tmp_path):
    averaged = {f"ema/{name}": value for name, value in BEST.items()}
    first = {f"ema/{name}": value for name, value in FIRST.items()}
    (tmp_path / "model_best.pth").touch()
    (tmp_path / "config.yaml").touch()
    summary, text = summary_of(tmp_path, {**FIRST, **first}, {**LAST, **averaged}, LAST, PATIENCE=1, EMA_DECAY=0.9)
    says(text, "6 of 10, ended early: 1 evaluation in a row was not better than val/mAP 0.7000 of iteration 4",
         "the averaged weights of iteration 4", "AP on val, averaged weights, from the first evaluation",
         "ema/val/mAP", f"MODEL.WEIGHT {tmp_path}/model_best.pth",
         f"--config-file {tmp_path}/config.yaml --report MODEL.WEIGHT")  # fmt: skip
    assert summary["results"]["ema/val/mAP"]["best"] == {"iteration": 4, "value": 0.7}
    assert summary["classes"]["best_against_first"]["classes"][0]["after"] == 0.9
    assert summary["files"]["best"] == str(tmp_path / "model_best.pth")


def test_the_last_that_is_said_is_what_is_where_and_what_to_do_next(tmp_path):
    (tmp_path / "model_final.pth").touch()
    (tmp_path / "report.html").write_text("of an earlier end")
    summary, text = summary_of(tmp_path, FIRST)
    assert "report" not in summary["files"]
    assert text.splitlines()[-1].endswith(f"tools/report.py --run {tmp_path}")
    with collected_log() as log:
        log_ending(tmp_path, summary, f"{tmp_path}/report.html (1 MB); open it\n  - not in it: a map")
    lines = log[-1].getMessage().splitlines()
    assert lines[0] == "Files"
    assert lines.index(f"  report   {tmp_path}/report.html (1 MB); open it") + 1 == lines.index("  - not in it: a map")
    assert [words.split()[1] for words in lines[lines.index("Next") + 1 :]] == [
        "test_net.py",
        "tools/calibrate.py",
        "tools/predict_video.py",
    ]
    assert json.loads((tmp_path / "summary.json").read_text())["files"]["report"] == f"{tmp_path}/report.html"


def test_weights_at_the_end_that_were_not_evaluated_may_be_better(tmp_path):
    (tmp_path / "model_best.pth").touch()
    summary, text = summary_of(tmp_path, FIRST, BEST, done=8)
    says(text, "not evaluated", "the weights at the end", "the first command below")
    assert not summary["end_evaluated"]
    test, _, predict, _ = text.splitlines()[-4:]
    assert test.endswith(f"MODEL.WEIGHT {tmp_path}/model_final.pth")
    assert predict.endswith(f"MODEL.WEIGHT {tmp_path}/model_best.pth")
    _, text = summary_of(tmp_path, FIRST, BEST)
    assert "not evaluated" not in text


def test_many_classes_with_long_names_are_shown_in_short(tmp_path):
    name = "holding something very heavy with both hands / " * 4
    first = {f"val/AP/{name}{number}": 0.1 for number in range(9)}
    best = {f"val/AP/{name}{number}": 0.1 + 0.05 * number for number in range(9)}
    summary, text = summary_of(tmp_path, {**FIRST, **first}, {**BEST, **best})
    says(text, "and 4 more in summary.json")
    assert max(map(len, text.partition("\nFiles\n")[0].splitlines())) < 110
    assert len(summary["classes"]["best_against_first"]["classes"]) == 11


def test_the_lowest_loss_is_the_best(tmp_path):
    loss = Metric("val/loss", True, "val")
    summary, text = summary_of(tmp_path, {**FIRST, "val/loss": 2.0}, {**BEST, "val/loss": 3.0}, metric=loss)
    says(text, "val/loss     best 2.0000 at iteration 2, last 3.0000", "val/mAP      best 0.7000 at iteration 4")
    assert summary["best"]["iteration"] == 2
