"""tools/generate_finetune_config.py as a command line."""

from __future__ import annotations

import subprocess

import pytest
from messages import says

from alphaction.config import load_cfg


@pytest.fixture
def generate(repo_root, toy_folder, subprocess_env, quick_python):
    """Run the tool on the toy dataset with flags and, optionally, input."""

    def run(*flags: str, answers: str = "") -> subprocess.CompletedProcess:
        command = [quick_python, "tools/generate_finetune_config.py", *flags, "DATASETS.DATA_DIR", str(toy_folder)]
        return subprocess.run(
            command, cwd=repo_root, env=subprocess_env, input=answers, capture_output=True, text=True, timeout=120
        )

    return run


def test_flags_to_a_config_and_the_next_commands(generate, tmp_path):
    output = tmp_path / "toy.yaml"
    flags = ("--dataset-name", "toy", "--backbone", "tiny", "--num-gpus", "0", "--use-ia", "-o", str(output))
    done = generate(*flags)
    assert done.returncode == 0, done.stderr
    cfg = load_cfg(output)
    assert (cfg.DATASETS.TRAIN, cfg.MODEL.IA_STRUCTURE.STRUCTURE) == (("toy_train",), "serial")
    for command in (
        "validate_dataset.py --all toy",
        f"finetune_quickstart.sh {output} --cpu",
        "test_net.py",
        "predict_video.py",
    ):
        assert command in done.stdout
    again = generate(*flags)
    assert again.returncode == 2
    assert "--force" in again.stderr
    assert "Traceback" not in again.stderr


def test_questions_from_a_pipe(generate, tmp_path):
    output = tmp_path / "piped.yaml"
    done = generate("-i", "-o", str(output), "--num-gpus", "0", answers="toy\n99\n13\n\nresnet50\nyes\n")
    assert done.returncode == 0, done.stderr
    says(done.stdout, "holds 13", "End of input", "SlowFast-ResNet50-4x16.pth")
    assert load_cfg(output).MODEL.IA_STRUCTURE.ACTIVE


def test_other_keys_are_refused(generate, tmp_path):
    done = generate("-o", str(tmp_path / "toy.yaml"), "SOLVER.BASE_LR", "0.1")
    assert done.returncode == 2
    assert done.stderr.startswith("error: SOLVER.BASE_LR: ")


def test_a_wrong_number_of_classes_writes_nothing(generate, tmp_path):
    output = tmp_path / "toy.yaml"
    done = generate("--dataset-name", "toy", "--num-classes", "80", "-o", str(output))
    assert done.returncode == 2
    says(done.stderr, "--num-classes 80", "holds 13")
    assert not output.exists()
