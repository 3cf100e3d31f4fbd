"""A tiny network of random weights that is ready to predict: where it matters what it reads, and not what it knows."""

from __future__ import annotations

import torch

from alphaction.config import load_cfg, validate_cfg
from alphaction.data.annotations import ActionClass, LabelMap
from alphaction.engine.classes import adopt_label_map
from alphaction.engine.setup import set_up_quietly
from alphaction.modeling import build_detection_model, optimize_for_inference
from alphaction.workflows.predict.network import Classes, Network

LABEL_MAP = LabelMap((ActionClass(1, "stand", "movement"), ActionClass(2, "walk", "movement")))
_SMALL = (
    *("INPUT.FRAME_NUM", 8, "INPUT.MIN_SIZE_TEST", 32, "INPUT.MAX_SIZE_TEST", 48, "MODEL.DEVICE", "cpu"),
    # Blocks begin as ones that add nothing.
    *("MODEL.IA_STRUCTURE.USE_ZERO_INIT_CONV", False, "MODEL.IA_STRUCTURE.I_BLOCK_LIST", ["P", "M"]),
)


def random_network(experiment: str, *overrides: object, optimized: bool = True) -> Network:
    """Return the network of one of config_files/tiny, made smaller, without object boxes, for two classes.

    Args:
        experiment: name of the file.
        overrides: config keys and their values, one after the other.
        optimized: False: as a training saves it.
    """
    cfg = load_cfg(f"tiny/{experiment}.yaml", [*_SMALL, *overrides])
    adopt_label_map(cfg, LABEL_MAP)
    validate_cfg(cfg, check_files=False, splits=())
    cfg.freeze()
    runtime = set_up_quietly(cfg, torch.device("cpu"))
    torch.manual_seed(0)
    model = build_detection_model(cfg).eval()
    classes = Classes(LABEL_MAP, dict.fromkeys(LABEL_MAP.names, 0.3))
    return Network(cfg, optimize_for_inference(model) if optimized else model, runtime, classes)
