"""What Ctrl-C in a run says that the launcher has started."""

from __future__ import annotations

import pytest

from alphaction.utils.command_text import this_command
from alphaction.workflows.finetune.launch.again import commands_for_run, resume_command, start_command

SCRIPT = "bash tools/finetune_quickstart.sh"


@pytest.fixture(autouse=True)
def clone(monkeypatch, repo_root):
    monkeypatch.chdir(repo_root)
    monkeypatch.delenv("ALPHACTION_VENV", raising=False)


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["my c.yaml"], "'my c.yaml' --resume"),
        (["c.yaml", "--cpu", "--new-classes", "--yes"], "c.yaml --cpu --yes --resume"),
        (["--new-classes", "--num-gpus", "2", "c.yaml"], "--num-gpus 2 c.yaml --resume"),
        # The checkpoint holds the schedule as it was scaled.
        (
            ["c.yaml", "--", "OUTPUT_DIR", "a b", "SOLVER.MAX_ITER", "9", "SOLVER.REFERENCE_GPUS", "2"],
            "c.yaml --resume -- OUTPUT_DIR 'a b'",
        ),
        (["c.yaml", "--", "SOLVER.MAX_ITER", "9"], "c.yaml --resume"),
        # What is given to a run that is continued may not be in a checkpoint yet.
        (["c.yaml", "--resume", "--", "SOLVER.MAX_ITER", "9"], "c.yaml --resume -- SOLVER.MAX_ITER 9"),
    ],
)
def test_the_command_that_continues_the_run(words, command):
    assert resume_command(words) == f"{SCRIPT} {command}"


def test_the_environment_that_was_chosen_is_chosen_again(monkeypatch):
    monkeypatch.setenv("ALPHACTION_VENV", "/my venv")
    assert start_command(["c.yaml", "--cpu"]) == f"ALPHACTION_VENV='/my venv' {SCRIPT} c.yaml --cpu"


def test_the_run_names_the_launcher(monkeypatch):
    for name, value in commands_for_run(["c.yaml"]).items():
        monkeypatch.setenv(name, value)
    assert this_command() == f"{SCRIPT} c.yaml"
    assert this_command(["--seed", "1"]).endswith(" --seed 1")
