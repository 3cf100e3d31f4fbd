"""The names that a config may hold where a key selects a method.

The registries of the modeling and solver packages hold what the names stand for; this package cannot import those, so
the names are repeated here and a contract test compares both.
"""

from __future__ import annotations

CONV_BODIES = (
    "Slowfast-Resnet50",
    "Slowfast-Resnet101",
    "Slowfast-Tiny",
    "I3D-Resnet50",
    "I3D-Resnet101",
    "I3D-Resnet50-Sparse",
    "I3D-Resnet101-Sparse",
)
LATERALS = ("tconv",)
FEATURE_EXTRACTORS = ("2MLPFeatureExtractor", "MaxpoolFeatureExtractor")
PREDICTORS = ("FCPredictor",)
POOLER_TYPES = ("align3d", "pooling3d")
IA_STRUCTURES = ("serial", "dense", "parallel")
IA_FUSIONS = ("add", "concat")
IA_BLOCKS = ("P", "O", "M")
OPTIMIZERS = ("sgd", "adamw")
SCHEDULERS = ("warmup_multi_step", "half_period_cosine")
WARMUP_METHODS = ("linear", "constant")
AMP_MODES = ("off", "bf16", "fp16")
DEVICES = ("auto", "cpu", "cuda")

# What people write instead -> the name that they mean. Only suggestions use it; none of these is accepted.
SYNONYMS: dict[str, str] = {
    "denseserial": "dense",
    "gpu": "cuda",
    "bfloat16": "bf16",
    "float16": "fp16",
    "cosine": "half_period_cosine",
    "roialign": "align3d",
    "roipool": "pooling3d",
}

# Config key -> the names that it accepts.
NAMES: dict[str, tuple[str, ...]] = {
    "MODEL.DEVICE": DEVICES,
    "MODEL.BACKBONE.CONV_BODY": CONV_BODIES,
    "MODEL.BACKBONE.SLOWFAST.LATERAL": LATERALS,
    "MODEL.ROI_ACTION_HEAD.FEATURE_EXTRACTOR": FEATURE_EXTRACTORS,
    "MODEL.ROI_ACTION_HEAD.PREDICTOR": PREDICTORS,
    "MODEL.ROI_ACTION_HEAD.POOLER_TYPE": POOLER_TYPES,
    "MODEL.IA_STRUCTURE.STRUCTURE": IA_STRUCTURES,
    "MODEL.IA_STRUCTURE.FUSION": IA_FUSIONS,
    "SOLVER.OPTIMIZER": OPTIMIZERS,
    "SOLVER.SCHEDULER": SCHEDULERS,
    "SOLVER.WARMUP_METHOD": WARMUP_METHODS,
    "SOLVER.AMP": AMP_MODES,
}
