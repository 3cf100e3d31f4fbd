"""Names of PySlowFast's SlowFast and Slow networks, and of the Caffe2 blobs that became them, in ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from alphaction.checkpoint.foreign.slowfast_shape import CLASSIFIER
from alphaction.utils.errors import CheckpointError
from alphaction.utils.messages import listed

_PATHWAYS = {"0": "slow", "1": "fast"}
_UNITS = {"branch1": "shortcut", "branch2.a": "btnk.conv1", "branch2.b": "btnk.conv2", "branch2.c": "btnk.conv3"}
_LEAF = r"(weight|bias|running_mean|running_var|num_batches_tracked)"
_STEM = re.compile(rf"s1\.pathway([01])_stem\.(conv|bn)\.{_LEAF}")
_UNIT = re.compile(rf"s([2-5])\.pathway([01])_res(\d{{1,3}})\.(branch1|branch2\.[abc])(_bn)?\.{_LEAF}")
_NON_LOCAL = re.compile(rf"s([2-5])\.pathway([01])_nonlocal(\d{{1,3}})\.(?:conv_(theta|phi|g|out)|bn)\.{_LEAF}")
_LATERAL = re.compile(rf"s([1-4])_fuse\.(?:(conv)_f2s|(bn))\.{_LEAF}")

_BLOB_LEAVES = {"w": "weight", "b": "bias", "bn_s": "weight", "bn_b": "bias", "bn_rm": "running_mean"}
_BLOB_LEAVES |= {"bn_riv": "running_var"}
_BLOB_LEAF = r"_(w|b|bn_s|bn_b|bn_rm|bn_riv)"
_BLOB_STEM = re.compile(r"(t_)?(conv1|res_conv1)(?:_(w)|_(bn_s|bn_b|bn_rm|bn_riv))")
_BLOB_UNIT = re.compile(rf"(t_)?res([2-5])_(\d{{1,3}})_(branch1|branch2[abc]){_BLOB_LEAF}")
_BLOB_NON_LOCAL = re.compile(rf"(t_)?nonlocal_conv([2-5])_(\d{{1,3}})(?:_(theta|phi|g|out))?{_BLOB_LEAF}")
_BLOB_LATERAL = re.compile(rf"t_(?:pool1|res([2-4])_\d{{1,3}}_branch2c_bn)_subsample{_BLOB_LEAF}")


def our_name(name: str) -> str | None:
    """Return our name of a tensor that PySlowFast calls ``name``, or None where it has no place here."""
    if match := _UNIT.fullmatch(name):
        stage, pathway, block, unit, norm, leaf = match.groups()
        prefix = f"backbone.{_PATHWAYS[pathway]}.res_nl{int(stage) - 1}.res_{block}"
        return f"{prefix}.{_UNITS[unit]}.{'bn' if norm else 'conv'}.{leaf}"
    if match := _STEM.fullmatch(name):
        pathway, layer, leaf = match.groups()
        return f"backbone.{_PATHWAYS[pathway]}.{layer}1.{leaf}"
    if match := _LATERAL.fullmatch(name):
        return f"backbone.fast.Tconv{match[1]}.{match[2] or match[3]}.{match[4]}"
    if match := _NON_LOCAL.fullmatch(name):
        stage, pathway, block, conv, leaf = match.groups()
        return f"backbone.{_PATHWAYS[pathway]}.res_nl{int(stage) - 1}.nonlocal_{block}.{conv or 'bn'}.{leaf}"
    if name in ("head.projection.weight", "head.projection.bias"):
        return f"{CLASSIFIER}.{name.rpartition('.')[2]}"
    return None


def our_blob_name(blob: str) -> str | None:
    """Return our name of a Caffe2 blob of a SlowFast or Slow network, or None where it has no place here."""
    if match := _BLOB_LATERAL.fullmatch(blob):
        stage, leaf = match.groups()
        return f"backbone.fast.Tconv{stage or 1}.{_layer(leaf)}.{_BLOB_LEAVES[leaf]}"
    if match := _BLOB_UNIT.fullmatch(blob):
        fast, stage, block, branch, leaf = match.groups()
        unit = _UNITS[branch if branch == "branch1" else f"branch2.{branch[-1]}"]
        return f"{_pathway(fast)}.res_nl{int(stage) - 1}.res_{block}.{unit}.{_layer(leaf)}.{_BLOB_LEAVES[leaf]}"
    if match := _BLOB_NON_LOCAL.fullmatch(blob):
        fast, stage, block, conv, leaf = match.groups()
        layer = conv if _layer(leaf) == "conv" else "bn"
        name = f"{_pathway(fast)}.res_nl{int(stage) - 1}.nonlocal_{block}.{layer}.{_BLOB_LEAVES[leaf]}"
        return name if layer else None
    if match := _BLOB_STEM.fullmatch(blob):
        fast, part, weight, leaf = match.groups()
        if (part == "conv1") == bool(weight):
            return f"{_pathway(fast)}.{'conv1' if weight else 'bn1'}.{_BLOB_LEAVES[weight or leaf]}"
    if blob in ("pred_w", "pred_b"):
        return f"{CLASSIFIER}.{_BLOB_LEAVES[blob[-1]]}"
    return None


def rename_blobs(path: Path, blobs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str], list[str]]:
    """Return Caffe2 blobs by our names with the dimensions that we have, our name -> blob, and the blobs left out.

    Raises:
        CheckpointError: for blobs that look like weights and have no place here.
    """
    weights: dict[str, Tensor] = {}
    origin: dict[str, str] = {}
    others: list[str] = []
    for blob, tensor in blobs.items():
        name = our_blob_name(blob)
        if name is None:
            others.append(blob)
            continue
        # Blobs with fewer dimensions get ones at the end.
        wanted = 2 if name == f"{CLASSIFIER}.weight" else 5 if blob.endswith("_w") else 1
        weights[name] = _with_dimensions(tensor, wanted)
        origin[name] = blob
    odd = [blob for blob in others if not blob.endswith("_momentum") and blobs[blob].numel() > 1]
    if odd:
        raise CheckpointError(
            f"{path}: a Caffe2 file of PySlowFast's, but there is no place for {listed(odd, 4)}: it is of another "
            "network than SlowFast, Slow and I3D."
        )
    return weights, origin, others


def _with_dimensions(tensor: Tensor, wanted: int) -> Tensor:
    while tensor.ndim > wanted and tensor.shape[-1] == 1:
        tensor = tensor.squeeze(-1)
    return tensor.reshape(*tensor.shape, *[1] * max(0, wanted - tensor.ndim))


def _pathway(prefix: str | None) -> str:
    return "backbone.fast" if prefix else "backbone.slow"


def _layer(leaf: str) -> str:
    return "bn" if leaf.startswith("bn_") else "conv"
