"""The commands that a new config prints, and whether the weights it starts from hold a head for its classes."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest
import torch

from alphaction.config.paths_catalog import AVA_LABEL_MAP
from alphaction.data.annotations import read_label_map
from alphaction.workflows.finetune.finetune_options import FinetuneOptions
from alphaction.workflows.finetune.generate import generate_config
from alphaction.workflows.finetune.networks import NETWORKS

PAIRS = [("walk", "PERSON_MOVEMENT"), ("hold", "OBJECT_MANIPULATION"), ("talk", "PERSON_INTERACTION")]


def own(data_dir: Path, **values) -> FinetuneOptions:
    return FinetuneOptions("own", data_dir=str(data_dir), **values)


def test_commands_that_come_next(toy_data, toy_statistics):
    options = FinetuneOptions("toy", num_gpus=2, data_dir=str(toy_data))
    commands = generate_config(options, toy_statistics).commands(Path("my configs/toy.yaml"))
    assert commands[0] == "python tools/validate_dataset.py --all toy --config-file 'my configs/toy.yaml'"
    assert commands[1] == "bash tools/finetune_quickstart.sh 'my configs/toy.yaml' --num-gpus 2 --new-classes"
    assert commands[2] == "torchrun --nproc_per_node=2 test_net.py --config-file 'my configs/toy.yaml' --report"
    words = shlex.split(commands[3])
    assert words[:4] == ["python", "tools/predict_video.py", "--config-file", "my configs/toy.yaml"]
    for flag in ("--video", "--detections"):
        assert Path(words[words.index(flag) + 1]).is_file()
    assert "--object-boxes" not in words
    assert words[-2:] == ["MODEL.WEIGHT", "output/toy_resnet50_baseline/model_final.pth"]


def test_commands_for_a_model_of_objects_name_their_boxes(toy_data, toy_statistics):
    options = FinetuneOptions("toy", backbone="tiny", use_ia=True, data_dir=str(toy_data))
    words = shlex.split(generate_config(options, toy_statistics).commands(Path("toy.yaml"))[-1])
    assert Path(words[words.index("--object-boxes") + 1]).is_file()


def test_commands_for_ava():
    commands = generate_config(FinetuneOptions(num_gpus=8)).commands(Path("ava.yaml"))
    assert [command.split(" --config")[0] for command in commands[:2]] == [
        "python tools/validate_dataset.py --dataset-name ava_video_train_v2.2",
        "python tools/validate_dataset.py --dataset-name ava_video_val_v2.2",
    ]
    assert commands[2] == "bash tools/finetune_quickstart.sh ava.yaml --num-gpus 8 --new-classes"


@pytest.mark.parametrize(("weights", "classes"), [("", ""), (None, " --new-classes")])
def test_commands_for_the_cpu(toy_data, toy_statistics, weights, classes):
    options = FinetuneOptions("toy", backbone="tiny", data_dir=str(toy_data), weights=weights)
    commands = generate_config(options, toy_statistics).commands(Path("toy.yaml"))
    assert commands[1] == f"bash tools/finetune_quickstart.sh toy.yaml --cpu{classes}"
    assert commands[2] == "python test_net.py --config-file toy.yaml --report"


@pytest.fixture
def ava_like(tmp_path, make_dataset) -> Path:
    """The dataset "own" with AVA's 80 classes, which its published models know."""
    data = make_dataset(PAIRS)
    shutil.copy(AVA_LABEL_MAP, data / "own" / "labels.pbtxt")
    return data


def has_new_classes(generated) -> bool:
    return any("--new-classes" in command for command in generated.commands(Path("x.yaml")))


def test_a_model_of_ava_keeps_its_head_on_avas_classes(ava_like):
    assert not has_new_classes(generate_config(own(ava_like, weights="zoo.pth")))
    assert has_new_classes(generate_config(own(ava_like)))  # Kinetics: no head in it
    assert has_new_classes(generate_config(own(ava_like, weights=NETWORKS["resnet50"].weights)))


def test_a_checkpoint_of_the_same_classes_keeps_its_head(make_dataset, tmp_path):
    data = make_dataset(PAIRS)
    label_map = read_label_map(data / "own" / "labels.pbtxt")
    weights = tmp_path / "mine.pth"
    torch.save({"model": {"a": torch.zeros(1)}, "label_map": label_map.to_dict()}, weights)
    assert not has_new_classes(generate_config(own(data, weights=str(weights))))
    torch.save({"model": {"a": torch.zeros(1)}}, weights)
    assert has_new_classes(generate_config(own(data, weights=str(weights))))
    others = read_label_map(AVA_LABEL_MAP).to_dict()
    torch.save({"model": {"a": torch.zeros(1)}, "label_map": others}, weights)
    assert has_new_classes(generate_config(own(data, weights=str(weights))))


def test_an_interaction_structure_may_be_in_the_weights(ava_like):
    generated = generate_config(own(ava_like, weights="zoo.pth", use_ia=True))
    assert any("--weights" in note and "SOLVER.IA_LR_FACTOR" in note for note in generated.notes)
    assert "for an IA structure from random weights" in generated.text
    generated = generate_config(own(ava_like, use_ia=True))
    assert not any("SOLVER.IA_LR_FACTOR" in note for note in generated.notes)
