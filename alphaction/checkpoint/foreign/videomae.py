"""VideoMAE's weights: pre-trained networks, classifiers, and detectors of actions (VideoMAE-Action-Detection).

Tong et al., arXiv 2203.12602; Wang et al., arXiv 2303.16727 (VideoMAEv2). The files of the authors and of Hugging Face.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from alphaction.checkpoint.foreign.answers import settle
from alphaction.checkpoint.foreign.converted import Converted, ForeignFile, Setting
from alphaction.checkpoint.foreign.head_settings import describe, detector_settings, pixel_settings
from alphaction.checkpoint.foreign.slowfast_shape import CLASSIFIER
from alphaction.checkpoint.foreign.sources import Source, register
from alphaction.checkpoint.foreign.vit_names import RenamedVit, has_vit, rename_vit
from alphaction.utils.errors import CheckpointError
from alphaction.utils.messages import counted, listed

_DETECTOR_PIXELS = ((122.7717, 115.9465, 102.9801), (57.375, 57.375, 57.375))
_IMAGENET_PIXELS = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
_BOX_GROWTH = (0.1, 0.05)
_K710_CLASSES = 710  # Kinetics 710, which only VideoMAEv2 was trained on

_HEAD = re.compile(r"(?:.*\.)?(?:head|classifier)\.(weight|bias)")
_PRETRAINING = re.compile(r"(?:.*\.)?(?:decoder\..+|encoder_to_decoder\..+|mask_token)")
# Ours and MMAction2's; MViT; Video Swin.
_OTHER_NETWORKS = re.compile(r"(?:.*\.)?roi_heads?\..*|.*\.attn\.(?:pool|norm)_[qkv]\..*|(?:.*\.)?features\..*")
# What the args of a file call data for classification; any other is the detector's.
_CLASSIFIED_DATA = (
    *("kinetics-400", "kinetics-600", "kinetics-700", "kinetics-710", "ssv2", "ucf101", "hmdb51", "diving48", "mit"),
    "image_folder",
)
_MAX_CONFIG_BYTES = 1_000_000


def _recognizes(file: ForeignFile) -> bool:
    # MMAction2 calls the patches' convolution `projection`.
    names = [name for name in file.tensors if not name.endswith("patch_embed.projection.weight")]
    return (
        len(names) == len(file.tensors)
        and has_vit(file.tensors)
        and file.container != "target_encoder"  # V-JEPA's
        and not any(_OTHER_NETWORKS.fullmatch(name) for name in names)
    )


def _convert(file: ForeignFile, answers: Mapping[str, Any]) -> Converted:
    network = rename_vit(file.tensors, file.path)
    args = file.extras.get("args")
    args = args if isinstance(args, Mapping) else {}
    head = {match[1]: tensor for name, tensor in network.rest.items() if (match := _find_head(name))}
    classes = 0
    detector = "weight" in head and network.norms == ("norm",) and not _is_classified(args)
    decisions = [*network.decisions, *_left_out(network, detector)]
    weights, settings = dict(network.weights), dict(network.settings)
    if detector:
        _check_head(head, network, file.path)
        classes = _classes(head)
        weights |= {f"{CLASSIFIER}.{leaf}": head[leaf].float() for leaf in ("weight", "bias")}
        settings |= _detector_settings(classes)
        decisions.append(
            "Norm and head are those of a detector: VideoMAE-Action-Detection's pixels, enlarged boxes, and clips one "
            "frame later belong to it."
        )
    else:
        settings |= pixel_settings(*_IMAGENET_PIXELS, "VideoMAE's training")
    decisions += _config_beside(file.path, network)
    settings, _ = settle(file.path, settings, {}, answers)
    return Converted(
        source="videomae",
        what=describe(network.title, "", classes),
        weights=weights,
        settings=settings,
        recipe=_recipe(args, detector),
        decisions=tuple(decisions),
        license=_license(head),
    )


def _find_head(name: str) -> re.Match[str] | None:
    return None if _PRETRAINING.fullmatch(name) else _HEAD.fullmatch(name)


def _classes(head: Mapping[str, Tensor]) -> int:
    weight = head.get("weight")
    return weight.shape[0] if weight is not None and weight.ndim == 2 else 0


def _is_classified(args: Mapping[str, Any]) -> bool:
    """Return whether the file's own settings name data for classification of whole clips."""
    return str(args.get("data_set", "")).casefold() in _CLASSIFIED_DATA


def _left_out(network: RenamedVit, detector: bool) -> list[str]:
    """Return what is said of the tensors that are not taken."""
    decoder = [name for name in network.rest if _PRETRAINING.fullmatch(name)]
    head = [name for name in network.rest if _find_head(name)]
    others = [name for name in network.rest if name not in decoder and name not in head]
    said = []
    if decoder:
        said.append(f"The decoder of the pre-training is left out: {counted(len(decoder), 'tensor')}.")
    if head and not detector:
        classes = counted(_classes({_find_head(name)[1]: network.rest[name] for name in head}), "class", "classes")
        said.append(f"The classifier of whole clips, {classes}, is left out: {listed(head)}.")
    if others:
        said.append(f"Left out, as they belong to no network here: {listed(others)}.")
    return said


def _check_head(head: Mapping[str, Tensor], network: RenamedVit, path: Path) -> None:
    shapes = {leaf: list(tensor.shape) for leaf, tensor in head.items()}
    weight = shapes["weight"]
    if len(weight) != 2 or weight[1] != network.dim or shapes.get("bias") != weight[:1] or not weight[0]:
        raise CheckpointError(
            f"{path}: the head of the detector has tensors of the shapes {shapes}; expected is a weight [classes, "
            f"{network.dim}] and a bias [classes]."
        )


def _detector_settings(classes: int) -> dict[str, Setting]:
    why = "VideoMAE-Action-Detection"
    settings = detector_settings(classes, resolution=7, aligned=False, box_growth=_BOX_GROWTH, clip_offset=1, why=why)
    return settings | pixel_settings(*_DETECTOR_PIXELS, why)


def _recipe(args: Mapping[str, Any], detector: bool) -> dict[str, Any]:
    """Return frames, rate and size; the file's own ``args`` say it where they are there and make sense."""
    frames, rate = (_number(args.get(key)) for key in ("num_frames", "sampling_rate"))
    return {
        "INPUT.FRAME_NUM": frames if frames and frames % 2 == 0 else 16,
        "INPUT.FRAME_SAMPLE_RATE": rate or 4,
        # Every frame of the clip.
        "INPUT.TAU": 1,
        "INPUT.ALPHA": 1,
        "INPUT.FPS": 25.0 if detector else 30.0,
        "INPUT.MIN_SIZE_TEST": 256,
    }


def _number(value: Any) -> int | None:
    return value if type(value) is int and 1 <= value <= 1024 else None


def _license(head: Mapping[str, Tensor]) -> str:
    # VideoMAEv2's distilled networks are the only ones with these classes.
    return "MIT" if _classes(head) == _K710_CLASSES else "CC-BY-NC-4.0"


def _config_beside(path: Path, network: RenamedVit) -> list[str]:
    """Return what is said where Hugging Face's config.json beside the file disagrees about the heads."""
    config = path.parent / "config.json"
    try:
        if config.stat().st_size > _MAX_CONFIG_BYTES:
            return []
        fields = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return []  # Nothing needs it.
    if not isinstance(fields, dict) or fields.get("model_type") != "videomae":
        return []
    heads = fields.get("num_attention_heads")
    if fields.get("hidden_size") != network.dim or heads == network.heads:
        return []
    return [
        f"{config} says {heads} attention heads, but {network.title} was trained with {network.heads}, which are used."
    ]


register(Source("videomae", "VideoMAE", _recognizes, _convert))
