"""Config keys, defaults and shipped experiments are those of the reference."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from alphaction.config import get_cfg, load_cfg, validate_cfg
from alphaction.config.pathways import frame_counts
from alphaction.config.tree import get_value, leaf_keys

REFERENCE = Path(__file__).resolve().parents[1] / "assets" / "reference"
DEFAULTS = json.loads((REFERENCE / "config_defaults.json").read_text(encoding="utf-8"))
FILES = json.loads((REFERENCE / "config_files.json").read_text(encoding="utf-8"))

# What a text in the published YAML files stands for.
PUBLISHED_TEXTS = {
    "1e-7": 1e-7,
    "(50000, 70000)": [50000, 70000],
    "(70000, 90000)": [70000, 90000],
    '("ava_video_train_v2.2",)': ["ava_video_train_v2.2"],
    '("ava_video_val_v2.2",)': ["ava_video_val_v2.2"],
}
# Keys that upstream has not; the value that leaves its behavior as it is.
ADDED = {
    "SOLVER.BEST_METRIC": "mAP",
    "SOLVER.PATIENCE": 0,
    "SOLVER.EMA_DECAY": 0.0,
    "MODEL.ROI_ACTION_HEAD.CLASS_BALANCE_BETA": 0.0,
    "DATALOADER.REPEAT_THRESHOLD": 0.0,
    "MODEL.DEVICE": "auto",
    "TEST.STRIDE": 1.0,
    "MODEL.ACTIVATION_CHECKPOINTING": False,
    "MODEL.IA_STRUCTURE.MASK_ABSENT": False,
    "MODEL.IA_STRUCTURE.CENTER_FEATURES": False,
    "MODEL.IA_STRUCTURE.POSITION_INIT_STD": 0.0,
    "MODEL.IA_STRUCTURE.COSINE_SCALE": 0.0,
    "MODEL.IA_STRUCTURE.MEMORY_DTYPE": "float32",
    "MODEL.IA_STRUCTURE.MEMORY_OWN_SECOND": True,
    "MODEL.ROI_ACTION_HEAD.MLP_SKIP": False,
    "MODEL.ROI_ACTION_HEAD.EXCLUSIVE_MOVEMENT": True,
    "MODEL.ROI_ACTION_HEAD.GROUPS": [],
    "MODEL.ROI_ACTION_HEAD.GROUP_SIZES": [],
    "MODEL.ROI_ACTION_HEAD.EXCLUSIVE_GROUPS": [],
    "MODEL.ROI_ACTION_HEAD.GROUP_LOSS_WEIGHTS": [],
    "MODEL.ROI_ACTION_HEAD.PROPOSAL_JITTER_X": [0.2, 0.1],
    "MODEL.ROI_ACTION_HEAD.PROPOSAL_JITTER_Y": [0.1, 0.05],
    "INPUT.FPS": 25.0,
    "INPUT.FLIP_PROB": 0.5,
    "INPUT.COLOR_ON_DEVICE": False,
    "INPUT.FLIP_CLASS_PAIRS": [],
    "INPUT.GRAY_PROB": 0.0,
    "INPUT.ZOOM_JITTER": [1.0, 1.0],
    "INPUT.STRETCH_JITTER": 1.0,
    "INPUT.TIME_JITTER": 0.0,
    "INPUT.SPEED_JITTER": 1.0,
    "DATASETS.DATA_DIR": "data",
    "DATASETS.CATALOG": [],
    "DATASETS.FOLLOW_LINKS": False,
    "DATALOADER.PREFETCH_FACTOR": 2,
    "DATALOADER.CLIP_CACHE": "",
    "SOLVER.LOG_PERIOD": 20,
    "SOLVER.ACCUMULATION_STEPS": 1,
    "SOLVER.REFERENCE_GPUS": 8,
    "SOLVER.CLIP_GRAD_NORM": 0.0,
    "SOLVER.OPTIMIZER": "sgd",
    "SOLVER.AMP": "off",
    "MODEL.WEIGHT_MISMATCH": "refuse",
    "MODEL.ROI_ACTION_HEAD.POOLER_ALIGNED": False,
    "MODEL.ROI_ACTION_HEAD.TIME_POOLING": "mean",
    "MODEL.BACKBONE.FREEZE": "none",
    "MODEL.BACKBONE.DROP_PATH": 0.0,
    "MODEL.BACKBONE.VIT.POSITIONS": "sinusoid",
    "MODEL.BACKBONE.MVIT.STRIDE": 32,
    "MODEL.BACKBONE.SLOWFAST.LATERAL_KERNEL": 5,
    "MODEL.BACKBONE.SLOWFAST.STEM_POOL_PADDING": 0,
    "MODEL.BACKBONE.SLOWFAST.LAST_STAGE_DILATION": 2,
    **{
        f"MODEL.BACKBONE.SLOWFAST.{pathway}.{name}": []
        for pathway in ("SLOW", "FAST")
        for name in ("CONV3_NONLOCAL_BLOCKS", "CONV4_NONLOCAL_BLOCKS", "TEMPORAL_BLOCKS")
    },
    "MODEL.NONLOCAL.POOL_SIZE": [1, 2, 2],
    "INPUT.CLIP_OFFSET": 0,
    "INPUT.SLOW_SAMPLING": "middle",
    "SOLVER.MIN_LR": 0.0,
    "SOLVER.HEAD_LR_FACTOR": 1.0,
    "SOLVER.LAYER_DECAY": 1.0,
    "DATALOADER.FEATURE_CACHE": "",
    "DATALOADER.ON_BAD_CLIP": "raise",
    "SOLVER.CHECKPOINT_MINUTES": 30.0,
    "SOLVER.KEEP_CHECKPOINTS": 0,
    "SOLVER.MAX_BAD_STEPS": 20,
    "SOLVER.TIMEOUT_SECONDS": 600.0,
}


def flatten(tree: dict, prefix: str = "") -> dict[str, object]:
    """Return {dotted path: value} of nested mappings, with lists for tuples."""
    flat = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            flat.update(flatten(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = list(value) if isinstance(value, tuple) else value
    return flat


@pytest.mark.parametrize("key", sorted(flatten(DEFAULTS)))
def test_every_upstream_key_has_its_default(key):
    assert flatten(get_cfg())[key] == flatten(DEFAULTS)[key]


def test_added_keys_and_their_defaults():
    ours, theirs = flatten(get_cfg()), flatten(DEFAULTS)
    assert {key: value for key, value in ours.items() if key not in theirs} == ADDED


@pytest.mark.parametrize("name", sorted(FILES))
def test_experiment_is_the_reference_over_the_defaults(repo_root, name):
    expected = flatten(DEFAULTS) | ADDED | flatten(FILES[name])
    expected = {key: PUBLISHED_TEXTS.get(value, value) if isinstance(value, str) else value
                for key, value in expected.items()}  # fmt: skip
    cfg = load_cfg(repo_root / "config_files" / f"{name}.yaml")
    assert flatten(cfg) == expected
    assert {key: type(get_value(cfg, key)) for key in leaf_keys(cfg)} == {
        key: type(get_value(get_cfg(), key)) for key in leaf_keys(cfg)
    }
    validate_cfg(cfg, num_processes=8, check_files=False)


@pytest.mark.parametrize("name", sorted(FILES))
def test_experiment_reads_as_plain_yaml_too(repo_root, name):
    text = (repo_root / "config_files" / f"{name}.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(text) == FILES[name]


def test_reference_copies_are_current(shared_dir):
    for name in ("config_defaults.json", "config_files.json"):
        assert json.loads((shared_dir / "reference" / name).read_text()) == json.loads((REFERENCE / name).read_text())


@pytest.mark.parametrize("name", ["resnet50_4x16f_baseline", "resnet101_8x8f_baseline"])
def test_frames_of_the_pathways_are_the_golden_ones(repo_root, name):
    golden = np.load(REFERENCE / "golden" / "clip_t3_eval_transform.npz")
    cfg = load_cfg(repo_root / "config_files" / f"{name}.yaml")
    shapes = [golden[f"{name}/{pathway}_shape"] for pathway in ("slow", "fast")]
    assert frame_counts(cfg) == tuple(int(shape[1]) for shape in shapes)
