"""Boxes of persons on keyframes: torchvision's Faster R-CNN, or the files of any other detector."""

from alphaction.person_detection.person_detector import DetectedBoxes, PersonDetector

__all__ = ["DetectedBoxes", "PersonDetector"]
