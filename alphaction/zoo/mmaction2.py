"""MMAction2 1.x: its AVA detectors. Figures and links: the metafile.yml of each folder of its configs/detection.

Not here, as no network of this project is theirs: those with context, ACRN, LFB and its kind of non-local blocks.
"""

from __future__ import annotations

from alphaction.utils.licenses import MMACTION2_VIT
from alphaction.zoo.entry import PublicWeights, hash_in_name
from alphaction.zoo.facts import IMAGENET, Values, clip, head, slow, slow_clip, slowfast, two_clips

_FILES = "https://download.openmmlab.com/mmaction/v1.0/detection"
_PAGE = "https://github.com/open-mmlab/mmaction2/tree/main/configs/detection"
_FROM_VIDEOMAE = (
    "MMAction2 says Apache-2.0, but these weights were trained from VideoMAE's, which are CC-BY-NC-4.0: ask before any "
    "commercial use."
)


def _detector(
    name: str,
    what: str,
    config: str,
    ending: str,
    figure: str,
    recipe: Values,
    settings: Values,
    *,
    backbone: str,
    time: str = "mean",
    folder: str = "slowfast",
) -> PublicWeights:
    """Return an entry; ``config`` is its whole name at MMAction2, ``ending`` the date and hash of the file."""
    file_name = f"{config}_{ending}.pth"
    nonfree = folder == "videomae"
    return PublicWeights(
        name=f"{name}_mmaction2",
        what=f"{what} (MMAction2)",
        kind="detector",
        source="mmaction2",
        backbone=backbone,
        page=f"{_PAGE}/{folder}",
        file_name=file_name,
        url=f"{_FILES}/{folder}/{config}/{file_name}",
        license=MMACTION2_VIT if nonfree else "Apache-2.0",
        commercial=not nonfree,
        license_note=_FROM_VIDEOMAE if nonfree else "",
        hash_prefix=hash_in_name(file_name),
        figure=figure,
        recipe=recipe | IMAGENET,
        settings=settings | head(resolution=8, aligned=True, time=time),
    )


def _r50(kernel: int) -> Values:
    return slowfast(50, kernel, lateral="tconv_no_bias", dilation=1)


_4X16 = two_clips(32, 2, slow=4, alpha=8, sampling="first")
_8X8 = two_clips(32, 2, slow=8, alpha=4, sampling="first")

ENTRIES = (
    _detector(
        "slowfast_r50_4x16_ava21", "SlowFast R50 4x16, Kinetics-400, AVA v2.1",
        "slowfast_kinetics400-pretrained-r50_8xb16-4x16x1-20e_ava21-rgb", "20220906-5180ea3c", "24.32 mAP, AVA v2.1",
        _4X16, _r50(5), backbone="slowfast_r50_4x16",
    ),
    _detector(
        "slowfast_r50_8x8_ava21", "SlowFast R50 8x8, Kinetics-400, AVA v2.1",
        "slowfast_kinetics400-pretrained-r50_8xb8-8x8x1-20e_ava21-rgb", "20220906-39133ec7", "25.80 mAP, AVA v2.1",
        _8X8, _r50(7), backbone="slowfast_r50_8x8",
    ),
    _detector(
        "slowfast_r50_8x8_ava22", "SlowFast R50 8x8, Kinetics-400, AVA v2.2",
        "slowfast_kinetics400-pretrained-r50_8xb6-8x8x1-cosine-10e_ava22-rgb", "20220906-d934a48f",
        "25.90 mAP, AVA v2.2", _8X8, _r50(7), backbone="slowfast_r50_8x8",
    ),
    _detector(
        "slowfast_r50_8x8_tmax_ava22", "SlowFast R50 8x8, maximum over time, Kinetics-400, AVA v2.2",
        "slowfast_kinetics400-pretrained-r50-temporal-max_8xb6-8x8x1-cosine-10e_ava22-rgb", "20220906-13a9078e",
        "26.41 mAP, AVA v2.2", _8X8, _r50(7), backbone="slowfast_r50_8x8", time="max",
    ),
    _detector(
        "slowfast_r50_8x8_focal_ava22", "SlowFast R50 8x8, maximum over time, focal loss, Kinetics-400, AVA v2.2",
        "slowfast_r50-k400-pre-temporal-max-focal-alpha3-gamma1_8xb6-8x8x1-cosine-10e_ava22-rgb", "20220906-dd59e26f",
        "26.65 mAP, AVA v2.2", _8X8, _r50(7), backbone="slowfast_r50_8x8", time="max",
    ),
    _detector(
        "slow_r50_4x16_ava21", "Slow R50 4x16, Kinetics-400, AVA v2.1",
        "slowonly_kinetics400-pretrained-r50_8xb16-4x16x1-20e_ava21-rgb", "20220906-953ef5fe", "20.72 mAP, AVA v2.1",
        slow_clip(4, 16), slow(50, dilation=1), backbone="slow_r50", folder="slowonly",
    ),
    _detector(
        "slow_r50_4x16_k700_ava21", "Slow R50 4x16, Kinetics-700, AVA v2.1",
        "slowonly_kinetics700-pretrained-r50_8xb16-4x16x1-20e_ava21-rgb", "20220906-b3b6d44e", "22.77 mAP, AVA v2.1",
        slow_clip(4, 16), slow(50, dilation=1), backbone="slow_r50", folder="slowonly",
    ),
    _detector(
        "slow_r101_8x8_ava21", "Slow R101 8x8, Kinetics-400, AVA v2.1",
        "slowonly_kinetics400-pretrained-r101_8xb16-8x8x1-20e_ava21-rgb", "20220906-43f16877", "24.83 mAP, AVA v2.1",
        slow_clip(8, 8), slow(101, dilation=1), backbone="slow_r101", folder="slowonly",
    ),
    _detector(
        "slow_r50_8x8_ava_kinetics", "Slow R50 8x8, Kinetics-700, AVA-Kinetics",
        "slowonly_k700-pre-r50_8xb8-8x8x1-10e_ava-kinetics-rgb", "20221205-16a01c37", "27.82 mAP, AVA-Kinetics",
        slow_clip(8, 8), slow(50, dilation=1), backbone="slow_r50", folder="slowonly",
    ),
    _detector(
        "vit_b_ava_kinetics", "ViT-B of VideoMAE, Kinetics-400, AVA-Kinetics",
        "vit-base-p16_videomae-k400-pre_8xb8-16x4x1-20e-adamw_ava-kinetics-rgb", "20230314-3dafab75",
        "33.6 mAP, AVA v2.2", clip(16, 4), {"MODEL.BACKBONE.CONV_BODY": "ViT-Base"}, backbone="vit_b",
        folder="videomae",
    ),
    _detector(
        "vit_l_ava_kinetics", "ViT-L of VideoMAE, Kinetics-400, AVA-Kinetics",
        "vit-large-p16_videomae-k400-pre_8xb8-16x4x1-20e-adamw_ava-kinetics-rgb", "20230314-bf93c9ea",
        "38.7 mAP, AVA v2.2", clip(16, 4), {"MODEL.BACKBONE.CONV_BODY": "ViT-Large"}, backbone="vit_l",
        folder="videomae",
    ),
)  # fmt: skip
