"""The ROI action head: pooling, feature extractor, predictor and loss.

Axes: B clips, C channels of a pathway or classes, T frames, H and W rows and columns, N persons, D pooled channels.
"""

from __future__ import annotations

from torch import Tensor, nn
from yacs.config import CfgNode

from alphaction.modeling.interaction import InteractionInputs, InteractionStructure
from alphaction.modeling.registries import FEATURE_EXTRACTORS, PREDICTORS
from alphaction.modeling.roi_head.losses import ActionLoss
from alphaction.modeling.roi_head.pooling import BoxPooler


class ActionHead(nn.Module):
    """Classifies the actions of persons in boxes.

    Args:
        pooler: maps feature maps and boxes to pooled features [N, D].
        feature_extractor: maps :class:`InteractionInputs` to [N, dim_out].
        predictor: maps [N, dim_out] to logits [N, C].
        loss: of the logits; also turns them into probabilities.
    """

    def __init__(self, pooler: BoxPooler, feature_extractor: nn.Module, predictor: nn.Module, loss: ActionLoss) -> None:
        super().__init__()
        self.pooler = pooler
        self.feature_extractor = feature_extractor
        self.predictor = predictor
        self.loss = loss

    @classmethod
    def from_config(cls, cfg: CfgNode, dim_in: int, stride: int = 16) -> ActionHead:
        """Build what MODEL.ROI_ACTION_HEAD describes.

        Args:
            dim_in: channels of the backbone's features, both pathways together.
            stride: its pixels per feature cell.
        """
        head = cfg.MODEL.ROI_ACTION_HEAD
        feature_extractor = FEATURE_EXTRACTORS.get(head.FEATURE_EXTRACTOR).from_config(cfg, dim_in)
        loss = ActionLoss.from_config(cfg)
        predictor = PREDICTORS.get(head.PREDICTOR).from_config(cfg, feature_extractor.dim_out, loss.num_classes)
        return cls(BoxPooler.from_config(cfg, stride), feature_extractor, predictor, loss)

    @property
    def ia_structure(self) -> InteractionStructure | None:
        """The interaction structure, if there is one."""
        return self.feature_extractor.ia_structure

    def forward(self, inputs: InteractionInputs) -> Tensor:
        """Return logits [N, C] of the pooled persons."""
        return self.predictor(self.feature_extractor(inputs))
