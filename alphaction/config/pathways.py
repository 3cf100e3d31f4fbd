"""Which frames of a clip each pathway of the backbone takes, and which numbers of frames go together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from yacs.config import CfgNode


def active_pathways(cfg: CfgNode) -> tuple[bool, bool]:
    """Return whether the backbone reads the (slow, fast) frames of a clip.

    Backbones whose name starts with "Slowfast" have the pathways that SLOW.ACTIVE and FAST.ACTIVE switch on; "Slow-..."
    read the slow frames; all others the fast frames only.
    """
    backbone = cfg.MODEL.BACKBONE
    if backbone.CONV_BODY.startswith("Slow-"):
        return True, False
    if not backbone.CONV_BODY.startswith("Slowfast"):
        return False, True
    return backbone.SLOWFAST.SLOW.ACTIVE, backbone.SLOWFAST.FAST.ACTIVE


def slow_frames(frame_num: int, tau: int, start: int | None = None, sampling: str = "middle") -> Sequence[int]:
    """Return which of a clip's frames the slow pathway takes: frame_num // tau of them.

    Args:
        start: take every tau-th from this one on, whatever ``sampling`` says; None: as that says.
        sampling: INPUT.SLOW_SAMPLING. "middle": every tau-th from (tau - 1) // 2 on; "first": from 0 on; "linspace":
            evenly spread from the first frame to the last, rounded down.
    """
    if start is None and sampling == "linspace":
        count = frame_num // tau
        return [index * (frame_num - 1) // max(count - 1, 1) for index in range(count)]
    if start is None:
        start = 0 if sampling == "first" else (tau - 1) // 2
    return range(start, frame_num, tau)


def fast_frames(frame_num: int, tau: int, alpha: int) -> range:
    """Return which of a clip's frames the fast pathway takes: every (tau // alpha)-th, from the middle of the first."""
    stride = tau // alpha
    return range((stride - 1) // 2, frame_num, stride)


def frame_counts(cfg: CfgNode) -> tuple[int, int]:
    """Return the number of (slow, fast) frames of a clip, 0 for a pathway that is off; the numbers must go together."""
    slow, fast = active_pathways(cfg)
    frames, tau, alpha = cfg.INPUT.FRAME_NUM, cfg.INPUT.TAU, cfg.INPUT.ALPHA
    return len(slow_frames(frames, tau)) if slow else 0, len(fast_frames(frames, tau, alpha)) if fast else 0


def jitter_problem(sampling: str) -> str | None:
    """Return why INPUT.SLOW_JITTER does not go with an INPUT.SLOW_SAMPLING, with the remedy; None: it does."""
    if sampling != "linspace":
        return None
    return (
        "INPUT.SLOW_JITTER True does not go with INPUT.SLOW_SAMPLING linspace: those frames reach from the first to "
        "the last, so that none is left to start at another. Set SLOW_JITTER to False, or SLOW_SAMPLING to first or "
        "middle."
    )


def frame_problems(frame_num: int, tau: int, alpha: int, *, slow: bool, fast: bool) -> Iterator[str]:
    """Yield what is wrong with the frames of a clip, each with its remedy.

    Without a problem, the slow pathway gets frame_num / tau frames, whichever of the first tau it starts at, and the
    fast one alpha times as many.

    Args:
        frame_num, tau, alpha: INPUT.FRAME_NUM, TAU and ALPHA, all 1 or more.
        slow, fast: whether the pathway is fed.
    """
    if not slow and not fast:
        yield "MODEL.BACKBONE.SLOWFAST: SLOW.ACTIVE and FAST.ACTIVE are both False. Set at least one of them to True."
    if fast and tau % alpha:
        yield (
            f"INPUT.TAU {tau} is not a multiple of INPUT.ALPHA {alpha}: the fast pathway takes every (TAU / ALPHA)-th "
            f"frame of a clip. Set INPUT.TAU to {max(alpha, round(tau / alpha) * alpha)}."
        )
    elif fast and not slow and not fast_frames(frame_num, tau, alpha):
        yield (
            f"INPUT.FRAME_NUM {frame_num} leaves the fast pathway no frame: it takes every (TAU / ALPHA)-th one, "
            f"{tau} / {alpha}. Set INPUT.FRAME_NUM to {fast_frames(frame_num, tau, alpha).start + 1} or more."
        )
    if slow and frame_num % tau and not (fast and tau % alpha):  # first another TAU, then the frames for it
        below = frame_num // tau * tau
        fitting = f"{below} or {below + tau}" if below else f"{tau}"
        yield (
            f"INPUT.FRAME_NUM {frame_num} is not a multiple of INPUT.TAU {tau}: the slow pathway takes one of each TAU "
            f"frames of a clip. Set INPUT.FRAME_NUM to {fitting}."
        )
