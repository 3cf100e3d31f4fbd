"""A run refuses weights that were trained with other settings, key by key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkpoint.foreign.pyslowfast_files import NON_LOCAL, R101, pyslowfast_file, shape_of
from contracts.zoo_files import zoo_case
from yacs.config import CfgNode

from alphaction.checkpoint.foreign.converted import Converted, Question, Setting
from alphaction.checkpoint.foreign.recognize import convert_file
from alphaction.checkpoint.weight_file import WeightFile
from alphaction.checkpoint.weight_settings import check_settings, mismatches, recipe_note
from alphaction.config import get_cfg
from alphaction.utils.errors import UserError

NODE, HEAD = "MODEL.BACKBONE.SLOWFAST", "MODEL.ROI_ACTION_HEAD"


def weight_file(converted: Converted, **changes: Any) -> WeightFile:
    fields = {"settings": converted.settings, "recipe": converted.recipe, "questions": converted.questions}
    return WeightFile(Path("w.pyth"), weights={}, **fields | changes)


def fitting(file: WeightFile) -> CfgNode:
    cfg = get_cfg()
    cfg.merge_from_list([item for key, setting in file.settings.items() for item in (key, setting.value)])
    return cfg


@pytest.fixture(scope="module")
def detector() -> WeightFile:
    cfg = yaml.safe_load(zoo_case("pyslowfast_ava_slowfast_r50")["file"]["other"]["cfg"])
    return weight_file(convert_file(pyslowfast_file(shape_of(), cfg)))


@pytest.fixture(scope="module")
def nonlocal_r101() -> WeightFile:
    shape = shape_of(R101, (0, 0, 6, 3), (3, 4, 6, 3), 5, NON_LOCAL, classes=0)
    return weight_file(convert_file(pyslowfast_file(shape)))


# The sensitivity table of the zoos' facts, setting by setting.
PLANTED = {
    f"{NODE}.STEM_POOL_PADDING": 0,
    f"{NODE}.LAST_STAGE_DILATION": 1,
    f"{NODE}.LATERAL": "tconv",
    f"{NODE}.LATERAL_KERNEL": 5,
    f"{NODE}.SLOW.TEMPORAL_BLOCKS": [0, 0, 5, 3],
    f"{NODE}.SLOW.CONV4_NONLOCAL": True,
    f"{NODE}.BETA": 0.25,
    "INPUT.ALPHA": 8,
    "INPUT.SLOW_SAMPLING": "middle",
    "INPUT.PIXEL_MEAN": [114.75, 114.75, 100.0],
    "INPUT.PIXEL_STD": [57.375, 57.375, 58.0],
    "INPUT.TO_BGR": True,
    f"{HEAD}.POOLER_ALIGNED": False,
    f"{HEAD}.POOLER_RESOLUTION": 8,
    f"{HEAD}.POOLER_SAMPLING_RATIO": 2,
    f"{HEAD}.POOLER_TYPE": "pooling3d",
    f"{HEAD}.TIME_POOLING": "max",
    f"{HEAD}.MEAN_BEFORE_POOLER": False,
    f"{HEAD}.EXCLUSIVE_MOVEMENT": True,
    f"{HEAD}.FEATURE_EXTRACTOR": "2MLPFeatureExtractor",
    "MODEL.IA_STRUCTURE.ACTIVE": True,
    "TEST.EXTEND_SCALE": (0.1, 0.05),
}


@pytest.mark.parametrize("key", PLANTED)
def test_each_planted_mismatch_is_refused_by_its_key(detector: WeightFile, key: str) -> None:
    cfg = fitting(detector)
    assert mismatches(detector, cfg, takes_classifier=True) == []
    cfg.merge_from_list([key, PLANTED[key]])
    with pytest.raises(UserError, match=rf"w\.pyth: trained with {re.escape(key)} ") as error:
        check_settings(detector, cfg, takes_classifier=True)
    message = str(error.value)
    assert f": set {key} " in message
    assert "tools/convert_weights.py --from auto --input w.pyth" in message
    assert len(mismatches(detector, cfg, takes_classifier=True)) == 1
    # A new head is free to be another.
    parts = {detector.settings[key].part}
    assert bool(mismatches(detector, cfg, takes_classifier=False)) is (parts != {"head"})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (f"{NODE}.SLOW.TEMPORAL_BLOCKS", []),
        (f"{NODE}.SLOW.CONV4_NONLOCAL_BLOCKS", []),
        ("MODEL.NONLOCAL.POOL_SIZE", [1, 2, 2]),
        ("MODEL.NONLOCAL.USE_SOFTMAX", True),
        ("MODEL.NONLOCAL.USE_SCALE", True),
        ("MODEL.NONLOCAL.USE_MAXPOOL", False),
    ],
)
def test_planted_mismatches_of_non_local_blocks(nonlocal_r101: WeightFile, key: str, value: Any) -> None:
    cfg = fitting(nonlocal_r101)
    assert mismatches(nonlocal_r101, cfg, takes_classifier=False) == []
    cfg.merge_from_list([key, value])
    (line,) = mismatches(nonlocal_r101, cfg, takes_classifier=False)
    assert key in line


def test_another_network_is_the_only_line(detector: WeightFile) -> None:
    lines = mismatches(detector, get_cfg(), takes_classifier=True)
    assert len(lines) > 8
    cfg = get_cfg()
    cfg.MODEL.BACKBONE.CONV_BODY = "Slowfast-Resnet101"
    (line,) = mismatches(detector, cfg, takes_classifier=True)
    assert line == (
        "trained with MODEL.BACKBONE.CONV_BODY Slowfast-Resnet50 (the names and shapes of the file's tensors); the "
        "config says Slowfast-Resnet101: set MODEL.BACKBONE.CONV_BODY Slowfast-Resnet50"
    )


def test_the_message_names_value_reason_and_remedy(detector: WeightFile) -> None:
    cfg = fitting(detector)
    cfg.merge_from_list([f"{NODE}.LATERAL_KERNEL", 5])
    (line,) = mismatches(detector, cfg, takes_classifier=True)
    assert line == (
        f"trained with {NODE}.LATERAL_KERNEL 7 (the shape of s1_fuse.conv_f2s.weight); the config says 5: set "
        f"{NODE}.LATERAL_KERNEL 7"
    )


def test_several_mismatches_are_a_list_below_the_file(detector: WeightFile) -> None:
    cfg = fitting(detector)
    cfg.merge_from_list([f"{NODE}.LATERAL_KERNEL", 5, f"{NODE}.STEM_POOL_PADDING", 0])
    with pytest.raises(UserError) as error:
        check_settings(detector, cfg, takes_classifier=True)
    assert [line.partition(" (")[0] for line in str(error.value).splitlines()] == [
        "w.pyth: the config does not fit these weights:",
        f"  - trained with {NODE}.LATERAL_KERNEL 7",
        f"  - trained with {NODE}.STEM_POOL_PADDING 1",
        "A config that fits is written by: python tools/convert_weights.py --from auto --input w.pyth --output OUT.pth "
        "--config-out OUT.yaml",
    ]


def test_what_is_the_same_in_other_words_is_no_mismatch(detector: WeightFile) -> None:
    cfg = fitting(detector)
    cfg.merge_from_list([
        f"{NODE}.SLOW.TEMPORAL_BLOCKS", [0, 0, 6, 3], f"{NODE}.FAST.TEMPORAL_BLOCKS", [3, 4, 6, 3],
        "INPUT.PIXEL_MEAN", [114.7501, 114.75, 114.75], f"{HEAD}.POOLER_SCALE", 0.5,
    ])  # fmt: skip
    assert mismatches(detector, cfg, takes_classifier=True) == []
    # Every frame is taken, however they are spread.
    cfg.merge_from_list(["INPUT.SLOW_SAMPLING", "middle", "INPUT.TAU", 1])
    assert mismatches(detector, cfg, takes_classifier=True) == []


def test_an_open_question_is_refused_where_the_classifier_is_taken() -> None:
    file = weight_file(convert_file(pyslowfast_file(shape_of())))
    cfg = fitting(file)
    assert mismatches(file, cfg, takes_classifier=False) == []
    with pytest.raises(UserError, match=rf"nothing says which {HEAD}\.POOLER_ALIGNED") as error:
        check_settings(file, cfg, takes_classifier=True)
    assert f"at the end of that command: {HEAD}.POOLER_ALIGNED True" in str(error.value)
    asked = {"MODEL.NONLOCAL.USE_SCALE": Question((True, False), "network", "nobody knows")}
    assert len(mismatches(weight_file(convert_file(pyslowfast_file(shape_of())), questions=asked), cfg,
                          takes_classifier=False)) == 1  # fmt: skip


@pytest.mark.parametrize("mismatch", ["refuse", "warn"])
def test_other_classes_are_one_sentence_where_the_classifier_is_needed(detector: WeightFile, mismatch: str) -> None:
    cfg = fitting(detector)
    cfg.merge_from_list([f"{HEAD}.NUM_CLASSES", 4, f"{HEAD}.NUM_PERSON_MOVEMENT_CLASSES", 4])
    cfg.merge_from_list(["INPUT.TO_BGR", True, "MODEL.WEIGHT_MISMATCH", mismatch])
    with pytest.raises(UserError) as error:
        check_settings(detector, cfg, takes_classifier=True, head_may_be_new=False)
    assert str(error.value) == (
        "w.pyth: these weights classify AVA's 80 classes, the dataset has 4. Use them with a dataset of those classes "
        "(DATASETS.TEST), or train a classifier for yours first (tools/generate_finetune_config.py --weights FILE)."
    )


def test_warn_goes_on(detector: WeightFile) -> None:
    cfg = fitting(detector)
    cfg.merge_from_list([f"{NODE}.STEM_POOL_PADDING", 0, "MODEL.WEIGHT_MISMATCH", "warn"])
    (warning,) = check_settings(detector, cfg, takes_classifier=True)
    assert f"{NODE}.STEM_POOL_PADDING 1" in warning
    assert "The outputs will be wrong" in warning


def test_the_recipe_is_a_note(detector: WeightFile) -> None:
    cfg = fitting(detector)
    assert "INPUT.FPS 30 (here 25)" in recipe_note(detector, cfg)
    cfg.merge_from_list([item for pair in detector.recipe.items() for item in pair])
    assert recipe_note(detector, cfg) == ""


def test_i3d_of_caffe2_fits_both_its_names() -> None:
    settings = {"MODEL.BACKBONE.CONV_BODY": Setting("I3D-Resnet50", "network", "its blobs")}
    file, cfg = WeightFile(Path("w.pkl"), weights={}, settings=settings), get_cfg()
    for body in ("I3D-Resnet50", "I3D-Resnet50-Sparse"):
        cfg.MODEL.BACKBONE.CONV_BODY = body
        assert mismatches(file, cfg, takes_classifier=True) == []
    cfg.MODEL.BACKBONE.CONV_BODY = "Slowfast-Resnet50"
    assert "set MODEL.BACKBONE.CONV_BODY I3D-Resnet50" in mismatches(file, cfg, takes_classifier=True)[0]


def test_groups_of_independent_classes_are_free(detector: WeightFile) -> None:
    cfg = fitting(detector)
    groups = [f"{HEAD}.NUM_PERSON_MOVEMENT_CLASSES", 80, f"{HEAD}.NUM_OBJECT_MANIPULATION_CLASSES", 0]
    cfg.merge_from_list([*groups, f"{HEAD}.NUM_PERSON_INTERACTION_CLASSES", 0])
    assert mismatches(detector, cfg, takes_classifier=True) == []


def test_a_new_head_is_only_offered_where_it_helps(detector: WeightFile) -> None:
    offer = "--no-head trains a new one"
    for key, value, may_be_new, offered in (
        (f"{HEAD}.POOLER_ALIGNED", False, True, True),
        (f"{HEAD}.POOLER_ALIGNED", False, False, False),
        ("INPUT.TO_BGR", True, True, False),
    ):
        cfg = fitting(detector)
        cfg.merge_from_list([key, value])
        with pytest.raises(UserError) as error:
            check_settings(detector, cfg, takes_classifier=True, head_may_be_new=may_be_new)
        assert (offer in str(error.value)) is offered


def test_other_classes_than_the_data_s_are_not_mended_by_a_key(detector: WeightFile) -> None:
    cfg = fitting(detector)
    cfg.MODEL.ROI_ACTION_HEAD.NUM_CLASSES = 7
    with pytest.raises(UserError) as error:
        check_settings(detector, cfg, takes_classifier=True, head_may_be_new=False)
    message = str(error.value)
    assert "classify AVA's 80 classes, the dataset has 7" in message
    assert "generate_finetune_config.py --weights" in message
    assert "set MODEL" not in message
    assert "convert_weights" not in message
