"""tools/generate_finetune_config.py as a command line."""

from __future__ import annotations

import shlex
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
    done = generate("-i", "-o", str(output), "--num-gpus", "0", answers="toy\n99\n13\n\nresnet50\nyes\n" + "\n" * 6)
    assert done.returncode == 0, done.stderr
    says(done.stdout, "holds 13", "Next, once data/models/pretrained_models/SlowFast-ResNet50-4x16.pth is there:")
    assert load_cfg(output).MODEL.IA_STRUCTURE.ACTIVE


@pytest.mark.parametrize("answers", ["", "toy\n", "toy\n13\n0\ntiny\nno\n8\n\n\n"])
def test_the_end_of_input_writes_nothing(generate, tmp_path, answers):
    output = tmp_path / "piped.yaml"
    done = generate("-i", "-o", str(output), "--num-gpus", "0", answers=answers)
    assert done.returncode == 2
    assert done.stderr.startswith("error: end of input at ")
    assert "nothing was written" in done.stderr
    assert not output.exists()


def test_without_gpu_and_weights_the_config_is_for_a_network_that_can_start(
    subprocess_env, quick_python, repo_root, toy_folder, tmp_path
):
    """From another folder than the clone, as somebody would type it after tools/prepare_dataset.py."""
    command = [quick_python, str(repo_root / "tools/generate_finetune_config.py"), "--dataset-name", "toy"]
    command += ["--num-gpus", "0", "DATASETS.DATA_DIR", str(toy_folder)]
    done = subprocess.run(command, cwd=tmp_path, env=subprocess_env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.rglob("*.yaml")] == ["toy_tiny_baseline.yaml"]
    cfg = load_cfg(tmp_path / "output" / "toy_tiny_baseline.yaml")
    start = (cfg.MODEL.BACKBONE.CONV_BODY, cfg.MODEL.WEIGHT, cfg.MODEL.DEVICE)
    assert start == ("Slowfast-Tiny", "zoo:slowfast_tiny_rendered", "cpu")
    says(done.stdout, "the small one", "SlowFast-ResNet50-4x16.pth", "--backbone resnet50", "\nNext:\n")
    check = next(line for line in done.stdout.splitlines() if "validate_dataset.py" in line)
    # It finds script, dataset and config; 2 would be a mistake in the command.
    assert subprocess.run(
        [quick_python, *shlex.split(check)[1:]], cwd=tmp_path, env=subprocess_env, check=False
    ).returncode in (0, 1)
    script = shlex.split(next(line for line in done.stdout.splitlines() if "finetune_quickstart.sh" in line))[1]
    assert script == str(repo_root / "tools" / "finetune_quickstart.sh")


def test_a_config_for_other_machines_says_what_is_missing_here(generate, tmp_path):
    output = tmp_path / "toy.yaml"
    done = generate("--dataset-name", "toy", "--num-gpus", "4000", "-o", str(output))
    assert done.returncode == 0, done.stderr
    assert load_cfg(output).MODEL.BACKBONE.CONV_BODY == "Slowfast-Resnet50"
    says(
        done.stdout,
        "Next, once data/models/pretrained_models/SlowFast-ResNet50-4x16.pth is there, on a machine with 4000 GPUs:",
        "--num-gpus 4000 --new-classes",
    )


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
