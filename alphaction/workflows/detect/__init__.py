"""Boxes of persons on keyframes: by torchvision, an ONNX file or transformers, or the files of any other detector."""

from alphaction.workflows.detect.detected_boxes import DetectedBoxes, Detector
from alphaction.workflows.detect.person_detector import PersonDetector

__all__ = ["DetectedBoxes", "Detector", "PersonDetector"]
