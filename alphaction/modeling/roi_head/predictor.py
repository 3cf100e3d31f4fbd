"""From a person's feature to one logit for each action class.

Axes: N persons, C classes.
"""

from __future__ import annotations

from torch import Tensor, nn
from yacs.config import CfgNode

from alphaction.modeling.registries import PREDICTORS


@PREDICTORS.register("FCPredictor")
class FCPredictor(nn.Module):
    """Dropout and one linear layer.

    Args:
        dim_in: width of the features.
        num_classes: C.
        dropout: probability.
    """

    def __init__(self, dim_in: int, num_classes: int, dropout: float = 0.0) -> None:
        super().__init__()
        # Not in place: its input is the output of a ReLU, which that layer's backward pass reads again.
        self.dropout = nn.Dropout(dropout)
        self.cls_score = nn.Linear(dim_in, num_classes)
        nn.init.normal_(self.cls_score.weight, std=0.01)
        nn.init.zeros_(self.cls_score.bias)

    @classmethod
    def from_config(cls, cfg: CfgNode, dim_in: int, num_classes: int) -> FCPredictor:
        """Build what MODEL.ROI_ACTION_HEAD describes."""
        return cls(dim_in, num_classes, cfg.MODEL.ROI_ACTION_HEAD.DROPOUT_RATE)

    def forward(self, features: Tensor) -> Tensor:
        """Map [N, dim_in] to logits [N, C]."""
        return self.cls_score(self.dropout(features))
