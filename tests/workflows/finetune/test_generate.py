"""Configs from options and datasets: they load, build, agree with the published ones, and say why."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
import yaml

from alphaction.config import get_cfg, load_cfg
from alphaction.config.tree import get_value, leaf_keys
from alphaction.utils.errors import UserError
from alphaction.workflows.finetune.finetune_options import IA_STRUCTURES, FinetuneOptions, default_output
from alphaction.workflows.finetune.generate import collect_statistics, generate_config
from alphaction.workflows.finetune.networks import NETWORKS
from alphaction.workflows.finetune.starting_weights import default_backbone, missing_weights

GPUS = (0, 1, 4, 8)
# With recipes of the paper and of this project; the others are in test_public_networks.py.
OWN = [name for name, network in NETWORKS.items() if network.training is None]
PAIRS = [("walk", "PERSON_MOVEMENT"), ("hold", "OBJECT_MANIPULATION"), ("talk", "PERSON_INTERACTION")]


def own(data_dir: Path, **values) -> FinetuneOptions:
    return FinetuneOptions("own", data_dir=str(data_dir), **values)


@pytest.mark.parametrize("backbone", OWN)
@pytest.mark.parametrize("structure", IA_STRUCTURES)
def test_every_combination_loads_and_builds(toy_data, toy_statistics, backbone, structure):
    for use_ia, gpus in product((False, True), GPUS):
        options = FinetuneOptions(
            "toy", backbone=backbone, use_ia=use_ia, ia_structure=structure, num_gpus=gpus, data_dir=str(toy_data)
        )
        cfg = generate_config(options, toy_statistics).cfg  # loads, validates and builds
        assert cfg.SOLVER.REFERENCE_GPUS == max(1, gpus)
        assert cfg.MODEL.DEVICE == ("auto" if gpus else "cpu")
        assert cfg.SOLVER.VIDEOS_PER_BATCH % max(1, gpus) == 0
        assert cfg.MODEL.IA_STRUCTURE.ACTIVE == use_ia
        assert cfg.MODEL.ROI_ACTION_HEAD.NUM_CLASSES == 13
        if use_ia:
            assert cfg.MODEL.IA_STRUCTURE.STRUCTURE == IA_STRUCTURES[structure]


@pytest.mark.parametrize("backbone", OWN)
@pytest.mark.parametrize("structure", IA_STRUCTURES)
def test_every_combination_for_ava_builds(backbone, structure):
    options = FinetuneOptions(backbone=backbone, use_ia=True, ia_structure=structure, num_gpus=4)
    assert generate_config(options).cfg.MODEL.ROI_ACTION_HEAD.NUM_CLASSES == 80


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("resnet50_4x16f_baseline", {}),
        ("resnet50_4x16f_parallel", {"use_ia": True, "ia_structure": "parallel"}),
        ("resnet50_4x16f_serial", {"use_ia": True, "ia_structure": "serial"}),
        ("resnet50_4x16f_denseserial", {"use_ia": True, "ia_structure": "denseserial"}),
        ("resnet101_8x8f_baseline", {"backbone": "resnet101"}),
        ("resnet101_8x8f_denseserial", {"backbone": "resnet101", "use_ia": True, "ia_structure": "denseserial"}),
    ],
)
def test_ava_on_8_gpus_is_the_published_config(repo_root, name, options):
    ours = generate_config(FinetuneOptions("ava_video_train_v2.2", num_gpus=8, num_classes=80, **options)).cfg
    published = load_cfg(repo_root / "config_files" / f"{name}.yaml")
    different = {key for key in leaf_keys(get_cfg()) if get_value(ours, key) != get_value(published, key)}
    # The folder's name, and the loader processes that this machine's cores allow.
    assert different - {"DATALOADER.NUM_WORKERS"} == {"OUTPUT_DIR"}


@pytest.mark.parametrize("gpus", [0, 1, 4, 8])
def test_ava_recipe_scales_linearly(gpus):
    solver = generate_config(FinetuneOptions(num_gpus=gpus, use_ia=True)).cfg.SOLVER
    ratio = 8 / max(1, gpus)
    assert solver.VIDEOS_PER_BATCH == 16 / ratio
    assert solver.BASE_LR == pytest.approx(0.0004 / ratio)
    assert solver.MAX_ITER == 110_000 * ratio
    assert list(solver.STEPS) == [70_000 * ratio, 90_000 * ratio]
    assert (solver.WARMUP_ITERS, solver.EVAL_PERIOD) == (2000 * ratio, 10_000 * ratio)


def test_given_numbers_win(toy_data, toy_statistics):
    options = FinetuneOptions(
        "toy", num_gpus=2, batch_size=6, lr=0.05, max_iter=90, data_dir=str(toy_data), weights="mine.pth"
    )
    generated = generate_config(options, toy_statistics)
    solver = generated.cfg.SOLVER
    assert (solver.VIDEOS_PER_BATCH, solver.BASE_LR, solver.MAX_ITER) == (6, 0.05, 90)
    assert list(solver.STEPS) == [50, 70]
    assert generated.cfg.MODEL.WEIGHT == "mine.pth"
    assert any("mine.pth" in note for note in generated.notes)


def test_a_run_of_one_iteration_is_valid(toy_data, toy_statistics):
    options = FinetuneOptions("toy", num_gpus=1, max_iter=1, data_dir=str(toy_data))
    solver = generate_config(options, toy_statistics).cfg.SOLVER
    assert (solver.MAX_ITER, solver.WARMUP_ITERS, solver.EVAL_PERIOD, list(solver.STEPS)) == (1, 0, 1, [])


@pytest.mark.parametrize(("weights", "gamma"), [("", 1.0), (None, 0.0), ("mine.pth", 0.0)])
def test_random_weights_begin_with_all_convolutions_on(toy_data, toy_statistics, weights, gamma):
    """Loaded weights bring their own scale, so that nothing is written for them."""
    options = FinetuneOptions("toy", backbone="tiny", data_dir=str(toy_data), weights=weights)
    assert generate_config(options, toy_statistics).cfg.MODEL.BACKBONE.BN_INIT_GAMMA == gamma


@pytest.mark.parametrize(
    ("weights", "written", "rate", "head"),
    [
        (None, "zoo:slowfast_tiny_rendered", 0.0005, 5.0),
        ("", "", 0.003, 1.0),
        ("mine.pth", "mine.pth", 0.0005, 1.0),  # may bring its head along
    ],
)
def test_the_small_network_starts_from_the_weights_that_come_along(
    toy_data, toy_statistics, weights, written, rate, head
):
    options = FinetuneOptions("toy", backbone="tiny", data_dir=str(toy_data), weights=weights)
    cfg = generate_config(options, toy_statistics).cfg
    assert (cfg.MODEL.WEIGHT, cfg.SOLVER.BASE_LR, cfg.SOLVER.HEAD_LR_FACTOR) == (written, rate, head)


def test_pets_differs_from_the_config_that_was_tuned_by_hand(repo_root, shared_dir):
    catalog = str(repo_root / "config_files/tiny/pets_dataset.yaml")
    generated = generate_config(FinetuneOptions("pets", backbone="tiny", catalog=(catalog,)))
    tuned = load_cfg(repo_root / "config_files/tiny/pets.yaml")
    assert {key for key in leaf_keys(get_cfg()) if get_value(generated.cfg, key) != get_value(tuned, key)} == {
        "MODEL.DEVICE",  # cpu, as asked for
        "MODEL.WEIGHT",
        "SOLVER.HEAD_LR_FACTOR",
        "MODEL.ROI_ACTION_HEAD.NUM_CLASSES",  # left to the label map there
        "MODEL.ROI_ACTION_HEAD.NUM_PERSON_MOVEMENT_CLASSES",
        "MODEL.ROI_ACTION_HEAD.NUM_OBJECT_MANIPULATION_CLASSES",
        "MODEL.ROI_ACTION_HEAD.NUM_PERSON_INTERACTION_CLASSES",
        "MODEL.ROI_ACTION_HEAD.OBJECT_LOSS_WEIGHT",  # of a group without classes
        "MODEL.ROI_ACTION_HEAD.PROPOSAL_PER_CLIP",  # 10 instead of 16: no keyframe has more than 8 persons
        "SOLVER.VIDEOS_PER_BATCH",  # 8 instead of 4, as frames are smaller
        "TEST.VIDEOS_PER_BATCH",
        "SOLVER.BASE_LR",
        "SOLVER.MAX_ITER",
        *(f"INPUT.{name}_SIZE_{split}" for name in ("MIN", "MAX") for split in ("TRAIN", "TEST")),
        *(f"INPUT.{name}_JITTER" for name in ("ZOOM", "STRETCH", "TIME", "SPEED", "COLOR", "HUE", "SAT", "VAL")),
        "INPUT.GRAY_PROB",
        "SOLVER.EVAL_PERIOD",  # 5 times in the run instead of 2
        "SOLVER.CHECKPOINT_PERIOD",
        "TEST.BOX_THRESH",  # 0.65 instead of 0.5: the same persons but for 0.6%
        "DATASETS.CATALOG",
        "OUTPUT_DIR",
    } | ({"DATALOADER.NUM_WORKERS"} if generated.cfg.DATALOADER.NUM_WORKERS != 1 else set())
    cfg = generated.cfg
    assert (cfg.INPUT.MIN_SIZE_TRAIN, cfg.INPUT.MAX_SIZE_TRAIN, cfg.INPUT.FPS, cfg.INPUT.ALPHA) == (192, 256, 7, 4)
    assert (cfg.SOLVER.VIDEOS_PER_BATCH, cfg.SOLVER.MAX_ITER, cfg.SOLVER.BASE_LR) == (8, 462, 0.0005)
    words = generated.text.replace("\n  #", "")
    assert "85 keyframes, batch 8: 11 iterations an epoch, 43.5 epochs" in words
    assert "as many epochs as 20 minutes of one core allow, as clips vary; about 12 minutes on 2 cores" in words
    assert cfg.INPUT.TIME_JITTER == 3.5
    assert "up to 0.5 s earlier or later: boxes go along, as persons have ids" in words


def test_pets_memory_reaches_no_further_than_its_videos(repo_root, shared_dir):
    catalog = str(repo_root / "config_files/tiny/pets_dataset.yaml")
    generated = generate_config(FinetuneOptions("pets", use_ia=True, catalog=(catalog,)))
    ia = generated.cfg.MODEL.IA_STRUCTURE
    assert ia.I_BLOCK_LIST == ["P", "M", "P", "M"]
    assert ia.MAX_OBJECT == 0
    assert list(ia.LENGTH) == [15, 15]  # seconds 0 to 15
    assert any("no O blocks" in note for note in generated.notes)


def test_the_file_is_yaml_whose_comments_say_why(toy_data, toy_statistics):
    text = generate_config(FinetuneOptions("toy", backbone="tiny", data_dir=str(toy_data)), toy_statistics).text
    values = yaml.safe_load(text)
    assert values["SOLVER"]["MAX_ITER"] == 300
    assert values["DATASETS"]["TRAIN"] == ["toy_train"]
    keyframes = toy_statistics.keyframes
    # Comments are wrapped: read them as one line of words.
    words = " ".join(word for word in text.split() if word != "#")
    for figures in (
        f"{keyframes} keyframes, batch {min(keyframes, 8)}: ",
        f"{keyframes} keyframes of 2 videos, {toy_statistics.boxes} boxes",
        "9 epochs",
        "at least 300 iterations",
        "the number of object manipulation classes (3)",
        "softmax: no box carries two movements",
        "feature cells of 16",
        "frames a second of the videos: 12;",
    ):
        assert figures in words
    assert all(len(line) <= 120 for line in text.splitlines())


@pytest.mark.parametrize("count", [1, 2, 100])
@pytest.mark.parametrize("group", ["PERSON_MOVEMENT", "OBJECT_MANIPULATION", "PERSON_INTERACTION"])
def test_one_two_and_a_hundred_classes_of_one_group(make_dataset, count, group):
    data = make_dataset([(f"action {number}", group) for number in range(count)])
    for backbone in ("resnet50", "tiny"):
        head = generate_config(own(data, backbone=backbone, num_classes=count)).cfg.MODEL.ROI_ACTION_HEAD
        sizes = {
            "PERSON_MOVEMENT": head.NUM_PERSON_MOVEMENT_CLASSES,
            "OBJECT_MANIPULATION": head.NUM_OBJECT_MANIPULATION_CLASSES,
            "PERSON_INTERACTION": head.NUM_PERSON_INTERACTION_CLASSES,
        }
        assert sizes.pop(group) == head.NUM_CLASSES == count
        assert set(sizes.values()) == {0}
        if group == "PERSON_MOVEMENT":
            assert head.EXCLUSIVE_MOVEMENT == (count > 1)
            assert head.POSE_LOSS_WEIGHT == (1.2 if count > 1 else 1.0)


def test_weights_of_the_loss_follow_the_groups(make_dataset):
    data = make_dataset([*PAIRS, ("run", "PERSON_MOVEMENT"), ("drop", "OBJECT_MANIPULATION")])
    head = generate_config(own(data)).cfg.MODEL.ROI_ACTION_HEAD
    assert (head.POSE_LOSS_WEIGHT, head.OBJECT_LOSS_WEIGHT, head.PERSON_LOSS_WEIGHT) == (1.2, 2.0, 1.0)
    head = generate_config(own(data, backbone="tiny")).cfg.MODEL.ROI_ACTION_HEAD
    assert (head.POSE_LOSS_WEIGHT, head.OBJECT_LOSS_WEIGHT, head.PERSON_LOSS_WEIGHT) == (1.2, 4.0, 2.0)


def test_two_movements_on_one_box_make_them_independent(make_dataset):
    classes = [("walk", "PERSON_MOVEMENT"), ("sing", "PERSON_MOVEMENT"), ("run", "PERSON_MOVEMENT")]
    data = make_dataset(classes, train=[(1, "0.1,0.1,0.5,0.9", (1, 2)), (2, "0.1,0.1,0.5,0.9", (3,))])
    generated = generate_config(own(data))
    head = generated.cfg.MODEL.ROI_ACTION_HEAD
    assert head.EXCLUSIVE_MOVEMENT is False
    assert head.POSE_LOSS_WEIGHT == 3.0
    assert "1 box " in generated.text


def test_num_classes_must_be_the_label_maps(make_dataset):
    data = make_dataset(PAIRS)
    with pytest.raises(UserError, match=r"--num-classes 5\b.*labels\.pbtxt.* 3\b"):
        generate_config(own(data, num_classes=5))


def test_own_classes_without_a_dataset_name_the_registered_ones(make_dataset):
    options = FinetuneOptions(num_classes=3, data_dir=str(make_dataset(PAIRS)))
    with pytest.raises(UserError, match=" 80.*own_train, own_val"):
        generate_config(options)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"batch_size": 3, "num_gpus": 2}, r"--batch-size 3 .*--num-gpus 2.*--batch-size 4"),
        ({"num_gpus": -1}, "--num-gpus -1: .* from 0"),
        ({"lr": 0.0}, "--lr 0.0: .* from 0 to 100 but not 0"),
        ({"max_iter": 5, "epochs": 2.0}, r"--epochs and --max-iter"),
        ({"backbone": "resnet5"}, '"resnet50"'),
        ({"ia_structure": "serail"}, '"serial"'),
        ({"dataset_name": "owm"}, '"owm".*"own"'),
        ({"dataset_name": "own_val"}, "--dataset-name own_train"),
        ({"val_dataset": "own_vall"}, '--val-dataset "own_vall".*"own_val"'),
    ],
)
def test_options_that_cannot_be(make_dataset, values, message):
    data = make_dataset(PAIRS)
    with pytest.raises(UserError, match=message):
        generate_config(FinetuneOptions(**{"dataset_name": "own", "data_dir": str(data), **values}))


def test_a_dataset_without_validation_split(make_dataset):
    data = make_dataset(PAIRS, val=None)
    with pytest.raises(UserError, match="own_val.*--val-dataset"):
        generate_config(own(data))
    assert generate_config(own(data, val_dataset="own_train")).cfg.DATASETS.TEST == ("own_train",)


def test_a_single_keyframe_has_no_memory_and_no_larger_batch(make_dataset):
    generated = generate_config(own(make_dataset(PAIRS), use_ia=True, num_gpus=1))
    assert generated.cfg.MODEL.IA_STRUCTURE.I_BLOCK_LIST == ["P", "P"]
    assert generated.cfg.SOLVER.VIDEOS_PER_BATCH == 1
    assert any("no M blocks" in note for note in generated.notes)


def test_keyframes_two_seconds_apart_set_the_memorys_step(make_dataset):
    rows = [(second, "0.1,0.1,0.5,0.9", (1,)) for second in (0, 2, 4, 6)]
    ia = generate_config(own(make_dataset(PAIRS, train=rows), use_ia=True)).cfg.MODEL.IA_STRUCTURE
    assert (ia.MEMORY_RATE, list(ia.LENGTH)) == (2, [3, 3])


FROM_RANDOM_WEIGHTS = {
    "MASK_ABSENT": True,
    "CENTER_FEATURES": True,
    "COSINE_SCALE": 3.0,
    "POSITION_INIT_STD": 0.5,
    "MEMORY_OWN_SECOND": False,
    "PENALTY": False,
}


@pytest.mark.parametrize("structure", IA_STRUCTURES)
def test_a_structure_from_random_weights_is_written_to_learn(toy_data, toy_statistics, structure):
    """Without these, the memory class of the toy world "interactions" stayed at chance, see docs/ablation.md."""
    options = FinetuneOptions("toy", use_ia=True, ia_structure=structure, data_dir=str(toy_data), num_gpus=1)
    for backbone in ("tiny", "resnet50"):
        cfg = generate_config(replace(options, backbone=backbone), toy_statistics).cfg
        assert {key: cfg.MODEL.IA_STRUCTURE[key] for key in FROM_RANDOM_WEIGHTS} == FROM_RANDOM_WEIGHTS
        assert cfg.MODEL.ROI_ACTION_HEAD.MLP_SKIP
    tiny = generate_config(replace(options, backbone="tiny"), toy_statistics).cfg
    assert (tiny.MODEL.IA_STRUCTURE.USE_ZERO_INIT_CONV, tiny.MODEL.IA_STRUCTURE.CONV_INIT_STD) == (False, 0.06)
    assert (tiny.MODEL.IA_STRUCTURE.FUSION, tiny.SOLVER.IA_LR_FACTOR) == ("concat", 0.3)
    # One that may be loaded stays as it was published, and without one nothing changes.
    loaded = generate_config(replace(options, weights="mine.pth"), toy_statistics).cfg
    assert not loaded.MODEL.ROI_ACTION_HEAD.MLP_SKIP
    assert not loaded.MODEL.IA_STRUCTURE.MASK_ABSENT
    plain = generate_config(replace(options, use_ia=False, ia_structure=None, backbone="tiny"), toy_statistics).cfg
    assert (plain.MODEL.ROI_ACTION_HEAD.MLP_SKIP, plain.SOLVER.IA_LR_FACTOR) == (False, 1.0)


def test_small_persons_raise_the_frame_size_up_to_the_videos_own(make_dataset):
    data = make_dataset(PAIRS, train=[(1, "0.1,0.1,0.2,0.2", (1,))])
    inputs = generate_config(own(data, backbone="tiny")).cfg.INPUT
    assert inputs.MIN_SIZE_TRAIN == 96  # the videos are 48 pixels high: nothing is gained above the least
    assert inputs.FPS == 10.0


def test_names_with_every_kind_of_character(make_dataset):
    names = ["walk: left, [fast] #1", "walk: right, [fast] #1", "gehen über", "{x}"]
    data = make_dataset([(name, "PERSON_MOVEMENT") for name in names])
    assert generate_config(own(data)).cfg.INPUT.FLIP_CLASS_PAIRS == [names[:2]]


def test_random_weights_need_batch_norms_that_learn(toy_data, toy_statistics):
    generated = generate_config(FinetuneOptions("toy", weights="", data_dir=str(toy_data)), toy_statistics)
    assert not generated.cfg.MODEL.BACKBONE.FROZEN_BN
    assert any("random weights" in note for note in generated.notes)
    assert not any("--new-classes" in command for command in generated.commands(Path("x.yaml")))


@pytest.mark.parametrize(("score", "words"), [(0.9, "100.0% of the annotated persons at IoU 0.5")])
def test_the_threshold_says_what_it_costs(make_dataset, score, words):
    generated = generate_config(own(make_dataset(PAIRS, detections=[(2, "0.1,0.1,0.5,0.9", score)])))
    assert words in " ".join(word for word in generated.text.split() if word != "#")


def test_default_names():
    tiny = default_output(FinetuneOptions("pets_train", backbone="tiny"))
    assert tiny == Path("output/pets_tiny_baseline.yaml")
    assert default_output(FinetuneOptions(use_ia=True)) == Path("output/ava_resnet50_serial.yaml")


@pytest.mark.parametrize(
    ("values", "network"),
    [
        ({"num_gpus": 0}, "tiny"),
        ({"num_gpus": 1}, "resnet50"),
        ({"num_gpus": 0, "weights": "mine.pth"}, "resnet50"),
        ({"num_gpus": 0, "weights": ""}, "resnet50"),
        ({"num_gpus": 0, "dataset_name": "ava_video_train_v2.2"}, "resnet50"),
        ({"num_gpus": 0, "dataset_name": None}, "resnet50"),
    ],
)
def test_the_network_where_none_is_asked_for_is_one_that_can_start(tmp_path, monkeypatch, values, network):
    monkeypatch.chdir(tmp_path)
    options = FinetuneOptions(**{"dataset_name": "pets", **values})
    assert default_backbone(options) == network
    pretrained = Path(NETWORKS["resnet50"].weights)
    pretrained.parent.mkdir(parents=True)
    pretrained.touch()
    assert default_backbone(options) == "resnet50"


def test_what_is_missing(tmp_path):
    weights = tmp_path / "mine.pth"
    options = FinetuneOptions("pets", weights=str(weights))
    assert missing_weights(options) == str(weights)
    weights.touch()
    assert missing_weights(options) == missing_weights(FinetuneOptions("pets", backbone="tiny")) == ""
    assert missing_weights(FinetuneOptions("pets")) == NETWORKS["resnet50"].weights


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_iter": 10**20}, "--max-iter 1(0{20}): .* to 100000000"),
        ({"num_gpus": 100_000}, "--num-gpus 100000: .* to 4096"),
        ({"batch_size": 10**11}, "--batch-size 100000000000: .* to 1000000"),
        ({"lr": 1e30}, r"--lr 1e\+30: .* to 100"),
        ({"lr": float("nan")}, "--lr nan: "),
        ({"dataset_name": ""}, "--dataset-name "),
        ({"output_dir": " "}, "--output-dir "),
        ({"val_dataset": ""}, "--val-dataset "),
    ],
)
def test_absurd_and_empty_values_are_refused(values, message):
    with pytest.raises(UserError, match=message):
        FinetuneOptions(**values).check()


@pytest.mark.parametrize("values", [{"batch_size": 1}, {"batch_size": 64}, {"weights": ""}, {"weights": "mine.pth"}])
def test_comments_are_true_of_every_batch_and_weights(toy_data, toy_statistics, values):
    options = FinetuneOptions("toy", num_gpus=1, data_dir=str(toy_data), **values)
    text = " ".join(word for word in generate_config(options, toy_statistics).text.split() if word != "#")
    assert "2 clips per GPU are too few" not in text.replace("as in the recipe, whose 2 clips per GPU are too few", "")
    assert "the rate that the weights were trained at" not in text
    assert "times the same ones" not in text


def test_95_percent_of_the_keyframes_are_so_full(make_dataset):
    """Of 7 keyframes one has 5 persons: 4, near the interpolated percentile, would be true of 86% only."""
    rows = [(second, "0.1,0.1,0.5,0.9", (1,)) for second in range(1, 8)]
    rows += [(7, f"0.{place},0.1,0.9,0.9", (1,)) for place in (2, 3, 4, 5)]
    data = make_dataset([("walk", "PERSON_MOVEMENT")], rows)
    assert collect_statistics(own(data)).persons == (5, 5)
