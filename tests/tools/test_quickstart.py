"""tools/finetune_quickstart.sh and tools/slurm_train.sbatch. No test installs anything: environments are stand-ins."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from interruption import interruptible
from messages import says
from programs import write_program

from alphaction.config import load_cfg
from alphaction.modeling import build_detection_model
from alphaction.solver import SCHEDULE_KEYS
from alphaction.workflows.finetune.launch.launch_options import parse_options

SMALL = (
    "INPUT.MIN_SIZE_TRAIN 64 INPUT.MAX_SIZE_TRAIN 96 INPUT.MIN_SIZE_TEST 64 INPUT.MAX_SIZE_TEST 96 "
    "SOLVER.VIDEOS_PER_BATCH 2 TEST.VIDEOS_PER_BATCH 2 SOLVER.LOG_PERIOD 1 SOLVER.WARMUP_ITERS 1 "
    "SOLVER.CHECKPOINT_PERIOD 2 SOLVER.EVAL_PERIOD 100 DATALOADER.NUM_WORKERS 0"
).split()
# Writes its arguments, one a line, and the folder that it is started in; it has every package that is asked for.
RECORDER = '#!/bin/bash\n[ "$1" = -c ] && exit 0\npwd >>"$CALLS"\nprintf "%s\\n" "$@" >>"$CALLS"\n'
# Starts the command once for each machine, side by side, hands SIGUSR1 on, as Slurm does, and gives the worst status.
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
trap 'kill -USR1 $pids' USR1
status=0
for pid in $pids; do
  while kill -0 "$pid" 2>/dev/null; do wait "$pid"; done
  wait "$pid" || status=$?
done
exit $status
"""
SCONTROL = """#!/bin/bash
case "$1 $2 $3" in
  "show hostnames n[0-1]") printf "localhost\\nother\\n" ;;
  "show hostnames n0") echo localhost ;;
  *) echo "$@" >>"$LOGS/scontrol" ;;
esac
"""


@pytest.fixture
def venv(tmp_path, repo_root, quick_python) -> Path:
    """An environment that has the packages, so that pip is not called."""
    folder = tmp_path / "venv"
    write_program(folder / "bin" / "python", f'#!/bin/bash\nexec "{quick_python}" "$@"\n')
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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.yaml"], "error: config file nowhere.yaml does not exist"),
        (["CONFIG", "--num-gpu", "2"], 'error: unknown option --num-gpu. Did you mean "--num-gpus"?'),
        (["CONFIG", "--epochs", "3"], "error: unknown option --epochs. That is the config key SOLVER.MAX_ITER: write"),
        (["CONFIG", "--num-gpus", "two"], "error: --num-gpus: two: expected a whole number"),
        (["CONFIG", "SOLVER.MAX_ITER", "3"], "error: config keys go after --"),
        (["CONFIG", "--cpu", "--dry-run"], "error: --dry-run installs nothing"),
        (["CONFIG", "--", "SOLVER.MAX_ITER"], "error: config overrides come in pairs"),
        (["CONFIG", "--", "SOLVER.MAX_ITER=3"], "error: config override SOLVER.MAX_ITER=3: write"),
        ([""], "error: CONFIG is empty"),
    ],
)
def test_mistakes_and_dry_runs_install_nothing(repo_root, toy, tmp_path, arguments, message):
    """With a Python that has no packages at all (-S), as on a fresh machine."""
    write_program(tmp_path / "programs" / "python3", f'#!/bin/bash\nexec "{sys.executable}" -S "$@"\n')
    env = {"PATH": f"{tmp_path / 'programs'}:/usr/bin:/bin", "ALPHACTION_VENV": str(tmp_path / "venv")}
    words = [toy if word == "CONFIG" else word for word in arguments]
    command = ["bash", str(repo_root / "tools/finetune_quickstart.sh"), *words]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)
    assert not (tmp_path / "venv").exists()


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


def test_the_demo_runs_its_three_commands(quickstart, venv, tmp_path, repo_root):
    write_program(venv / "bin" / "python", RECORDER)
    done = quickstart("--demo", "--", "OUTPUT_DIR", "a b", CALLS=str(tmp_path / "calls"))
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("==")][-1].startswith("== 3/3 ")
    calls = (tmp_path / "calls").read_text().splitlines()
    scripts = [line for line in calls if line.endswith(".py")]
    assert scripts == ["tools/make_toy_dataset.py", "train_net.py", "tools/draw_predictions.py"]
    assert calls[-2:] == ["OUTPUT_DIR", "a b"]
    assert "output/toy_demo" not in calls
    assert calls[0] == str(repo_root)
    assert "activate" not in done.stdout  # it is active


@pytest.mark.parametrize(
    ("overrides", "folder"), [([], "output/toy_demo"), (["SOLVER.MAX_ITER", "8", "OUTPUT_DIR", "a b"], "a b")]
)
def test_the_demo_ends_with_the_path_of_its_report(quickstart, venv, tmp_path, overrides, folder):
    write_program(venv / "bin" / "python", RECORDER)
    done = quickstart("--demo", "--", *overrides, CALLS=str(tmp_path / "calls"))
    assert done.returncode == 0, done.stderr
    last = done.stdout.rpartition("Done in ")[2].splitlines()[1:]
    assert last[0] == f"  Report        {folder}/report.html (open it in a browser)"
    assert shlex.split(last[-1])[-1] == f"{folder}/tensorboard"


def test_an_interrupted_demo_names_the_demo(quickstart, venv, tmp_path):
    write_program(venv / "bin" / "python", '#!/bin/bash\n[ "$1" = -c ] || env >>"$CALLS"\n')
    quickstart("--demo", "--", "OUTPUT_DIR", "a b", CALLS=str(tmp_path / "calls"), ALPHACTION_VENV=str(venv))
    lines = {line for line in (tmp_path / "calls").read_text().splitlines() if line.startswith("ALPHACTION_")}
    told = [line.partition("=")[2] for line in lines if "_BY=" in line]
    assert len(told) == 2
    for command in told:
        first, second, script, *words = shlex.split(command)
        assert (first, second) == (f"ALPHACTION_VENV={venv}", "bash")
        assert Path(script).name == "finetune_quickstart.sh"
        assert words == ["--demo", "--", "OUTPUT_DIR", "a b"]


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


@pytest.fixture
def job(env, repo_root, tmp_path) -> dict[str, str]:
    """The environment of a Slurm job on two machines, with stand-ins for srun and scontrol."""
    programs = tmp_path / "slurm"
    write_program(programs / "srun", SRUN)
    write_program(programs / "scontrol", SCONTROL)
    return {
        **env,
        "PATH": f"{programs}{os.pathsep}{env['PATH']}",
        "LOGS": str(tmp_path),
        "SLURM_SUBMIT_DIR": str(repo_root),
        "SLURM_JOB_NODELIST": "n[0-1]",
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_NNODES": "2",
    }


@pytest.mark.slow
def test_two_machines_train_together_under_slurm(job, toy, data, repo_root, tmp_path):
    """Two launchers, one CPU process each, meet over gloo."""
    keys = ["DATASETS.DATA_DIR", str(data), "DATASETS.TEST", "()", "OUTPUT_DIR", str(tmp_path / "my run"), *SMALL]
    script, flags = str(repo_root / "tools/slurm_train.sbatch"), ["--cpu", "--skip-val", "--no-tensorboard"]
    command = ["bash", script, toy, *flags, "--", *keys, "SOLVER.MAX_ITER", "4"]
    done = subprocess.run(command, env=job, capture_output=True, text=True, timeout=120, check=False)
    first, second = ((tmp_path / name).read_text() for name in ("node0", "node1"))
    assert done.returncode == 0, done.stderr + first + second
    assert "2 processes" in first
    assert "this is number 1" in second
    assert "VIDEOS_PER_BATCH 2" in first
    metrics = [json.loads(line) for line in (tmp_path / "my run/metrics.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in metrics if "loss" in line] == [1, 2]


@pytest.mark.slow
def test_a_job_that_is_out_of_time_goes_back_into_the_queue_and_continues(job, toy, data, repo_root, tmp_path):
    one = {**job, "SLURM_JOB_NODELIST": "n0", "SLURM_NNODES": "1"}
    output = tmp_path / "my run"
    keys = ["DATASETS.DATA_DIR", str(data), "OUTPUT_DIR", str(output), *SMALL, "SOLVER.CHECKPOINT_PERIOD", "1000"]
    flags = ["--cpu", "--skip-val", "--no-tensorboard", "--", *keys, "DATASETS.TEST", "()", "SOLVER.MAX_ITER", "30"]
    command = ["bash", str(repo_root / "tools/slurm_train.sbatch"), toy, *flags]
    with interruptible(command, env=one, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        limit = time.monotonic() + 90
        while not (output / "metrics.jsonl").is_file() or not (output / "metrics.jsonl").stat().st_size:
            assert time.monotonic() < limit
            time.sleep(0.01)
        process.send_signal(signal.SIGUSR1)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 6, (tmp_path / "node0").read_text()
    assert said == "The training is saved; the job goes back into the queue and continues from there.\n"
    assert (tmp_path / "scontrol").read_text() == f"requeue {os.getpid()}\n"
    (saved,) = output.glob("model_*.pth")
    env = {**one, "SLURM_RESTART_COUNT": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    node = (tmp_path / "node0").read_text()
    assert done.returncode == 0, node
    says(node, f"continuing from {saved}")
    metrics = [json.loads(line)["iteration"] for line in (output / "metrics.jsonl").read_text().splitlines()]
    assert sorted(set(metrics)) == list(range(1, metrics[-1] + 1))
    assert (output / "model_final.pth").is_file()
    assert (tmp_path / "scontrol").read_text().count("requeue") == 1


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


def without_schedule(overrides: list[str]) -> list[str]:
    pairs = zip(overrides[::2], overrides[1::2], strict=True)
    return [word for pair in pairs if pair[0] not in SCHEDULE_KEYS for word in pair]


@pytest.mark.slow
def test_an_interrupted_training_is_resumed(venv, env, toy, data, repo_root, tmp_path):
    """By the command that it prints, in a shell without an active environment."""
    plain = {name: value for name, value in env.items() if name != "VIRTUAL_ENV"} | {"PATH": "/usr/bin:/bin"}
    output = tmp_path / "my run"
    keys = ["DATASETS.DATA_DIR", str(data), "OUTPUT_DIR", str(output), *SMALL, "DATASETS.TEST", "()"]
    flags = ["--cpu", "--skip-val", "--seed", "3"]
    script = str(repo_root / "tools/finetune_quickstart.sh")
    command = ["bash", script, toy, *flags, "--", *keys, "SOLVER.MAX_ITER", "10000"]
    with interruptible(
        command, env={**plain, "ALPHACTION_VENV": str(venv)}, cwd=tmp_path, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        limit = time.monotonic() + 60
        while not (output / "last_checkpoint").is_file() and time.monotonic() < limit:
            time.sleep(0.05)
        # The script and the launcher have become the training: one process to stop, and its exit status arrives.
        process.send_signal(signal.SIGINT)
        _, message = process.communicate(timeout=60)
    assert process.returncode == 130
    said, command = message.strip().splitlines()[-2:]
    assert said.startswith("interrupted. The run continues from model_")
    words = ["bash", script, toy, *flags, "--resume", "--", *without_schedule(keys)]
    assert shlex.split(command) == [f"ALPHACTION_VENV={venv}", *words]
    assert (output / "tensorboard").is_dir()
    done = int((output / "last_checkpoint").read_text().strip().removeprefix("model_").removesuffix(".pth"))
    resumed = subprocess.run(
        ["bash", "-c", f"{command} SOLVER.MAX_ITER {done + 1}"], env=plain, cwd=tmp_path, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert resumed.returncode == 0, resumed.stderr
    says(resumed.stdout, f"{output}/model_{done:07}.pth at iteration {done}", "seed 3")
    metrics = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in metrics if "loss" in line][-1] == done + 1
    assert (output / "model_final.pth").is_file()
