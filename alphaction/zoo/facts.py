"""What the entries of several projects share: pixels, clips, and the networks of the SlowFast family."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Values = dict[str, Any]
"""Config key -> value."""

_SLOWFAST = "MODEL.BACKBONE.SLOWFAST"
_HEAD = "MODEL.ROI_ACTION_HEAD"
_NO_NONLOCAL = {f"{_SLOWFAST}.SLOW.CONV3_NONLOCAL": False, f"{_SLOWFAST}.SLOW.CONV4_NONLOCAL": False}


def pixels(mean: Sequence[float], std: Sequence[float]) -> Values:
    """Return the normalization of RGB pixels, in gray levels."""
    return {"INPUT.PIXEL_MEAN": list(mean), "INPUT.PIXEL_STD": list(std), "INPUT.TO_BGR": False}


FACEBOOK = pixels([114.75] * 3, [57.375] * 3)
IMAGENET = pixels([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])
ALPHACTION = pixels([122.7717, 115.9465, 102.9801], [57.375] * 3)


def clip(frames: int, rate: int, *, fps: float = 30.0, short_side: int = 256, offset: int = 0) -> Values:
    """Return the clips of a network that sees all frames: every ``rate``-th of a video at ``fps`` frames a second."""
    values = {
        "INPUT.FPS": fps,
        "INPUT.FRAME_NUM": frames,
        "INPUT.FRAME_SAMPLE_RATE": rate,
        "INPUT.TAU": 1,
        "INPUT.ALPHA": 1,
        "INPUT.MIN_SIZE_TEST": short_side,
    }
    return values | ({"INPUT.CLIP_OFFSET": offset} if offset else {})


def slow_clip(frames: int, rate: int) -> Values:
    """Return the clips of a network with the slow pathway alone."""
    return clip(frames, rate) | {"INPUT.SLOW_SAMPLING": "first"}


def two_clips(frames: int, rate: int, *, slow: int, alpha: int, sampling: str) -> Values:
    """Return the clips of a SlowFast network, whose slow pathway sees ``slow`` of the frames."""
    return clip(frames, rate) | {
        "INPUT.TAU": frames // slow,
        "INPUT.ALPHA": alpha,
        "INPUT.SLOW_SAMPLING": sampling,
    }


def slowfast(depth: int, kernel: int, *, lateral: str = "tconv_bn_relu", dilation: int = 2) -> Values:
    """Return a SlowFast network as other projects build it."""
    return {
        "MODEL.BACKBONE.CONV_BODY": f"Slowfast-Resnet{depth}",
        f"{_SLOWFAST}.LATERAL": lateral,
        f"{_SLOWFAST}.LATERAL_KERNEL": kernel,
        f"{_SLOWFAST}.STEM_POOL_PADDING": 1,
        f"{_SLOWFAST}.LAST_STAGE_DILATION": dilation,
        **_NO_NONLOCAL,
    }


def slow(depth: int, *, dilation: int = 2) -> Values:
    """Return a network of the slow pathway alone, as other projects build it."""
    return {
        "MODEL.BACKBONE.CONV_BODY": f"Slow-Resnet{depth}",
        f"{_SLOWFAST}.STEM_POOL_PADDING": 1,
        f"{_SLOWFAST}.LAST_STAGE_DILATION": dilation,
        **_NO_NONLOCAL,
    }


def temporal_as_r50() -> Values:
    """Return what the R101 networks called 50_50 differ in: blocks with temporal kernels as an R50 has them."""
    return {
        f"{_SLOWFAST}.SLOW.TEMPORAL_BLOCKS": [0, 0, 6, 3],
        f"{_SLOWFAST}.FAST.TEMPORAL_BLOCKS": [3, 4, 6, 3],
    }


def head(*, resolution: int = 7, aligned: bool = False, time: str = "mean", enlarged: bool = False) -> Values:
    """Return how a detector pools and classifies its boxes; ``enlarged``: test boxes grow before that."""
    return {
        f"{_HEAD}.POOLER_RESOLUTION": resolution,
        f"{_HEAD}.POOLER_ALIGNED": aligned,
        f"{_HEAD}.TIME_POOLING": time,
        f"{_HEAD}.MEAN_BEFORE_POOLER": True,
        f"{_HEAD}.EXCLUSIVE_MOVEMENT": False,
        "TEST.EXTEND_SCALE": [0.1, 0.05] if enlarged else [0.0, 0.0],
    }
