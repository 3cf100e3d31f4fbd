"""What the commands that run a person detector call its choices: a message must name flags that its command has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DetectorFlags:
    """The words of one command.

    Attributes:
        weights: flag of the file of weights.
        model: flag of the network.
        device: flag or key of the device.
        instead: a sentence on how the command takes the boxes of another detector.
    """

    weights: str
    model: str
    device: str
    instead: str


DETECT_PERSONS = DetectorFlags(
    weights="--weights",
    model="--model",
    device="--device",
    instead="Boxes of any other detector (YOLO, ...) are taken with --import FILE --from coco|yolo|mot|csv.",
)
PREDICT_VIDEO = DetectorFlags(
    weights="--detector-weights",
    model="--detector",
    device="MODEL.DEVICE",
    instead="Boxes of any other detector are taken with --detections FILE in place of --detector: csv rows video, "
    "second, x1, y1, x2, y2, score in fractions of the frame.",
)
