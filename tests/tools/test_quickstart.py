"""tools/finetune_quickstart.sh and tools/slurm_train.sbatch. No test installs anything: environments are stand-ins."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch
from interruption import interruptible
from messages import says
from programs import write_program

from alphaction.config import load_cfg
from alphaction.modeling import build_detection_model
from alphaction.workflows.finetune.launch.launch_options import parse_options

SMALL = (
    "INPUT.MIN_SIZE_TRAIN 64 INPUT.MAX_SIZE_TRAIN 96 INPUT.MIN_SIZE_TEST 64 INPUT.MAX_SIZE_TEST 96 "
    "SOLVER.VIDEOS_PER_BATCH 2 TEST.VIDEOS_PER_BATCH 2 SOLVER.LOG_PERIOD 1 SOLVER.WARMUP_ITERS 1 "
    "SOLVER.CHECKPOINT_PERIOD 2 SOLVER.EVAL_PERIOD 100 DATALOADER.NUM_WORKERS 0"
).split()
# Writes its arguments, one a line, and the folder that it is started in.
RECORDER = '#!/bin/bash\npwd >>"$CALLS"\nprintf "%s\\n" "$@" >>"$CALLS"\n'
# Starts the command once for each machine, side by side, as Slurm does, and gives the worst exit status.
SRUN = """#!/bin/bash
nodes=1
while [ $# -gt 0 ]; do
  case "$1" in --nodes=*) nodes=${1#*=} ;; --*) ;; *) break ;; esac
  shift
done
pids=
for node in $(seq 0 $((nodes - 1))); do
  SLURM_NODEID=$node "$@" >"$LOGS/node$node" 2>&1 &
  pids="$pids $!"
done
status=0
for pid in $pids; do wait "$pid" || status=$?; done
exit $status
"""
SCONTROL = '#!/bin/bash\n[ "$1 $2 $3" = "show hostnames n[0-1]" ] && printf "localhost\\nother\\n"\n'


@pytest.fixture
def venv(tmp_path, repo_root, quick_python) -> Path:
    """An environment whose stamp says that this clone is installed, so that pip is not called."""
    folder = tmp_path / "venv"
    write_program(folder / "bin" / "python", f'#!/bin/bash\nexec "{quick_python}" "$@"\n')
    stamped = b"".join((repo_root / name).read_bytes() for name in ("setup.py", "alphaction/utils/requirements.py"))
    checksum = subprocess.run(["cksum"], input=stamped, capture_output=True, check=True).stdout.decode().strip()
    (folder / ".alphaction-installed").write_text(f"{repo_root} {checksum}")
    return folder


@pytest.fixture
def env(venv, subprocess_env) -> dict[str, str]:
    return {**subprocess_env, "VIRTUAL_ENV": str(venv), "CUDA_VISIBLE_DEVICES": ""}


@pytest.fixture
def quickstart(env, repo_root, tmp_path):
    """Run the script from another folder."""

    def run(*arguments: object, **variables: str) -> subprocess.CompletedProcess:
        command = ["bash", str(repo_root / "tools/finetune_quickstart.sh"), *map(str, arguments)]
        return subprocess.run(
            command, env={**env, **variables}, cwd=tmp_path, capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL, timeout=120,
        )  # fmt: skip

    return run


@pytest.fixture
def data(small_toy_folder, tmp_path) -> Path:
    """A toy dataset of 2 + 1 videos of 4 seconds, under a name with a space."""
    folder = tmp_path / "my data"
    folder.symlink_to(small_toy_folder)
    return folder


@pytest.fixture
def toy(repo_root) -> str:
    return str(repo_root / "config_files/tiny/toy.yaml")


def test_help_needs_no_environment(repo_root, tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("bash", "cat", "dirname"):
        (programs / name).symlink_to(shutil.which(name))
    for arguments in (["--help"], ["config.yaml", "-h"], ["--demo", "--help"]):
        command = [programs / "bash", repo_root / "tools/finetune_quickstart.sh", *arguments]
        done = subprocess.run(command, env={"PATH": str(programs)}, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("usage: bash tools/finetune_quickstart.sh CONFIG")


def test_both_helps_list_the_same_options(quickstart, capsys):
    with pytest.raises(SystemExit):
        parse_options(["--help"])

    def options(text: str) -> set[str]:
        words = text.replace("[", " ").replace("]", " ").replace(",", " ").split()
        return {word for word in words if word.startswith("--") and word != "--"}

    assert options(quickstart("--help").stdout) - {"--demo"} == options(capsys.readouterr().out) - {"--help"}


def test_nothing_given_shows_the_usage(quickstart):
    done = quickstart()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage:")


def test_the_demo_refuses_what_it_does_not_know(quickstart):
    done = quickstart("--demo", "--cpu")
    assert done.returncode == 2
    assert done.stderr.startswith("error: unknown option --cpu\n")


def test_arguments_reach_the_launcher_unchanged(quickstart, venv, tmp_path):
    write_program(venv / "bin" / "python", RECORDER)
    words = ["my config.yaml", "--cpu", "--", "OUTPUT_DIR", "it's $HOME *", "-h"]
    done = quickstart(*words, CALLS=str(tmp_path / "calls"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "calls").read_text().splitlines() == [
        str(tmp_path),
        "-m",
        "alphaction.workflows.finetune.launch",
        *words,
    ]


def test_the_demo_runs_its_four_commands(quickstart, venv, tmp_path, repo_root):
    write_program(venv / "bin" / "python", RECORDER)
    done = quickstart("--demo", "--", "OUTPUT_DIR", "a b", CALLS=str(tmp_path / "calls"))
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("==")][-1].startswith("== 4/4 ")
    calls = (tmp_path / "calls").read_text().splitlines()
    scripts = [line for line in calls if line.endswith(".py")]
    assert scripts == ["tools/make_toy_dataset.py", "train_net.py", "test_net.py", "tools/draw_predictions.py"]
    assert calls.count("a b") == 2
    assert calls[0] == str(repo_root)
    assert "activate" not in done.stdout  # it is active


def test_the_demo_says_how_to_activate_what_it_made(quickstart, venv, tmp_path):
    write_program(venv / "bin" / "python", RECORDER)
    (venv / "bin" / "activate").touch()
    done = quickstart("--demo", CALLS=str(tmp_path / "calls"), VIRTUAL_ENV="", ALPHACTION_VENV=str(venv))
    assert done.stdout.splitlines()[-1] == f"  source {venv}/bin/activate"


def test_dry_run(quickstart, toy, data, tmp_path):
    output = tmp_path / "my run"
    torch.save(build_detection_model(load_cfg(toy)).state_dict(), tmp_path / "w.pth")
    done = quickstart(
        toy, "--num-gpus", 2, "--new-classes", "--dry-run", "--no-tensorboard", "--",
        "DATASETS.DATA_DIR", data, "OUTPUT_DIR", output, "MODEL.WEIGHT", "w.pth",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    says(
        done.stdout,
        "toy_train: 8 keyframes of 2 videos",
        "VIDEOS_PER_BATCH 8, BASE_LR 0.003, MAX_ITER 800 -> VIDEOS_PER_BATCH 16, BASE_LR 0.00424264",
        f"OUTPUT_DIR '{output}'",
        "--nproc_per_node=2",
        "--transfer --adjust-lr --no-head",
    )
    assert done.stdout.rstrip().endswith("(--dry-run).")
    assert not output.exists()


def test_a_mistake_ends_in_one_message(quickstart, toy):
    done = quickstart(toy + "x")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: config file {toy}x ")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_two_machines_train_together_under_slurm(env, toy, data, repo_root, tmp_path):
    """Two launchers, one CPU process each, meet over gloo: stand-ins for srun and scontrol start them."""
    programs = tmp_path / "slurm"
    write_program(programs / "srun", SRUN)
    write_program(programs / "scontrol", SCONTROL)
    variables = {
        "PATH": f"{programs}{os.pathsep}{env['PATH']}",
        "LOGS": str(tmp_path),
        "SLURM_SUBMIT_DIR": str(repo_root),
        "SLURM_JOB_NODELIST": "n[0-1]",
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_NNODES": "2",
    }
    keys = ["DATASETS.DATA_DIR", str(data), "DATASETS.TEST", "()", "OUTPUT_DIR", str(tmp_path / "my run"), *SMALL]
    script, flags = str(repo_root / "tools/slurm_train.sbatch"), ["--cpu", "--skip-val", "--no-tensorboard"]
    command = ["bash", script, toy, *flags, "--", *keys, "SOLVER.MAX_ITER", "4"]
    done = subprocess.run(command, env={**env, **variables}, capture_output=True, text=True, timeout=120, check=False)
    first, second = ((tmp_path / name).read_text() for name in ("node0", "node1"))
    assert done.returncode == 0, done.stderr + first + second
    assert "2 processes" in first
    assert "this is number 1" in second
    assert "VIDEOS_PER_BATCH 2" in first
    metrics = [json.loads(line) for line in (tmp_path / "my run/metrics.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in metrics if "loss" in line] == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        ([], {}, "usage: sbatch"),
        (["c.yaml"], {"SLURM_SUBMIT_DIR": "/"}, "error: / "),
        (["c.yaml"], {}, "Slurm"),
    ],
)
def test_slurm_script_outside_of_a_job(repo_root, arguments, variables, message):
    env = {"PATH": os.environ["PATH"], "SLURM_SUBMIT_DIR": str(repo_root), **variables}
    command = ["bash", str(repo_root / "tools/slurm_train.sbatch"), *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.slow
def test_an_interrupted_training_is_resumed(quickstart, env, toy, data, repo_root, tmp_path):
    output = tmp_path / "my run"
    keys = ["DATASETS.DATA_DIR", str(data), "OUTPUT_DIR", str(output), *SMALL, "DATASETS.TEST", "()"]
    flags = ["--cpu", "--skip-val", "--seed", "3"]
    script = str(repo_root / "tools/finetune_quickstart.sh")
    command = ["bash", script, toy, *flags, "--", *keys, "SOLVER.MAX_ITER", "10000"]
    with interruptible(
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        limit = time.monotonic() + 60
        while not (output / "last_checkpoint").is_file() and time.monotonic() < limit:
            time.sleep(0.05)
        # The script and the launcher have become the training: one process to stop, and its exit status arrives.
        process.send_signal(signal.SIGINT)
        _, message = process.communicate(timeout=60)
    assert process.returncode == 130
    assert message.strip().splitlines()[-1] == "interrupted"
    assert (output / "tensorboard").is_dir()
    done = int((output / "last_checkpoint").read_text().strip().removeprefix("model_").removesuffix(".pth"))
    resumed = quickstart(toy, *flags, "--resume", "--", *keys, "SOLVER.MAX_ITER", done + 1)
    assert resumed.returncode == 0, resumed.stderr
    says(resumed.stdout, f"{output}/model_{done:07}.pth at iteration {done}", "seed 3")
    metrics = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in metrics if "loss" in line][-1] == done + 1
    assert (output / "model_final.pth").is_file()
