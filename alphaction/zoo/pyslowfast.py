"""PySlowFast's weights (Caffe2 files). Figures and links: its MODEL_ZOO.md."""

from __future__ import annotations

from functools import partial

from alphaction.zoo.entry import PublicWeights
from alphaction.zoo.facebook import Zoo
from alphaction.zoo.facts import Values, slow, slow_clip, slowfast, temporal_as_r50, two_clips

_ZOO = Zoo(
    "pyslowfast",
    "PySlowFast",
    page="https://github.com/facebookresearch/SlowFast/blob/main/MODEL_ZOO.md",
    url="https://dl.fbaipublicfiles.com/pyslowfast/model_zoo",
)
_ava = partial(_ZOO.entry, "ava")


def _kinetics(
    name: str, what: str, backbone: str, file_name: str, top1: float, recipe: Values, settings: Values
) -> PublicWeights:
    what, figure = f"{what}, Kinetics-400", f"{top1} top-1, Kinetics-400"
    return _ZOO.entry("kinetics400", name, what, backbone, file_name, figure, recipe, settings)


def _clips(frames: int, *, slow_frames: int, alpha: int) -> Values:
    return two_clips(frames, 2, slow=slow_frames, alpha=alpha, sampling="linspace")


def _i3d(*, nonlocal_blocks: bool) -> Values:
    return {
        "MODEL.BACKBONE.CONV_BODY": "I3D-Resnet50",
        "MODEL.BACKBONE.I3D.CONV3_NONLOCAL": nonlocal_blocks,
        "MODEL.BACKBONE.I3D.CONV4_NONLOCAL": nonlocal_blocks,
    }


# SlowFast R101 of the AVA models: non-local blocks in the slow pathway, behind three blocks of the third stage.
_R101 = {
    **slowfast(101, 5),
    **temporal_as_r50(),
    "MODEL.BACKBONE.SLOWFAST.SLOW.CONV4_NONLOCAL": True,
    "MODEL.BACKBONE.SLOWFAST.SLOW.CONV4_NONLOCAL_BLOCKS": [6, 13, 20],
    "MODEL.NONLOCAL.POOL_SIZE": [2, 2, 2],
    "MODEL.NONLOCAL.USE_SOFTMAX": False,
    "MODEL.NONLOCAL.USE_SCALE": False,
}

ENTRIES = (
    _kinetics(
        "slowfast_r50_8x8_k400", "SlowFast R50 8x8", "slowfast_r50_8x8", "SLOWFAST_8x8_R50.pkl", 77.0,
        _clips(32, slow_frames=8, alpha=4), slowfast(50, 7),
    ),
    _kinetics(
        "slowfast_r50_4x16_k400", "SlowFast R50 4x16", "slowfast_r50_4x16", "SLOWFAST_4x16_R50.pkl", 75.6,
        _clips(32, slow_frames=4, alpha=8), slowfast(50, 5),
    ),
    _kinetics(
        "slow_r50_8x8_k400", "Slow R50 8x8", "slow_r50", "SLOWONLY_8x8_R50.pkl", 74.8, slow_clip(8, 8), slow(50)
    ),
    _kinetics(
        "slow_r50_4x16_k400", "Slow R50 4x16", "slow_r50", "SLOWONLY_4x16_R50.pkl", 72.7, slow_clip(4, 16), slow(50)
    ),
    _kinetics(
        "i3d_r50_8x8_k400", "I3D R50 8x8", "", "I3D_8x8_R50.pkl", 73.5,
        {"INPUT.FPS": 30.0, "INPUT.FRAME_NUM": 8, "INPUT.FRAME_SAMPLE_RATE": 8}, _i3d(nonlocal_blocks=False),
    ),
    _kinetics(
        "i3d_nln_r50_8x8_k400", "I3D R50 8x8 with non-local blocks", "", "I3D_NLN_8x8_R50.pkl", 74.0,
        {"INPUT.FPS": 30.0, "INPUT.FRAME_NUM": 8, "INPUT.FRAME_SAMPLE_RATE": 8}, _i3d(nonlocal_blocks=True),
    ),
    _ava(
        "slow_r50_4x16_ava22", "Slow R50 4x16, Kinetics-400, AVA v2.2", "slow_r50",
        "C2D_8x8_R50.pkl", "19.5 mAP, AVA v2.2", slow_clip(4, 16), slow(50),
    ),
    _ava(
        "slowfast_r101_8x8_ava22", "SlowFast R101 8x8, non-local blocks, Kinetics-600, AVA v2.2",
        "slowfast_r101_8x8", "SLOWFAST_32x2_R101_50_50.pkl", "29.1 mAP, AVA v2.2",
        _clips(32, slow_frames=8, alpha=4), _R101,
    ),
    _ava(
        "slowfast_r101_8x8_ava21", "SlowFast R101 8x8, non-local blocks, Kinetics-600, AVA v2.1",
        "slowfast_r101_8x8", "SLOWFAST_32x2_R101_50_50_v2.1.pkl", "28.2 mAP, AVA v2.1",
        _clips(32, slow_frames=8, alpha=4), _R101,
    ),
    _ava(
        "slowfast_r101_16x8_ava22", "SlowFast R101 16x8, non-local blocks, Kinetics-600, AVA v2.2",
        "slowfast_r101_8x8", "SLOWFAST_64x2_R101_50_50.pkl", "29.4 mAP, AVA v2.2",
        _clips(64, slow_frames=16, alpha=4), _R101,
    ),
)  # fmt: skip
