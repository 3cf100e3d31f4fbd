"""From arms and seeds to commands."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from alphaction.utils.errors import UserError
from benchmarks.ablation.arms import ARMS, GROUPS, IA, choose_arms
from benchmarks.ablation.plan import check_options, plan_study


def test_all_arms_of_a_seed_come_first(study):
    assert [str(run) for run in study.runs] == ["baseline seed 0", "M seed 0", "baseline seed 1", "M seed 1"]


def test_the_command_is_that_of_a_person(study, options, data, monkeypatch, tmp_path):
    run = study.runs[3]
    assert run.command[0] == sys.executable
    assert run.command[1].endswith("train_net.py")
    words = dict(zip(run.command[2::2], run.command[3::2], strict=True))
    assert words["--config-file"].endswith("config_files/tiny/interactions.yaml")
    assert words["--seed"] == "1"
    assert words["DATASETS.CATALOG"] == str(data.folder / "dataset.yaml")
    assert words["DATASETS.TEST"] == "[data_val]"
    assert words["DATALOADER.CLIP_CACHE"] == str(options.output / "cache")
    assert words["MODEL.IA_STRUCTURE.I_BLOCK_LIST"] == "[M]"
    assert words["OUTPUT_DIR"] == str(options.output / "runs" / "M" / "seed_1")
    assert run.result == run.folder / "inference" / "data_val" / "result.json"
    monkeypatch.chdir(tmp_path)
    assert plan_study(options, data).runs[3].command[-1] == "out/runs/M/seed_1"


def test_arms_of_one_config_are_trained_once(options, data):
    given = (f"{IA}.LENGTH", "[6, 6]", f"{IA}.PENALTY", "True")
    options = replace(options, overrides=given)
    study = plan_study(replace(options, arms=()), data)
    assert study.owners["penalty_on"] == study.owners["length_6"] == study.owners["M"] == "M"
    assert study.owners["penalty_off"] == "penalty_off"
    assert study.owners["M_one_process"] == "M"
    assert study.owners["M_unmasked"] == "M_unmasked"
    assert len({run.folder for run in study.runs}) == len(study.runs) == 2 * len(set(study.owners.values()))
    # A choice of arms does not move their runs.
    alone = plan_study(replace(options, arms=("penalty",)), data)
    assert [run.folder for run in alone.runs if run.seed == 0] == [
        options.output / "runs" / "M" / "seed_0",
        options.output / "runs" / "penalty_off" / "seed_0",
    ]


def test_what_an_arm_sets_wins_over_what_is_given_for_every_run(options, data):
    given = (f"{IA}.LENGTH", "[10, 10]", f"{IA}.PENALTY", "True", "SOLVER.MAX_ITER", "900")
    study = plan_study(replace(options, arms=("M", "length"), overrides=given), data)
    lengths = {run.arm: run.settings["MODEL.IA_STRUCTURE.LENGTH"] for run in study.runs}
    assert lengths["M"] == [10, 10]
    assert lengths["length_6"] == [6, 6]
    assert study.owners["length_10"] == "M"
    assert {run.settings["SOLVER.MAX_ITER"] for run in study.runs} == {900}


def test_settings_hold_the_data_and_the_seed_but_no_places(study):
    settings = study.runs[0].settings
    assert settings["dataset num_train"] == 4
    assert settings["--seed"] == 0
    assert "OUTPUT_DIR" not in settings
    assert "DATALOADER.CLIP_CACHE" not in settings


def test_cores_are_shared_out(options, data, monkeypatch):
    monkeypatch.setattr("benchmarks.ablation.plan.available_cores", lambda: 8)
    given = replace(options, overrides=("MODEL.DEVICE", "cpu"))

    def shares(jobs):
        study = plan_study(replace(given, jobs=jobs), data)
        return study.jobs, study.threads

    assert shares(3) == (3, 2)
    # One a core, but no more than there are runs.
    assert shares(None) == (4, 2)
    monkeypatch.setattr("benchmarks.ablation.plan.choose_device", lambda *_: type("Device", (), {"type": "cuda"}))
    assert shares(None) == (1, 8)
    runs = plan_study(replace(given, arms=("M", "M_two_processes"), seeds=(0,)), data).runs
    assert [run.device for run in runs] == ["cuda", "cpu"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arms": ("seriel",)}, '--arms seriel: .*"serial"'),
        ({"overrides": ("OUTPUT_DIR", "x")}, "OUTPUT_DIR .*--output"),
        ({"overrides": ("MODEL.IA_STRUCTURE.ACTIVE", "False")}, "MODEL.IA_STRUCTURE.ACTIVE .*--arms"),
        ({"overrides": ("SOLVER.MAX_ITR", "2")}, r"SOLVER.MAX_ITR.*SOLVER.MAX_ITER\b"),
        ({"overrides": ("SOLVER.MAX_ITER",)}, "SOLVER.MAX_ITER"),
        # What train_net.py would refuse.
        ({"overrides": ("SOLVER.MAX_ITER", "0")}, "arm baseline: "),
        ({"overrides": ("SOLVER.BASE_LR", "-1.0")}, "SOLVER.BASE_LR"),
        ({"overrides": ("SOLVER.MAX_ITER", "60")}, "SOLVER.STEPS"),
        ({"overrides": ("MODEL.WEIGHT", "nofile.pth")}, "nofile.pth"),
        ({"overrides": ("SOLVER.VIDEOS_PER_BATCH", "3"), "arms": ("M_two_processes",)}, "arm M_two_processes: "),
    ],
)
def test_mistakes_are_found_before_anything_runs(options, change, message):
    with pytest.raises(UserError, match=message):
        check_options(replace(options, **change))


def test_arms_have_names_of_their_own_and_known_groups():
    names = [arm.name for arm in ARMS]
    assert len(set(names)) == len(names)
    assert {arm.group for arm in ARMS} == set(GROUPS)
    assert [arm.name for arm in choose_arms(("penalty", "O"))] == ["O", "penalty_on", "penalty_off"]


def test_two_processes_and_a_break_are_runs_of_their_own(options, data):
    study = plan_study(
        replace(options, arms=("M", "consistency"), seeds=(0,), overrides=("SOLVER.MAX_ITER", "901")), data
    )
    runs = {run.arm: run for run in study.runs}
    assert list(runs) == ["M", "M_two_processes", "M_resumed"]
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    assert list(runs["M_two_processes"].command[1:5]) == launcher
    assert runs["M_two_processes"].command[-4:-2] == ("MODEL.DEVICE", "cpu")
    assert [run.device for run in runs.values()] == ["cpu", "cpu", "cpu"]
    assert launcher[1] not in runs["M"].command
    assert runs["M"].restart_at is runs["M_two_processes"].restart_at is None
    resumed = runs["M_resumed"]
    assert resumed.restart_at == resumed.folder / "last_checkpoint"
    assert resumed.command[resumed.command.index("SOLVER.CHECKPOINT_PERIOD") + 1] == "450"
