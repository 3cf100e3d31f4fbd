"""Plans: what is started for which options, configs and machines."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace

import pytest
from workflows.finetune.launch.planning import EIGHT, GPU, NONE, after_script, row, trained_with

from alphaction.utils.errors import UserError
from alphaction.workflows.finetune.launch.gpus import Gpu, Machine
from alphaction.workflows.finetune.launch.options import LaunchOptions
from alphaction.workflows.finetune.launch.plan import plan


def test_all_gpus_by_default(make, config):
    made = make(EIGHT)
    assert made.command[:5] == (
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=8"
    )  # fmt: skip
    assert after_script(made) == ["--config-file", str(config), "--adjust-lr", "--use-tfboard"]
    assert made.env == {"OMP_NUM_THREADS": "2"}
    assert row(made, "device") == "8 GPUs (H100)"
    assert row(made, "batch") == "32 clips, 4 a process"
    assert row(made, "learning rate") == "0.0141421 (adamw, warmup_multi_step)"
    assert row(made, "iterations").startswith("500, ")
    assert "BASE_LR 0.01, MAX_ITER 1000 -> VIDEOS_PER_BATCH 32, BASE_LR 0.0141421, MAX_ITER 500" in row(made, "scaling")
    assert made.warnings == ()


def test_one_process_needs_no_launcher(make):
    made = make(EIGHT, num_gpus=1)
    assert made.command[0] == sys.executable
    assert made.command[1].endswith("train_net.py")
    assert made.env == {}
    assert trained_with(made, 1)["MAX_ITER"] == 4000


def test_the_gpus_of_the_config_need_no_scaling(make):
    made = make(EIGHT, num_gpus=4)
    assert "--adjust-lr" not in made.command
    assert row(made, "scaling") == "none: SOLVER.REFERENCE_GPUS is 4, which is what the run is for"


def test_cpu(make):
    made = make(EIGHT, cpu=True)
    assert made.command[-2:] == ("MODEL.DEVICE", "cpu")
    assert row(made, "device") == "CPU, 16 cores"
    assert row(made, "batch") == "4 clips, 4 a process"


def test_no_gpu_means_cpu_and_a_note(make):
    made = make(NONE)
    assert made.command[-2:] == ("MODEL.DEVICE", "cpu")
    assert made.notes == ("Training on the CPU: PyTorch sees no GPU. `nvidia-smi` shows whether the driver does.",)
    assert "built for the CPU only" in make(replace(NONE, has_cuda_build=False)).notes[0]
    assert "CUDA_VISIBLE_DEVICES is ''" in make(replace(NONE, environ={"CUDA_VISIBLE_DEVICES": ""})).notes[0]


def test_too_many_gpus(make):
    with pytest.raises(UserError, match=r"--num-gpus 9, but PyTorch sees 8 GPU\(s\).*Use --num-gpus 8"):
        make(EIGHT, num_gpus=9)
    with pytest.raises(UserError, match=r"--num-gpus 2, but PyTorch sees no GPU.*--cpu"):
        make(NONE, num_gpus=2)
    made = make(NONE, num_gpus=8, dry_run=True)
    assert "--nproc_per_node=8" in made.command
    assert "--num-gpus 8, but PyTorch sees no GPU" in made.warnings[0]


def test_the_device_of_the_config(make):
    assert row(make(EIGHT, "MODEL.DEVICE", "cpu"), "device") == "CPU, 16 cores"
    with pytest.raises(UserError, match="MODEL.DEVICE is cuda, but PyTorch sees no GPU"):
        make(NONE, "MODEL.DEVICE", "cuda")
    with pytest.raises(UserError, match="--num-gpus 2 and MODEL.DEVICE cpu contradict"):
        make(EIGHT, "MODEL.DEVICE", "cpu", num_gpus=2)
    with pytest.raises(UserError, match="--cpu and MODEL.DEVICE cuda contradict"):
        make(EIGHT, "MODEL.DEVICE", "cuda", cpu=True)


def test_gpus_replace_the_cpu_of_a_config(make, config):
    config.write_text(config.read_text() + "MODEL: {DEVICE: cpu}\n")
    made = make(EIGHT, num_gpus=2)
    assert made.command[-2:] == ("MODEL.DEVICE", "cuda")
    assert "the GPUs that were asked for are used instead" in made.notes[0]


def test_several_machines(make):
    made = make(EIGHT, nnodes=2, node_rank=1, master_addr="host", master_port=1234, seed=5, skip_val=True)
    assert made.command[1:8] == (
        "-m", "torch.distributed.run", "--nnodes=2", "--node_rank=1", "--nproc_per_node=8", "--master_addr=host",
        "--master_port=1234",
    )  # fmt: skip
    assert after_script(made)[2:] == ["--adjust-lr", "--use-tfboard", "--skip-val-in-train", "--seed", "5"]
    assert row(made, "batch") == "64 clips, 4 a process"
    assert row(made, "device").endswith("on each of 2 machines, this is number 1")
    on_cpu = make(NONE, nnodes=2, node_rank=0, master_addr="host", cpu=True)
    assert "--nproc_per_node=1" in on_cpu.command
    assert row(on_cpu, "batch") == "8 clips, 4 a process"


def test_omp_num_threads_of_the_user_stays(make):
    assert make(replace(EIGHT, environ={"OMP_NUM_THREADS": "3"})).env == {}
    assert make(replace(EIGHT, cores=4)).env == {"OMP_NUM_THREADS": "1"}


def test_epochs_and_classes_come_from_the_data(make):
    made = make(NONE)
    assert row(made, "training data") == "toy_train: 8 keyframes of 2 videos, 13 classes, ground truth boxes"
    assert row(made, "evaluation") == "toy_val: 4 keyframes of 1 video, 13 classes, detected boxes"
    assert row(made, "iterations") == "4000, 2000.0 epochs"


def test_a_config_that_is_not_there(make, tmp_path):
    with pytest.raises(UserError, match=r"confg.yaml does not exist.*Did you mean .*config.yaml"):
        plan(LaunchOptions(str(tmp_path / "confg.yaml")), NONE)
    with pytest.raises(UserError, match="unknown key SOLVER.BASELR. Did you mean SOLVER.BASE_LR"):
        make(NONE, "SOLVER.BASELR", "1")


def test_missing_data_stops_a_start_but_not_a_dry_run(make):
    with pytest.raises(UserError, match='dataset "toy_trian" is not known. Did you mean "toy_train"'):
        make(NONE, "DATASETS.TRAIN", "[toy_trian]")
    made = make(NONE, "DATASETS.TRAIN", "[toy_trian]", "MODEL.WEIGHT", "away.pth", dry_run=True)
    assert row(made, "training data") == "toy_trian (not read)"
    assert row(made, "iterations") == "4000"
    assert 'dataset "toy_trian" is not known' in made.warnings[0]
    assert made.warnings[1] == "MODEL.WEIGHT away.pth does not exist here."


def test_a_folder_that_cannot_be_written_stops_a_start_but_not_a_dry_run(make, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="OUTPUT_DIR .*is a file, not a folder"):
        make(NONE, "OUTPUT_DIR", str(tmp_path / "file" / "run"))
    (warning,) = make(NONE, "OUTPUT_DIR", str(tmp_path / "file" / "run"), dry_run=True).warnings
    assert "is a file, not a folder" in warning
    assert not (tmp_path / "out").exists()
    with pytest.raises(UserError, match="OUTPUT_DIR is empty"):
        make(NONE, "OUTPUT_DIR", "", dry_run=True)


def test_without_evaluation_data(make):
    with pytest.raises(UserError, match="DATASETS.TEST"):
        make(NONE, "DATASETS.TEST", "()")
    made = make(NONE, "DATASETS.TEST", "()", skip_val=True)
    assert "--skip-final-test" in made.command
    assert row(made, "evaluation") == "none"


def test_wrong_class_counts_are_found_before_the_start(make):
    with pytest.raises(UserError, match="the config has 3 classes"):
        make(NONE, *" ".join(
            f"MODEL.ROI_ACTION_HEAD.{key} {value}" for key, value in (
                ("NUM_CLASSES", 3), ("NUM_PERSON_MOVEMENT_CLASSES", 1), ("NUM_OBJECT_MANIPULATION_CLASSES", 1),
                ("NUM_PERSON_INTERACTION_CLASSES", 1),
            )
        ).split())  # fmt: skip


def test_low_memory_is_reported(make):
    tight = replace(NONE, ram_free=2**30, ram_total=16 * 2**30)
    assert "1.0 of 16.0 GiB of main memory" in make(tight).warnings[0]
    full = Machine(gpus=(Gpu("H100", 2**30, 80 * 2**30), GPU))
    assert "less than 20%" in make(full, num_gpus=1).warnings[0]


def test_the_command_is_copyable(make, tmp_path):
    made = make(EIGHT, "OUTPUT_DIR", "my runs/it's", "SOLVER.STEPS", "[500, 600]")
    words = shlex.split(made.command_line)
    assert words == ["OMP_NUM_THREADS=2", *made.command]
    assert "my runs/it's" in words
    assert str(made).splitlines()[-1].strip() == made.command_line
