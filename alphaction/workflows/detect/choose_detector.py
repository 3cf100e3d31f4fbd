"""Which detector the options mean, what makes two runs the same, and the detector itself."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from alphaction.utils.errors import UserError
from alphaction.utils.files import require_file
from alphaction.workflows.detect.detected_boxes import Detector, Wanted
from alphaction.workflows.detect.detector_flags import DETECT_PERSONS, DetectorFlags
from alphaction.workflows.detect.detector_options import (
    AUTO,
    DEFAULT_SHORT_SIDE,
    MOTION,
    ONNX,
    TORCHVISION,
    TRANSFORMERS,
    DetectorOptions,
)
from alphaction.workflows.detect.detector_weights import DEFAULT_MODEL, file_identity
from alphaction.workflows.detect.motion_detector import WHAT_IT_IS, MotionDetector
from alphaction.workflows.detect.onnx_model.detector import OnnxDetector
from alphaction.workflows.detect.person_detector import PersonDetector
from alphaction.workflows.detect.transformers_detector import TransformersDetector, find_model

logger = logging.getLogger(__name__)

_NAMED_BY = {ONNX: "--onnx FILE", TRANSFORMERS: "--hf-model NAME"}


def detector_kind(options: DetectorOptions, flags: DetectorFlags = DETECT_PERSONS) -> str:
    """Return whose detector the options mean: "torchvision", "onnx", "transformers" or "motion".

    Raises:
        UserError: flags contradict each other, or what the detector needs is not given.
    """
    given = {
        TORCHVISION: {flags.model: options.model, flags.weights: options.weights, flags.short_side: options.short_side},
        ONNX: {
            "--onnx": options.onnx,
            "--onnx-layout": options.onnx_layout,
            "--onnx-pixels": options.onnx_pixels,
            "--onnx-size": options.onnx_size,
        },
        TRANSFORMERS: {"--hf-model": options.hf_model},
        MOTION: {},
    }
    named = {
        kind: next((f"{flag} {value}" for flag, value in values.items() if value is not None), None)
        for kind, values in given.items()
    }
    kinds = [kind for kind, flag in named.items() if flag is not None]
    kind = options.detector
    if kind == AUTO:
        if len(kinds) > 1:
            raise UserError(f"{named[kinds[0]]} and {named[kinds[1]]} belong to different detectors: give one of them")
        kind = kinds[0] if kinds else TORCHVISION
    elif other := next((other for other in kinds if other != kind), None):
        raise UserError(f"{flags.kind} {kind} and {named[other]} contradict each other: give one of them")
    if (kind == ONNX and options.onnx is None) or (kind == TRANSFORMERS and options.hf_model is None):
        raise UserError(f"{named[kind] or f'{flags.kind} {kind}'} needs {_NAMED_BY[kind]}, the model")
    if not options.every_class and not options.persons:
        raise UserError("--no-persons needs --every-class: without other classes nothing is left to detect")
    # predict_video.py asks for every class where a network uses objects, of which there are none then.
    if kind == MOTION and options.every_class and (flags is DETECT_PERSONS or not options.persons):
        raise UserError(f"{flags.kind} motion knows no classes, only that something moves: leave --every-class out")
    return kind


def make_detector(options: DetectorOptions, flags: DetectorFlags = DETECT_PERSONS) -> Detector:
    """Return the detector that the options mean, and say which one it is and why.

    Args:
        options: how to detect.
        flags: what the command calls these choices, for messages.

    Raises:
        UserError: for what a user can correct.
    """
    kind = detector_kind(options, flags)
    chosen = f"by {flags.kind}" if options.detector != AUTO else "given"
    wanted = Wanted(options.score, options.every_class, options.persons, options.max_per_frame)
    if kind == ONNX:
        logger.info("Detector: --onnx %s (%s), run by onnxruntime", options.onnx, chosen)
        return OnnxDetector.from_file(
            options.onnx,
            wanted,
            layout=options.onnx_layout,
            pixels=options.onnx_pixels,
            size=options.onnx_size,
            person_class=options.person_class,
            device=options.device,
            flags=flags,
        )
    if kind == TRANSFORMERS:
        logger.info("Detector: --hf-model %s (%s), run by transformers", options.hf_model, chosen)
        return TransformersDetector.from_pretrained(
            options.hf_model, wanted, person_class=options.person_class, device=options.device, flags=flags
        )
    if kind == MOTION:
        logger.info("Detector: %s motion: %s", flags.kind, WHAT_IT_IS)
        return MotionDetector(wanted)
    model = options.model or DEFAULT_MODEL
    why = "asked for" if options.model or options.detector != AUTO else "no --onnx FILE and no --hf-model NAME is given"
    logger.info("Detector: torchvision's %s, %s (%s)", model, options.weights or "COCO weights", why)
    return PersonDetector.from_torchvision(
        weights=options.weights,
        device=options.device,
        score=options.score,
        every_class=options.every_class,
        persons=options.persons,
        model=model,
        short_side=options.short_side or DEFAULT_SHORT_SIDE,
        max_per_frame=options.max_per_frame,
        person_class=options.person_class,
        flags=flags,
    )


def recorded(options: DetectorOptions, flags: DetectorFlags = DETECT_PERSONS) -> dict[str, Any]:
    """Return what the boxes depend on, which keeps unfinished runs apart.

    Raises:
        UserError: flags contradict each other, or a file does not exist.
    """
    kind = detector_kind(options, flags)
    values: dict[str, Any] = {
        "score": options.score,
        "every_class": options.every_class,
        "persons": options.persons,
        "max_per_frame": options.max_per_frame,
    }
    if options.person_class is not None:
        values["person_class"] = options.person_class
    if kind == ONNX:
        require_file("--onnx", options.onnx, (".onnx",))
        # Weights of more than 2 GB, and those of PyTorch's newer exporter, lie beside the file.
        beside = [options.onnx.with_name(options.onnx.name + end) for end in (".data", "_data")]
        return values | {
            "onnx": _files_identity([options.onnx, *beside]),
            "onnx_layout": options.onnx_layout,
            "onnx_pixels": options.onnx_pixels,
            "onnx_size": options.onnx_size,
        }
    if kind == TRANSFORMERS:
        folder = find_model(options.hf_model)
        if isinstance(folder, str):
            return values | {"hf_model": folder}
        files = sorted(file for file in folder.iterdir() if file.suffix in (".json", ".safetensors"))
        return values | {"hf_model": _files_identity(files)}
    if kind == MOTION:
        return values | {"detector": MOTION}
    model = options.model or DEFAULT_MODEL
    return values | {
        "model": model,
        "short_side": options.short_side or DEFAULT_SHORT_SIDE,
        "weights": file_identity(model, options.weights),
    }


def _files_identity(files: Iterable[Path]) -> str:
    """Return names, sizes and times of change of the files that exist: two runs of the same have the same."""
    found = [(file.name, os.stat(file)) for file in files if file.is_file()]
    return "; ".join(f"{name}, {stat.st_size} bytes, modified {stat.st_mtime_ns}" for name, stat in found)
