"""The settings of the heads and inputs that all public detectors share, whatever their network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from alphaction.checkpoint.foreign.converted import Setting
from alphaction.utils.messages import counted

HEAD = "MODEL.ROI_ACTION_HEAD"
ALIGNED = f"{HEAD}.POOLER_ALIGNED"
TIME_POOLING = f"{HEAD}.TIME_POOLING"
AVA_CLASSES = 80
AVA_GROUPS = (14, 49, 17)


def describe(title: str, clip: str, classes: int) -> str:
    """Return a network in words: "SlowFast R50 8x8 detector, 80 classes", "ViT-B backbone".

    Args:
        title: of the network.
        clip: frames and rate as people call them; "" if nothing tells them.
        classes: of a detector; 0 for a backbone.
    """
    kind = f"detector, {counted(classes, 'class', 'classes')}" if classes else "backbone"
    return " ".join(filter(None, (title, clip, kind)))


def class_settings(classes: int, why: str, *, one_group: bool = False) -> dict[str, Setting]:
    """Return the numbers of classes: AVA's three groups for 80 of them, else a single group.

    Args:
        classes: rows of the classifier, without a background.
        why: where that was read, for people.
        one_group: a single group whatever their number, as a softmax over all of them needs.
    """
    groups = AVA_GROUPS if classes == AVA_CLASSES and not one_group else (classes, 0, 0)
    names = ("PERSON_MOVEMENT", "OBJECT_MANIPULATION", "PERSON_INTERACTION")
    numbers = {f"{HEAD}.NUM_CLASSES": classes}
    numbers |= {f"{HEAD}.NUM_{name}_CLASSES": size for name, size in zip(names, groups, strict=True)}
    return {key: Setting(value, "head", why) for key, value in numbers.items()}


def detector_settings(
    classes: int,
    *,
    resolution: int,
    why: str,
    aligned: bool | None = None,
    aligned_why: str = "",
    time_pooling: Literal["mean", "max"] | None = "mean",
    time_pooling_why: str = "",
    box_growth: Sequence[float] = (0.0, 0.0),
    clip_offset: int = 0,
) -> dict[str, Setting]:
    """Return every setting of the part "head" that a public detector's classifier was trained with.

    Args:
        classes: rows of the classifier, without a background.
        resolution: bins of ROIAlign along each side.
        why: where all this was read, for people: "PySlowFast's detectors", "the file's cfg".
        aligned: of ROIAlign; None: the caller asks.
        aligned_why: where that was read; "": as ``why``.
        time_pooling: None: the caller asks.
        time_pooling_why: where that was read; "": as ``why``.
        box_growth: how much boxes grow before pooling, TEST.EXTEND_SCALE.
        clip_offset: frames by which clips lie later, INPUT.CLIP_OFFSET.
    """
    found: dict[str, Setting] = class_settings(classes, "the classifier's rows")
    values = {
        f"{HEAD}.FEATURE_EXTRACTOR": "MaxpoolFeatureExtractor",
        f"{HEAD}.PREDICTOR": "FCPredictor",
        f"{HEAD}.POOLER_TYPE": "align3d",
        f"{HEAD}.POOLER_RESOLUTION": resolution,
        f"{HEAD}.POOLER_SAMPLING_RATIO": 0,
        f"{HEAD}.MEAN_BEFORE_POOLER": True,
        f"{HEAD}.EXCLUSIVE_MOVEMENT": False,
        "MODEL.IA_STRUCTURE.ACTIVE": False,
        "TEST.EXTEND_SCALE": tuple(box_growth),
        "INPUT.CLIP_OFFSET": clip_offset,
    }
    found |= {key: Setting(value, "head", why) for key, value in values.items()}
    if aligned is not None:
        found[ALIGNED] = Setting(aligned, "head", aligned_why or why)
    if time_pooling is not None:
        found[TIME_POOLING] = Setting(time_pooling, "head", time_pooling_why or why)
    return found


def pixel_settings(
    mean: Sequence[float], std: Sequence[float], why: str, *, to_bgr: bool = False, unit: float = 1.0
) -> dict[str, Setting]:
    """Return the normalization of pixels, part "input".

    Args:
        mean, std: of the three channels in the order R, G, B.
        why: where they were read, for people.
        to_bgr: whether the network sees blue first.
        unit: gray levels that 1 of ``mean`` and ``std`` is: 255 where pixels were divided by 255 first.
    """
    values = {
        "INPUT.PIXEL_MEAN": [round(value * unit, 6) for value in mean],
        "INPUT.PIXEL_STD": [round(value * unit, 6) for value in std],
        "INPUT.TO_BGR": to_bgr,
    }
    return {key: Setting(value, "input", why) for key, value in values.items()}
