"""Checkpoints of this project and of upstream AlphAction: names stay, settings come from the recorded config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yacs.config import CfgNode

from alphaction.checkpoint.foreign.answers import settle
from alphaction.checkpoint.foreign.config_text import read_yaml
from alphaction.checkpoint.foreign.converted import Converted, ForeignFile, Part, Setting
from alphaction.checkpoint.foreign.head_settings import HEAD, class_settings, describe, pixel_settings
from alphaction.checkpoint.foreign.slowfast_settings import network_settings, read_shape
from alphaction.checkpoint.foreign.slowfast_shape import CLASSIFIER
from alphaction.checkpoint.foreign.sources import Source, register
from alphaction.checkpoint.recorded_settings import is_recorded, read_settings
from alphaction.config.class_groups import OWN_GROUP_KEYS
from alphaction.config.load import get_cfg
from alphaction.config.tree import get_value, leaf_keys
from alphaction.utils.errors import CheckpointError, UserError
from alphaction.utils.messages import listed

_OURS = (
    "backbone.slow.conv1.weight",
    "backbone.fast.conv1.weight",
    "backbone.res_nl1.res_0.btnk.conv1.conv.weight",
    f"{CLASSIFIER}.weight",
)
_BODY = "MODEL.BACKBONE.CONV_BODY"
_HEAD = "roi_heads.action."
_INTERACTION = f"{_HEAD}feature_extractor.ia_structure."
# Sections whose keys are settings of a part, and what in them is of training only.
_SECTIONS: dict[str, Part] = {
    "MODEL.BACKBONE.": "network",
    "MODEL.NONLOCAL.": "network",
    "MODEL.ROI_ACTION_HEAD.": "head",
    "MODEL.IA_STRUCTURE.": "head",
}
_TRAINING = (
    *("FROZEN_BN", "BN_MOMENTUM", "BN_INIT_GAMMA", "FREEZE", "DROP_PATH", "CONV_INIT_STD", "USE_ZERO_INIT_CONV"),
    *("PROPOSAL_PER_CLIP", "PROPOSAL_JITTER_X", "PROPOSAL_JITTER_Y", "POSE_LOSS_WEIGHT", "OBJECT_LOSS_WEIGHT"),
    *("PERSON_LOSS_WEIGHT", "DROPOUT_RATE", "GAMMA", "POOLER_SCALE", "DROPOUT", "PENALTY", "POSITION_INIT_STD"),
    *("GROUP_LOSS_WEIGHTS", "CLASS_BALANCE_BETA"),
)
_SINGLE: dict[str, Part] = {
    "INPUT.ALPHA": "network",
    "INPUT.PIXEL_MEAN": "input",
    "INPUT.PIXEL_STD": "input",
    "INPUT.TO_BGR": "input",
    "INPUT.SLOW_SAMPLING": "input",
    "TEST.EXTEND_SCALE": "head",
}
# Beginnings of the names of the networks that read a key; every other key concerns all networks.
_READ_BY = {
    "MODEL.BACKBONE.BN_EPSILON": ("Slow", "I3D"),
    "MODEL.BACKBONE.VIT.": ("ViT",),
    "MODEL.BACKBONE.MVIT.": ("MViT",),
    "MODEL.BACKBONE.I3D.": ("I3D",),
    "MODEL.BACKBONE.SLOWFAST.FAST.": ("Slowfast",),
    "MODEL.BACKBONE.SLOWFAST.LATERAL": ("Slowfast",),
    "MODEL.BACKBONE.SLOWFAST.BETA": ("Slowfast",),
    "MODEL.BACKBONE.SLOWFAST.": ("Slow",),
    "MODEL.NONLOCAL.": ("Slow", "I3D"),
    "INPUT.ALPHA": ("Slowfast",),
    "INPUT.SLOW_SAMPLING": ("Slow",),
}
_RECIPE = (
    *("INPUT.FRAME_NUM", "INPUT.FRAME_SAMPLE_RATE", "INPUT.TAU", "INPUT.ALPHA", "INPUT.FPS"),
    "INPUT.CLIP_OFFSET",
    *("INPUT.MIN_SIZE_TRAIN", "INPUT.MAX_SIZE_TRAIN", "INPUT.MIN_SIZE_TEST", "INPUT.MAX_SIZE_TEST"),
)


def recognizes(file: ForeignFile) -> bool:
    """Return whether the names are ours already."""
    return any(name in file.tensors for name in _OURS)


def convert(file: ForeignFile, answers: Mapping[str, Any]) -> Converted:
    """Keep the names; see :class:`alphaction.checkpoint.foreign.sources.Source`."""
    decisions = ["Its names are ours; optimizer, memory and counters of a run are left out."]
    source, license_name, what = SOURCE.name, "", ""
    recipe: dict[str, Any] = {}
    text = recorded_config(file)
    if is_recorded(file.extras):
        held = read_settings(file.path, file.extras)
        settings, recipe, what, license_name = (held[key] for key in ("settings", "recipe", "what", "license"))
        source = held["source"] or source
        needed = (_BODY, *((f"{HEAD}.NUM_CLASSES",) if f"{CLASSIFIER}.weight" in file.tensors else ()))
        if lacking := [key for key in needed if key not in settings]:
            raise CheckpointError(
                f"{file.path}: its settings lack {listed(lacking)}. Convert the original file again "
                "(tools/convert_weights.py)."
            )
        decisions.append("It was converted before: its settings are kept.")
    elif text:
        cfg = get_cfg()
        try:
            cfg.merge_from_other_cfg(read_yaml(file.path, text))
        except CheckpointError:
            raise
        except UserError as error:
            raise CheckpointError(f"{file.path}: the config of its run cannot be used here: {error}") from error
        has_head = any(name.startswith(_HEAD) for name in file.tensors)
        settings = settings_of_config(cfg, has_head)
        recipe = {key: get_value(cfg, key) for key in _RECIPE if key not in settings}
        what = describe(cfg.MODEL.BACKBONE.CONV_BODY, "", _classes(file))
        license_name = own_license(file.extras)
        decisions.append("Settings were read from the config of the run that wrote it.")
    else:
        settings, what = _published(file)
        decisions.append("It carries no config: settings are those of the published networks.")
    settings, _ = settle(file.path, settings, {}, answers)
    return Converted(
        source=source,
        what=what,
        weights=dict(file.tensors),
        settings=settings,
        recipe=recipe,
        decisions=tuple(decisions),
        license=license_name,
    )


def _classes(file: ForeignFile) -> int:
    classifier = file.tensors.get(f"{CLASSIFIER}.weight")
    return len(classifier) if classifier is not None and classifier.ndim else 0


def own_license(content: Mapping[str, Any]) -> str:
    """Return the license that a checkpoint has from the weights that its run began with, "" if it has none."""
    held = content.get("license")
    return held if isinstance(held, str) else ""


def recorded_config(file: ForeignFile) -> str:
    """Return the YAML text of the config that a checkpoint of a run carries, "" if it carries none."""
    extra = file.extras.get("extra")
    held = (extra.get("config") if isinstance(extra, Mapping) else None) or file.extras.get("config")
    return held if isinstance(held, str) else ""


def settings_of_config(cfg: CfgNode, has_head: bool) -> dict[str, Setting]:
    """Return the settings of a config: everything of the network, its input and its head that training does not set."""
    why = "the config of its run"
    found = {}
    for key in leaf_keys(cfg):
        part = _SINGLE.get(key) or next((p for section, p in _SECTIONS.items() if key.startswith(section)), None)
        training = key.rpartition(".")[2] in _TRAINING or ".FOCAL_LOSS." in key
        if part is not None and not training and (has_head or part != "head") and _is_read(cfg, key):
            found[key] = Setting(get_value(cfg, key), part, why)
    return found


def _is_read(cfg: CfgNode, key: str) -> bool:
    """Return whether the network of a config reads a key at all: no other value of it changes anything otherwise."""
    body = cfg.MODEL.BACKBONE.CONV_BODY
    if not body.startswith(next((names for start, names in _READ_BY.items() if key.startswith(start)), "")):
        return False
    if key in OWN_GROUP_KEYS:
        return bool(cfg.MODEL.ROI_ACTION_HEAD.GROUPS)
    if key.startswith("MODEL.IA_STRUCTURE."):
        return cfg.MODEL.IA_STRUCTURE.ACTIVE or key.endswith(".ACTIVE")
    if key.startswith("MODEL.NONLOCAL."):
        node = cfg.MODEL.BACKBONE.I3D if body.startswith("I3D") else cfg.MODEL.BACKBONE.SLOWFAST.SLOW
        nodes = [node, *([cfg.MODEL.BACKBONE.SLOWFAST.FAST] if body.startswith("Slowfast") else [])]
        return any(node.CONV3_NONLOCAL or node.CONV4_NONLOCAL for node in nodes)
    return True


def _published(file: ForeignFile) -> tuple[dict[str, Setting], str]:
    """Return the settings of upstream's files, which carry no config, and the network in words."""
    names = file.tensors
    if any(name.startswith(_INTERACTION) for name in names):
        raise CheckpointError(
            f"{file.path}: holds an IA structure and no config that would say which. It needs no conversion: set "
            "MODEL.WEIGHT to the file itself in the config that it was trained with (config_files/)."
        )
    if "backbone.slow.conv1.weight" not in names:
        raise CheckpointError(
            f"{file.path}: carries no config, and only SlowFast networks can be told by their tensors. It needs no "
            "conversion: set MODEL.WEIGHT to the file itself in the config that it was trained with."
        )
    rest = {name: tensor for name, tensor in names.items() if name.startswith("backbone.")}
    shape = read_shape(file.path, rest, {})
    why = "the published networks of this project"
    values = {
        "MODEL.BACKBONE.SLOWFAST.STEM_POOL_PADDING": 0,
        "MODEL.BACKBONE.SLOWFAST.LAST_STAGE_DILATION": 2,
        "INPUT.ALPHA": 4 if shape.depth == "101" else 8,
    }
    settings = network_settings(shape, {}) | {key: Setting(value, "network", why) for key, value in values.items()}
    settings["INPUT.SLOW_SAMPLING"] = Setting("middle", "input", why)
    defaults = get_cfg()
    settings |= pixel_settings(defaults.INPUT.PIXEL_MEAN, defaults.INPUT.PIXEL_STD, why)
    classifier = names.get(f"{CLASSIFIER}.weight")
    if classifier is not None and classifier.ndim:
        extractor = "2MLPFeatureExtractor" if any(".fc1." in name for name in names) else "MaxpoolFeatureExtractor"
        head = {
            f"{HEAD}.FEATURE_EXTRACTOR": extractor,
            f"{HEAD}.POOLER_RESOLUTION": 7,
            f"{HEAD}.POOLER_ALIGNED": False,
            f"{HEAD}.MEAN_BEFORE_POOLER": True,
            f"{HEAD}.EXCLUSIVE_MOVEMENT": True,
            "MODEL.IA_STRUCTURE.ACTIVE": False,
        }
        settings |= class_settings(len(classifier), "the classifier's rows")
        settings |= {key: Setting(value, "head", why) for key, value in head.items()}
    return settings, describe(shape.title, "", _classes(file))


SOURCE = register(Source("alphaction", "AlphAction", recognizes, convert))
