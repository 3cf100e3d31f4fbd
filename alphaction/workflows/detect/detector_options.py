"""The options of a person detector, which are flags of ``tools/detect_persons.py`` and ``tools/predict_video.py``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alphaction.config.keys import KEYS
from alphaction.utils.numbers import FRACTION, POSITIVE, whole
from alphaction.utils.options import option
from alphaction.workflows.detect.detector_weights import DEFAULT_MODEL, MODELS
from alphaction.workflows.detect.onnx_model.build import LAYOUTS
from alphaction.workflows.detect.onnx_model.prepare import PIXELS

DEVICES = tuple(KEYS["MODEL.DEVICE"].choices)
DEFAULT_SHORT_SIDE = 800
AUTO, TORCHVISION, ONNX, TRANSFORMERS, MOTION = KINDS = ("auto", "torchvision", "onnx", "transformers", "motion")
_GROUP = "detecting"
_OTHER = "detectors of other libraries"


@dataclass(frozen=True, kw_only=True)
class OtherDetectorOptions:
    """Which detector runs if not torchvision's, in every command that runs one."""

    onnx: Path | None = option(
        None,
        metavar="FILE",
        help="an ONNX file of a detector (YOLO, torchvision, RT-DETR, ...); needs onnxruntime",
        group=_OTHER,
    )
    onnx_layout: str | None = option(
        None,
        choices=LAYOUTS,
        metavar="L",
        help=f"what its outputs mean, if the file does not tell: {', '.join(LAYOUTS)}",
        group=_OTHER,
    )
    onnx_pixels: str | None = option(
        None,
        choices=PIXELS,
        metavar="P",
        help="values that it takes, if the file does not tell: 0-1, 0-255 or imagenet (mean and deviation)",
        group=_OTHER,
    )
    onnx_size: int | None = option(
        None,
        within=whole(32, 8192),
        metavar="P",
        help="long side of the frames for a file of no fixed size (default: what it says, else 640)",
        group=_OTHER,
    )
    hf_model: str | None = option(
        None,
        metavar="NAME",
        help="a detector of transformers (RT-DETR, RF-DETR, D-FINE, DETR, ...): folder, or name on huggingface.co",
        group=_OTHER,
    )
    person_class: str | None = option(
        None, metavar="C", help='name or number of the class that is a person (default: "person")', group=_OTHER
    )


@dataclass(frozen=True)
class DetectorOptions(OtherDetectorOptions):
    """How to detect; each field is the flag of the same name."""

    detector: str = option(
        AUTO,
        choices=KINDS,
        help="auto takes what is given: --onnx, --hf-model, else torchvision's --model; motion proposes what moves "
        "before a fixed camera, for a first look without weights (default: %(default)s)",
        group=_GROUP,
    )
    model: str | None = option(None, choices=sorted(MODELS), help=f"default: {DEFAULT_MODEL}", group=_GROUP)
    weights: Path | None = option(
        None, metavar="FILE", help="state dict of the model, any classes (default: COCO weights)", group=_GROUP
    )
    device: str = option("auto", choices=DEVICES, help="default: %(default)s", group=_GROUP)
    score: float = option(0.5, within=FRACTION, metavar="S", help="keep scores from S on (default: 0.5; import: 0)")
    every_class: bool = option(False, help="boxes of every class, not only of persons")
    persons: bool = option(True, help="with --every-class: leave persons out", group=_GROUP)
    short_side: int | None = option(
        None,
        within=POSITIVE,
        metavar="P",
        help=f"frames are resized to it for torchvision's models (default: {DEFAULT_SHORT_SIDE})",
        group=_GROUP,
    )
    max_per_frame: int = option(100, within=POSITIVE, metavar="K", help="default: %(default)s")
    batch_size: int = option(4, within=POSITIVE, metavar="B", help="frames (default: %(default)s)", group=_GROUP)
