"""The shape of a SlowFast or Slow network, and the tensors that a network of that shape has, by our names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

CLASSIFIER = "roi_heads.action.predictor.cls_score"
"""What our names of the classifier's weight and bias begin with."""

STAGES = (1, 2, 3, 4)
DEPTHS = {(3, 4, 6, 3): "50", (3, 4, 23, 3): "101"}
"""Residual blocks of each stage -> what the networks are called."""
TINY = (1, 1, 1, 1)
"""Those of Slowfast-Tiny."""

_NORM = ("weight", "bias", "running_mean", "running_var")


@dataclass(frozen=True)
class PathwayShape:
    """One pathway as its tensors have it.

    Attributes:
        width: channels of the stem.
        stem_frames: temporal size of the stem's kernel.
        temporal_blocks: of each stage, the leading blocks whose first convolution looks at 3 frames.
        nonlocal_blocks: of each stage, the residual blocks that a non-local block follows.
    """

    width: int
    stem_frames: int
    temporal_blocks: tuple[int, int, int, int]
    nonlocal_blocks: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class SlowFastShape:
    """A SlowFast or Slow network as its tensors have it.

    Attributes:
        blocks: residual blocks of each stage.
        slow: the slow pathway.
        fast: the fast one; None for a Slow network.
        lateral: name of the laterals in :data:`alphaction.modeling.registries.LATERALS`; "" without a fast pathway.
        lateral_kernel: temporal size of their kernel; 0 without.
        nonlocal_bias: whether the convolutions of non-local blocks have a bias.
        classes: rows of the classifier; 0 if there is none.
    """

    blocks: tuple[int, int, int, int]
    slow: PathwayShape
    fast: PathwayShape | None
    lateral: str
    lateral_kernel: int
    nonlocal_bias: bool
    classes: int

    @property
    def depth(self) -> str:
        """ "50" or "101"; "Tiny" for the network of that name."""
        return DEPTHS.get(self.blocks, "Tiny")

    @property
    def conv_body(self) -> str:
        """MODEL.BACKBONE.CONV_BODY of the network."""
        family = "Slow" if self.fast is None else "Slowfast"
        return f"{family}-Tiny" if self.depth == "Tiny" else f"{family}-Resnet{self.depth}"

    @property
    def title(self) -> str:
        """The network in words: "SlowFast R50"."""
        return f"{'Slow' if self.fast is None else 'SlowFast'} R{self.depth}".replace("RTiny", "Tiny")

    @property
    def has_nonlocal(self) -> bool:
        """Whether any stage has non-local blocks."""
        pathways = [self.slow, *([self.fast] if self.fast else [])]
        return any(blocks for pathway in pathways for blocks in pathway.nonlocal_blocks)

    @property
    def feature_channels(self) -> int:
        """Channels of both pathways together: the width of a pooled feature."""
        return 32 * (self.slow.width + (self.fast.width if self.fast else 0))


def expected_shapes(shape: SlowFastShape) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield (our name, shape) of every tensor that a network must have, counters left out."""
    fast = shape.fast
    if fast is not None:
        yield from _pathway_shapes("fast", fast, shape, 0)
        for stage, channels in zip(STAGES, _stage_inputs(fast.width), strict=True):
            lateral = f"backbone.fast.Tconv{stage}"
            yield f"{lateral}.conv.weight", (2 * channels, channels, shape.lateral_kernel, 1, 1)
            if shape.lateral == "tconv":
                yield f"{lateral}.conv.bias", (2 * channels,)
            if shape.lateral == "tconv_bn_relu":
                yield from _norm_shapes(f"{lateral}.bn", 2 * channels)
    yield from _pathway_shapes("slow", shape.slow, shape, 2 * fast.width if fast else 0)
    if shape.classes:
        yield f"{CLASSIFIER}.weight", (shape.classes, shape.feature_channels)
        yield f"{CLASSIFIER}.bias", (shape.classes,)


def _stage_inputs(width: int) -> tuple[int, int, int, int]:
    return (width, 4 * width, 8 * width, 16 * width)


def _pathway_shapes(
    name: str, pathway: PathwayShape, shape: SlowFastShape, handed: int
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the tensors of a pathway; ``handed``: channels that the lateral into its first stage adds."""
    width = pathway.width
    yield f"backbone.{name}.conv1.weight", (width, 3, pathway.stem_frames, 7, 7)
    yield from _norm_shapes(f"backbone.{name}.bn1", width)
    extra = (handed, 4 * handed, 8 * handed, 16 * handed)
    for stage, channels in zip(STAGES, _stage_inputs(width), strict=True):
        inner, out = width * 2 ** (stage - 1), 4 * width * 2 ** (stage - 1)
        for block in range(shape.blocks[stage - 1]):
            prefix = f"backbone.{name}.res_nl{stage}.res_{block}"
            given = out if block else channels + extra[stage - 1]
            frames = 3 if block < pathway.temporal_blocks[stage - 1] else 1
            units = [
                ("btnk.conv1", (inner, given, frames, 1, 1)),
                ("btnk.conv2", (inner, inner, 1, 3, 3)),
                ("btnk.conv3", (out, inner, 1, 1, 1)),
                *([("shortcut", (out, given, 1, 1, 1))] if block == 0 else []),
            ]
            for unit, size in units:
                yield f"{prefix}.{unit}.conv.weight", size
                yield from _norm_shapes(f"{prefix}.{unit}.bn", size[0])
        for block in pathway.nonlocal_blocks[stage - 1]:
            prefix = f"backbone.{name}.res_nl{stage}.nonlocal_{block}"
            for conv, size in (
                ("theta", (out // 2, out)),
                ("phi", (out // 2, out)),
                ("g", (out // 2, out)),
                ("out", (out, out // 2)),
            ):
                yield f"{prefix}.{conv}.weight", (*size, 1, 1, 1)
                if shape.nonlocal_bias:
                    yield f"{prefix}.{conv}.bias", (size[0],)
            yield from _norm_shapes(f"{prefix}.bn", out)


def _norm_shapes(prefix: str, channels: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    for leaf in _NORM:
        yield f"{prefix}.{leaf}", (channels,)
