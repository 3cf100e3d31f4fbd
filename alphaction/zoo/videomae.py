"""VideoMAE, its detectors (VideoMAE-Action-Detection), and VideoMAE v2's distilled networks.

Figures and links: the MODEL_ZOO.md of each repository. Files on Google Drive are for browsers: the host asks before it
sends a large one, and their names there are not public, so that those below are ours. No detector of ViT-L and ViT-H is
public (their mAPs on AVA v2.2 are 34.3 and 36.5, with labels 37.0 and 39.5).
"""

from __future__ import annotations

from functools import partial

from alphaction.zoo.entry import PublicWeights
from alphaction.zoo.facts import ALPHACTION, IMAGENET, clip, head

_DRIVE = "https://drive.google.com/file/d"
_HUB = "https://huggingface.co"
_BODIES = {"s": "ViT-Small", "b": "ViT-Base", "l": "ViT-Large", "h": "ViT-Huge"}
_KINETICS = clip(16, 4) | IMAGENET
_entry = partial(PublicWeights, source="videomae", license="CC-BY-NC-4.0", commercial=False)


def _network(size: str) -> dict[str, str]:
    return {"MODEL.BACKBONE.CONV_BODY": _BODIES[size]}


def _backbone(size: str) -> str:
    return f"vit_{size}" if size != "h" else ""


def _labeled(labeled: bool) -> str:
    return "Kinetics-400" if labeled else "Kinetics-400 without labels"


def _hugging_face(size: str, repository: str, file: str, megabytes: int, *, labeled: bool) -> PublicWeights:
    ending = file.rpartition(".")[2]
    return _entry(
        name=f"vit_{size}_videomae_k400" if labeled else f"vit_{size}_videomae_unlabeled",
        what=f"ViT-{size.upper()}, {_labeled(labeled)} (VideoMAE, Hugging Face's file)",
        kind="backbone",
        backbone=_backbone(size),
        page=f"{_HUB}/MCG-NJU/{repository}",
        file_name=f"{repository}.{ending}",
        url=f"{_HUB}/MCG-NJU/{repository}/resolve/main/{file}",
        size=megabytes * 10**6,
        pretrained_without_labels=not labeled,
        recipe=_KINETICS,
        settings=_network(size),
    )


def _drive(size: str, file_id: str, top1: str, *, labeled: bool) -> PublicWeights:
    name = f"vit_{size}_videomae_k400" if labeled else f"vit_{size}_videomae_unlabeled"
    return _entry(
        name=f"{name}_drive",
        what=f"ViT-{size.upper()}, {_labeled(labeled)} (VideoMAE, its own file)",
        kind="backbone",
        backbone=_backbone(size),
        page=f"{_DRIVE}/{file_id}/view",
        file_name=f"{name}.pth",
        url="",
        figure=f"{top1} top-1, Kinetics-400" if labeled else "",
        pretrained_without_labels=not labeled,
        recipe=_KINETICS,
        settings=_network(size),
    )


def _detector(size: str, file_id: str, mean_ap: float, *, labeled: bool) -> PublicWeights:
    name = f"vit_{size}_videomae_ava22" if labeled else f"vit_{size}_videomae_unlabeled_ava22"
    return _entry(
        name=name,
        what=f"ViT-{size.upper()}, {_labeled(labeled)}, AVA v2.2 (VideoMAE-Action-Detection)",
        kind="detector",
        backbone=_backbone(size),
        page=f"{_DRIVE}/{file_id}/view",
        file_name=f"{name}.pth",
        url="",
        figure=f"{mean_ap} mAP, AVA v2.2",
        recipe=clip(16, 4, fps=25.0, offset=1) | ALPHACTION,
        settings=_network(size) | head(enlarged=True),
    )


def _distilled(size: str, top1: float) -> PublicWeights:
    file_name = f"vit_{size}_k710_dl_from_giant.pth"
    return PublicWeights(
        name=f"vit_{size}_videomae2_k710",
        what=f"ViT-{size.upper()}, distilled from ViT-g, Kinetics-710 (VideoMAE v2)",
        kind="backbone",
        source="videomae",
        backbone=_backbone(size),
        page="https://github.com/OpenGVLab/VideoMAEv2/blob/master/docs/MODEL_ZOO.md",
        file_name=file_name,
        url=f"{_HUB}/OpenGVLab/VideoMAE2/resolve/main/distill/{file_name}",
        license="MIT",
        license_note=(
            "That is the license of the repository; pages of OpenGVLab at Hugging Face name others (Apache-2.0, "
            "CC-BY-NC-4.0): ask before commercial use."
        ),
        figure=f"{top1} top-1, Kinetics-710",
        recipe=_KINETICS,
        settings=_network(size),
    )


ENTRIES = (
    _hugging_face("s", "videomae-small-finetuned-kinetics", "pytorch_model.bin", 88, labeled=True),
    _hugging_face("b", "videomae-base-finetuned-kinetics", "model.safetensors", 346, labeled=True),
    _hugging_face("l", "videomae-large-finetuned-kinetics", "model.safetensors", 1220, labeled=True),
    _hugging_face("h", "videomae-huge-finetuned-kinetics", "pytorch_model.bin", 2530, labeled=True),
    _hugging_face("b", "videomae-base", "model.safetensors", 377, labeled=False),
    _hugging_face("l", "videomae-large", "model.safetensors", 1370, labeled=False),
    _drive("s", "1ygjLRm1kvs9mwGsP3lLxUExhRo6TWnrx", "79.0", labeled=True),
    _drive("b", "1MzwteHH-1yuMnFb8vRBQDvngV1Zl-d3z", "81.5", labeled=True),
    _drive("l", "1jX1CiqxSkCfc94y8FRW1YGHy-GNvHCuD", "85.2", labeled=True),
    _drive("h", "104ouJZxSVPSAm0LwJXd6IzjdA_RGLqZi", "86.6", labeled=True),
    _drive("s", "1nU-H1u3eJ-VuyCveU7v-WIOcAVxs5Hww", "", labeled=False),
    _drive("b", "1tEhLyskjb755TJ65ptsrafUG2llSwQE1", "", labeled=False),
    _drive("l", "1qLOXWb_MGEvaI7tvuAe94CV7S2HXRwT3", "", labeled=False),
    _drive("h", "1AJQR1Rsi2N1pDn9tLyJ8DQrUREiBA1bO", "", labeled=False),
    _detector("s", "1gFJ8NnPPinpDO_caBg4CXR6fTDPOCVw_", 22.5, labeled=False),
    _detector("s", "1b9Lp64IF8vjhh19mjDdyoSSiZk6cFfKb", 28.4, labeled=True),
    _detector("b", "19OG6aW-JKYtcgNiBLE4VXD6oAKAfklCB", 26.7, labeled=False),
    _detector("b", "1-YgaSSM9xWc4V_HjVG-FH0LMA6KV-Qdh", 31.8, labeled=True),
    _distilled("s", 77.6),
    _distilled("b", 81.5),
)
