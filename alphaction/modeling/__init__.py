"""The network: backbones, the ROI action head, interaction structures, and the detector that they make up."""

from alphaction.modeling import network_rules  # noqa: F401  adds its rules to those that validate_cfg checks
from alphaction.modeling.detector import DetectionModel, build_detection_model
from alphaction.modeling.optimize import optimize_for_inference

__all__ = ["DetectionModel", "build_detection_model", "optimize_for_inference"]
