"""Where a planned run starts, and how its schedule is scaled: new runs, weights, runs that go on."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest
from workflows.finetune.launch.planning import EIGHT, GPU, NONE, after_script, earlier_run, row, trained_with, weights

from alphaction.config import load_cfg
from alphaction.solver import scale_schedule
from alphaction.utils.errors import UserError
from alphaction.workflows.finetune.launch.options import LaunchOptions
from alphaction.workflows.finetune.launch.plan import plan


def test_weights_start_a_new_run(make, tmp_path):
    file = weights(tmp_path / "w.pth")
    made = make(NONE, "MODEL.WEIGHT", file, tensorboard=False)
    assert after_script(made)[2:] == ["--transfer", "--adjust-lr", "MODEL.WEIGHT", file, "MODEL.DEVICE", "cpu"]
    assert made.warnings == ()
    made = make(NONE, "MODEL.WEIGHT", file, new_classes=True)
    assert after_script(made)[2:4] == ["--transfer", "--no-head"]
    assert row(made, "start").endswith("backbone; a new action head")


def test_weights_of_other_classes(make, tmp_path):
    (warning,) = make(NONE, "MODEL.WEIGHT", weights(tmp_path / "w.pth", 80)).warnings
    assert "classifies 80 classes, the data has 13" in warning
    assert make(NONE, "MODEL.WEIGHT", weights(tmp_path / "w.pth", 80), new_classes=True).warnings == ()
    (warning,) = make(NONE, "MODEL.WEIGHT", weights(tmp_path / "w.pth", None)).warnings
    assert "has no classifier of actions" in warning


def test_new_classes_need_weights(make):
    with pytest.raises(UserError, match="--new-classes keeps the backbone.*MODEL.WEIGHT is empty"):
        make(NONE, new_classes=True)


def test_a_new_run_does_not_meet_an_old_one(make, config, tmp_path):
    earlier_run(tmp_path / "out", config, 1, 1)
    with pytest.raises(UserError) as error:
        make(NONE)
    assert "already holds a run (last_checkpoint). Go on with it: --resume." in str(error.value)
    assert f"`-- OUTPUT_DIR {shlex.quote(str(tmp_path / 'out_2'))}`" in str(error.value)
    (tmp_path / "out" / "last_checkpoint").unlink()
    with pytest.raises(UserError, match=r"already holds a run \(model_0000200.pth\)"):
        make(NONE)


def test_nothing_to_resume(make, tmp_path):
    with pytest.raises(UserError, match=r"--resume: OUTPUT_DIR .*out holds no run to go on with"):
        make(NONE, resume=True)
    (tmp_path / "out").mkdir()
    weights(tmp_path / "out" / "w.pth")
    (tmp_path / "out" / "last_checkpoint").write_text("w.pth")
    with pytest.raises(UserError, match=r"w.pth: not a training checkpoint"):
        make(NONE, resume=True)


def test_resume_on_the_same_number_of_gpus(make, config, tmp_path):
    earlier_run(tmp_path / "out", config, 8, 8)
    made = make(EIGHT, "MODEL.WEIGHT", weights(tmp_path / "w.pth"), resume=True)
    assert "--adjust-lr" not in made.command
    assert made.notes == ()
    assert "--transfer" not in made.command
    assert row(made, "start") == f"goes on from {tmp_path}/out/model_0000200.pth at iteration 200"
    assert row(made, "iterations").endswith("; 300 to go")
    assert trained_with(made, 8)["MAX_ITER"] == 500


@pytest.mark.parametrize(
    ("began_with", "gpus", "accumulation", "test_batch"),
    [(8, 2, 4, 4), (2, 8, 1, 16), (8, 1, 8, 2), (4, 8, 1, 16), (1, 4, 1, 8)],
)
def test_resume_elsewhere_keeps_the_schedule(make, config, tmp_path, began_with, gpus, accumulation, test_batch):
    earlier_run(tmp_path / "out", config, began_with, began_with, iteration=100)
    expected = trained_with(make(replace(EIGHT, gpus=(GPU,) * 8), "OUTPUT_DIR", "new", num_gpus=began_with), began_with)
    if expected["VIDEOS_PER_BATCH"] % gpus:
        with pytest.raises(UserError, match="does not split"):
            make(EIGHT, num_gpus=gpus, resume=True)
        return
    made = make(EIGHT, num_gpus=gpus, resume=True)
    assert "--adjust-lr" not in made.command
    expected |= {"ACCUMULATION_STEPS": accumulation, "TEST": test_batch}
    assert trained_with(made, gpus) == expected
    assert f"for {began_with} process(es); it goes on with {gpus}" in made.notes[-1]


def test_resume_with_a_batch_that_does_not_split(make, config, tmp_path):
    earlier_run(tmp_path / "out", config, 1, 1)
    with pytest.raises(UserError, match=r"batch of 4 clips does not split evenly over 8 processes. .*with 1, 2, 4 of"):
        make(EIGHT, resume=True)


def test_resume_of_a_run_that_was_not_scaled(make, config, tmp_path):
    """Started by train_net.py without --adjust-lr, with 2 processes on the schedule for 4."""
    earlier_run(tmp_path / "out", config, 2, 4)
    made = make(EIGHT, num_gpus=2, resume=True)
    assert trained_with(made, 2) == trained_with(make(EIGHT, "OUTPUT_DIR", "new", num_gpus=4), 4)


def test_a_saved_config_is_not_scaled_twice(make, config, tmp_path):
    cfg = load_cfg(config, ["OUTPUT_DIR", str(tmp_path / "new")])
    scale_schedule(cfg, 8)
    saved = tmp_path / "saved.yaml"
    saved.write_text(cfg.dump())
    again = plan(LaunchOptions(str(saved)), EIGHT)
    assert "--adjust-lr" not in again.command
    assert trained_with(again, 8) == trained_with(make(EIGHT), 8)
    # On another machine it is scaled from 8 and not from 4.
    assert trained_with(plan(LaunchOptions(str(saved), num_gpus=2), EIGHT), 2) == trained_with(
        make(EIGHT, num_gpus=2), 2
    )


def test_scaled_overrides_are_pointed_out(make):
    made = make(EIGHT, "SOLVER.MAX_ITER", "900")
    assert "SOLVER.MAX_ITER 900 -> 450. To have them as they are, add SOLVER.REFERENCE_GPUS 8" in made.notes[0]
    made = make(
        EIGHT,
        "SOLVER.MAX_ITER",
        "101",
        "SOLVER.REFERENCE_GPUS",
        "8",
        "SOLVER.STEPS",
        "[50]",
        "SOLVER.WARMUP_ITERS",
        "5",
    )
    assert made.notes == ()
    assert trained_with(made, 8)["MAX_ITER"] == 101


def test_problems_after_scaling_say_so(make):
    with pytest.raises(UserError) as error:
        make(EIGHT, "SOLVER.MAX_ITER", "2", "SOLVER.STEPS", "[1]", "SOLVER.WARMUP_ITERS", "0")
    assert "SOLVER.STEPS (1,) has steps that a run of MAX_ITER 1 never reaches" in str(error.value)
    assert "These are values after scaling. Schedule scaled from 4 to 8" in str(error.value)
    with pytest.raises(UserError) as error:
        make(EIGHT, "DATASETS.TEST", "()")
    assert "after scaling" not in str(error.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("SOLVER.VIDEOS_PER_BATCH", "0", "SOLVER.VIDEOS_PER_BATCH is 0: it must be >= 1"),
        ("SOLVER.VIDEOS_PER_BATCH", "18", "18, which does not split evenly over 4 processes"),
        ("SOLVER.WARMUP_ITERS", "-3", "SOLVER.WARMUP_ITERS is -3: it must be >= 0"),
        ("SOLVER.EVAL_PERIOD", "-1", "SOLVER.EVAL_PERIOD is -1"),
        ("SOLVER.STEPS", "[-1]", "SOLVER.STEPS is"),
        ("SOLVER.MAX_ITER", "-5", "SOLVER.MAX_ITER is -5"),
        ("SOLVER.MAX_ITER", "100", "SOLVER.WARMUP_ITERS 100 is not below MAX_ITER 100"),
        ("SOLVER.REFERENCE_GPUS", "0", "SOLVER.REFERENCE_GPUS is 0"),
    ],
)
def test_wrong_values_are_found_before_scaling(make, key, value, message):
    for options in ({}, {"num_gpus": 1}):
        with pytest.raises(UserError) as error:
            make(EIGHT, key, value, **options)
        assert message in str(error.value)
        assert "after scaling" not in str(error.value)


@pytest.mark.parametrize("gpus", [1, 2])
def test_resume_keeps_the_schedule_of_the_run(make, config, tmp_path, gpus):
    """The run was started with values after -- that are not given again, and the config was edited since."""
    given = ("SOLVER.MAX_ITER", "2", "SOLVER.WARMUP_ITERS", "0", "SOLVER.STEPS", "[]", "SOLVER.GAMMA", "0.5")
    earlier_run(tmp_path / "out", config, 1, 1, iteration=1, overrides=given)
    config.write_text(config.read_text().replace("BASE_LR: 0.01", "BASE_LR: 0.1"))
    made = make(EIGHT, num_gpus=gpus, resume=True)
    trained = trained_with(made, gpus)
    assert (trained["MAX_ITER"], trained["WARMUP_ITERS"], tuple(trained["STEPS"])) == (8, 0, ())
    assert (trained["GAMMA"], trained["BASE_LR"], trained["REFERENCE_GPUS"]) == (0.5, pytest.approx(0.005), 1)
    assert row(made, "iterations").endswith("; 7 to go")
    note = made.notes[-1]
    assert f"{config} has another one, which is not used: " in note
    for part in ("BASE_LR 0.05 (the run: 0.005)", "MAX_ITER 4000 (the run: 8)", "GAMMA 0.1 (the run: 0.5)"):
        assert part in note
    longer = make(EIGHT, "SOLVER.MAX_ITER", "50", num_gpus=gpus, resume=True)
    assert trained_with(longer, gpus) == trained | {"MAX_ITER": 50}
    assert "MAX_ITER" not in longer.notes[-1]


def test_resume_says_that_its_values_are_not_scaled(make, config, tmp_path):
    earlier_run(tmp_path / "out", config, 8, 8)
    with pytest.raises(UserError, match=r"--resume: SOLVER.REFERENCE_GPUS 4 is given, but .* is for 8 process\(es\)"):
        make(EIGHT, "SOLVER.REFERENCE_GPUS", "4", resume=True)
    assert make(EIGHT, "SOLVER.REFERENCE_GPUS", "8", resume=True).notes == ()
    with pytest.raises(UserError, match="SOLVER.VIDEOS_PER_BATCH is 0"):
        make(EIGHT, "SOLVER.VIDEOS_PER_BATCH", "0", resume=True)


def test_a_finished_run(make, config, tmp_path):
    earlier_run(tmp_path / "out", config, 1, 1, iteration=4000)
    made = make(NONE, resume=True, new_classes=True)
    assert "MAX_ITER 4000 is reached already" in made.notes[-1]
    assert made.warnings == ("--new-classes has no effect with --resume: the run goes on with the head that it has.",)
