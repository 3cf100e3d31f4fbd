"""``train_net.py --plan``: what the run would do, found by the code of the run."""

from __future__ import annotations

import logging
import re

import pytest
import torch
from integration.harness import Runner, load_script
from messages import says

from alphaction.engine.run_plan import RunPlan
from alphaction.engine.train import plan_run
from alphaction.utils.errors import UserError

CLASSES = [
    "MODEL.ROI_ACTION_HEAD.NUM_CLASSES", "3", "MODEL.ROI_ACTION_HEAD.NUM_PERSON_MOVEMENT_CLASSES", "1",
    "MODEL.ROI_ACTION_HEAD.NUM_OBJECT_MANIPULATION_CLASSES", "1",
    "MODEL.ROI_ACTION_HEAD.NUM_PERSON_INTERACTION_CLASSES", "1",
]  # fmt: skip


@pytest.fixture
def planned(runner):
    """planned(output, flags and overrides of the runner, ..., processes=N, device=...)"""

    def run(output, *extra: str, **options) -> RunPlan:
        return plan_run(parsed(runner, output, *extra), **options)

    return run


def parsed(runner: Runner, output, *extra: str):
    return load_script(runner.root / "train_net.py").parse_arguments(runner.arguments(output, *extra))


def warnings_in(log: str) -> list[str]:
    return [line.partition(" WARNING: ")[2] for line in log.splitlines() if " WARNING: " in line]


def require_same(plan: RunPlan, output) -> str:
    """Compare a plan with what the run wrote; return its log."""
    log = (output / "log.txt").read_text()
    assert (output / "config.yaml").read_text() == plan.cfg.dump()
    assert [warning.splitlines()[0] for warning in plan.warnings] == warnings_in(log)
    for line in (plan.start.reason, plan.rows["scaling"], *plan.notes):
        assert f"INFO: {line}" in log
    return log


def test_epochs_of_a_plan_count_repeated_clips(planned, tmp_path):
    plan = planned(tmp_path, "SOLVER.MAX_ITER", "20", "DATALOADER.REPEAT_THRESHOLD", "0.9")
    epochs, clips = re.fullmatch(
        r"20, ([\d.]+) epochs of (\d+) clips, those with rare classes repeated \(DATALOADER.REPEAT_THRESHOLD\)",
        plan.rows["iterations"],
    ).groups()
    assert int(clips) > 20
    assert float(epochs) == pytest.approx(20 * 4 / int(clips), abs=0.05)


def test_the_plan_of_a_new_run(runner, planned, tmp_path):
    options = ("--adjust-lr", "SOLVER.REFERENCE_GPUS", "2", "SOLVER.MAX_ITER", "2")
    plan = planned(tmp_path / "run", *options)
    assert not (tmp_path / "run").exists()
    assert (plan.start.action, plan.start_iteration) == ("scratch", 0)
    assert plan.cfg.SOLVER.VIDEOS_PER_BATCH == 2
    assert plan.rows["batch"] == "2 clips, 2 a process"
    assert plan.rows["iterations"] == "4, 0.4 epochs"
    assert plan.rows["classes"].startswith("13 ")
    says(plan.rows["training data"], "toy_train: 20 keyframes of 4 videos", "ground truth")
    says(plan.rows["evaluation"], "toy_val: 10 keyframes of 2 videos", "detected")
    (note,) = plan.notes
    assert "SOLVER.MAX_ITER 2 -> 4" in note
    runner.train(tmp_path / "run", *options)
    log = require_same(plan, tmp_path / "run")
    says(log, "toy_train: 20 clips", "toy_val: 10 clips")


def test_plans_of_runs_that_start_from_files(runner, planned, tmp_path):
    first, run = tmp_path / "first", tmp_path / "run"
    runner.train(first, "--skip-final-test", "SOLVER.MAX_ITER", "2")
    weights = ("MODEL.WEIGHT", str(first / "model_final.pth"))

    files = {path: path.stat().st_mtime_ns for path in [first, *first.rglob("*")]}
    options = ("--skip-final-test", "SOLVER.MAX_ITER", "3", "SOLVER.BASE_LR", "0.001")
    plan = planned(first, *options)
    assert (plan.start.action, plan.start_iteration) == ("resume", 2)
    assert plan.rows["iterations"].endswith("; 1 to go")
    assert "SOLVER.BASE_LR 0.003 -> 0.001" in "".join(plan.warnings)
    kept = planned(first, "--skip-final-test", "--resume")
    assert (kept.cfg.SOLVER.MAX_ITER, kept.start_iteration) == (4, 2)  # The runner's own 4 counts.
    assert "kept" not in kept.rows["scaling"]
    finished = planned(first, "--skip-final-test", "SOLVER.MAX_ITER", "2")
    assert "MAX_ITER 2 " in finished.notes[-1]
    assert {path: path.stat().st_mtime_ns for path in [first, *first.rglob("*")]} == files

    plan = planned(run, "--transfer", "--no-head", *options, *weights)
    assert plan.start.action == "weights"
    assert "left out (--no-head)" in plan.rows["start"]
    runner.train(run, "--transfer", "--no-head", *options, *weights)
    require_same(plan, run)

    (first / "log.txt").unlink()
    plan = planned(first, *options)
    runner.train(first, *options)
    require_same(plan, first)


def test_a_head_of_other_classes_is_warned_of(runner, planned, tmp_path):
    runner.train(tmp_path / "first", "--skip-final-test", "SOLVER.MAX_ITER", "2")
    content = torch.load(tmp_path / "first" / "model_final.pth", weights_only=True)["model"]
    classifier = "roi_heads.action.predictor.cls_score.weight"
    for rows, expected in ((80, "80 classes, the data has 13"), (None, "no classifier")):
        weights = {name: tensor for name, tensor in content.items() if name != classifier}
        if rows:
            weights[classifier] = torch.zeros(rows, content[classifier].shape[1])
        torch.save(weights, tmp_path / "other.pth")
        options = ("--transfer", "--skip-final-test", "MODEL.WEIGHT", str(tmp_path / "other.pth"))
        assert any(expected in warning for warning in planned(tmp_path / "run", *options).warnings)
        assert not any("classif" in warning for warning in planned(tmp_path / "run", "--no-head", *options).warnings)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (("MODEL.WEIGHT", "away.pth"), "away.pth"),
        (("--transfer",), "MODEL.WEIGHT"),
        (("--resume",), "--resume"),
        (("DATASETS.TRAIN", "[toy_trian]"), '"toy_train"'),
        (CLASSES, "3 classes"),
        (("SOLVER.AMP", "fp16", "MODEL.DEVICE", "cpu"), "SOLVER.AMP fp16"),
    ],
)
def test_a_plan_refuses_what_the_run_refuses(runner, planned, tmp_path, extra, message):
    with pytest.raises(UserError) as refused:
        planned(tmp_path / "plan", *extra)
    with pytest.raises(UserError) as stopped:
        runner.train(tmp_path / "plan", *extra)
    assert str(refused.value) == str(stopped.value)
    assert message in str(refused.value)


def test_plans_for_other_machines(planned, tmp_path):
    plan = planned(
        tmp_path / "run", "--adjust-lr", "SOLVER.MAX_ITER", "40", "SOLVER.AMP", "fp16", num_processes=4, device="cuda"
    )
    assert plan.cfg.SOLVER.VIDEOS_PER_BATCH == 16
    assert plan.rows["device"] == "cuda, 4 processes"
    assert logging.getLogger("alphaction").propagate


def test_the_command_line_prints_the_plan_or_the_refusal(runner, tmp_path):
    done = runner.command([], "train_net.py", tmp_path / "run", "--plan")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Plan\n  config ")
    assert not (tmp_path / "run").exists()
    refused = runner.command([], "train_net.py", tmp_path / "run", "--plan", *CLASSES)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert re.match("error: .*3 classes", refused.stderr)
