"""Numbers that follow from a config: frames that each pathway gets, channels that the backbone puts out.

Only for checks before anything is built; the dataset and the modules work them out themselves, and tests compare.
"""

from __future__ import annotations

from yacs.config import CfgNode

# Output channels of the slow and the fast pathway at BETA 1/8; None: BETA times those of the slow one.
_SLOWFAST_CHANNELS: dict[str, tuple[int, int | None]] = {
    "Slowfast-Resnet50": (2048, None),
    "Slowfast-Resnet101": (2048, None),
    "Slowfast-Tiny": (256, 256),
}
_I3D_CHANNELS = 2048
# The stem width that BETA multiplies, and the output channels per channel of it.
_STEM_WIDTH, _WIDTH_FACTOR = 64, 32
# Frames of a group where non-local blocks have CONV3_GROUP_NL.
GROUP_FRAMES = 4


def is_slowfast(cfg: CfgNode) -> bool:
    """Return whether the backbone has two pathways; an I3D network has the fast input only."""
    return cfg.MODEL.BACKBONE.CONV_BODY in _SLOWFAST_CHANNELS


def uses_slow(cfg: CfgNode) -> bool:
    """Return whether clips have slow frames."""
    return is_slowfast(cfg) and cfg.MODEL.BACKBONE.SLOWFAST.SLOW.ACTIVE


def uses_fast(cfg: CfgNode) -> bool:
    """Return whether clips have fast frames."""
    return not is_slowfast(cfg) or cfg.MODEL.BACKBONE.SLOWFAST.FAST.ACTIVE


def backbone_channels(cfg: CfgNode) -> tuple[int, int]:
    """Return the backbone's output channels (slow, fast), 0 for a pathway that is off."""
    if not is_slowfast(cfg):
        return 0, _I3D_CHANNELS
    slow, fast = _SLOWFAST_CHANNELS[cfg.MODEL.BACKBONE.CONV_BODY]
    if fast is None:
        fast = int(_STEM_WIDTH * cfg.MODEL.BACKBONE.SLOWFAST.BETA) * _WIDTH_FACTOR
    return slow * uses_slow(cfg), fast * uses_fast(cfg)


def slow_frame_counts(cfg: CfgNode) -> list[int]:
    """Return the number of slow frames for every start that a clip may have: one in testing, TAU with SLOW_JITTER."""
    tau, frames = cfg.INPUT.TAU, cfg.INPUT.FRAME_NUM
    starts = [(tau - 1) // 2, *(range(tau) if cfg.INPUT.SLOW_JITTER else ())]
    return [len(range(start, frames, tau)) for start in starts]


def clip_frames(cfg: CfgNode) -> tuple[int, int]:
    """Return the number of (slow, fast) frames of a test clip, 0 for a pathway that is off."""
    stride = max(1, cfg.INPUT.TAU // cfg.INPUT.ALPHA)
    fast = len(range((stride - 1) // 2, cfg.INPUT.FRAME_NUM, stride))
    return slow_frame_counts(cfg)[0] * uses_slow(cfg), fast * uses_fast(cfg)


def stage_frames(cfg: CfgNode) -> tuple[int, int]:
    """Return the number of (slow, fast) frames in the backbone's second stage; I3D networks pool over time."""
    slow, fast = clip_frames(cfg)
    if is_slowfast(cfg):
        return slow, fast
    # One pooling by 2 (without padding) comes before the second stage; stem and first pooling halve time if not sparse.
    return 0, fast // 2 if cfg.MODEL.BACKBONE.CONV_BODY.endswith("-Sparse") else (fast + 1) // 2 // 2 // 2


def group_nonlocal_frames(cfg: CfgNode) -> dict[str, int]:
    """Return {section below MODEL.BACKBONE: frames in the second stage} where non-local blocks work on groups."""
    slow, fast = stage_frames(cfg)
    backbone = cfg.MODEL.BACKBONE
    if is_slowfast(cfg):
        nodes = {"SLOWFAST.SLOW": (backbone.SLOWFAST.SLOW, slow), "SLOWFAST.FAST": (backbone.SLOWFAST.FAST, fast)}
    else:
        nodes = {"I3D": (backbone.I3D, fast)}
    return {
        name: frames for name, (node, frames) in nodes.items() if frames and node.CONV3_NONLOCAL and node.CONV3_GROUP_NL
    }
