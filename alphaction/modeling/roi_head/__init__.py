"""The ROI action head."""

from alphaction.modeling.roi_head.action_head import ActionHead
from alphaction.modeling.roi_head.feature_extractor import MaxpoolFeatureExtractor, TwoLayerFeatureExtractor
from alphaction.modeling.roi_head.losses import ActionLoss
from alphaction.modeling.roi_head.pooling import BoxPooler
from alphaction.modeling.roi_head.predictor import FCPredictor

__all__ = [
    "ActionHead",
    "ActionLoss",
    "BoxPooler",
    "FCPredictor",
    "MaxpoolFeatureExtractor",
    "TwoLayerFeatureExtractor",
]
