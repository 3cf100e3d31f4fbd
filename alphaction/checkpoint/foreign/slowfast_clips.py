"""Which frames a SlowFast or Slow network was trained with, and what else its tensors do not tell."""

from __future__ import annotations

import re
from typing import Any

from alphaction.checkpoint.foreign.converted import Setting
from alphaction.checkpoint.foreign.slowfast_shape import SlowFastShape

_SIZE = re.compile(r"(?<![A-Za-z0-9])(\d{1,3})x(\d{1,2})(?:x1)?(?![A-Za-z0-9])")
_ALPHAS = {("50", 5): 8, ("50", 7): 4, ("101", 5): 4, ("101", 7): 4}  # (depth, lateral kernel) -> ALPHA


def clip_in_name(file_name: str, alpha: int | None) -> tuple[int, int] | None:
    """Return (frames, rate) of a clip that a file's name tells; None if it tells none.

    Args:
        file_name: "SLOW_8x8_R50.pyth" tells 8 frames, each 8th of the video.
        alpha: fast frames per slow frame: "8x8" is the slow pathway's clip then, "32x2" the whole one. None for a
            network with one pathway.
    """
    match = _SIZE.search(file_name)
    frames, rate = (int(match[1]), int(match[2])) if match else (0, 0)
    if not frames or not rate:
        return None
    if alpha is None:
        return frames, rate
    if rate % alpha == 0:
        return frames * alpha, rate // alpha
    return (frames, rate) if rate <= 2 and frames % alpha == 0 else None


def alpha_of(shape: SlowFastShape) -> tuple[int, str] | None:
    """Return fast frames per slow frame of the published networks of a shape, and why; None if there are none."""
    alpha = _ALPHAS.get((shape.depth, shape.lateral_kernel))
    why = f"published {shape.title} networks with a lateral kernel of {shape.lateral_kernel}"
    return (alpha, why) if alpha and shape.fast is not None else None


def clip_recipe(clip: tuple[int, int], alpha: int | None) -> dict[str, Any]:
    """Return the keys that give a network its clip.

    Args:
        clip: (frames, rate), of the fast pathway if there is one.
        alpha: fast frames per slow frame; None for a network with one pathway.
    """
    step = alpha or 1
    names = ("FRAME_NUM", "FRAME_SAMPLE_RATE", "TAU", "ALPHA")
    return {f"INPUT.{name}": value for name, value in zip(names, (*clip, step, step), strict=True)}


def clip_text(recipe: dict[str, Any]) -> str:
    """Return a clip in words: "32x2 frames (slow pathway 4x16)"; "4x16 frames" of a single pathway."""
    frames, rate, tau = (recipe[f"INPUT.{key}"] for key in ("FRAME_NUM", "FRAME_SAMPLE_RATE", "TAU"))
    slow = f" (slow pathway {slow_size(recipe)})" if tau > 1 else ""
    return f"{frames}x{rate} frames{slow}"


def clip_facts(
    told: tuple[tuple[int, int] | None, str], usual: tuple[int, int], alpha: int | None
) -> tuple[dict[str, Any], str, str]:
    """Return (keys of a clip, the clip as people call it, a sentence about it).

    Args:
        told: (frames, rate) and where that was read; None if nothing tells, and no name for the clip is returned then.
        usual: what is taken then.
        alpha: as for :func:`clip_recipe`.
    """
    clip, why = told
    recipe = clip_recipe(clip or usual, alpha)
    if clip is None:
        sentence = (
            f"Nothing tells the frames of a clip: taken to be {clip_text(recipe)}, as most were published. "
            "INPUT.FRAME_NUM and INPUT.FRAME_SAMPLE_RATE at the end of the command say otherwise."
        )
        return recipe, "", sentence
    return recipe, slow_size(recipe), f"Clips are {clip_text(recipe)} ({why})."


def slow_size(recipe: dict[str, Any]) -> str:
    """Return what people call the clip: frames and rate of the slow pathway, "4x16"."""
    frames, rate, tau = (recipe[f"INPUT.{key}"] for key in ("FRAME_NUM", "FRAME_SAMPLE_RATE", "TAU"))
    return f"{frames // tau}x{rate * tau}"


def unseen_settings(
    shape: SlowFastShape, *, dilation: tuple[int, str], sampling: str, why: str, alpha: tuple[int, str] | None
) -> dict[str, Setting]:
    """Return the settings that are not in the tensors of a network without non-local blocks.

    Args:
        shape: of the network.
        dilation: of its last stage, and where that was read.
        sampling: INPUT.SLOW_SAMPLING of the source's SlowFast networks; Slow networks take every frame of their clips.
        why: where the rest was read.
        alpha: fast frames per slow frame and where that was read; None: the caller asks, or there is no fast pathway.
    """
    node = "MODEL.BACKBONE.SLOWFAST"
    found = {
        f"{node}.STEM_POOL_PADDING": Setting(1, "network", why),
        f"{node}.LAST_STAGE_DILATION": Setting(dilation[0], "network", dilation[1]),
        "MODEL.BACKBONE.BN_EPSILON": Setting(1e-5, "network", why),
    }
    if shape.fast is None:
        # Frames in equal steps from the first one; "linspace" of a longer clip would be others.
        return found | {"INPUT.SLOW_SAMPLING": Setting("first", "input", why)}
    if alpha is not None:
        found["INPUT.ALPHA"] = Setting(alpha[0], "network", alpha[1])
    return found | {"INPUT.SLOW_SAMPLING": Setting(sampling, "input", why)}
