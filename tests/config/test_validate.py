"""Rules across keys: each one's violation is found, with the remedy, and what is right passes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from config.problems import BACKBONE, FAST, HEAD, I3D, IA, IA_ON, SLOW, check, problem, problems

from alphaction.config import get_cfg, load_cfg, validate_cfg
from alphaction.config.keys import KEYS
from alphaction.config.tree import get_value, leaf_keys


def test_names_and_network_are_checked_where_nothing_but_the_config_is_imported():
    script = """
from alphaction.config import get_cfg, validate_cfg
cfg = get_cfg()
cfg.MODEL.BACKBONE.CONV_BODY = "Slowfast-Resnet5O"
try:
    validate_cfg(cfg, check_files=False)
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("UserError")
    assert (
        'MODEL.BACKBONE.CONV_BODY: "Slowfast-Resnet5O" is not available. Did you mean "Slowfast-Resnet50"'
        in done.stdout
    )


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        IA_ON,
        (*IA_ON, f"{IA}.STRUCTURE", "parallel", f"{IA}.I_BLOCK_LIST", "[[P, M], [P, O]]"),
        (*IA_ON, f"{IA}.I_BLOCK_LIST", "[M]", f"{IA}.MAX_OBJECT", 0),
        (*IA_ON, f"{IA}.FUSION", "add", f"{IA}.DIM_OUT", 2304),
        (*IA_ON, f"{IA}.LENGTH", "(0, 0)"),
        (*IA_ON, *I3D, f"{IA}.DIM_IN", 2048),
        (*I3D, f"{SLOW}.ACTIVE", False, f"{FAST}.ACTIVE", False),
        (f"{SLOW}.ACTIVE", False),
        (f"{FAST}.ACTIVE", False, "INPUT.ALPHA", 3),
        ("INPUT.FRAME_NUM", 64, "INPUT.FRAME_SAMPLE_RATE", 1, "INPUT.TAU", 16, "INPUT.SLOW_JITTER", True),
        (f"{HEAD}.NUM_PERSON_MOVEMENT_CLASSES", 0, f"{HEAD}.NUM_CLASSES", 66),
        ("SOLVER.SCHEDULER", "half_period_cosine", "SOLVER.MAX_ITER", 600),
        ("SOLVER.STEPS", "()", "SOLVER.MAX_ITER", 600),
        ("SOLVER.WARMUP_ON", False, "SOLVER.WARMUP_ITERS", 75000),
        ("SOLVER.AMP", "bf16", "MODEL.DEVICE", "cpu"),
        ("INPUT.FPS", 0),
        ("INPUT.FLIP_CLASS_PAIRS", [["a", "b"], ["c", "d"]]),
        (f"{HEAD}.FOCAL_LOSS.ALPHA", 0.25),
        # Not active, hence not looked at.
        (f"{IA}.DIM_IN", 7, f"{IA}.FUSION", "add", f"{IA}.I_BLOCK_LIST", "[X]"),
    ],
)
def test_valid(overrides):
    check(*overrides)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ((f"{HEAD}.PROPOSAL_JITTER_X", "(0.1, 0.5)"), "Choose a second number below 0.5."),
        (("INPUT.ALPHA", 3), "INPUT.TAU 8 is not a multiple of INPUT.ALPHA 3"),
        (("INPUT.FRAME_NUM", 20, f"{FAST}.ACTIVE", False), "Set INPUT.FRAME_NUM to 16 or 24."),
        (("INPUT.MAX_SIZE_TEST", 200), "Set MAX_SIZE_TEST to 256 or more."),
        (("INPUT.FLIP_CLASS_PAIRS", ["a", "b"]), "it must be a list of pairs. Write [[name, name], ...]."),
        (("INPUT.FLIP_CLASS_PAIRS", [["a", "a"]]), "is no pair of two class names"),
        (("INPUT.FLIP_CLASS_PAIRS", [["a", "b"], ["b", "c"]]), '"b" is in two pairs'),
        (("DATASETS.TRAIN", "[]"), 'DATASETS.TRAIN is empty. Name a dataset there, for example DATASETS.TRAIN "[ava_'),
        (("DATASETS.TEST", "[a, b, a]"), 'DATASETS.TEST names "a" 2 times. Keep one.'),
        (("SOLVER.STEPS", "(9, 5)"), "not ascending. Set it to (5, 9)."),
        (("SOLVER.MAX_ITER", 40000), 'never reaches. Set SOLVER.STEPS "[33750]", or raise MAX_ITER.'),
        (("SOLVER.WARMUP_ITERS", 75000), "never gets to BASE_LR. Set SOLVER.WARMUP_ITERS 7500, or SOLVER.WARMUP_ON"),
        (("SOLVER.ACCUMULATION_STEPS", 5), "over 1 process x 5 accumulation steps. Set SOLVER.VIDEOS_PER_BATCH 30"),
        (("SOLVER.AMP", "fp16", "MODEL.DEVICE", "cpu"), "Set SOLVER.AMP to bf16 or off."),
    ],
)
def test_rules(overrides, expected):
    assert expected in problem(*overrides)


@pytest.mark.parametrize(
    ("key", "value", "suggestion"),
    [
        ("MODEL.DEVICE", "gpu", 'Did you mean "cuda"? Known: auto, cpu, cuda.'),
        (f"{BACKBONE}.CONV_BODY", "SlowFast-ResNet50", 'Did you mean "Slowfast-Resnet50"?'),
        (f"{BACKBONE}.SLOWFAST.LATERAL", "tconvs", 'Did you mean "tconv"?'),
        (f"{HEAD}.FEATURE_EXTRACTOR", "MLPFeatureExtractor", 'Did you mean "2MLPFeatureExtractor"?'),
        (f"{HEAD}.PREDICTOR", "FcPredictor", 'Did you mean "FCPredictor"?'),
        (f"{HEAD}.POOLER_TYPE", "pool3d", 'Did you mean "pooling3d"?'),
        (f"{IA}.STRUCTURE", "denseserial", 'Did you mean "dense"?'),
        (f"{IA}.FUSION", "sum", "Known: add, concat."),
        ("SOLVER.SCHEDULER", "cosine", 'Did you mean "half_period_cosine"?'),
        ("SOLVER.SCHEDULER", "multi_step", 'Did you mean "warmup_multi_step"?'),
        ("SOLVER.WARMUP_METHOD", "Linear", 'Did you mean "linear"?'),
        ("SOLVER.AMP", "float16", 'Did you mean "fp16"?'),
    ],
)
def test_names(key, value, suggestion):
    message = problem(key, value)
    assert message.startswith(f'{key}: "{value}" is not available. ')
    assert suggestion in message


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        (f"{HEAD}.DROPOUT_RATE", 1.0, "it must be a number from 0 to 1 but not 1."),
        (f"{HEAD}.FOCAL_LOSS.ALPHA", -0.5, "it must be a number, -1 or from 0 to 1."),
        (f"{IA}.MEMORY_RATE", 0, "it must be a whole number, 1 or more."),
        (f"{IA}.LENGTH", "(-1, 3)", "each number must be a whole number, 0 or more."),
        (f"{IA}.LENGTH", "(3,)", "it must hold 2 numbers (before, after)."),
        ("INPUT.FLIP_PROB", 1.1, "it must be a number from 0 to 1."),
        ("INPUT.PIXEL_STD", "[1, 1]", "it must hold 3 numbers (red, green, blue)."),
        ("INPUT.PIXEL_STD", "[1, 0, 1]", "each number must be a number above 0."),
        ("SOLVER.BASE_LR", 0, "it must be a number above 0."),
        ("SOLVER.BASE_LR", float("nan"), "it must be a number above 0."),
        ("SOLVER.LOG_PERIOD", 0, "it must be a whole number, 1 or more."),
        ("SOLVER.GAMMA", 0, "it must be a number from 0 to 1 but not 0."),
        ("SOLVER.ACCUMULATION_STEPS", 0, "it must be a whole number, 1 or more."),
        ("TEST.BOX_THRESH", -0.1, "it must be a number from 0 to 1."),
        ("INPUT.TAU", 0, "it must be a whole number, 1 or more."),
        ("INPUT.FPS", -1, "it must be a number, 0 or more."),
    ],
)
def test_ranges(key, value, expected):
    message = problem(key, value)
    assert message.startswith(f"{key} is ")
    assert message.endswith(expected)


def test_every_number_has_a_range():
    free = {"BN_INIT_GAMMA"}
    for path, key in KEYS.items():
        values = key.default if isinstance(key.default, (list, tuple)) else [key.default]
        numeric = bool(values) and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
        assert (key.within is not None) == (numeric and path.split(".")[-1] not in free), path


def test_every_default_passes():
    assert [key.problem(key.default) for key in KEYS.values() if key.problem(key.default)] == []
    assert list(leaf_keys(get_cfg())) == list(KEYS)
    assert {path: get_value(get_cfg(), path) for path in KEYS} == {path: key.default for path, key in KEYS.items()}


def test_all_problems_at_once():
    found = problems(
        "SOLVER.BASE_LR", -1, "SOLVER.SCHEDULER", "cosine", f"{HEAD}.NUM_CLASSES", 3, "DATASETS.TRAIN", "[]"
    )
    assert [message.split(" ")[0].rstrip(":") for message in found] == [
        "SOLVER.BASE_LR",
        "SOLVER.SCHEDULER",
        "DATASETS.TRAIN",
        f"{HEAD}.NUM_CLASSES",
    ]


def test_processes_share_the_batch():
    check("SOLVER.ACCUMULATION_STEPS", 2, num_processes=16)
    message = problem(num_processes=3)
    assert "VIDEOS_PER_BATCH is 32" in message
    assert "Set SOLVER.VIDEOS_PER_BATCH 33" in message
    assert "Set TEST.VIDEOS_PER_BATCH 32." in problem(num_processes=32)
    assert "Set SOLVER.VIDEOS_PER_BATCH 64" in problem("TEST.VIDEOS_PER_BATCH", 64, num_processes=64)


def test_splits_that_a_run_does_not_use():
    check(
        "DATASETS.TRAIN", "[]", "SOLVER.STEPS", "(9, 5)", "SOLVER.VIDEOS_PER_BATCH", 7, num_processes=2, splits=["TEST"]
    )
    check("DATASETS.TEST", "[]", num_processes=32, splits=["TRAIN"])
    assert "DATASETS.TEST is empty" in problem("DATASETS.TEST", "[]", splits=["TEST"])


def test_weight_file(tmp_path):
    weight = tmp_path / "SlowFast-ResNet50-4x16.pth"
    weight.touch()
    check("MODEL.WEIGHT", weight)
    message = problem("MODEL.WEIGHT", tmp_path / "SlowFast-Resnet50-4x16.pth")
    assert f"Did you mean {weight}?" in message
    assert 'set MODEL.WEIGHT ""' in message
    check("MODEL.WEIGHT", tmp_path / "none.pth", check_files=False)


def test_clip_cache_folder(tmp_path, monkeypatch):
    check("DATALOADER.CLIP_CACHE", tmp_path / "new" / "cache")
    assert list(tmp_path.iterdir()) == []  # made by the first entry
    (tmp_path / "file").touch()
    message = problem("DATALOADER.CLIP_CACHE", tmp_path / "file" / "cache")
    assert message.startswith("DATALOADER.CLIP_CACHE ")
    assert f"{tmp_path / 'file'} is a file, not a folder. Name another place." in message
    assert 'set DATALOADER.CLIP_CACHE ""' in message
    check("DATALOADER.CLIP_CACHE", tmp_path / "file" / "cache", check_files=False)
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    assert "is a file, not a folder" in problem("DATALOADER.CLIP_CACHE", "~/cache")


@pytest.mark.parametrize("name", ["base", "toy", "pets"])
def test_small_experiments_are_valid(repo_root, name):
    cfg = load_cfg(repo_root / "config_files" / "tiny" / f"{name}.yaml")
    validate_cfg(cfg)
    world = "pets" if name == "pets" else "toy"
    assert list(cfg.DATASETS.TRAIN) == [f"{world}_train"]
    assert list(cfg.DATASETS.TEST) == [f"{world}_val"]
    assert cfg.MODEL.BACKBONE.CONV_BODY == "Slowfast-Tiny"
