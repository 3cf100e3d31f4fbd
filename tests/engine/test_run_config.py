"""The config of a run: its schedule scaled to the processes, or kept from the run that is continued."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml
from messages import refused, says

from alphaction.config import load_cfg
from alphaction.engine.run_config import RunConfig, configure_run
from alphaction.engine.run_flags import train_parser
from alphaction.solver import scale_schedule
from alphaction.utils.errors import UserError

SCHEDULE = (
    "VIDEOS_PER_BATCH", "BASE_LR", "MAX_ITER", "STEPS", "GAMMA", "WARMUP_ITERS", "REFERENCE_GPUS", "ACCUMULATION_STEPS"
)  # fmt: skip


@pytest.fixture
def config(tmp_path, repo_root) -> Path:
    """A schedule for 4 processes."""
    content = {
        "_BASE_": str(repo_root / "config_files/tiny/toy.yaml"),
        "SOLVER": {
            "REFERENCE_GPUS": 4, "VIDEOS_PER_BATCH": 16, "BASE_LR": 0.01, "MAX_ITER": 1000, "WARMUP_ITERS": 100,
            "SCHEDULER": "warmup_multi_step", "STEPS": [600, 800],
        },
        "TEST": {"VIDEOS_PER_BATCH": 8},
        "OUTPUT_DIR": str(tmp_path / "out"),
    }  # fmt: skip
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture
def configure(config):
    """configure(processes, "--flag", "KEY", "VALUE", ...)"""

    def run(processes: int, *words: str) -> RunConfig:
        args = train_parser().parse_intermixed_args(["--config-file", str(config), *words])
        return configure_run(args, processes)

    return run


def earlier_run(folder: Path, config: Path, processes: int, reference: int, overrides=()) -> None:
    """What configure_run reads of a checkpoint of a run that was scaled to ``reference``."""
    cfg = load_cfg(config, overrides)
    scale_schedule(cfg, reference)
    folder.mkdir()
    extra = {"config": cfg.dump(), "world_size": processes, "seed": 0}
    torch.save({"model": {}, "optimizer": {}, "iteration": 200, "extra": extra}, folder / "model_0000200.pth")
    (folder / "last_checkpoint").write_text("model_0000200.pth")


def schedule(run: RunConfig) -> dict[str, object]:
    return {name: run.cfg.SOLVER[name] for name in SCHEDULE} | {"TEST": run.cfg.TEST.VIDEOS_PER_BATCH}


def test_the_schedule_is_scaled_where_asked_for(configure):
    run = configure(8, "--adjust-lr")
    assert run.scaled
    assert (run.cfg.SOLVER.MAX_ITER, run.cfg.SOLVER.VIDEOS_PER_BATCH) == (500, 32)
    assert "BASE_LR 0.01, MAX_ITER 1000 -> VIDEOS_PER_BATCH 32, BASE_LR 0.0141421, MAX_ITER 500" in run.scaling
    for words in (["--adjust-lr"], []):
        run = configure(4, *words)
        assert not run.scaled
        assert run.cfg.SOLVER.MAX_ITER == 1000


def test_a_saved_config_is_not_scaled_twice(configure, config):
    once = configure(8, "--adjust-lr")
    config.write_text(once.cfg.dump())
    assert schedule(configure(8, "--adjust-lr")) == schedule(once)
    # On other machines it is scaled from 8 and not from 4.
    assert configure(2, "--adjust-lr").cfg.SOLVER.MAX_ITER == 2000


def test_scaled_overrides_are_pointed_out(configure):
    (note,) = configure(8, "--adjust-lr", "SOLVER.MAX_ITER", "900").notes
    says(note, "SOLVER.MAX_ITER 900 -> 450", "SOLVER.REFERENCE_GPUS 8")
    given = "SOLVER.MAX_ITER 101 SOLVER.REFERENCE_GPUS 8 SOLVER.STEPS [50] SOLVER.WARMUP_ITERS 5".split()
    run = configure(8, "--adjust-lr", *given)
    assert run.notes == ()
    assert run.cfg.SOLVER.MAX_ITER == 101


def test_problems_after_scaling_say_so(configure):
    with pytest.raises(UserError) as error:
        configure(8, "--adjust-lr", *"SOLVER.MAX_ITER 2 SOLVER.STEPS [1] SOLVER.WARMUP_ITERS 0".split())
    says(str(error.value), "SOLVER.STEPS (1,)", "after scaling", "from 4 to 8", "SOLVER.REFERENCE_GPUS 8")
    with pytest.raises(UserError) as error:
        configure(8, "--adjust-lr", "DATASETS.TEST", "()")
    assert "after scaling" not in str(error.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("SOLVER.VIDEOS_PER_BATCH", "0", "SOLVER.VIDEOS_PER_BATCH is 0"),
        ("SOLVER.VIDEOS_PER_BATCH", "18", "over 4 processes"),
        ("SOLVER.WARMUP_ITERS", "-3", "SOLVER.WARMUP_ITERS is -3"),
        ("SOLVER.EVAL_PERIOD", "-1", "SOLVER.EVAL_PERIOD is -1"),
        ("SOLVER.STEPS", "[-1]", "SOLVER.STEPS is"),
        ("SOLVER.MAX_ITER", "-5", "SOLVER.MAX_ITER is -5"),
        ("SOLVER.MAX_ITER", "100", "SOLVER.WARMUP_ITERS 100"),
        ("SOLVER.REFERENCE_GPUS", "0", "SOLVER.REFERENCE_GPUS is 0"),
    ],
)
@pytest.mark.parametrize("processes", [1, 8])
def test_wrong_values_are_found_before_scaling(configure, key, value, message, processes):
    with pytest.raises(UserError) as error:
        configure(processes, "--adjust-lr", key, value)
    assert message in str(error.value)
    assert "after scaling" not in str(error.value)


def test_a_folder_that_cannot_be_written(configure, tmp_path, config):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="OUTPUT_DIR .*/file is a file"):
        configure(1, "OUTPUT_DIR", str(tmp_path / "file" / "run"))
    args = train_parser().parse_intermixed_args(
        ["--config-file", str(config), "OUTPUT_DIR", str(tmp_path / "file" / "run")]
    )
    configure_run(args, 1, writes=False)
    assert not (tmp_path / "out").exists()


def test_weights_that_are_not_there(configure):
    with pytest.raises(UserError, match=r"MODEL\.WEIGHT: .*away\.pth"):
        configure(4, "MODEL.WEIGHT", "away.pth")


def test_nothing_to_resume(configure, tmp_path):
    with pytest.raises(UserError, match=r"--resume: OUTPUT_DIR .*out\b"):
        configure(1, "--resume")
    (tmp_path / "out").mkdir()
    torch.save({"model": {"x": torch.zeros(1)}}, tmp_path / "out" / "w.pth")
    (tmp_path / "out" / "last_checkpoint").write_text("w.pth")
    with pytest.raises(UserError, match=r"w.pth"):
        configure(1, "--resume")


def test_resume_on_the_same_number_of_processes(configure, config, tmp_path):
    earlier_run(tmp_path / "out", config, 8, 8)
    run = configure(8, "--resume")
    assert schedule(run) == schedule(configure(8, "--adjust-lr"))
    assert not run.scaled
    assert run.notes == ()


@pytest.mark.parametrize(
    ("began_with", "processes", "accumulation", "test_batch"), [(8, 2, 4, 4), (2, 8, 1, 16), (8, 1, 8, 2), (1, 4, 1, 8)]
)
def test_resume_elsewhere_keeps_the_schedule(
    configure, config, tmp_path, began_with, processes, accumulation, test_batch
):
    earlier_run(tmp_path / "out", config, began_with, began_with)
    run = configure(processes, "--resume")
    expected = schedule(configure(began_with, "--adjust-lr"))
    assert schedule(run) == expected | {"ACCUMULATION_STEPS": accumulation, "TEST": test_batch}
    assert f"it continues with {processes}." in run.scaling


def test_resume_with_a_batch_that_does_not_split(configure, config, tmp_path):
    earlier_run(tmp_path / "out", config, 1, 1)
    with pytest.raises(UserError, match=r"batch of 4 .* 8 processes.* 1, 2, 4\b"):
        configure(8, "--resume")


def test_resume_of_a_run_that_was_not_scaled(configure, config, tmp_path):
    """Started without --adjust-lr, with 2 processes on the schedule for 4."""
    earlier_run(tmp_path / "out", config, 2, 4)
    assert schedule(configure(2, "--resume")) == schedule(configure(4))


@pytest.mark.parametrize("processes", [1, 2])
def test_resume_keeps_the_schedule_of_the_run(configure, config, tmp_path, processes):
    """The run was started with overrides that are not given again, and the config was edited since."""
    given = ("SOLVER.MAX_ITER", "2", "SOLVER.WARMUP_ITERS", "0", "SOLVER.STEPS", "[]", "SOLVER.GAMMA", "0.5")
    earlier_run(tmp_path / "out", config, 1, 1, overrides=given)
    config.write_text(config.read_text().replace("BASE_LR: 0.01", "BASE_LR: 0.1"))
    run = configure(processes, "--resume")
    solver = run.cfg.SOLVER
    assert (solver.MAX_ITER, solver.WARMUP_ITERS, tuple(solver.STEPS)) == (8, 0, ())
    assert (solver.GAMMA, solver.BASE_LR, solver.REFERENCE_GPUS) == (0.5, pytest.approx(0.005), 1)
    (note,) = run.notes
    for part in ("BASE_LR 0.05 (the run: 0.005)", "MAX_ITER 4000 (the run: 8)", "GAMMA 0.1 (the run: 0.5)"):
        assert part in note
    longer = configure(processes, "--resume", "SOLVER.MAX_ITER", "50")
    assert schedule(longer) == schedule(run) | {"MAX_ITER": 50}
    assert "MAX_ITER" not in longer.notes[0]


def test_resume_says_that_its_values_are_not_scaled(configure, config, tmp_path):
    earlier_run(tmp_path / "out", config, 8, 8)
    with pytest.raises(UserError, match=r"--resume: SOLVER.REFERENCE_GPUS 4 .* 8 processes"):
        configure(8, "--resume", "SOLVER.REFERENCE_GPUS", "4")
    assert configure(8, "--resume", "SOLVER.REFERENCE_GPUS", "8").notes == ()
    with pytest.raises(UserError, match="SOLVER.VIDEOS_PER_BATCH is 0"):
        configure(8, "--resume", "SOLVER.VIDEOS_PER_BATCH", "0")


def test_an_early_end_needs_evaluations_in_between(config):
    for flags, key in ((["--skip-val-in-train"], "2"), ([], "-1")):
        args = train_parser().parse_intermixed_args(["--config-file", str(config), *flags, "SOLVER.PATIENCE", key])
        refused(lambda args=args: configure_run(args, 4), "SOLVER.PATIENCE", *flags)
