"""Names of the Caffe2 blobs that hold Kinetics weights of I3D networks with non-local blocks.

Only I3D has such weights; SlowFast parameters have no Caffe2 name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

# Caffe2 calls the running variance `riv`; the value is the variance itself, not its inverse.
_NORM_LEAVES = {"weight": "s", "bias": "b", "running_mean": "rm", "running_var": "riv"}
_CONV_LEAVES = {"weight": "w", "bias": "b"}
_BRANCHES = {"btnk.conv1": "branch2a", "btnk.conv2": "branch2b", "btnk.conv3": "branch2c", "shortcut": "branch1"}

# Blocks of the third stage -> depth.
_DEPTHS = {6: "50", 23: "101"}

_UNIT = re.compile(r"backbone\.res_nl(\d+)\.res_(\d+)\.(btnk\.conv[123]|shortcut)\.(conv|bn)\.(\w+)")
_NON_LOCAL = re.compile(r"backbone\.res_nl(\d+)\.nonlocal_(\d+)\.(theta|phi|g|out|bn)\.(\w+)")
_STEM = re.compile(r"backbone\.(conv1|bn1)\.(\w+)")
_CLASSIFIER = re.compile(r"roi_heads\.action\.predictor\.cls_score\.(\w+)")


def caffe2_name(parameter: str) -> str | None:
    """Return the blob that holds ``parameter``, or None where Caffe2 has none.

    Args:
        parameter: a name in the ``state_dict()`` of a detector with an I3D backbone, such as
            ``backbone.res_nl1.res_0.btnk.conv1.bn.running_var``; its blob is ``res2_0_branch2a_bn_riv``.
    """
    if match := _UNIT.fullmatch(parameter):
        stage, block, branch, layer, leaf = match.groups()
        # Caffe2 counts the stem as stage 1.
        return _join(f"res{int(stage) + 1}_{block}_{_BRANCHES[branch]}", layer, leaf)
    if match := _NON_LOCAL.fullmatch(parameter):
        stage, block, layer, leaf = match.groups()
        part = f"nonlocal_conv{int(stage) + 1}_{block}"
        return _join(part, "bn", leaf) if layer == "bn" else _join(f"{part}_{layer}", "conv", leaf)
    if match := _STEM.fullmatch(parameter):
        layer, leaf = match.groups()
        return _join("conv1", "conv", leaf) if layer == "conv1" else _join("res_conv1", "bn", leaf)
    if match := _CLASSIFIER.fullmatch(parameter):
        return _join("pred", "conv", match.group(1))
    return None


def i3d_name(blobs: Mapping[str, Tensor]) -> str | None:
    """Return the CONV_BODY of the I3D that Caffe2 blobs are of, or None if they are of another network.

    Slow networks share all names with I3D, whose stem looks at 5 frames and theirs at 1.
    """
    stem = blobs.get("conv1_w")
    if stem is None or stem.ndim != 5 or stem.shape[2] != 5 or any(blob.startswith("t_") for blob in blobs):
        return None
    blocks = sum(bool(re.fullmatch(r"res4_\d+_branch2a_w", blob)) for blob in blobs)
    return f"I3D-Resnet{_DEPTHS[blocks]}" if blocks in _DEPTHS else None


def _join(part: str, layer: str, leaf: str) -> str | None:
    if layer == "bn":
        return f"{part}_bn_{_NORM_LEAVES[leaf]}" if leaf in _NORM_LEAVES else None
    return f"{part}_{_CONV_LEAVES[leaf]}" if leaf in _CONV_LEAVES else None
