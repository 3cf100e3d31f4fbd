"""Rules across keys: each one's violation is found, with the remedy, and what is right passes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from config.problems import BACKBONE, FAST, HEAD, I3D, IA, IA_ON, SLOW, check, problem, problems
from messages import says

from alphaction.config import get_cfg, load_cfg, validate_cfg
from alphaction.config.keys import KEYS
from alphaction.config.tree import get_value, leaf_keys

KEPT = (
    *("DATALOADER.FEATURE_CACHE", "kept", "MODEL.BACKBONE.FREEZE", "all", f"{HEAD}.MEAN_BEFORE_POOLER", True),
    *("INPUT.COLOR_JITTER", False, "INPUT.SLOW_JITTER", False),
)


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
    says(done.stdout, "UserError", 'MODEL.BACKBONE.CONV_BODY: "Slowfast-Resnet5O"', '"Slowfast-Resnet50"')


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
        ("INPUT.SLOW_JITTER", True, "INPUT.SLOW_SAMPLING", "first"),
        ("INPUT.SLOW_JITTER", True, "INPUT.SLOW_SAMPLING", "linspace", *I3D),
        ("INPUT.FRAME_NUM", 16, "INPUT.FRAME_SAMPLE_RATE", 4, "INPUT.CLIP_OFFSET", 1),
        (f"{BACKBONE}.CONV_BODY", "Slow-Resnet50", "INPUT.FRAME_NUM", 4, "INPUT.TAU", 1),
        (f"{HEAD}.NUM_PERSON_MOVEMENT_CLASSES", 0, f"{HEAD}.NUM_CLASSES", 66),
        ("SOLVER.SCHEDULER", "half_period_cosine", "SOLVER.MAX_ITER", 600),
        ("SOLVER.STEPS", "()", "SOLVER.MAX_ITER", 600),
        ("SOLVER.WARMUP_ON", False, "SOLVER.WARMUP_ITERS", 75000),
        ("SOLVER.AMP", "bf16", "MODEL.DEVICE", "cpu"),
        ("SOLVER.MIN_LR", 1.0),  # for the cosine only
        KEPT,
        (*KEPT, "INPUT.SLOW_JITTER", True, *I3D),  # which sees no slow frames
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
        ((f"{HEAD}.PROPOSAL_JITTER_X", "(0.1, 0.5)"), "below 0.5"),
        (("INPUT.ALPHA", 3), "INPUT.ALPHA 3"),
        (("INPUT.FRAME_NUM", 20, f"{FAST}.ACTIVE", False), "16 or 24"),
        ((f"{BACKBONE}.CONV_BODY", "Slow-Resnet50", "INPUT.FRAME_NUM", 4), "Set INPUT.FRAME_NUM to 8"),
        (("INPUT.SLOW_JITTER", True, "INPUT.SLOW_SAMPLING", "linspace"), "Set SLOW_JITTER to False"),
        (("INPUT.CLIP_OFFSET", 33), "Choose from -32 to 32."),
        (("INPUT.CLIP_OFFSET", -33), "32 timeline frames to either side"),
        (("INPUT.ZOOM_JITTER", "(1.4, 0.7)"), 'Set it to "[0.7, 1.4]"'),
        (("INPUT.TIME_JITTER", 33), "32 timeline frames from its keyframe"),
        (("INPUT.TIME_JITTER", 16.1, "INPUT.SPEED_JITTER", 2), "reaches 16 timeline frames"),
        (("INPUT.MAX_SIZE_TEST", 200), "256 or more"),
        (("INPUT.FLIP_CLASS_PAIRS", ["a", "b"]), "[[name, name], ...]"),
        (("INPUT.FLIP_CLASS_PAIRS", [["a", "a"]]), "['a', 'a']"),
        (("INPUT.FLIP_CLASS_PAIRS", [["a", "b"], ["b", "c"]]), '"b"'),
        (("DATASETS.TRAIN", "[]"), 'DATASETS.TRAIN "[ava_'),
        (("DATASETS.TEST", "[a, b, a]"), '"a" 2 times'),
        (("SOLVER.STEPS", "(9, 5)"), "(5, 9)"),
        (("SOLVER.MAX_ITER", 40000), 'SOLVER.STEPS "[33750]"'),
        (("SOLVER.WARMUP_ITERS", 75000), "SOLVER.MAX_ITER 75000 SOLVER.WARMUP_ITERS 7500, or SOLVER.WARMUP_ON"),
        (("SOLVER.SCHEDULER", "half_period_cosine", "SOLVER.MIN_LR", 0.03), "SOLVER.MIN_LR 0.03 is above BASE_LR 0.02"),
        ((*KEPT, "MODEL.BACKBONE.FREEZE", "stem"), "MODEL.BACKBONE.FREEZE all"),
        ((*KEPT, f"{HEAD}.MEAN_BEFORE_POOLER", False), f"{HEAD}.MEAN_BEFORE_POOLER True"),
        ((*KEPT, "INPUT.COLOR_JITTER", True), "INPUT.COLOR_JITTER False"),
        ((*KEPT, "INPUT.SLOW_JITTER", True), 'SLOW_JITTER False, or DATALOADER.FEATURE_CACHE ""'),
        ((*KEPT, "INPUT.ZOOM_JITTER", "(1.0, 1.1)"), 'INPUT.ZOOM_JITTER "[1.0, 1.0]", or'),
        (
            (*KEPT, *"INPUT.STRETCH_JITTER 1.1 INPUT.TIME_JITTER 1 INPUT.SPEED_JITTER 1.1".split()),
            "Set INPUT.STRETCH_JITTER 1.0 INPUT.TIME_JITTER 0.0 INPUT.SPEED_JITTER 1.0, or",
        ),
        (("SOLVER.ACCUMULATION_STEPS", 5), "SOLVER.VIDEOS_PER_BATCH 30"),
        (("SOLVER.AMP", "fp16", "MODEL.DEVICE", "cpu"), "bf16 or off"),
    ],
)
def test_rules(overrides, expected):
    assert expected in problem(*overrides)


@pytest.mark.parametrize(
    ("key", "value", "suggestion"),
    [
        ("MODEL.DEVICE", "gpu", '"cuda"'),
        (f"{BACKBONE}.CONV_BODY", "SlowFast-ResNet50", '"Slowfast-Resnet50"'),
        (f"{BACKBONE}.SLOWFAST.LATERAL", "tconvs", '"tconv"'),
        (f"{HEAD}.FEATURE_EXTRACTOR", "MLPFeatureExtractor", '"2MLPFeatureExtractor"'),
        (f"{HEAD}.PREDICTOR", "FcPredictor", '"FCPredictor"'),
        (f"{HEAD}.POOLER_TYPE", "pool3d", '"pooling3d"'),
        (f"{IA}.STRUCTURE", "denseserial", '"dense"'),
        (f"{IA}.FUSION", "sum", "add, concat"),
        ("SOLVER.SCHEDULER", "cosine", '"half_period_cosine"'),
        ("SOLVER.SCHEDULER", "multi_step", '"warmup_multi_step"'),
        ("SOLVER.WARMUP_METHOD", "Linear", '"linear"'),
        ("SOLVER.AMP", "float16", '"fp16"'),
    ],
)
def test_names(key, value, suggestion):
    says(problem(key, value), key, f'"{value}"', suggestion)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        (f"{HEAD}.DROPOUT_RATE", 1.0, "from 0 to 1 but not 1"),
        (f"{HEAD}.FOCAL_LOSS.ALPHA", -0.5, "-1 or from 0 to 1"),
        (f"{IA}.MEMORY_RATE", 0, "whole number, 1 or more"),
        (f"{IA}.LENGTH", "(-1, 3)", "whole number, 0 or more"),
        (f"{IA}.LENGTH", "(3,)", "2 numbers (before, after)"),
        ("INPUT.FLIP_PROB", 1.1, "from 0 to 1"),
        ("INPUT.PIXEL_STD", "[1, 1]", "3 numbers (red, green, blue)"),
        ("INPUT.PIXEL_STD", "[1, 0, 1]", "above 0"),
        ("SOLVER.BASE_LR", 0, "above 0"),
        ("SOLVER.BASE_LR", float("nan"), "above 0"),
        ("SOLVER.GAMMA", 0, "from 0 to 1 but not 0"),
        ("TEST.BOX_THRESH", -0.1, "from 0 to 1"),
        ("INPUT.FPS", -1, "0 or more"),
    ],
)
def test_ranges(key, value, expected):
    says(problem(key, value), key, expected)


def test_every_number_has_a_range():
    free = {"BN_INIT_GAMMA", "CLIP_OFFSET"}
    for path, key in KEYS.items():
        values = key.default if isinstance(key.default, (list, tuple)) else [key.default]
        numeric = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
        numeric = numeric if values else issubclass(key.element, (int, float))
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


def test_a_stride_goes_into_the_rate_of_a_memory():
    remembering = (*IA_ON, f"{IA}.MEMORY_RATE", 2)
    for stride in (2, 1, 0.667, 0.5, 0.04):
        check(*remembering, "TEST.STRIDE", stride)
    says(problem(*remembering, "TEST.STRIDE", 0.8), "TEST.STRIDE is 0.8 s", "a slot every 2 s", "Choose 1 or 0.667")
    says(problem(*remembering, "TEST.STRIDE", 5), "Choose 2 or 1")
    check("TEST.STRIDE", 5)  # without a memory
    check(*remembering, f"{IA}.I_BLOCK_LIST", "[P, O]", "TEST.STRIDE", 5)
    assert "from 0.01 to 3600" in problem("TEST.STRIDE", 0)


def test_processes_share_the_batch():
    check("SOLVER.ACCUMULATION_STEPS", 2, num_processes=16)
    message = problem(num_processes=3)
    says(message, "VIDEOS_PER_BATCH is 32", "SOLVER.VIDEOS_PER_BATCH 33")
    assert "TEST.VIDEOS_PER_BATCH 32" in problem(num_processes=32)
    assert "SOLVER.VIDEOS_PER_BATCH 64" in problem("TEST.VIDEOS_PER_BATCH", 64, num_processes=64)


def test_splits_that_a_run_does_not_use():
    check(
        "DATASETS.TRAIN", "[]", "SOLVER.STEPS", "(9, 5)", "SOLVER.VIDEOS_PER_BATCH", 7, num_processes=2, splits=["TEST"]
    )
    check("DATASETS.TEST", "[]", num_processes=32, splits=["TRAIN"])
    assert "DATASETS.TEST" in problem("DATASETS.TEST", "[]", splits=["TEST"])
    assert "--skip-val-in-train" not in problem("DATASETS.TEST", "[]", splits=["TEST"])
    assert "train without: --skip-val-in-train --skip-final-test" in problem("DATASETS.TEST", "[]")


def test_weight_file(tmp_path):
    weight = tmp_path / "SlowFast-ResNet50-4x16.pth"
    weight.touch()
    check("MODEL.WEIGHT", weight)
    message = problem("MODEL.WEIGHT", tmp_path / "SlowFast-Resnet50-4x16.pth")
    says(message, weight, 'MODEL.WEIGHT ""')
    check("MODEL.WEIGHT", tmp_path / "none.pth", check_files=False)


@pytest.mark.parametrize(("key", "others"), [("CLIP_CACHE", ()), ("FEATURE_CACHE", KEPT)])
def test_folders_of_caches(tmp_path, monkeypatch, key, others):
    key = f"DATALOADER.{key}"
    check(*others, key, tmp_path / "new" / "cache")
    assert list(tmp_path.iterdir()) == []  # made by the first entry
    (tmp_path / "file").touch()
    message = problem(*others, key, tmp_path / "file" / "cache")
    says(message, f"{tmp_path / 'file'} is a file", f'{key} ""')
    check(*others, key, tmp_path / "file" / "cache", check_files=False)
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    assert f"{tmp_path / 'file'} is a file" in problem(*others, key, "~/cache")


@pytest.mark.parametrize("name", ["base", "toy", "pets"])
def test_small_experiments_are_valid(repo_root, name):
    cfg = load_cfg(repo_root / "config_files" / "tiny" / f"{name}.yaml")
    validate_cfg(cfg)
    world = "pets" if name == "pets" else "toy"
    assert list(cfg.DATASETS.TRAIN) == [f"{world}_train"]
    assert list(cfg.DATASETS.TEST) == [f"{world}_val"]
    assert cfg.MODEL.BACKBONE.CONV_BODY == "Slowfast-Tiny"
