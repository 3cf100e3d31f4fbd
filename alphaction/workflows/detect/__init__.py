"""Boxes of persons on keyframes: torchvision's Faster R-CNN, or the files of any other detector."""

from alphaction.workflows.detect.person_detector import DetectedBoxes, PersonDetector

__all__ = ["DetectedBoxes", "PersonDetector"]
