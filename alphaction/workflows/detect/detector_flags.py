"""What the commands that run a person detector call its choices: a message must name flags that its command has."""

from __future__ import annotations

from dataclasses import dataclass

_FIRST_LOOK = (
    "For a first look at videos of a fixed camera, --detector motion needs no weights: it proposes whatever moves."
)


@dataclass(frozen=True)
class DetectorFlags:
    """The words of one command.

    Attributes:
        kind: flag of whose detector it is.
        weights: flag of the file of weights.
        model: flag of the network.
        short_side: flag of the size of the frames, "" if the command has none.
        device: flag or key of the device.
        instead: a sentence on how the command takes the boxes of another detector.
    """

    kind: str
    weights: str
    model: str
    short_side: str
    device: str
    instead: str


DETECT_PERSONS = DetectorFlags(
    kind="--detector",
    weights="--weights",
    model="--model",
    short_side="--short-side",
    device="--device",
    instead="Another detector is taken with --onnx FILE (YOLO, ...) or --hf-model FOLDER (RT-DETR, ...). Boxes "
    "that any other program found are taken with --import FILE --from coco|yolo|mot|csv. " + _FIRST_LOOK,
)
PREDICT_VIDEO = DetectorFlags(
    kind="--detector",
    weights="--detector-weights",
    model="--detector",
    short_side="",
    device="MODEL.DEVICE",
    instead="Another detector is taken with --onnx FILE (YOLO, ...) or --hf-model FOLDER (RT-DETR, ...). Boxes "
    "that any other program found are taken with --detections FILE in place of --detector: csv rows video, second, "
    "x1, y1, x2, y2, score in fractions of the frame. " + _FIRST_LOOK,
)
