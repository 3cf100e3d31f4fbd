"""PyTorchVideo's weights. Figures and links: its model_zoo.md; it does not say which version of AVA its mAPs are of."""

from __future__ import annotations

from functools import partial

from alphaction.zoo.entry import PublicWeights
from alphaction.zoo.facts import FACEBOOK, Values, head, slow, slow_clip, slowfast, temporal_as_r50, two_clips

_URL = "https://dl.fbaipublicfiles.com/pytorchvideo/model_zoo"
_entry = partial(
    PublicWeights,
    source="pytorchvideo",
    page="https://github.com/facebookresearch/pytorchvideo/blob/main/docs/source/model_zoo.md",
    license="Apache-2.0",
)


def _kinetics(
    name: str, what: str, backbone: str, file_name: str, top1: float, recipe: Values, settings: Values
) -> PublicWeights:
    return _entry(
        name=f"{name}_k400_pytorchvideo",
        what=f"{what}, Kinetics-400 (PyTorchVideo)",
        kind="backbone",
        backbone=backbone,
        file_name=file_name,
        url=f"{_URL}/kinetics/{file_name}",
        figure=f"{top1:.2f} top-1, Kinetics-400",
        recipe=recipe | FACEBOOK,
        settings=settings,
    )


def _ava(
    name: str, what: str, backbone: str, file_name: str, mean_ap: str, recipe: Values, settings: Values
) -> PublicWeights:
    return _entry(
        name=f"{name}_ava_pytorchvideo",
        what=f"{what}, Kinetics-400, AVA (PyTorchVideo)",
        kind="detector",
        backbone=backbone,
        file_name=file_name,
        url=f"{_URL}/ava/{file_name}",
        figure=f"{mean_ap} mAP, AVA",
        recipe=recipe | FACEBOOK,
        settings=settings | head(),
    )


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
        "slow_r50_4x16", "Slow R50 4x16", "slow_r50", "SLOW_4x16_R50_DETECTION.pyth", "19.5", slow_clip(4, 16),
        slow(50),
    ),
    _ava(
        "slowfast_r50_8x8", "SlowFast R50 8x8", "slowfast_r50_8x8", "SLOWFAST_8x8_R50_DETECTION.pyth", "24.67", _CLIPS,
        slowfast(50, 7),
    ),
)  # fmt: skip
