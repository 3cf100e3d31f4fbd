"""PyTorchVideo's weights. Figures and links: its model_zoo.md; it does not say which version of AVA its mAPs are of."""

from __future__ import annotations

from functools import partial

from alphaction.zoo.entry import PublicWeights
from alphaction.zoo.facebook import Zoo
from alphaction.zoo.facts import Values, slow, slow_clip, slowfast, temporal_as_r50, two_clips

_ZOO = Zoo(
    "pytorchvideo",
    "PyTorchVideo",
    page="https://github.com/facebookresearch/pytorchvideo/blob/main/docs/source/model_zoo.md",
    url="https://dl.fbaipublicfiles.com/pytorchvideo/model_zoo",
)


def _entry(
    data: str, name: str, what: str, backbone: str, file_name: str, figure: float, recipe: Values, settings: Values
) -> PublicWeights:
    """Return an entry; ``data``: "kinetics" or "ava"."""
    if data == "ava":
        name, what, text = f"{name}_ava", f"{what}, Kinetics-400, AVA", f"{figure:g} mAP, AVA"
    else:
        name, what, text = f"{name}_k400", f"{what}, Kinetics-400", f"{figure:.2f} top-1, Kinetics-400"
    return _ZOO.entry(data, f"{name}_pytorchvideo", what, backbone, file_name, text, recipe, settings)


_kinetics, _ava = partial(_entry, "kinetics"), partial(_entry, "ava")
_CLIPS = two_clips(32, 2, slow=8, alpha=4, sampling="linspace")

ENTRIES = (
    _kinetics(
        "slowfast_r50_8x8", "SlowFast R50 8x8", "slowfast_r50_8x8", "SLOWFAST_8x8_R50.pyth", 76.94, _CLIPS,
        slowfast(50, 7),
    ),
    _kinetics(
        "slowfast_r101_8x8", "SlowFast R101 8x8", "slowfast_r101_8x8", "SLOWFAST_8x8_R101.pyth", 77.90, _CLIPS,
        slowfast(101, 5),
    ),
    _kinetics(
        "slowfast_r101_16x8", "SlowFast R101 16x8", "slowfast_r101_8x8", "SLOWFAST_16x8_R101_50_50.pyth", 78.70,
        two_clips(64, 2, slow=16, alpha=4, sampling="linspace"), slowfast(101, 5) | temporal_as_r50(),
    ),
    _kinetics("slow_r50_8x8", "Slow R50 8x8", "slow_r50", "SLOW_8x8_R50.pyth", 74.58, slow_clip(8, 8), slow(50)),
    _ava(
        "slow_r50_4x16", "Slow R50 4x16", "slow_r50", "SLOW_4x16_R50_DETECTION.pyth", 19.5, slow_clip(4, 16),
        slow(50),
    ),
    _ava(
        "slowfast_r50_8x8", "SlowFast R50 8x8", "slowfast_r50_8x8", "SLOWFAST_8x8_R50_DETECTION.pyth", 24.67, _CLIPS,
        slowfast(50, 7),
    ),
)  # fmt: skip
