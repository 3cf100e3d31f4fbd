"""Weights of PySlowFast: SlowFast and Slow networks, from its own files (.pyth) and from Caffe2 (.pkl).

A ``.pyth`` that its training wrote carries its config as YAML text, which tells what the tensors do not. Caffe2 files
carry none; what all of them have in common is known.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from alphaction.checkpoint.caffe2 import i3d_name
from alphaction.checkpoint.foreign.answers import settle
from alphaction.checkpoint.foreign.config_text import ConfigReader, read_yaml
from alphaction.checkpoint.foreign.converted import Converted, ForeignFile, Question, Setting
from alphaction.checkpoint.foreign.head_settings import (
    ALIGNED,
    AVA_CLASSES,
    HEAD,
    class_settings,
    describe,
    detector_settings,
    pixel_settings,
)
from alphaction.checkpoint.foreign.pyslowfast_config import check_config, is_bgr, nonlocal_settings
from alphaction.checkpoint.foreign.pyslowfast_names import our_name, rename_blobs
from alphaction.checkpoint.foreign.slowfast_clips import alpha_of, clip_facts, clip_in_name, unseen_settings
from alphaction.checkpoint.foreign.slowfast_settings import network_settings, read_shape
from alphaction.checkpoint.foreign.slowfast_shape import CLASSIFIER, SlowFastShape
from alphaction.checkpoint.foreign.sources import Source, register
from alphaction.utils.errors import CheckpointError
from alphaction.utils.messages import listed

TITLE = "PySlowFast"
_STEM = "s1.pathway0_stem.conv"
_BLOB_STEM = ("conv1_w", "res_conv1_bn_s")
_MVIT = re.compile(r"blocks\.\d+\.attn\.(pool|norm)_[qkv]\.weight")
# Slow detectors whose files' names begin so -> frames and rate of their clips, which these names do not tell.
_OTHER_CLIPS = {"C2D_8x8_R50": (4, 16)}
_USUAL_CLIP, _USUAL_SLOW_CLIP = (32, 2), (4, 16)
_NETWORKS, _CONFIG = "all networks of PySlowFast", "the file's config"
_MEAN, _STD = (0.45, 0.45, 0.45), (0.225, 0.225, 0.225)
_FPS = 30.0  # of AVA's frames as PySlowFast extracts them, and of Kinetics


def recognizes(file: ForeignFile) -> bool:
    """Return whether a file is of PySlowFast, also of its networks that are not supported; Caffe2's I3D is not."""
    names = file.tensors
    if _is_caffe2(names):
        return i3d_name(names) is None
    return any(name.startswith(_STEM) for name in names) or (
        "patch_embed.proj.weight" in names and any(_MVIT.fullmatch(name) for name in names)
    )


def _is_caffe2(names: Collection[str]) -> bool:
    return all(blob in names for blob in _BLOB_STEM)


def convert(file: ForeignFile, answers: Mapping[str, Any]) -> Converted:
    """Rename the tensors and find the settings; see :class:`alphaction.checkpoint.foreign.sources.Source`."""
    _refuse_others(file.path, file.tensors)
    caffe2 = _is_caffe2(file.tensors)
    decisions: list[str] = []
    if caffe2:
        weights, origin, left = rename_blobs(file.path, file.tensors)
        decisions.append("A Caffe2 file: Caffe2's names were read, blobs of fewer dimensions got ones.")
        if left:
            decisions.append(f"Left out, as no weights: {listed(sorted(left), 4)}.")
    else:
        weights, origin = _rename(file)
    config = _config_of(file)
    shape = read_shape(file.path, weights, origin)
    if not any(shape.slow.temporal_blocks):
        raise CheckpointError(f"{file.path}: PySlowFast's C2D, a network without temporal kernels, is not supported.")
    if config is not None:
        check_config(config, shape)
        decisions.append("Settings were read from the config inside the file.")
    detector = _is_detector(config, shape, answers)
    if shape.classes and not detector:
        for leaf in ("weight", "bias"):
            weights.pop(f"{CLASSIFIER}.{leaf}", None)
        decisions.append(
            f"The classifier of whole clips, {shape.classes} classes, is left out: {origin[f'{CLASSIFIER}.weight']}."
        )
        if config is None:
            decisions.append(
                f"Nothing says that it is a detector's; if it is, add {ALIGNED} True or False after the flags."
            )
        decisions.append("Its last stage is used with stride 1 and dilation 2, as in PySlowFast's detectors.")
    settings = network_settings(shape, origin) | _source_settings(shape, config, detector)
    questions: dict[str, Question] = {}
    if shape.fast is not None and "INPUT.ALPHA" not in settings:
        why = f"neither a config nor a published network with a lateral kernel of {shape.lateral_kernel} tells"
        questions["INPUT.ALPHA"] = Question((2, 4, 8, 16), "network", why)
    if shape.has_nonlocal:
        found, asked = nonlocal_settings(config, shape, caffe2)
        settings |= found
        questions |= asked
    if detector:
        settings |= _head_settings(shape, config, caffe2)
        if ALIGNED not in settings:
            questions[ALIGNED] = Question(
                (True, False),
                "head",
                "the file has no config that would say how its ROIAlign samples (DETECTION.ALIGNED, which PySlowFast "
                "sets to True; Caffe2 files have False)",
            )
    settings, questions = settle(file.path, settings, questions, answers)
    recipe, size = _recipe(config, detector), ""
    if "INPUT.ALPHA" not in questions:
        alpha = settings["INPUT.ALPHA"].value if shape.fast is not None else None
        usual = _USUAL_SLOW_CLIP if alpha is None else _USUAL_CLIP
        clip, size, sentence = clip_facts(_clip(file.path, config, alpha, detector), usual, alpha)
        recipe |= clip
        decisions.append(sentence)
    return Converted(
        source=SOURCE.name,
        what=describe(shape.title, size, shape.classes if detector else 0),
        weights=weights,
        settings=settings,
        recipe=recipe,
        questions=questions,
        decisions=tuple(decisions),
        license="Apache-2.0",
    )


def _refuse_others(path: Path, names: Mapping[str, Tensor]) -> None:
    other = ""
    if any(_MVIT.fullmatch(name) for name in names):
        other = "MViT"
    elif any("conv_xy" in name or ".se.fc" in name for name in names):
        other = "X3D"
    elif (stem := names.get(f"{_STEM}.weight")) is not None and stem.ndim == 5 and stem.shape[2] == 5:
        other = "I3D (.pyth)"
    if other:
        raise CheckpointError(
            f"{path}: PySlowFast's {other} is not supported; its SlowFast and Slow networks are, and I3D from Caffe2 "
            "(.pkl)."
        )


def _rename(file: ForeignFile) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors by our names, and our name -> the file's; what has no place keeps its name."""
    weights = {our_name(name) or name: tensor for name, tensor in file.tensors.items()}
    return weights, {our_name(name) or name: name for name in file.tensors}


def _config_of(file: ForeignFile) -> ConfigReader | None:
    text = file.extras.get("cfg")
    if isinstance(text, Mapping):
        return ConfigReader(file.path, text)
    return ConfigReader(file.path, read_yaml(file.path, text)) if isinstance(text, str) and text.strip() else None


def _is_detector(config: ConfigReader | None, shape: SlowFastShape, answers: Mapping[str, Any]) -> bool:
    """Return whether the classifier is one of pooled boxes: by the config, else 80 classes, or the user."""
    enabled = config.flag("DETECTION.ENABLE") if config else None
    if enabled is None:
        enabled = shape.classes == AVA_CLASSES or ALIGNED in answers
    return shape.classes > 0 and enabled


def _source_settings(shape: SlowFastShape, config: ConfigReader | None, detector: bool) -> dict[str, Setting]:
    """Return what is not in the tensors: the network's other settings and its input."""
    said = _CONFIG if config else _NETWORKS
    dilations = config.get("RESNET.SPATIAL_DILATIONS") if config and detector else None
    dilation = (2, "PySlowFast's detectors") if dilations is None else (dilations[3][0], said)
    told = config.whole("SLOWFAST.ALPHA") if config and shape.fast else None
    alpha = (told, said) if told else alpha_of(shape)
    found = unseen_settings(shape, dilation=dilation, sampling="linspace", why=_NETWORKS, alpha=alpha)
    mean = (config.numbers("DATA.MEAN", 3) if config else None) or _MEAN
    std = (config.numbers("DATA.STD", 3) if config else None) or _STD
    bgr = is_bgr(config, detector)
    if bgr:
        mean, std = mean[::-1], std[::-1]
    return found | pixel_settings(mean, std, said, to_bgr=bgr, unit=255)


def _head_settings(shape: SlowFastShape, config: ConfigReader | None, caffe2: bool) -> dict[str, Setting]:
    aligned = config.flag("DETECTION.ALIGNED") if config else None
    why = _CONFIG
    if aligned is None and caffe2:
        aligned, why = False, "all Caffe2 files of PySlowFast"
    resolution = config.whole("DETECTION.ROI_XFORM_RESOLUTION") if config else None
    found = detector_settings(
        shape.classes, resolution=resolution or 7, why="PySlowFast's detectors", aligned=aligned, aligned_why=why
    )
    if config and config.text("MODEL.HEAD_ACT") == "softmax":
        found |= class_settings(shape.classes, "the classifier's rows", one_group=True)
        found[f"{HEAD}.EXCLUSIVE_MOVEMENT"] = Setting(True, "head", "MODEL.HEAD_ACT softmax of the file's config")
    return found


def _clip(
    path: Path, config: ConfigReader | None, alpha: int | None, detector: bool
) -> tuple[tuple[int, int] | None, str]:
    """Return (frames, rate) of a clip and where that was read: in the config, else in the file's name."""
    frames, rate = (config.whole("DATA.NUM_FRAMES"), config.whole("DATA.SAMPLING_RATE")) if config else (None, None)
    if frames and rate:
        return (frames, rate), _CONFIG
    if alpha is None and detector:
        for name, clip in _OTHER_CLIPS.items():
            if path.name.startswith(name):
                return clip, f"the published {name}, whose name says otherwise"
    return clip_in_name(path.name, alpha), "the file's name"


def _recipe(config: ConfigReader | None, detector: bool) -> dict[str, Any]:
    """Return how else a network was trained: by the config, else as published."""
    scales = config.numbers("DATA.TRAIN_JITTER_SCALES") if config else None
    recipe: dict[str, Any] = {
        "INPUT.FPS": _FPS,
        "INPUT.MIN_SIZE_TEST": (config.whole("DATA.TEST_CROP_SIZE") if config else None) or 256,
        "INPUT.MIN_SIZE_TRAIN": int(scales[0]) if scales else 256,
    }
    of_detector = {"MODEL.DROPOUT_RATE": f"{HEAD}.DROPOUT_RATE", "AVA.DETECTION_SCORE_THRESH": "TEST.BOX_THRESH"}
    for theirs, ours in of_detector.items() if config and detector else ():
        value = config.get(theirs)
        if isinstance(value, float) and 0 <= value < 1:
            recipe[ours] = value
    return recipe


SOURCE = register(Source("pyslowfast", TITLE, recognizes, convert))
