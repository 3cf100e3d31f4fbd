"""Names of MMAction2's tensors: what they are in this project's names, and which of its networks are not supported."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from torch import Tensor

# What the recognition of an MMAction2 file rests on. "roi_heads." (ours) and "patch_embed.proj." (VideoMAE) differ.
_MARKS = re.compile(
    r"(backbone\.)?((slow|fast)_path\.)?conv1(_[st])?\.conv\.weight"
    r"|(backbone\.)?patch_embed\.projection\.weight"
    r"|(roi_head|cls_head)\..*"
)

_RESNET = re.compile(
    r"(?:backbone\.)?(?:(slow|fast)_path\.)?(conv1|layer([1-4])\.(\d{1,3})\.(conv[123]|downsample))\.(conv|bn)\.(\w+)"
)
_LATERAL = re.compile(r"(?:backbone\.)?slow_path\.(conv1|layer([1-3]))_lateral\.conv\.(\w+)")
CLASSIFIER = "roi_head.bbox_head.fc_cls"
_OWN_CLASSIFIER = "roi_heads.action.predictor.cls_score"
RECOGNITION_HEAD = "cls_head."

# The first pattern that any name has says what a network is; each has tensors that no network here has.
_OTHERS = (
    (r"rpn_head\.|roi_head\.bbox_head\.(shared_fcs|fc_reg)|bbox_head\.(cls|reg)_convs|neck\.(lateral|fpn)_convs",
     "a detector of objects (MMDetection), not of actions"),
    (r"roi_head\.shared_head\..*(fbo|lfb|feat_conv|non_local)", "a detector with a long-term feature bank (LFB)"),
    (r"roi_head\.shared_head\.", "a detector with an actor-centric relation head (ACRN)"),
    (r"roi_head\.bbox_head\.fc_cls\.\d+\.", "a detector whose classifier has several layers"),
    (r".*non_local_block\.", "a network with MMAction2's non-local blocks"),
    (r".*_lateral\.bn\.", "a SlowFast network with batch norm in its laterals (lateral_norm)"),
    (r".*_path\..*_lateral\.(?!conv\.)", "a SlowFast network with other laterals"),
    (r"(backbone\.)?fast_path\..*_lateral\.", "a SlowFast network with laterals into its fast pathway"),
    (r"(backbone\.)?(rgb|pose)_path\.", "a RGBPose network"),
    (r".*\.conv_[st]\.", "R(2+1)D"),
    (r"(backbone\.)?conv1_[st]\.|.*\.se_module\.", "X3D"),
    (r".*\.attn\.(pool|norm)_[qkv]", "MViT"),
    (r"(backbone\.)?(layers\.\d+\.blocks|layers\.\d+\.downsample)\.", "a Swin transformer"),
    (r".*transformer_layers\.|.*temporal_attentions|.*time_embed", "TimeSformer"),
    (r"(backbone\.)?(conv1a|conv2a)\.", "C3D"),
    (r"neck\.", "a network with a neck (TPN)"),
    (r".*\.tam\.|.*tdn|.*\.net\.", "a TSM, TIN or TANet network"),
)  # fmt: skip


def is_mmaction2(names: Iterable[str]) -> bool:
    """Return whether a file with tensors of these names is MMAction2's."""
    return any(_MARKS.fullmatch(name) for name in names)


def own_name(name: str) -> str | None:
    """Return the name that a tensor of a SlowFast or SlowOnly network has here, None if it has no place."""
    if match := _RESNET.fullmatch(name):
        path, stem, stage, block, unit, kind, leaf = match.groups()
        pathway = f"backbone.{path or 'slow'}"
        if stem == "conv1":
            return f"{pathway}.{'conv1' if kind == 'conv' else 'bn1'}.{leaf}"
        unit = "shortcut" if unit == "downsample" else f"btnk.{unit}"
        return f"{pathway}.res_nl{stage}.res_{block}.{unit}.{kind}.{leaf}"
    if match := _LATERAL.fullmatch(name):
        stage = 1 if match[2] is None else int(match[2]) + 1
        return f"backbone.fast.Tconv{stage}.conv.{match[3]}"
    if name in (f"{CLASSIFIER}.weight", f"{CLASSIFIER}.bias"):
        return name.replace(CLASSIFIER, _OWN_CLASSIFIER)
    return None


def other_network(tensors: Mapping[str, Tensor]) -> str | None:
    """Return what a network that is not supported is, as far as its names and shapes tell; None if they do not."""
    for pattern, title in _OTHERS:
        if any(re.match(pattern, name) for name in tensors):
            return title
    convolutions = {own: tensor for name, tensor in tensors.items() if (own := own_name(name)) and ".conv" in own}
    if any(tensor.ndim == 4 for tensor in convolutions.values()):
        return "a network of 2D convolutions (TSN, TSM, C2D)"
    stem = tensors.get("backbone.conv1.conv.weight", tensors.get("conv1.conv.weight"))
    if stem is not None and stem.ndim == 5 and stem.shape[2] > 1:
        return "I3D or another network whose only stem looks at several frames"
    second = convolutions.get("backbone.slow.res_nl1.res_0.btnk.conv2.conv.weight")
    if second is not None and second.ndim == 5:
        if second.shape[1] == 1:
            return "a channel-separated network (CSN)"
        if "backbone.slow.res_nl1.res_0.btnk.conv3.conv.weight" not in convolutions:
            return "a network of basic blocks (depth 18 or 34)"
        if second.shape[2] > 1:
            return "a network with 3 x 3 x 3 convolutions"
    firsts = [t for name, t in convolutions.items() if name.endswith(".btnk.conv1.conv.weight") and t.ndim == 5]
    if firsts and all(tensor.shape[2] == 1 for tensor in firsts):
        return "C2D, whose convolutions look at single frames"
    return None
