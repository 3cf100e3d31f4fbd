"""The study as a whole: on fakes, and once with real trainings of two steps."""

from __future__ import annotations

import fcntl
import json
import subprocess
from dataclasses import replace

import pytest
from ablation.conftest import TINY, record_of, starts_of
from messages import says

from alphaction.toy import make_toy_dataset
from alphaction.utils.errors import UserError
from benchmarks.ablation import study as module
from benchmarks.ablation.dataset import open_dataset
from benchmarks.ablation.plan import StudyOptions, plan_study
from benchmarks.ablation.study import as_time, run_ablation

TRIAL = (
    "SOLVER.MAX_ITER 2 SOLVER.STEPS [] SOLVER.WARMUP_ITERS 1 SOLVER.VIDEOS_PER_BATCH 2 "
    "DATALOADER.NUM_WORKERS 0 MODEL.DEVICE cpu"
).split()


@pytest.fixture
def faked(monkeypatch, fake, data):
    """Let the study plan fakes, on a dataset that is not there."""
    monkeypatch.setattr(module, "open_dataset", lambda *_, **__: data)

    def plan(*args):
        planned = plan_study(*args)
        return replace(planned, runs=tuple(fake(run) for run in planned.runs))

    monkeypatch.setattr(module, "plan_study", plan)


def test_a_study_runs_what_is_missing_and_reports(faked, options, tmp_path, capsys):
    page = tmp_path / "page.md"
    first = run_ablation(replace(options, seeds=(0,)), page, poll=0.02).cost
    assert (first.jobs, first.threads) == (2, 1)
    results = run_ablation(options, page, poll=0.02)
    assert [len(starts_of(run.folder)) for run in results.study.runs] == [1, 1, 1, 1]
    assert results.cost.wall_seconds > first.wall_seconds > 0
    assert results.missing == []
    # "wave" has no ground truth: the own classes are "jump" alone.
    assert (results.kind("M", "own").mean, results.kind("M", "memory").mean) == (75.0, 25.0)
    assert results.kind("M", "person") is None
    lines = capsys.readouterr().out.splitlines()
    assert "4 runs, 2 finished" in lines[4]
    assert lines[5].startswith("[3/4] ")
    assert "AP own 75.0, person -, object -, memory 25.0; 0:00:" in lines[5]
    numbers = json.loads((options.output / "results.json").read_text())
    assert numbers["arms"]["M"]["AP"]["own"] == {"mean": 75.0, "std": 0.0, "count": 2}
    assert len(numbers["runs"]) == 4
    assert "**75.0 ± 0.0**" in page.read_text()


def test_two_studies_do_not_share_a_folder(faked, options, tmp_path):
    (options.output / "runs").mkdir(parents=True)
    with (options.output / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="--output .*another study"):
            run_ablation(replace(options, force=True), tmp_path / "page.md")
        assert not any((options.output / "runs").iterdir())
    run_ablation(replace(options, seeds=(0,)), tmp_path / "page.md", poll=0.02)
    with (options.output / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # a report alone needs no lock
        assert len(run_ablation(options, tmp_path / "page.md", report_only=True).missing) == 2


def test_runs_that_are_redone_cost_what_they_cost_the_second_time(faked, options, tmp_path):
    options = replace(options, seeds=(0,))
    study = run_ablation(options, tmp_path / "page.md", poll=0.02).study
    (options.output / "study.json").write_text(json.dumps({"wall_seconds": 1e6, "jobs": 2, "threads": 1}))
    assert run_ablation(options, tmp_path / "page.md").cost.wall_seconds == 1e6
    for run in study.runs:
        (run.folder / "model_final.pth").touch()
    options = replace(options, overrides=("SOLVER.BASE_LR", "0.5"), force=True)
    assert run_ablation(options, tmp_path / "page.md", poll=0.02).cost.wall_seconds < 1e3


def test_a_report_of_nothing_is_an_error(faked, options, tmp_path):
    with pytest.raises(UserError, match=str(options.output)):
        run_ablation(options, tmp_path / "page.md", report_only=True)
    assert not (tmp_path / "page.md").exists()


def test_an_unfinished_study_is_reported_as_such(faked, options, tmp_path):
    run_ablation(replace(options, seeds=(0,)), tmp_path / "page.md", poll=0.02)
    results = run_ablation(options, tmp_path / "page.md", report_only=True)
    assert [str(run) for run in results.missing] == ["baseline seed 1", "M seed 1"]
    page = (tmp_path / "page.md").read_text()
    says(page, "2 of 4 runs", "baseline seed 1; M seed 1", "**75.0** (1 of 2 seeds)")


def test_times_are_written_as_on_a_clock():
    assert [as_time(seconds) for seconds in (0.4, 61, 3599.6, 36000)] == ["0:00:00", "0:01:01", "1:00:00", "10:00:00"]


def test_what_is_known_of_a_dataset(folder):
    data = open_dataset(folder)
    assert (data.name, data.lag) == ("toy", 4)
    assert len(data.of_kind("person")) == len(data.of_kind("object")) == 1
    assert data.of_kind("memory")
    assert data.chance_of("memory") == 0.5
    # Opposite coins in pairs of videos: half of all boxes.
    assert data.chance_of("person") == data.chance_of("object") == 0.5
    assert data.record["options"]["num_val"] == TINY.num_val


def test_a_class_that_nobody_carries_has_no_chance(data):
    assert data.chance_of("own") == 0.5
    assert replace(data, chance={**data.chance, "jump": 0.0, "wave": 0.3}).chance_of("own") == pytest.approx(0.3)


def test_a_dataset_of_another_kind_is_refused(tmp_path):
    (tmp_path / "toy.json").write_text(json.dumps({"options": {"world": "actions"}}))
    with pytest.raises(UserError, match="'actions'"):
        open_dataset(tmp_path)
    (tmp_path / "toy.json").write_text(json.dumps({"options": {"world": "interactions"}, "format": 2}))
    with pytest.raises(UserError, match=r"format 2, now 4.*--force"):
        open_dataset(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="--data .*/file"):
        open_dataset(tmp_path / "file")


def test_a_folder_of_something_else_is_refused_by_the_name_of_its_flag(folder, tmp_path):
    with pytest.raises(UserError, match="--data .*/none"):
        open_dataset(tmp_path / "none", make=False)
    assert not (tmp_path / "none").exists()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UserError, match="--data .*toy.json"):
        open_dataset(tmp_path)
    with pytest.raises(UserError, match="num_val is 1.*--num-val"):
        open_dataset(make_toy_dataset(tmp_path / "one", replace(TINY, num_val=1)))


def test_mistakes_are_found_before_a_dataset_is_made(options, tmp_path):
    for change in ({"arms": ("basline",)}, {"overrides": ("SOLVER.MAX_ITER", "0")}):
        with pytest.raises(UserError, match="basline|MAX_ITER"):
            run_ablation(replace(options, **change), tmp_path / "page.md")
    assert not options.data.exists()
    assert not options.output.exists()


@pytest.mark.slow
def test_the_command_trains_and_reports(folder, repo_root, quick_python, subprocess_env, tmp_path):
    command = [quick_python, repo_root / "tools" / "ablation.py", "--data", folder, "--output", "out"]
    command += ["--seeds", "1", "--arms", "baseline,M,M_two_processes", "--jobs", "2", "--report", "page.md", *TRIAL]
    done = subprocess.run(command, cwd=tmp_path, env=subprocess_env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("3 runs, 0 finished")
    assert {line.split()[1] for line in lines[1:4]} == {"baseline", "M", "M_two_processes"}
    page = (tmp_path / "page.md").read_text()
    assert "images/ablation_structures.png" in page
    record = record_of(tmp_path / "out" / "runs" / "M" / "seed_1")
    assert (record["finished"], record["settings"]["SOLVER.MAX_ITER"]) == (True, 2)
    assert any((tmp_path / "out" / "cache").rglob("*.npy"))
    # Nothing is left to run, and other settings are refused.
    options = StudyOptions(folder, tmp_path / "out", (1,), ("baseline", "M"), 2, (*TRIAL[2:], "SOLVER.MAX_ITER", "3"))
    with pytest.raises(UserError, match="SOLVER.MAX_ITER.* 2.* 3"):
        run_ablation(options, tmp_path / "page.md")
    results = run_ablation(replace(options, overrides=tuple(TRIAL)), tmp_path / "page.md")
    assert [scores.record.starts for scores in results.scores.values()] == [1, 1]
