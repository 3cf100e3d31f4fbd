"""What the config text in an MMAction2 checkpoint says about its network.

What this project's networks can follow is returned; what would be another network is refused with the key named. A key
that a text leaves out has the value of the published configs: texts in checkpoints are often abridged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from alphaction.checkpoint.foreign.config_node import ConfigNode
from alphaction.checkpoint.foreign.slowfast_shape import SlowFastShape
from alphaction.utils.errors import CheckpointError

CONFIG = "the file's meta.cfg"
"""Where all of this was read, for people."""
_NORMS = ("BN3d", "BN", "SyncBN")
_LEARNED_FROM = 1e-5  # eps of the batch norms of every network here


@dataclass(frozen=True)
class InputFacts:
    """What a config text says about clips and pixels; None where it says nothing.

    Attributes:
        frames, rate: of a clip, and steps of the timeline between them.
        mean, std: of R, G, B, in gray levels.
        short_side: pixels, in evaluation.
        per_second: timeline frames per second.
    """

    frames: int | None = None
    rate: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    short_side: int | None = None
    per_second: int | None = None


@dataclass(frozen=True)
class HeadFacts:
    """What a config text says about an action head; None where it says nothing.

    Attributes:
        resolution: bins of ROIAlign along each side.
        sampling_ratio: of ROIAlign.
        aligned: of ROIAlign.
        time_pooling: "mean" or "max".
        dropout: before the classifier, in training.
    """

    resolution: int | None = None
    sampling_ratio: int | None = None
    aligned: bool | None = None
    time_pooling: str | None = None
    dropout: float | None = None


def read_input(config: ConfigNode) -> InputFacts:
    """Return what a config says about clips and pixels.

    Raises:
        CheckpointError: for values that cannot be, and for blue before red.
    """
    pixels = config.node("model").node("data_preprocessor")
    if not pixels.values:
        pixels = config.node("data_preprocessor")
    for swap in ("to_rgb", "bgr_to_rgb", "rgb_to_bgr"):
        pixels.allow(swap, False, None, why="Frames are read as RGB, so this network would see BGR; that is not known.")
    steps = _test_steps(config)
    sample = _step(config, steps, "SampleFrames", "SampleAVAFrames")
    scale = _step(config, steps, "Resize").values.get("scale")
    # (-1, 256), or (np.inf, 256), which is not a plain value: the other side is free.
    sides = [side for side in scale if type(side) is int and side > 0] if isinstance(scale, list | tuple) else []
    dataset = next((d for d in _datasets(config) if "fps" in d.values), ConfigNode(config.path, {}))
    return InputFacts(
        frames=sample.number("clip_len", 1, 1024),
        rate=sample.number("frame_interval", 1, 1024),
        mean=_three(pixels, "mean"),
        std=_three(pixels, "std"),
        short_side=min(sides) if sides else None,
        per_second=dataset.number("fps", 1, 1000),
    )


def _three(node: ConfigNode, name: str) -> tuple[float, ...] | None:
    value = node.get(name)
    if value is None:
        return None
    if not (isinstance(value, tuple) and len(value) == 3 and all(type(x) in (int, float) for x in value)):
        raise node.refused(name, "Expected three numbers, one each for red, green and blue.")
    return tuple(map(float, value))


def _datasets(config: ConfigNode) -> Iterable[ConfigNode]:
    for name in ("test_dataloader", "val_dataloader"):
        loader = config.values.get(name)
        dataset = loader.get("dataset") if isinstance(loader, Mapping) else None
        if isinstance(dataset, Mapping):
            yield ConfigNode(config.path, dataset, f"{name}.dataset")


def _test_steps(config: ConfigNode) -> list[Mapping]:
    """Return the steps that prepare a clip in evaluation."""
    places = [(config, "test_pipeline"), (config, "val_pipeline"), *((node, "pipeline") for node in _datasets(config))]
    for node, name in places:
        steps = node.values.get(name)
        if isinstance(steps, list | tuple) and steps:
            return [step for step in steps if isinstance(step, Mapping)]
    return []


def _step(config: ConfigNode, steps: list[Mapping], *kinds: str) -> ConfigNode:
    """Return the first step of one of some types, an empty one if there is none."""
    for step in steps:
        kind = str(step.get("type")).rpartition(".")[2]
        if kind in kinds:
            return ConfigNode(config.path, step, f"pipeline.{kind}")
    return ConfigNode(config.path, {})


def read_head(config: ConfigNode, *, rows: int, channels: int) -> HeadFacts:
    """Return what a config says about the action head of a detector.

    Args:
        config: the whole text.
        rows: of the classifier, with the background.
        channels: of the features of all pathways.

    Raises:
        CheckpointError: for a head that none here is, or other classes or channels than the classifier's.
    """
    model = config.node("model")
    model.allow("neck", None)
    roi_head = model.node("roi_head")
    shared = roi_head.node("shared_head")
    if shared.values:
        what = f"model.roi_head.shared_head ({shared.kind() or 'of unknown type'})"
        raise CheckpointError(f"{config.path}: by its meta.cfg, its head has {what}. This project has no such head.")
    box = roi_head.node("bbox_head")
    box.allow("type", "BBoxHeadAVA", "mmaction.BBoxHeadAVA")
    box.allow("multilabel", True, why="That is a softmax over all classes; detectors here score each class on its own.")
    box.allow("background_class", True, why="What its first row means is not known then.")
    box.allow("spatial_pool_type", "max")
    box.agree("num_classes", rows, "the classifier's rows are")
    box.agree("in_channels", channels, "the features have so many channels:")
    pool = roi_head.node("bbox_roi_extractor")
    dropout = box.get("dropout_ratio")
    if dropout is not None and not (type(dropout) in (int, float) and 0 <= dropout < 1):
        raise box.refused("dropout_ratio", "Expected a number from 0, below 1.")
    if not pool.values:
        return HeadFacts(dropout=dropout)
    pool.allow("type", "SingleRoIExtractor3D", "mmaction.SingleRoIExtractor3D")
    pool.allow("roi_layer_type", "RoIAlign")
    pool.allow("pool_mode", "avg")
    pool.allow("with_global", False)
    pool.allow("featmap_stride", 16, (16,))
    pool.allow("with_temporal_pool", True, why="Networks here pool over time before they pool boxes.")
    pool.allow("temporal_pool_mode", "avg", "max")
    pool.allow("aligned", True, False)
    size = pool.get("output_size")
    if isinstance(size, tuple):
        pool.allow("output_size", *((bins, bins) for bins in range(1, 65)), why="Expected as many rows as columns.")
        size = size[0]
    elif size is not None:
        size = pool.number("output_size", 1, 64)
    return HeadFacts(
        resolution=size,
        sampling_ratio=pool.number("sampling_ratio", 0, 64),
        aligned=pool.get("aligned"),
        time_pooling=_time_pooling(config, pool),
        dropout=dropout,
    )


def _time_pooling(config: ConfigNode, pool: ConfigNode) -> str | None:
    """Return how the config pools over time; one that only changes another config may leave that to it."""
    mode = pool.get("temporal_pool_mode")
    if mode is None:
        return None if "_base_" in config.values else "mean"
    return "max" if mode == "max" else "mean"


def _check_resnet(node: ConfigNode, *, detector: bool) -> int | None:
    """Check a pathway's dictionary and return the dilation of its last stage, None if it says nothing.

    Raises:
        CheckpointError: for a network that none here is.
    """
    for name, allowed in {
        "style": ("pytorch",),
        "num_stages": (4,),
        "out_indices": (None, (3,), 3),
        "conv1_stride_t": (1,),
        "conv1_stride_s": (2,),
        "pool1_stride_t": (1,),
        "pool1_stride_s": (2,),
        "with_pool1": (True,),
        "temporal_strides": (None, (1, 1, 1, 1)),
        "spatial_strides": ((1, 2, 2, 1),) if detector else ((1, 2, 2, 1), (1, 2, 2, 2)),
        "non_local": (None, 0, (0, 0, 0, 0)),
        "lateral_norm": (False,),
        "lateral_inv": (False,),
        "lateral_infl": (2,),
        "lateral_activate": (None, (1, 1, 1, 1)),
    }.items():
        node.allow(name, *allowed)
    norm = node.node("norm_cfg")
    norm.allow("type", *_NORMS)
    norm.allow("eps", _LEARNED_FROM)
    node.node("act_cfg").allow("type", "ReLU")
    node.allow("dilations", None, (1, 1, 1, 1), (1, 1, 1, 2))
    dilations = node.get("dilations")
    return dilations[3] if dilations else None


def check_network(
    config: ConfigNode, shape: SlowFastShape, detector: bool
) -> tuple[int | None, tuple[int, str] | None]:
    """Check what the config says of the backbone; return (dilation of the last stage, (alpha, why)) if it tells them.

    Raises:
        CheckpointError: for a network that none here is, or another one than the tensors'.
    """
    model = config.node("model")
    backbone = model.node("backbone")
    expected = "ResNet3dSlowFast" if shape.fast is not None else "ResNet3dSlowOnly"
    backbone.allow("type", expected, f"mmaction.{expected}", why=f"But the file's tensors are those of a {expected}.")
    if shape.fast is None:
        _check_pathway(backbone, shape, "slow")
        backbone.allow("with_pool2", False)
        return _check_resnet(backbone, detector=detector), None
    slow, fast = backbone.node("slow_pathway"), backbone.node("fast_pathway")
    for node, name in ((slow, "slow"), (fast, "fast")):
        node.allow("type", "resnet3d")
        _check_pathway(node, shape, name)
    slow.allow("lateral", True)
    fast.allow("lateral", False)
    slow.agree("fusion_kernel", shape.lateral_kernel, "the laterals' kernels have so many frames:")
    backbone.agree("channel_ratio", shape.slow.width // shape.fast.width, "the stems' widths have the ratio")
    dilation, other = (_check_resnet(node, detector=detector) for node in (slow, fast))
    if slow.values and fast.values and (dilation or 1) != (other or 1):
        raise (slow if dilation else fast).refused("dilations", "Both pathways must have the same ones here.")
    return dilation, _alpha(backbone)


def _check_pathway(node: ConfigNode, shape: SlowFastShape, name: str) -> None:
    """Check a pathway's dictionary against its tensors."""
    pathway = shape.slow if name == "slow" else shape.fast
    node.agree("depth", int(shape.depth), "the tensors are those of depth")
    node.agree("base_channels", pathway.width, "the stem's channels are")
    node.agree("conv1_kernel", (pathway.stem_frames, 7, 7), "the stem's kernel is")
    inflate = node.get("inflate")
    if inflate is None:
        return
    stages = tuple(inflate) if isinstance(inflate, tuple) else (inflate,) * 4
    frames = tuple(
        tuple(int(block < pathway.temporal_blocks[stage]) for block in range(shape.blocks[stage]))
        for stage in range(len(shape.blocks))
    )
    said = tuple(
        tuple(stage) if isinstance(stage, list | tuple) else (stage,) * blocks
        for stage, blocks in zip(stages, shape.blocks, strict=False)
    )
    if said != frames:
        raise node.refused("inflate", "But other blocks look at several frames by the shapes of their convolutions.")


def _alpha(backbone: ConfigNode) -> tuple[int, str] | None:
    """Return fast frames per slow frame and why, None if the config does not tell.

    Raises:
        CheckpointError: the fast pathway leaves out so many frames that others would be seen here.
    """
    alpha = backbone.number("speed_ratio", 1, 64)
    if alpha is None:
        return None
    steps = backbone.number("resample_rate", 1, 1024)
    if steps is not None and steps != alpha:
        raise backbone.refused("resample_rate", f"Expected speed_ratio, {alpha}: the fast pathway sees every frame.")
    return alpha, f"{CONFIG}: speed_ratio {alpha}"
