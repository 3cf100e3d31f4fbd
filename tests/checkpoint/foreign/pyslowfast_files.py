"""Files of PySlowFast as they are read, of any of its SlowFast and Slow networks; tensors have shapes only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml

from alphaction.checkpoint.foreign.converted import ForeignFile
from alphaction.checkpoint.foreign.slowfast_shape import PathwayShape, SlowFastShape, expected_shapes

R50, R101 = (3, 4, 6, 3), (3, 4, 23, 3)
NO_BLOCKS = ((), (), (), ())
NON_LOCAL = ((), (), (6, 13, 20), ())  # of the published R101_50_50
UNITS = {"shortcut": "branch1", "btnk.conv1": "branch2.a", "btnk.conv2": "branch2.b", "btnk.conv3": "branch2.c"}


def shape_of(
    blocks: tuple = R50,
    temporal: tuple = (0, 0, 6, 3),
    fast_temporal: tuple | None = (3, 4, 6, 3),
    kernel: int = 7,
    behind: tuple = NO_BLOCKS,
    classes: int = 80,
) -> SlowFastShape:
    """Return a network; ``fast_temporal`` None: Slow."""
    fast = None if fast_temporal is None else PathwayShape(8, 5, fast_temporal, NO_BLOCKS)
    lateral = "tconv_bn_relu" if fast else ""
    return SlowFastShape(
        blocks, PathwayShape(64, 1, temporal, behind), fast, lateral, kernel if fast else 0, True, classes
    )


def pyslowfast_name(ours: str) -> str:
    """Return PySlowFast's name of a tensor of ours."""
    pathway = "1" if ".fast." in ours else "0"
    if match := re.fullmatch(r"backbone\.\w+\.res_nl(\d)\.res_(\d+)\.(shortcut|btnk\.conv\d)\.(conv|bn)\.(\w+)", ours):
        stage, block, unit, layer, leaf = match.groups()
        norm = "_bn" if layer == "bn" else ""
        return f"s{int(stage) + 1}.pathway{pathway}_res{block}.{UNITS[unit]}{norm}.{leaf}"
    if match := re.fullmatch(r"backbone\.\w+\.res_nl(\d)\.nonlocal_(\d+)\.(\w+)\.(\w+)", ours):
        stage, block, layer, leaf = match.groups()
        return f"s{int(stage) + 1}.pathway{pathway}_nonlocal{block}.{'' if layer == 'bn' else 'conv_'}{layer}.{leaf}"
    if match := re.fullmatch(r"backbone\.fast\.Tconv(\d)\.(conv|bn)\.(\w+)", ours):
        stage, layer, leaf = match.groups()
        return f"s{stage}_fuse.{'conv_f2s' if layer == 'conv' else 'bn'}.{leaf}"
    if match := re.fullmatch(r"backbone\.\w+\.(conv|bn)1\.(\w+)", ours):
        return f"s1.pathway{pathway}_stem.{match[1]}.{match[2]}"
    return f"head.projection.{ours.rpartition('.')[2]}"


def pyslowfast_file(
    shape: SlowFastShape, cfg: Mapping[str, Any] | None = None, name: str = "checkpoint.pyth"
) -> ForeignFile:
    """Return a ``.pyth`` as it is read; ``cfg``: its config, None: it has none."""
    tensors = {pyslowfast_name(ours): torch.empty(size, device="meta") for ours, size in expected_shapes(shape)}
    return ForeignFile(Path(name), tensors, {} if cfg is None else {"cfg": yaml.safe_dump(dict(cfg))}, "model_state")


def caffe2_name(theirs: str, blocks: tuple = R50) -> str:
    """Return the Caffe2 blob of a parameter of PySlowFast; ``blocks``: of the stages."""
    name, leaf = theirs.rsplit(".", 1)
    norm = name.endswith("bn")
    end = {"weight": "_s" if norm else "_w", "bias": "_b", "running_mean": "_rm", "running_var": "_riv"}[leaf]
    if name == "head.projection":
        return f"pred{end}"
    if match := re.fullmatch(r"s(\d)_fuse\.(conv_f2s|bn)", name):
        stage = int(match[1])
        before = "t_pool1" if stage == 1 else f"t_res{stage}_{blocks[stage - 2] - 1}_branch2c_bn"
        return f"{before}_subsample{'_bn' if norm else ''}{end}"
    stage, pathway, rest = re.fullmatch(r"s(\d)\.pathway(\d)_(.+)", name).groups()
    prefix = "t_" if pathway == "1" else ""
    if rest.startswith("stem"):
        return f"{prefix}{'res_conv1_bn' if norm else 'conv1'}{end}"
    if match := re.fullmatch(r"nonlocal(\d+)\.(?:conv_)?(\w+)", rest):
        return f"{prefix}nonlocal_conv{stage}_{match[1]}_{match[2]}{end}"
    block, branch = re.fullmatch(r"res(\d+)\.(branch1|branch2\.[abc])(?:_bn)?", rest).groups()
    return f"{prefix}res{stage}_{block}_{branch.replace('.', '')}{'_bn' if norm else ''}{end}"


def caffe2_file(shape: SlowFastShape, name: str) -> ForeignFile:
    """Return a ``.pkl`` as it is read."""
    names = ((caffe2_name(pyslowfast_name(ours), shape.blocks), size) for ours, size in expected_shapes(shape))
    return ForeignFile(Path(name), {blob: torch.empty(size, device="meta") for blob, size in names}, {}, "blobs")
