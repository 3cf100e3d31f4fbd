"""Launches: which command is started for which options, configs and machines, and what stands in its plan."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace

import pytest
import torch
from messages import refused
from torch.distributed.run import parse_args
from workflows.finetune.launch.machines import EIGHT, GPU, NONE

from alphaction.engine.run_flags import train_parser
from alphaction.engine.train import plan_run
from alphaction.utils.errors import UserError
from alphaction.workflows.finetune.launch.command import Launch, plan_launch
from alphaction.workflows.finetune.launch.launch_options import LaunchOptions
from alphaction.workflows.finetune.launch.machine import Gpu, Machine


def after_script(made: Launch) -> list[str]:
    words = list(made.command)
    return words[next(i for i, word in enumerate(words) if word.endswith("train_net.py")) + 1 :]


def test_all_gpus_by_default(make, config):
    made = make(EIGHT)
    assert made.command[:5] == (
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=8"
    )  # fmt: skip
    assert after_script(made) == ["--config-file", str(config), "--adjust-lr", "--use-tfboard"]
    assert made.env == {"OMP_NUM_THREADS": "2"}
    assert made.rows["device"] == "8 GPUs (H100)"
    assert made.rows["batch"] == "32 clips, 4 a process"
    assert made.rows["learning rate"].startswith("0.0141421 (adamw")
    assert made.rows["iterations"] == "500, 2000.0 epochs"
    assert not any("GPU" in warning for warning in made.warnings)


def test_the_plan_is_that_of_the_command(make):
    """Nothing of it is decided a second time."""
    made = make(EIGHT, num_gpus=2, skip_val=True, seed=3)
    run = plan_run(train_parser().parse_intermixed_args(after_script(made)), 2, "cuda")
    assert {**run.rows, "device": "2 GPUs (H100)"} == made.rows
    assert (run.cfg, run.warnings, run.notes) == (made.cfg, made.warnings, made.notes)


def test_one_process_needs_no_launcher(make):
    made = make(EIGHT, num_gpus=1)
    assert made.command[0] == sys.executable
    assert made.command[1].endswith("train_net.py")
    assert made.env == {}
    assert made.cfg.SOLVER.MAX_ITER == 4000


def test_who_uses_verbs_starts_one(make, monkeypatch):
    monkeypatch.setattr("alphaction.workflows.finetune.launch.command.uses_verbs", lambda: True)
    assert make(EIGHT, num_gpus=1).command[:5] == (sys.executable, "-m", "alphaction", "train", "--config-file")
    # What torchrun makes of it.
    args = parse_args(list(make(EIGHT).command[3:]))
    assert (args.module, args.training_script, args.training_script_args[:2]) == (
        True,
        "alphaction",
        ["train", "--config-file"],
    )


def test_the_gpus_of_the_config_need_no_scaling(make):
    made = make(EIGHT, num_gpus=4)
    assert made.cfg.SOLVER.MAX_ITER == 1000
    assert "nothing to scale" in made.rows["scaling"]


def test_cpu(make):
    made = make(EIGHT, cpu=True)
    assert made.command[-2:] == ("MODEL.DEVICE", "cpu")
    assert made.rows["device"] == "CPU, 16 cores"
    assert made.rows["batch"] == "4 clips, 4 a process"


def test_no_gpu_means_cpu_and_a_note(make):
    made = make(NONE)
    assert made.command[-2:] == ("MODEL.DEVICE", "cpu")
    assert "GPU" in made.notes[0]
    assert "CPU only" in make(replace(NONE, has_cuda_build=False)).notes[0]
    assert "CUDA_VISIBLE_DEVICES is ''" in make(replace(NONE, environ={"CUDA_VISIBLE_DEVICES": ""})).notes[0]


def test_too_many_gpus(make):
    with pytest.raises(UserError, match="--num-gpus 9.*--num-gpus 8"):
        make(EIGHT, num_gpus=9)
    with pytest.raises(UserError, match="--num-gpus 2.*--cpu"):
        make(NONE, num_gpus=2)
    # A dry run may plan for another machine.
    made = make(NONE, num_gpus=8, dry_run=True)
    assert "--nproc_per_node=8" in made.command
    assert "--num-gpus 8" in made.warnings[0]


def test_the_device_of_the_config(make):
    assert make(EIGHT, "MODEL.DEVICE", "cpu").rows["device"] == "CPU, 16 cores"
    with pytest.raises(UserError, match="MODEL.DEVICE is cuda.* no GPU"):
        make(NONE, "MODEL.DEVICE", "cuda")
    with pytest.raises(UserError, match="--num-gpus 2 and MODEL.DEVICE cpu"):
        make(EIGHT, "MODEL.DEVICE", "cpu", num_gpus=2)
    with pytest.raises(UserError, match="--cpu and MODEL.DEVICE cuda"):
        make(EIGHT, "MODEL.DEVICE", "cuda", cpu=True)


def test_gpus_replace_the_cpu_of_a_config(make, config):
    config.write_text(config.read_text() + "MODEL: {DEVICE: cpu}\n")
    made = make(EIGHT, num_gpus=2)
    assert made.command[-2:] == ("MODEL.DEVICE", "cuda")
    assert "MODEL.DEVICE is cpu" in made.notes[0]


def test_several_machines(make):
    made = make(EIGHT, nnodes=2, node_rank=1, master_addr="host", master_port=1234, seed=5, skip_val=True)
    assert made.command[1:8] == (
        "-m", "torch.distributed.run", "--nnodes=2", "--node_rank=1", "--nproc_per_node=8", "--master_addr=host",
        "--master_port=1234",
    )  # fmt: skip
    assert after_script(made)[2:] == ["--adjust-lr", "--use-tfboard", "--skip-val-in-train", "--seed", "5"]
    assert made.rows["batch"] == "64 clips, 4 a process"
    assert made.rows["device"].endswith("2 machines, this is number 1")
    on_cpu = make(NONE, nnodes=2, node_rank=0, master_addr="host", cpu=True)
    assert "--nproc_per_node=1" in on_cpu.command
    assert on_cpu.rows["batch"] == "8 clips, 4 a process"


def test_only_the_first_machine_writes(make, tmp_path):
    (tmp_path / "file").write_text("")
    nodes = {"nnodes": 2, "master_addr": "host"}
    with pytest.raises(UserError, match="OUTPUT_DIR .*/file is a file"):
        make(NONE, "OUTPUT_DIR", str(tmp_path / "file" / "run"), node_rank=0, **nodes)
    make(NONE, "OUTPUT_DIR", str(tmp_path / "file" / "run"), node_rank=1, **nodes)


def test_omp_num_threads_of_the_user_stays(make):
    assert make(replace(EIGHT, environ={"OMP_NUM_THREADS": "3"})).env == {}
    assert make(replace(EIGHT, cores=4)).env == {"OMP_NUM_THREADS": "1"}


def test_a_config_that_is_not_there(make, tmp_path):
    with pytest.raises(UserError, match=r"confg.yaml .*config.yaml"):
        plan_launch(LaunchOptions(str(tmp_path / "confg.yaml")), NONE)
    with pytest.raises(UserError, match="SOLVER.BASELR.*SOLVER.BASE_LR"):
        make(NONE, "SOLVER.BASELR", "1")


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_dry_run_refuses_what_a_run_refuses(make, tmp_path, dry_run):
    (tmp_path / "file").write_text("")
    groups = ("PERSON_MOVEMENT", "OBJECT_MANIPULATION", "PERSON_INTERACTION")
    classes = ["MODEL.ROI_ACTION_HEAD.NUM_CLASSES", "3"]
    classes += [word for group in groups for word in (f"MODEL.ROI_ACTION_HEAD.NUM_{group}_CLASSES", "1")]
    wrong = {
        '"toy_trian".*"toy_train"': ("DATASETS.TRAIN", "[toy_trian]"),
        "MODEL.WEIGHT: .*away.pth": ("MODEL.WEIGHT", "away.pth"),
        "OUTPUT_DIR .*/file is a file": ("OUTPUT_DIR", str(tmp_path / "file" / "run")),
        "3 classes": classes,
        "DATASETS.TEST": ("DATASETS.TEST", "()"),
    }
    for message, overrides in wrong.items():
        with pytest.raises(UserError, match=message):
            make(NONE, *overrides, dry_run=dry_run)
    assert not (tmp_path / "out").exists()


def test_without_evaluation_data(make):
    made = make(NONE, "DATASETS.TEST", "()", skip_val=True)
    assert "--skip-final-test" in made.command
    assert made.rows["evaluation"] == "none"


def test_low_memory_is_reported(make):
    tight = replace(NONE, ram_free=2**30, ram_total=16 * 2**30)
    assert "1.0 of 16.0 GiB" in make(tight).warnings[-1]
    full = Machine(gpus=(Gpu("H100", 2**30, 80 * 2**30), GPU))
    assert any("20%" in warning for warning in make(full, num_gpus=1).warnings)


def test_the_command_is_copyable(make):
    made = make(EIGHT, "OUTPUT_DIR", "my runs/it's", "SOLVER.STEPS", "[500, 600]")
    words = shlex.split(made.command_line)
    assert words == ["OMP_NUM_THREADS=2", *made.command]
    assert "my runs/it's" in words
    assert str(made).splitlines()[-1].strip() == made.command_line


def test_weights_start_a_new_run(make, tmp_path):
    weights = str(tmp_path / "w.pth")
    torch.save({"backbone.fast.conv1.weight": torch.zeros(32, 3, 5, 7, 7)}, weights)
    with pytest.raises(UserError, match=r"none of its tensors \(1\)"):
        make(NONE, "MODEL.WEIGHT", weights)


def test_new_classes_without_weights_is_a_note(make):
    made = make(NONE, new_classes=True)
    assert "--no-head" not in made.command
    assert any("--new-classes" in note and "MODEL.WEIGHT" in note for note in made.notes)


def test_a_new_run_does_not_meet_an_old_one(make, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    beside = f"`-- OUTPUT_DIR {shlex.quote(str(tmp_path / 'out_2'))}`"
    for name, content, parts in (
        ("model_0000200.pth", "", ["a run (model_0000200.pth). Start another"]),
        ("last_checkpoint", "model_0000200.pth\n", ["a run (last_checkpoint). Continue it: --resume."]),
        ("model_final.pth", "", ["a run (last_checkpoint). Continue it: --resume."]),
        (
            "last_checkpoint",
            "model_final.pth\n",
            ["a finished run (model_final.pth).", "--resume, and `-- SOLVER.MAX_ITER N`"],
        ),
    ):
        (folder / name).write_text(content)
        refused(lambda: make(NONE), *parts, beside)


def test_flags_of_a_run_that_is_continued(make):
    with pytest.raises(UserError, match=r"--resume: OUTPUT_DIR .*out\b"):
        make(NONE, resume=True)
