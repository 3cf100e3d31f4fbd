"""The config inside a file of PySlowFast: what contradicts the tensors or is not supported, and what only it tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from alphaction.checkpoint.foreign.config_text import ConfigReader
from alphaction.checkpoint.foreign.converted import Question, Setting
from alphaction.checkpoint.foreign.slowfast_shape import SlowFastShape
from alphaction.utils.errors import CheckpointError
from alphaction.utils.messages import problem_list

_ARCHITECTURES = ("slowfast", "slow")
_NONLOCAL = "MODEL.NONLOCAL"
# The published R101_50_50: non-local blocks behind these blocks of the third stage, in the slow pathway.
_PUBLISHED_BLOCKS = ((), (), (6, 13, 20), ())
_PUBLISHED_POOL = (2, 2, 2)


def check_config(config: ConfigReader, shape: SlowFastShape) -> None:
    """Check that a config is of this network, and that the network is supported.

    Raises:
        CheckpointError: names every key of the config with what the tensors, or the networks here, have instead.
    """
    problems: list[str] = []

    def expect(key: str, value: Any, expected: Any, says: str = "the tensors say") -> None:
        if value is not None and value != expected:
            problems.append(f"{key} is {value}, but {says} {expected}.")

    here = "networks here have"
    architecture = config.text("MODEL.ARCH")
    if architecture is not None and architecture not in _ARCHITECTURES:
        raise CheckpointError(
            f"{config.path}: PySlowFast's {architecture} is not supported; its slowfast and slow networks are."
        )
    expect("MODEL.ARCH", architecture, "slowfast" if shape.fast else "slow")
    expect("RESNET.DEPTH", config.whole("RESNET.DEPTH"), int(shape.depth) if shape.depth.isdigit() else 50)
    expect("RESNET.WIDTH_PER_GROUP", config.whole("RESNET.WIDTH_PER_GROUP"), shape.slow.width)
    expect("RESNET.NUM_GROUPS", config.whole("RESNET.NUM_GROUPS"), 1, here)
    expect("RESNET.STRIDE_1X1", config.flag("RESNET.STRIDE_1X1"), False, here)
    expect("RESNET.TRANS_FUNC", config.text("RESNET.TRANS_FUNC"), "bottleneck_transform", here)
    expect("MODEL.NUM_CLASSES", config.whole("MODEL.NUM_CLASSES") if shape.classes else None, shape.classes)
    pathways = (shape.slow, shape.fast) if shape.fast else (shape.slow,)
    for stage in range(4):
        # Leading blocks with the stage's temporal kernel; where that is 1 the number says nothing.
        numbers = _stage(config, "RESNET.NUM_BLOCK_TEMP_KERNEL", stage, len(pathways))
        for pathway, number in zip(pathways, numbers, strict=False):
            if pathway.temporal_blocks[stage]:
                key = f"RESNET.NUM_BLOCK_TEMP_KERNEL of stage {stage + 1}"
                expect(key, min(number, shape.blocks[stage]), pathway.temporal_blocks[stage])
        behind = _stage(config, "NONLOCAL.LOCATION", stage, len(pathways))
        for pathway, blocks in zip(pathways, behind, strict=False):
            expect(f"NONLOCAL.LOCATION of stage {stage + 1}", tuple(blocks), pathway.nonlocal_blocks[stage])
    detects = config.flag("DETECTION.ENABLE")
    strides, dilations = (1, 2, 2, 1 if detects else 2), (1, 1, 1)
    for stage in range(4):
        for number in _stage(config, "RESNET.SPATIAL_STRIDES", stage, len(pathways)):
            expect(f"RESNET.SPATIAL_STRIDES of stage {stage + 1}", number, strides[stage], here)
        found = _stage(config, "RESNET.SPATIAL_DILATIONS", stage, len(pathways))
        for number in found:
            known = (1, 2) if stage == 3 else dilations[stage : stage + 1]
            if number not in known or number != found[0]:
                expect(f"RESNET.SPATIAL_DILATIONS of stage {stage + 1}", number, known[-1], here)
    if shape.fast is not None:
        expect("SLOWFAST.FUSION_KERNEL_SZ", config.whole("SLOWFAST.FUSION_KERNEL_SZ"), shape.lateral_kernel)
        expect("SLOWFAST.BETA_INV", config.whole("SLOWFAST.BETA_INV"), shape.slow.width // shape.fast.width)
        expect("SLOWFAST.FUSION_CONV_CHANNEL_RATIO", config.whole("SLOWFAST.FUSION_CONV_CHANNEL_RATIO"), 2, here)
    if detects:
        expect("DETECTION.SPATIAL_SCALE_FACTOR", config.whole("DETECTION.SPATIAL_SCALE_FACTOR"), 16, here)
        activation = config.text("MODEL.HEAD_ACT")
        if activation not in (None, "sigmoid", "softmax"):
            expect("MODEL.HEAD_ACT", activation, "sigmoid or softmax", here)
    if problems:
        raise CheckpointError(
            problem_list(
                f"{config.path}: the config inside the file does not fit:",
                [f"{config.path}: the config inside it: {problem}" for problem in problems],
            )
        )


def is_bgr(config: ConfigReader | None, detector: bool) -> bool:
    """Return whether the network sees blue first; of two keys that exchange the channels, both leave them as they are.

    Args:
        config: of the file; without one, RGB as all published networks.
        detector: AVA.BGR concerns detectors only.
    """
    if config is None:
        return False
    return bool(config.flag("DATA.REVERSE_INPUT_CHANNEL")) != bool(detector and config.flag("AVA.BGR"))


def nonlocal_settings(
    config: ConfigReader | None, shape: SlowFastShape, caffe2: bool
) -> tuple[dict[str, Setting], dict[str, Question]]:
    """Return the kind and the pooling of non-local blocks, and what of them must be asked for.

    Raises:
        CheckpointError: for kinds and poolings that the blocks here have not.
    """
    published = shape.depth == "101" and shape.slow.nonlocal_blocks == _PUBLISHED_BLOCKS
    kind = config.text("NONLOCAL.INSTANTIATION") if config else None
    pools = _nonlocal_pools(config, shape) if config else set()
    why = "the file's config"
    if kind is None and published:
        kind, why = "dot_product", "the published network of this shape"
    if kind not in (None, "dot_product", "softmax"):
        raise CheckpointError(f"{config.path}: non-local blocks of the kind {kind!r} are not supported.")
    found: dict[str, Setting] = {}
    questions: dict[str, Question] = {}
    if kind is None:
        reason = "nothing says whether its non-local blocks are dot products (False) or a softmax (True)"
        for key in ("USE_SOFTMAX", "USE_SCALE"):
            questions[f"{_NONLOCAL}.{key}"] = Question((False, True), "network", reason)
    else:
        for key in ("USE_SOFTMAX", "USE_SCALE"):
            found[f"{_NONLOCAL}.{key}"] = Setting(kind == "softmax", "network", f"{kind}, {why}")
    if not pools and published:
        pools, why = {_PUBLISHED_POOL}, "the published network of this shape"
    if len(pools) > 1:
        raise CheckpointError(
            f"{config.path}: its non-local blocks pool by {sorted(pools)}; here all of a network do alike."
        )
    if pools:
        pool = pools.pop()
        pooled = any(size > 1 for size in pool)
        found[f"{_NONLOCAL}.USE_MAXPOOL"] = Setting(pooled, "network", why)
        if pooled:
            found[f"{_NONLOCAL}.POOL_SIZE"] = Setting(pool, "network", why)
    else:
        found[f"{_NONLOCAL}.USE_MAXPOOL"] = Setting(True, "network", "all networks of PySlowFast")
        questions[f"{_NONLOCAL}.POOL_SIZE"] = Question(
            ((1, 2, 2), (2, 2, 2)), "network", "nothing says by how much its non-local blocks pool"
        )
    return found, questions


def _nonlocal_pools(config: ConfigReader, shape: SlowFastShape) -> set[tuple[int, ...]]:
    """Return the poolings of the stages that have non-local blocks; these must see a clip as one group."""
    pools = set()
    pathways = (shape.slow, shape.fast) if shape.fast else (shape.slow,)
    for stage in range(4):
        sizes = _stage(config, "NONLOCAL.POOL", stage, len(pathways))
        groups = _stage(config, "NONLOCAL.GROUP", stage, len(pathways))
        for index, pathway in enumerate(pathways):
            if not pathway.nonlocal_blocks[stage]:
                continue
            if index < len(groups) and groups[index] != 1:
                raise CheckpointError(
                    f"{config.path}: non-local blocks in groups of frames (NONLOCAL.GROUP) are not supported."
                )
            if index < len(sizes):
                pools.add(tuple(sizes[index]))
    return pools


def _stage(config: ConfigReader, key: str, stage: int, pathways: int) -> Sequence[Any]:
    """Return the entries of a stage in a list of lists by stage and pathway; [] where the key is not there."""
    value = config.get(key)
    if value is None:
        return []
    expected = "four lists, one for each stage"
    if not isinstance(value, list) or len(value) != 4 or not all(isinstance(entry, list) for entry in value):
        raise config.wrong(key, expected)
    entries = value[stage][:pathways]
    numbers = all(type(entry) is int or _is_numbers(entry) for entry in entries)
    if len(entries) < pathways or not numbers:
        raise config.wrong(key, expected)
    return entries


def _is_numbers(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= 64 and all(type(item) is int for item in value)
