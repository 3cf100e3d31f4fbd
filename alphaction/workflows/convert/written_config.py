"""A config that uses converted weights: complete, loaded and checked before it is written."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alphaction.checkpoint.foreign.converted import Converted
from alphaction.checkpoint.foreign.head_settings import AVA_CLASSES, AVA_GROUPS, HEAD
from alphaction.checkpoint.matching import CLASSIFIER
from alphaction.config import load_cfg, validate_cfg
from alphaction.config.class_groups import OWN_GROUP_KEYS
from alphaction.config.config_text import Setting, to_yaml
from alphaction.config.keys import KEYS

_CONVOLUTIONAL = ("Slow", "I3D")
_AVA = {"DATASETS.TRAIN": ["ava_video_train_v2.2"], "DATASETS.TEST": ["ava_video_val_v2.2"]}
# Frames of public detectors are as long as they are; four times the shorter side is longer than any video's.
_ASPECT = 4


def has_classifier(converted: Converted) -> bool:
    """Return whether the weights hold a classifier of actions."""
    return CLASSIFIER in converted.weights


def is_of_ava(converted: Converted) -> bool:
    """Return whether the classifier has AVA's 80 classes in their groups: every public one of 80 is AVA's."""
    keys = (f"{HEAD}.NUM_CLASSES", f"{HEAD}.NUM_PERSON_MOVEMENT_CLASSES")
    sizes = [converted.settings[key].value for key in keys if key in converted.settings]
    return has_classifier(converted) and sizes == [AVA_CLASSES, AVA_GROUPS[0]]


def value_text(value: Any) -> str:
    """Return a value as it is written on a command line."""
    if isinstance(value, list | tuple):
        return f'"[{", ".join(map(str, value))}]"'
    return f"{value:g}" if isinstance(value, float) else str(value)


def config_text(converted: Converted, weights: Path, path: Path) -> str:
    """Return the YAML text of a config that uses the weights.

    Args:
        converted: without open questions.
        weights: the file that they are written to.
        path: of the config, for OUTPUT_DIR.

    Raises:
        UserError: if the config does not pass the checks of a run.
    """
    values = {key: Setting(key, _plain(setting.value), setting.why) for key, setting in converted.settings.items()}
    if not is_of_ava(converted):
        own = [key for key in OWN_GROUP_KEYS if key in values]
        which = "these and the keys of GROUPS" if own else "the four of them"
        for key in (key for key in values if key.startswith(f"{HEAD}.NUM_")):
            values[key] = Setting(key, values[key].value, f"leave {which} out to take your label map's")
    for key, value in converted.recipe.items():
        values.setdefault(key, Setting(key, _plain(value), "as it was trained; may be changed"))
    for key, value, why in _additions(converted, weights, path):
        values.setdefault(key, Setting(key, value, why))
    ordered = [values[key] for key in KEYS if key in values]
    text = to_yaml(ordered, _header(converted, weights))
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "config.yaml"
        written.write_text(text, encoding="utf-8")
        cfg = load_cfg(written)
    validate_cfg(cfg, check_files=False, splits=("TEST",) if cfg.DATASETS.TEST else ())
    return text


def _additions(converted: Converted, weights: Path, path: Path) -> list[tuple[str, Any, str]]:
    """Return (key, value, why) of what a config needs besides."""
    body = converted.settings["MODEL.BACKBONE.CONV_BODY"].value
    added: list[tuple[str, Any, str]] = [("MODEL.WEIGHT", str(weights), f"from {converted.source}")]
    if body.startswith(_CONVOLUTIONAL):
        kept = "the loaded statistics are kept: a few clips per GPU are too few for new ones"
        added += [("MODEL.BACKBONE.FROZEN_BN", True, kept), ("MODEL.NONLOCAL.FROZEN_BN", True, kept)]
    added += [(key, value, "they were trained without a limit") for key, value in longest_sides(converted.recipe)]
    if is_of_ava(converted):
        added += [(key, names, "80 classes are AVA's") for key, names in _AVA.items()]
        added.append(("TEST.ACTION_THRESH", 0.0, "every score counts in the mean AP"))
    return [*added, ("OUTPUT_DIR", f"output/{path.stem}", "")]


def longest_sides(recipe: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Return INPUT.MAX_SIZE_TRAIN and _TEST, where a recipe has a short side, so that they limit no video."""
    shorts = {split: recipe.get(f"INPUT.MIN_SIZE_{split}") for split in ("TRAIN", "TEST")}
    return [(f"INPUT.MAX_SIZE_{split}", _ASPECT * short) for split, short in shorts.items() if short]


def _header(converted: Converted, weights: Path) -> list[str]:
    lines = [f"{converted.what}: the config of {weights}, written by tools/convert_weights.py."]
    if converted.license:
        lines.append(f"License of the weights: {converted.license}.")
    lines.append("A run refuses other values of what is commented with where it was read; see MODEL.WEIGHT_MISMATCH.")
    if not has_classifier(converted):
        lines.append(
            "The weights have no classifier of actions: DATASETS and a schedule (SOLVER) are yours to set, and a head "
            "is trained."
        )
    return lines


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
