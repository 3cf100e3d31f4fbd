"""Plans: what is started for which options, configs and machines."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from alphaction.config import load_cfg
from alphaction.finetune import launch
from alphaction.finetune.gpus import Gpu, Machine
from alphaction.finetune.launch import Launch, confirmed, plan
from alphaction.finetune.launch_options import LaunchOptions, parse_options
from alphaction.solver import scale_schedule
from alphaction.toy import ToyOptions, make_toy_dataset
from alphaction.utils.errors import UserError

GPU = Gpu("H100", 80 * 2**30, 80 * 2**30)
NONE = Machine(cores=16)
EIGHT = Machine(gpus=(GPU,) * 8, cores=16)
CLASSIFIER = "roi_heads.action.predictor.cls_score.weight"


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    make_toy_dataset(folder / "toy", ToyOptions(num_train=2, num_val=1, seconds=4))
    return folder


@pytest.fixture
def config(tmp_path, repo_root, data) -> Path:
    """A schedule for 4 GPUs."""
    content = {
        "_BASE_": str(repo_root / "config_files/tiny/toy.yaml"),
        "DATASETS": {"DATA_DIR": str(data)},
        "SOLVER": {
            "REFERENCE_GPUS": 4, "VIDEOS_PER_BATCH": 16, "BASE_LR": 0.01, "MAX_ITER": 1000, "WARMUP_ITERS": 100,
            "SCHEDULER": "warmup_multi_step", "STEPS": [600, 800],
        },
        "TEST": {"VIDEOS_PER_BATCH": 8},
        "OUTPUT_DIR": str(tmp_path / "out"),
    }  # fmt: skip
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture
def make(config):
    """Plan with this config: make(machine, "KEY", "VALUE", ..., option=...)."""

    def run(machine: Machine, *overrides: str, **options) -> Launch:
        return plan(LaunchOptions(str(config), overrides=overrides, **options), machine)

    return run


def weights(path: Path, classes: int | None = 13) -> str:
    state = {"backbone.conv.weight": torch.zeros(2, 2)}
    if classes:
        state[CLASSIFIER] = torch.zeros(classes, 4)
    torch.save({"model": state}, path)
    return str(path)


def earlier_run(folder: Path, config: Path, processes: int, reference: int, iteration: int = 200) -> None:
    """A checkpoint of a run that was scaled to ``reference``."""
    cfg = load_cfg(config)
    scale_schedule(cfg, reference)
    folder.mkdir()
    extra = {"config": cfg.dump(), "world_size": processes, "seed": 0}
    content = {"version": 1, "model": {}, "optimizer": {"x": 1}, "iteration": iteration, "extra": extra}
    torch.save(content, folder / "model_0000200.pth")
    (folder / "last_checkpoint").write_text("model_0000200.pth")


def trained_with(made: Launch, processes: int) -> dict[str, object]:
    """Return the schedule that train_net.py would use for this command."""
    words = list(made.command)
    words = words[words.index("--config-file") + 2 :]
    overrides = list(words)
    while overrides and overrides[0].startswith("--"):
        flag = overrides.pop(0)
        if flag == "--seed":
            overrides.pop(0)
    cfg = load_cfg(made.command[made.command.index("--config-file") + 1], overrides)
    if "--adjust-lr" in words:
        scale_schedule(cfg, processes)
    names = ("VIDEOS_PER_BATCH", "BASE_LR", "MAX_ITER", "STEPS", "WARMUP_ITERS", "REFERENCE_GPUS", "ACCUMULATION_STEPS")
    return {name: cfg.SOLVER[name] for name in names} | {"TEST": cfg.TEST.VIDEOS_PER_BATCH}


def row(made: Launch, label: str) -> str:
    return dict(made.rows)[label]


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
    assert row(made, "device") == "8 GPUs (H100)"
    assert row(made, "batch") == "32 clips, 4 a process"
    assert row(made, "learning rate") == "0.02 (adamw, warmup_multi_step)"
    assert row(made, "iterations").startswith("500, ")
    assert "BASE_LR 0.01, MAX_ITER 1000 -> VIDEOS_PER_BATCH 32, BASE_LR 0.02, MAX_ITER 500" in row(made, "scaling")
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
    with pytest.raises(UserError, match=r"confg.yaml does not exist.*Near it: .*config.yaml"):
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


def test_weights_start_a_new_run(make, tmp_path):
    file = weights(tmp_path / "w.pth")
    made = make(NONE, "MODEL.WEIGHT", file, tensorboard=False)
    assert after_script(made)[2:] == ["--transfer", "--adjust-lr", "MODEL.WEIGHT", file, "MODEL.DEVICE", "cpu"]
    assert made.warnings == ()
    made = make(NONE, "MODEL.WEIGHT", file, new_classes=True)
    assert after_script(made)[2:4] == ["--transfer", "--no-head"]
    assert row(made, "start").endswith("backbone; a new action head")


def test_weights_of_other_classes(make, tmp_path):
    (warning,) = make(NONE, "MODEL.WEIGHT", weights(tmp_path / "w.pth", 80)).warnings
    assert "classifies 80 classes, the data has 13" in warning
    assert make(NONE, "MODEL.WEIGHT", weights(tmp_path / "w.pth", 80), new_classes=True).warnings == ()
    (warning,) = make(NONE, "MODEL.WEIGHT", weights(tmp_path / "w.pth", None)).warnings
    assert "has no classifier of actions" in warning


def test_new_classes_need_weights(make):
    with pytest.raises(UserError, match="--new-classes keeps the backbone.*MODEL.WEIGHT is empty"):
        make(NONE, new_classes=True)


def test_a_new_run_does_not_meet_an_old_one(make, config, tmp_path):
    earlier_run(tmp_path / "out", config, 1, 1)
    with pytest.raises(UserError) as error:
        make(NONE)
    assert "already holds a run (last_checkpoint). Go on with it: --resume." in str(error.value)
    assert f"`-- OUTPUT_DIR {shlex.quote(str(tmp_path / 'out_2'))}`" in str(error.value)
    (tmp_path / "out" / "last_checkpoint").unlink()
    with pytest.raises(UserError, match=r"already holds a run \(model_0000200.pth\)"):
        make(NONE)


def test_nothing_to_resume(make, tmp_path):
    with pytest.raises(UserError, match=r"--resume: OUTPUT_DIR .*out holds no run to go on with"):
        make(NONE, resume=True)
    (tmp_path / "out").mkdir()
    weights(tmp_path / "out" / "w.pth")
    (tmp_path / "out" / "last_checkpoint").write_text("w.pth")
    with pytest.raises(UserError, match=r"w.pth: not a training checkpoint"):
        make(NONE, resume=True)


def test_resume_on_the_same_number_of_gpus(make, config, tmp_path):
    earlier_run(tmp_path / "out", config, 8, 8)
    made = make(EIGHT, "MODEL.WEIGHT", weights(tmp_path / "w.pth"), resume=True)
    assert after_script(made)[2:4] == ["--adjust-lr", "--use-tfboard"]
    assert "--transfer" not in made.command
    assert row(made, "start") == f"goes on from {tmp_path}/out/model_0000200.pth at iteration 200"
    assert row(made, "iterations").endswith("; 300 to go")
    assert trained_with(made, 8)["MAX_ITER"] == 500


@pytest.mark.parametrize(
    ("began_with", "gpus", "accumulation", "test_batch"),
    [(8, 2, 4, 4), (2, 8, 1, 16), (8, 1, 8, 2), (4, 8, 1, 16), (1, 4, 1, 8)],
)
def test_resume_elsewhere_keeps_the_schedule(make, config, tmp_path, began_with, gpus, accumulation, test_batch):
    earlier_run(tmp_path / "out", config, began_with, began_with, iteration=100)
    expected = trained_with(make(replace(EIGHT, gpus=(GPU,) * 8), "OUTPUT_DIR", "new", num_gpus=began_with), began_with)
    if expected["VIDEOS_PER_BATCH"] % gpus:
        with pytest.raises(UserError, match="does not split"):
            make(EIGHT, num_gpus=gpus, resume=True)
        return
    made = make(EIGHT, num_gpus=gpus, resume=True)
    assert "--adjust-lr" not in made.command
    expected |= {"ACCUMULATION_STEPS": accumulation, "TEST": test_batch}
    assert trained_with(made, gpus) == expected
    assert f"for {began_with} process(es); it goes on with {gpus}" in made.notes[-1]


def test_resume_with_a_batch_that_does_not_split(make, config, tmp_path):
    earlier_run(tmp_path / "out", config, 1, 1)
    with pytest.raises(UserError, match=r"batch of 4 clips does not split evenly over 8 processes. .*with 1, 2, 4 of"):
        make(EIGHT, resume=True)


def test_resume_of_a_run_that_was_not_scaled(make, config, tmp_path):
    """Started by train_net.py without --adjust-lr, with 2 processes on the schedule for 4."""
    earlier_run(tmp_path / "out", config, 2, 4)
    made = make(EIGHT, num_gpus=2, resume=True)
    assert trained_with(made, 2) == trained_with(make(EIGHT, "OUTPUT_DIR", "new", num_gpus=4), 4) | {"TEST": 4}


def test_a_saved_config_is_not_scaled_twice(make, config, tmp_path):
    cfg = load_cfg(config, ["OUTPUT_DIR", str(tmp_path / "new")])
    scale_schedule(cfg, 8)
    saved = tmp_path / "saved.yaml"
    saved.write_text(cfg.dump())
    again = plan(LaunchOptions(str(saved)), EIGHT)
    assert "--adjust-lr" not in again.command
    assert trained_with(again, 8) == trained_with(make(EIGHT), 8)
    # On another machine it is scaled from 8 and not from 4.
    assert trained_with(plan(LaunchOptions(str(saved), num_gpus=2), EIGHT), 2) == trained_with(
        make(EIGHT, num_gpus=2), 2
    )


def test_scaled_overrides_are_pointed_out(make):
    made = make(EIGHT, "SOLVER.MAX_ITER", "900")
    assert "SOLVER.MAX_ITER 900 -> 450. To have them as they are, add SOLVER.REFERENCE_GPUS 8" in made.notes[0]
    made = make(
        EIGHT,
        "SOLVER.MAX_ITER",
        "101",
        "SOLVER.REFERENCE_GPUS",
        "8",
        "SOLVER.STEPS",
        "[50]",
        "SOLVER.WARMUP_ITERS",
        "5",
    )
    assert made.notes == ()
    assert trained_with(made, 8)["MAX_ITER"] == 101


def test_problems_after_scaling_say_so(make):
    with pytest.raises(UserError) as error:
        make(EIGHT, "SOLVER.MAX_ITER", "100")
    assert "SOLVER.WARMUP_ITERS 50 is not below MAX_ITER 50" in str(error.value)
    assert "These are values after scaling. Schedule scaled from 4 to 8" in str(error.value)
    with pytest.raises(UserError) as error:
        make(EIGHT, "SOLVER.MAX_ITER", "100", num_gpus=4)
    assert "after scaling" not in str(error.value)


def test_a_finished_run(make, config, tmp_path):
    earlier_run(tmp_path / "out", config, 1, 1, iteration=4000)
    made = make(NONE, resume=True, new_classes=True)
    assert "MAX_ITER 4000 is reached already" in made.notes[-1]
    assert made.warnings == ("--new-classes has no effect with --resume: the run goes on with the head that it has.",)


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


def test_asks_once_and_only_a_person():
    options = LaunchOptions("c.yaml")

    def never(question: str) -> str:
        raise AssertionError("asked")

    assert confirmed(options, terminal=False, ask=never)
    assert confirmed(replace(options, yes=True), terminal=True, ask=never)
    answers = {"": True, "y": True, " YES ": True, "n": False, "no": False, "what": False}
    assert {text: confirmed(options, terminal=True, ask=lambda _, text=text: text) for text in answers} == answers

    def end_of_input(question: str) -> str:
        raise EOFError

    assert not confirmed(options, terminal=True, ask=end_of_input)


def test_main_starts_what_was_planned(config, monkeypatch, capsys):
    started = []
    monkeypatch.setattr(launch, "look_around", lambda: NONE)
    monkeypatch.setattr(launch, "start", lambda command, env: started.append((command, env)) or 7)
    assert launch.main([str(config), "--dry-run"]) == 0
    assert started == []
    assert "Nothing is started (--dry-run)." in capsys.readouterr().out
    assert launch.main([str(config), "--yes"]) == 7
    ((command, env),) = started
    assert command == plan(parse_options([str(config)]), NONE).command
    assert env == {}
    monkeypatch.setattr(launch, "confirmed", lambda *_: False)
    assert launch.main([str(config)]) == 1
    assert len(started) == 1
