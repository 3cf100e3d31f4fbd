"""The names that published configs and people's own hold stay valid, and so do the backbones' widths."""

from __future__ import annotations

import pytest
from backbone_names import BACKBONE_NAMES

from alphaction.config import load_cfg
from alphaction.config.keys import KEYS
from alphaction.config.pathways import active_pathways
from alphaction.modeling import backbone, registries
from alphaction.solver.optimizer import OPTIMIZERS
from alphaction.solver.schedule import SCHEDULERS
from alphaction.utils.registry import Registry
from alphaction.utils.shapes_only import shapes_only

NAMES = {
    "MODEL.BACKBONE.CONV_BODY": {
        "Slowfast-Resnet50", "Slowfast-Resnet101", "Slowfast-Tiny",
        "I3D-Resnet50", "I3D-Resnet101", "I3D-Resnet50-Sparse", "I3D-Resnet101-Sparse",
    },
    "MODEL.BACKBONE.SLOWFAST.LATERAL": {"tconv"},
    "MODEL.ROI_ACTION_HEAD.FEATURE_EXTRACTOR": {"2MLPFeatureExtractor", "MaxpoolFeatureExtractor"},
    "MODEL.ROI_ACTION_HEAD.PREDICTOR": {"FCPredictor"},
    "MODEL.ROI_ACTION_HEAD.POOLER_TYPE": {"align3d", "pooling3d"},
    "MODEL.IA_STRUCTURE.STRUCTURE": {"serial", "dense", "parallel"},
    "MODEL.IA_STRUCTURE.FUSION": {"add", "concat"},
    "MODEL.IA_STRUCTURE.MEMORY_DTYPE": {"float32", "float16"},
    "MODEL.WEIGHT_MISMATCH": {"refuse", "warn"},
    "MODEL.ROI_ACTION_HEAD.TIME_POOLING": {"mean", "max"},
    "MODEL.BACKBONE.FREEZE": {"none", "stem", "all_but_last_stage", "all"},
    "MODEL.BACKBONE.VIT.POSITIONS": {"sinusoid", "learned"},
    "INPUT.SLOW_SAMPLING": {"middle", "first", "linspace"},
    "DATALOADER.ON_BAD_CLIP": {"raise", "skip"},
    "MODEL.DEVICE": {"auto", "cpu", "cuda"},
    "SOLVER.OPTIMIZER": {"sgd", "adamw"},
    "SOLVER.SCHEDULER": {"warmup_multi_step", "half_period_cosine"},
    "SOLVER.WARMUP_METHOD": {"linear", "constant"},
    "SOLVER.AMP": {"off", "bf16", "fp16"},
}  # fmt: skip
REGISTRIES = [value for value in vars(registries).values() if isinstance(value, Registry)] + [OPTIMIZERS, SCHEDULERS]


@pytest.mark.parametrize("key", NAMES)
def test_published_names_are_valid(key):
    assert NAMES[key] <= set(KEYS[key].names)
    assert KEYS[key].default in NAMES[key]


def test_every_key_with_names_is_here():
    assert {key.path for key in KEYS.values() if key.choices} == set(NAMES)


@pytest.mark.parametrize("entries", REGISTRIES, ids=lambda entries: entries.key)
def test_a_config_may_hold_what_is_registered(entries):
    assert KEYS[entries.key].names == entries.names()


@pytest.mark.parametrize("name", BACKBONE_NAMES)
@pytest.mark.parametrize(("slow", "fast"), [(True, True), (True, False), (False, True)])
def test_a_backbone_reads_the_frames_that_a_clip_has(name, slow, fast):
    node = "MODEL.BACKBONE.SLOWFAST"
    cfg = load_cfg(None, ["MODEL.BACKBONE.CONV_BODY", name, f"{node}.SLOW.ACTIVE", slow, f"{node}.FAST.ACTIVE", fast])
    with shapes_only():
        module = backbone.build_backbone(cfg)
    assert tuple(channels > 0 for channels in module.out_channels) == active_pathways(cfg)
    assert sum(module.out_channels) == module.dim_out
