"""Which of several processes this one is, and the order in which it takes the videos."""

from __future__ import annotations

import pytest

from alphaction.workflows.predict.shares import ends_together, in_turn, launch_name, local_rank, this_process

VARIABLES = (
    "RANK WORLD_SIZE LOCAL_RANK SLURM_STEP_ID SLURM_PROCID SLURM_NTASKS SLURM_LOCALID SLURM_ARRAY_TASK_ID "
    "SLURM_ARRAY_TASK_COUNT SLURM_ARRAY_TASK_MIN SLURM_ARRAY_TASK_STEP SLURM_ARRAY_JOB_ID"
).split()
ARRAY = {"SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_MIN": "3", "SLURM_ARRAY_TASK_COUNT": "4"}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, (0, 1)),
        ({"RANK": "3", "WORLD_SIZE": "8"}, (3, 8)),
        ({**ARRAY, "SLURM_ARRAY_TASK_STEP": "2"}, (2, 4)),
        ({**ARRAY, "SLURM_ARRAY_TASK_ID": "4", "RANK": "1", "WORLD_SIZE": "2"}, (3, 8)),
        ({"SLURM_STEP_ID": "0", "SLURM_PROCID": "2", "SLURM_NTASKS": "4"}, (2, 4)),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}, (0, 1)),  # a batch script, without srun
        ({"SLURM_ARRAY_TASK_ID": "odd"}, (0, 1)),
    ],
)
def test_processes_are_told_by_their_launcher(monkeypatch, environment, expected):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert this_process() == expected
    assert ends_together() == (environment.get("WORLD_SIZE", "1") != "1")
    assert (local_rank(), launch_name()) == (0, "")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "5")
    assert (local_rank(), launch_name()) == (1, "array 5")


def test_each_process_takes_its_own_videos_first_and_what_others_leave_from_the_end():
    assert in_turn("abcdef", 0, 1) == [*"abcdef"]
    assert in_turn("abcdefg", 0, 2) == [*"aceg", *"fdb"]
    assert in_turn("abcdefg", 1, 2) == [*"bdf", *"geca"]
