"""The shape of a SlowFast or Slow network, read from its tensors in our names, and the settings that give it.

The sources of this family (PySlowFast, PyTorchVideo, MMAction2) rename their tensors first and then ask here, so that
depth, widths, temporal kernels, laterals and non-local blocks are found in one way, and a tensor that is missing, left
over or of an unexpected shape is an error instead of a random start.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from alphaction.checkpoint.foreign.converted import Setting
from alphaction.checkpoint.foreign.slowfast_shape import (
    CLASSIFIER,
    DEPTHS,
    STAGES,
    TINY,
    PathwayShape,
    SlowFastShape,
    expected_shapes,
)
from alphaction.checkpoint.foreign.whole_network import check_whole
from alphaction.checkpoint.load_report import is_counter
from alphaction.utils.errors import CheckpointError
from alphaction.utils.messages import counted, listed

_NODE = "MODEL.BACKBONE.SLOWFAST"
_BLOCK = re.compile(r"backbone\.(slow|fast)\.res_nl([1-4])\.res_(\d{1,3})\.")
_NON_LOCAL = re.compile(r"backbone\.(slow|fast)\.res_nl([1-4])\.nonlocal_(\d{1,3})\.")


def read_shape(path: Path, weights: Mapping[str, Tensor], origin: Mapping[str, str]) -> SlowFastShape:
    """Return the network that ``weights`` are of, after a check that they are the whole of it and nothing else.

    Args:
        path: the file, for messages.
        weights: by our names; ``num_batches_tracked`` may be among them or not, the classifier likewise.
        origin: our name -> the file's, for messages; may be empty.

    Raises:
        CheckpointError: for depths and widths that no network here has, and for tensors that are missing, left over or
            of an unexpected shape.
    """
    blocks = _count_blocks(path, weights, "slow")
    fast = _read_pathway(path, weights, "fast", blocks) if "backbone.fast.conv1.weight" in weights else None
    classifier = weights.get(f"{CLASSIFIER}.weight")
    laterals = weights.get("backbone.fast.Tconv1.conv.weight")
    shape = SlowFastShape(
        blocks=blocks,
        slow=_read_pathway(path, weights, "slow", blocks),
        fast=fast,
        lateral=_lateral_kind(weights) if fast else "",
        lateral_kernel=laterals.shape[2] if fast and laterals is not None and laterals.ndim == 5 else 0,
        nonlocal_bias=not any(_NON_LOCAL.match(name) for name in weights)
        or any(_NON_LOCAL.match(name) and name.endswith(".theta.bias") for name in weights),
        classes=len(classifier) if classifier is not None and classifier.ndim else 0,
    )
    _check_width(path, shape)
    found = {name: tensor for name, tensor in weights.items() if not is_counter(name)}
    check_whole(path, f"a {shape.title} (in this project's names)", found, dict(expected_shapes(shape)), origin)
    return shape


def network_settings(shape: SlowFastShape, origin: Mapping[str, str]) -> dict[str, Setting]:
    """Return every setting of the backbone that is in the tensors, all of the part "network".

    CONV_BODY comes first. With it: the pathways, BETA, LATERAL, LATERAL_KERNEL, TEMPORAL_BLOCKS, non-local blocks by
    position with their bias. Not in the tensors, so the caller's to add: INPUT.ALPHA, STEM_POOL_PADDING,
    LAST_STAGE_DILATION, BN_EPSILON, and for non-local blocks USE_MAXPOOL, POOL_SIZE, USE_SOFTMAX and USE_SCALE.

    Args:
        shape: from :func:`read_shape`.
        origin: our name -> the file's, for the texts that say where a setting was read.
    """

    def network(value: object, why: str) -> Setting:
        return Setting(value, "network", why)

    def shape_of(name: str) -> str:
        return f"the shape of {origin.get(name, name)}"

    found = {"MODEL.BACKBONE.CONV_BODY": network(shape.conv_body, "the names and shapes of the file's tensors")}
    if shape.fast is not None:
        lateral = "backbone.fast.Tconv1.conv.weight"
        found[f"{_NODE}.SLOW.ACTIVE"] = network(True, "both pathways are in the file")
        found[f"{_NODE}.FAST.ACTIVE"] = network(True, "both pathways are in the file")
        if shape.depth != "Tiny":
            found[f"{_NODE}.BETA"] = network(
                shape.fast.width / shape.slow.width, shape_of("backbone.fast.conv1.weight")
            )
        found[f"{_NODE}.LATERAL"] = network(shape.lateral, f"what the file has beside {origin.get(lateral, lateral)}")
        found[f"{_NODE}.LATERAL_KERNEL"] = network(shape.lateral_kernel, shape_of(lateral))
    for name, pathway in (("slow", shape.slow), ("fast", shape.fast)):
        if pathway is None:
            continue
        node = f"{_NODE}.{name.upper()}"
        default = _default_temporal(name, shape.blocks)
        blocks = () if pathway.temporal_blocks == default else pathway.temporal_blocks
        first = f"backbone.{name}.res_nl3.res_{shape.blocks[2] - 1}.btnk.conv1.conv.weight"
        found[f"{node}.TEMPORAL_BLOCKS"] = network(blocks, f"{shape_of(first)} and those of the other blocks")
        for stage, key in ((2, "CONV3_NONLOCAL"), (3, "CONV4_NONLOCAL")):
            behind = pathway.nonlocal_blocks[stage - 1]
            found[f"{node}.{key}"] = network(bool(behind), "the names of the file's tensors")
            if behind:
                usual = tuple(range(1, shape.blocks[stage - 1], 2))
                found[f"{node}.{key}_BLOCKS"] = network(
                    () if behind == usual else behind, "the names of the file's tensors"
                )
                if stage == 2:
                    found[f"{node}.CONV3_GROUP_NL"] = network(False, "the source's network")
    if shape.has_nonlocal:
        found["MODEL.NONLOCAL.NO_BIAS"] = network(not shape.nonlocal_bias, "the names of the file's tensors")
        found["MODEL.NONLOCAL.USE_BN"] = network(True, "the names of the file's tensors")
    return found


def default_temporal_blocks(conv_body: str, pathway: str) -> tuple[int, ...]:
    """Return what an empty TEMPORAL_BLOCKS means for a CONV_BODY and a pathway, "slow" or "fast"; () if unknown."""
    for blocks, depth in DEPTHS.items():
        if conv_body in (f"Slow-Resnet{depth}", f"Slowfast-Resnet{depth}"):
            return _default_temporal(pathway, blocks)
    return _default_temporal(pathway, TINY) if conv_body == "Slowfast-Tiny" else ()


def default_nonlocal_blocks(conv_body: str, stage: int) -> tuple[int, ...]:
    """Return what an empty CONV3_NONLOCAL_BLOCKS (stage 2) or CONV4_NONLOCAL_BLOCKS (3) means; () if unknown."""
    for blocks, depth in DEPTHS.items():
        if conv_body in (f"Slow-Resnet{depth}", f"Slowfast-Resnet{depth}"):
            return tuple(range(1, blocks[stage - 1], 2))
    return ()


def _default_temporal(pathway: str, blocks: tuple[int, ...]) -> tuple[int, ...]:
    return blocks if pathway == "fast" else (0, 0, *blocks[2:])


def _count_blocks(path: Path, weights: Mapping[str, Tensor], pathway: str) -> tuple[int, int, int, int]:
    present = {
        (int(match[2]), int(match[3])) for name in weights if (match := _BLOCK.match(name)) and match[1] == pathway
    }
    counts = tuple(max((block + 1 for stage, block in present if stage == s), default=0) for s in STAGES)
    if counts not in DEPTHS and counts != TINY:
        known = listed((f"{depth} ({', '.join(map(str, blocks))})" for blocks, depth in DEPTHS.items()), 4)
        raise CheckpointError(
            f"{path}: the stages of its {pathway} pathway have {', '.join(map(str, counts))} residual blocks; networks "
            f"here have {known}. The file may be cut off or of another network."
        )
    return counts


def _read_pathway(
    path: Path, weights: Mapping[str, Tensor], name: str, blocks: tuple[int, int, int, int]
) -> PathwayShape:
    stem = weights.get(f"backbone.{name}.conv1.weight")
    if stem is None or stem.ndim != 5:
        raise CheckpointError(f"{path}: the stem of its {name} pathway is missing. The file may be cut off.")
    behind = {
        (int(match[2]), int(match[3])) for key in weights if (match := _NON_LOCAL.match(key)) and match[1] == name
    }
    if placed := sorted({stage for stage, _ in behind} & {1, 4}):
        raise CheckpointError(
            f"{path}: it has non-local blocks in stage {placed[0]} of its {name} pathway. Networks here have them in "
            "stages 2 and 3 only."
        )
    return PathwayShape(
        width=stem.shape[0],
        stem_frames=stem.shape[2],
        temporal_blocks=tuple(_leading(path, weights, name, stage, blocks[stage - 1]) for stage in STAGES),
        nonlocal_blocks=tuple(tuple(sorted(block for s, block in behind if s == stage)) for stage in STAGES),
    )


def _leading(path: Path, weights: Mapping[str, Tensor], name: str, stage: int, blocks: int) -> int:
    """Return how many leading blocks of a stage look at 3 frames; the others must look at 1."""
    convolutions = [
        weights.get(f"backbone.{name}.res_nl{stage}.res_{block}.btnk.conv1.conv.weight") for block in range(blocks)
    ]
    kernels = [conv.shape[2] if conv is not None and conv.ndim == 5 else 0 for conv in convolutions]
    leading = sum(kernel == 3 for kernel in kernels)
    if kernels != [3] * leading + [1] * (blocks - leading):
        raise CheckpointError(
            f"{path}: the blocks of stage {stage} of its {name} pathway look at {', '.join(map(str, kernels))} frames. "
            "Networks here look at 3 frames in the leading blocks of a stage and at 1 in the others."
        )
    return leading


def _lateral_kind(weights: Mapping[str, Tensor]) -> str:
    if "backbone.fast.Tconv1.bn.weight" in weights:
        return "tconv_bn_relu"
    return "tconv" if "backbone.fast.Tconv1.conv.bias" in weights else "tconv_no_bias"


def _check_width(path: Path, shape: SlowFastShape) -> None:
    tiny = shape.depth == "Tiny"
    width = 8 if tiny else 64
    if shape.slow.width != width or (tiny and (shape.fast is None or shape.fast.width != 8)):
        raise CheckpointError(
            f"{path}: the stem of its slow pathway has {counted(shape.slow.width, 'channel')}; that of a {shape.title} "
            f"has {width}."
        )
    for name, pathway, frames in (("slow", shape.slow, 1), ("fast", shape.fast, 5)):
        if pathway is not None and pathway.stem_frames != frames:
            raise CheckpointError(
                f"{path}: the stem of its {name} pathway looks at {counted(pathway.stem_frames, 'frame')}; that of a "
                f"{shape.title} looks at {frames}."
            )
