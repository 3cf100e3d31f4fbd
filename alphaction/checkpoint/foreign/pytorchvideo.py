"""PyTorchVideo: SlowFast and Slow networks, as detectors on AVA or as backbones trained on Kinetics.

Its files hold tensors only; settings are those of its model zoo, frames and rate stand in the files' names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from alphaction.checkpoint.foreign import head_settings as head
from alphaction.checkpoint.foreign.answers import settle
from alphaction.checkpoint.foreign.converted import Converted, ForeignFile, Question, Setting
from alphaction.checkpoint.foreign.renaming import Renamed, rename
from alphaction.checkpoint.foreign.slowfast_clips import alpha_of, clip_facts, clip_in_name, unseen_settings
from alphaction.checkpoint.foreign.slowfast_settings import network_settings, read_shape
from alphaction.checkpoint.foreign.slowfast_shape import CLASSIFIER as OWN_CLASSIFIER
from alphaction.checkpoint.foreign.slowfast_shape import SlowFastShape
from alphaction.checkpoint.foreign.sources import Source, register
from alphaction.utils.errors import CheckpointError
from alphaction.utils.messages import counted, listed

LICENSE = "Apache-2.0"
MEAN, STD = (0.45,) * 3, (0.225,) * 3  # of pixels divided by 255
RESOLUTION = 7
SHORT_SIDE = 256
DROPOUT = 0.5
PER_SECOND = 30.0
USUAL_CLIP, USUAL_SLOW_CLIP = (32, 2), (4, 16)
_NETWORKS = "PyTorchVideo's published networks"

_PARTS = ("model", "blocks", "detection_head")  # what names begin with; a trainer's own lie beside them
_PREFIX = r"(?:model\.)?"
_MARKS = re.compile(
    _PREFIX
    + r"(blocks\.\d+\.(multipathway_blocks|multipathway_fusion|res_blocks|conv|proj)|cls_positional_encoding)\..*"
)
_UNIT = re.compile(_PREFIX + r"blocks\.([0-4])\.(?:multipathway_blocks\.([01])\.)?(.+)\.(\w+)")
_FUSION = re.compile(_PREFIX + r"blocks\.([0-3])\.multipathway_fusion\.(conv_fast_to_slow|norm)\.(\w+)")
_STEM = {"conv": "conv1", "norm": "bn1"}
_BLOCK = re.compile(r"res_blocks\.(\d{1,3})\.(branch1_|branch2\.)(conv|norm)(?:_([abc]))?")
_DETECTION = "detection_head.proj"
_CLASSIFICATION = re.compile(_PREFIX + r"blocks\.[56]\.proj\.(weight|bias)")

# The first pattern that any name has says what a network is; each has tensors that no network here has.
_OTHERS = (
    (r".*\.attn\.|.*cls_positional_encoding|.*patch_embed\.", "MViT"),
    (r".*\.kernel\.|.*\.(conv_[abc]|conv)\.(conv|fused)\.", "a network in its form for mobile devices (`efficient`)"),
    (r".*\.conv_(t|xy)\.|.*\.norm_b\.\d|.*\.se\.", "X3D, R(2+1)D or another network of split convolutions"),
    (r".*blocks\.5\.(multipathway_blocks\.\d\.)?res_blocks\.", "C2D or I3D, which pool between their stages"),
    (r".*non_?local", "a network with non-local blocks"),
)  # fmt: skip


def recognizes(file: ForeignFile) -> bool:
    """Return whether a file is PyTorchVideo's, by its tensors' names."""
    return any(_MARKS.fullmatch(name) for name in file.tensors)


def own_name(name: str) -> str | None:
    """Return the name that a tensor of a SlowFast or Slow network has here, None if it has no place."""
    if match := _FUSION.fullmatch(name):
        kind = "conv" if match[2] == "conv_fast_to_slow" else "bn"
        return f"backbone.fast.Tconv{int(match[1]) + 1}.{kind}.{match[3]}"
    if name in (f"{_DETECTION}.weight", f"{_DETECTION}.bias", f"model.{_DETECTION}.weight", f"model.{_DETECTION}.bias"):
        return f"{OWN_CLASSIFIER}.{name.rpartition('.')[2]}"
    if not (match := _UNIT.fullmatch(name)):
        return None
    stage, unit, leaf = int(match[1]), match[3], match[4]
    pathway = f"backbone.{'fast' if match[2] == '1' else 'slow'}"
    if stage == 0:
        return f"{pathway}.{_STEM[unit]}.{leaf}" if unit in _STEM else None
    if not (block := _BLOCK.fullmatch(unit)) or (block[2] == "branch1_") != (block[4] is None):
        return None
    kind = "conv" if block[3] == "conv" else "bn"
    place = f"btnk.conv{'abc'.index(block[4]) + 1}" if block[4] else "shortcut"
    return f"{pathway}.res_nl{stage}.res_{block[1]}.{place}.{kind}.{leaf}"


def other_network(tensors: Mapping[str, Tensor]) -> str | None:
    """Return what a network that is not supported is, as far as its names and shapes tell; None if they do not."""
    for pattern, title in _OTHERS:
        if any(re.match(pattern, name) for name in tensors):
            return title
    own = {ours: tensor for name, tensor in tensors.items() if (ours := own_name(name)) and tensor.ndim == 5}
    stem = own.get("backbone.slow.conv1.weight")
    if stem is not None and stem.shape[2] > 1:
        return "I3D or another network whose only stem looks at several frames"
    if any(tensor.shape[1] == 1 for name, tensor in own.items() if name.endswith(".btnk.conv2.conv.weight")):
        return "a channel-separated network (CSN)"
    firsts = [tensor for name, tensor in own.items() if name.endswith(".btnk.conv1.conv.weight")]
    if firsts and all(tensor.shape[2] == 1 for tensor in firsts):
        return "C2D, whose convolutions look at single frames"
    return None


def convert(file: ForeignFile, answers: Mapping[str, Any]) -> Converted:
    """Rename the tensors and find the settings; see :class:`alphaction.checkpoint.foreign.sources.Source`."""
    path = file.path
    if network := other_network(file.tensors):
        raise CheckpointError(
            f"{path}: it holds {network}. Of PyTorchVideo, SlowFast and Slow networks (R50, R101) can be read."
        )
    renamed, decisions = _rename(file)
    shape = read_shape(path, renamed.weights, renamed.origin)
    alpha = alpha_of(shape)
    settings = network_settings(shape, renamed.origin)
    settings |= unseen_settings(shape, dilation=(2, _NETWORKS), sampling="linspace", why=_NETWORKS, alpha=alpha)
    settings |= head.pixel_settings(MEAN, STD, _NETWORKS, unit=255)
    if shape.classes:
        settings |= head.detector_settings(shape.classes, resolution=RESOLUTION, aligned=False, why=_NETWORKS)
        decisions.append(
            "Boxes are pooled from the mean of all frames, 7 x 7, not aligned, as in PyTorchVideo's detectors."
        )
    questions = {}
    if shape.fast is not None and alpha is None:
        why = f"no published network has a lateral kernel of {shape.lateral_kernel}"
        questions["INPUT.ALPHA"] = Question((2, 4, 8, 16), "network", why)
    settings, questions = settle(path, settings, questions, answers)
    recipe, size = _recipe(file, shape, settings, decisions)
    return Converted(
        source="pytorchvideo",
        what=head.describe(shape.title, size, shape.classes),
        weights=renamed.weights,
        settings=settings,
        recipe=recipe,
        questions=questions,
        decisions=tuple(decisions),
        license=LICENSE,
    )


def _rename(file: ForeignFile) -> tuple[Renamed, list[str]]:
    """Return the tensors in our names, and what is to be told of the others: a classifier of clips, a trainer's own."""
    dropped = [name for name in file.tensors if _CLASSIFICATION.fullmatch(name)]
    beside = [name for name in file.tensors if name.partition(".")[0] not in _PARTS]
    taken = {name: tensor for name, tensor in file.tensors.items() if name not in (*dropped, *beside)}
    renamed = rename(file.path, taken, own_name)
    renamed.require_all(file.path, "SlowFast or Slow")
    told = [f"Left out, as they belong to no network here: {listed(beside, 4)}."] if beside else []
    if not dropped:
        return renamed, told
    rows = max(len(file.tensors[name]) if file.tensors[name].ndim else 0 for name in dropped)
    return renamed, [
        *told,
        f"Left out: {dropped[0].rpartition('.')[0]}, the classifier of clips ({counted(rows, 'class', 'classes')}). "
        "The rest is a backbone; its last stage has stride 1 and dilation 2 here, as in PyTorchVideo's detectors.",
    ]


def _recipe(
    file: ForeignFile, shape: SlowFastShape, settings: Mapping[str, Setting], decisions: list[str]
) -> tuple[dict[str, Any], str]:
    """Return how a network was trained, and its clip as people call it, "" if nothing tells; ``decisions`` grow."""
    recipe: dict[str, Any] = {
        "INPUT.FPS": PER_SECOND,
        "INPUT.MIN_SIZE_TEST": SHORT_SIDE,
        "INPUT.MIN_SIZE_TRAIN": SHORT_SIDE,
    }
    if shape.classes:
        recipe[f"{head.HEAD}.DROPOUT_RATE"] = DROPOUT
    alpha = settings.get("INPUT.ALPHA")
    if shape.fast is not None and alpha is None:
        return recipe, ""
    step = alpha.value if alpha else None
    told = clip_in_name(file.path.name, step), "the file's name"
    clip, size, sentence = clip_facts(told, USUAL_CLIP if step else USUAL_SLOW_CLIP, step)
    decisions.append(sentence)
    return recipe | clip, size


SOURCE = register(Source("pytorchvideo", "PyTorchVideo", recognizes, convert))
