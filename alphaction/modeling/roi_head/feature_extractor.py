"""From the pooled vectors of persons and objects to the vector that each person is classified by.

Axes: N persons, D channels of a pooled feature.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from yacs.config import CfgNode

from alphaction.layers import Linear
from alphaction.modeling.interaction import InteractionInputs, InteractionStructure, build_interaction_structure
from alphaction.modeling.registries import FEATURE_EXTRACTORS, FUSIONS
from alphaction.utils.errors import UserError


@FUSIONS.register("add")
class AddFusion:
    """The pooled feature plus what the structure found."""

    @staticmethod
    def width(dim_in: int, dim_found: int) -> int:
        """Return the width of the result; a :class:`UserError` if the two cannot be added."""
        if dim_found != dim_in:
            raise UserError(
                f"MODEL.IA_STRUCTURE.FUSION add needs DIM_OUT equal to the width of the pooled features, but they are "
                f"{dim_found} and {dim_in}. Set DIM_OUT to {dim_in}, or FUSION to concat."
            )
        return dim_in

    @staticmethod
    def fuse(persons: Tensor, found: Tensor) -> Tensor:
        """Return [N, width]."""
        return persons + found


@FUSIONS.register("concat")
class ConcatFusion:
    """The pooled feature, followed by what the structure found."""

    @staticmethod
    def width(dim_in: int, dim_found: int) -> int:
        """Return the width of the result."""
        return dim_in + dim_found

    @staticmethod
    def fuse(persons: Tensor, found: Tensor) -> Tensor:
        """Return [N, width]."""
        return torch.cat([persons, found], dim=1)


@FEATURE_EXTRACTORS.register("MaxpoolFeatureExtractor")
class MaxpoolFeatureExtractor(nn.Module):
    """The pooled feature itself, fused with what an interaction structure adds if there is one.

    Args:
        dim_in: D.
        ia_structure: relates persons to their surroundings, or None.
        fusion: a name in :data:`FUSIONS`: how the structure's result joins the pooled feature.

    Raises:
        UserError: if the widths do not fit.
    """

    def __init__(self, dim_in: int, ia_structure: InteractionStructure | None = None, fusion: str = "concat") -> None:
        super().__init__()
        self.ia_structure = ia_structure
        self.fusion = FUSIONS.get(fusion)
        self.dim_out = dim_in
        if ia_structure is not None:
            expected = ia_structure.options.dim_in
            if expected != dim_in:
                raise UserError(
                    f"MODEL.IA_STRUCTURE.DIM_IN is {expected}, but the backbone's features have {dim_in} channels. "
                    f"Set DIM_IN to {dim_in}."
                )
            self.dim_out = self.fusion.width(dim_in, ia_structure.dim_out)

    @classmethod
    def from_config(cls, cfg: CfgNode, dim_in: int) -> MaxpoolFeatureExtractor:
        """Build what the config describes for features of width ``dim_in``."""
        return cls(dim_in, build_interaction_structure(cfg), cfg.MODEL.IA_STRUCTURE.FUSION)

    def forward(self, inputs: InteractionInputs) -> Tensor:
        """Return [N, dim_out]."""
        return self._fuse(inputs)

    def _fuse(self, inputs: InteractionInputs) -> Tensor:
        if self.ia_structure is None:
            return inputs.persons
        return self.fusion.fuse(inputs.persons, self.ia_structure(inputs))


@FEATURE_EXTRACTORS.register("2MLPFeatureExtractor")
class TwoLayerFeatureExtractor(MaxpoolFeatureExtractor):
    """The same, followed by two linear layers with ReLU.

    Random layers pass on a mixture of all that goes into them. Classes that are plain to see bend both of them to
    themselves within some twenty steps. Of what a structure found for another class, less comes through then; and the
    noise of that class's loss, which Adam turns into steps of full size through layers and structure, wears away the
    rest before it is learned from (docs/ablation.md). With ``skip``, the classifier sees it directly, too: there each
    class learns from it by weights of its own, whatever becomes of the layers.

    Args:
        dim_in: D.
        mlp_dim: width of both layers.
        ia_structure: relates persons to their surroundings, or None.
        fusion: a name in :data:`FUSIONS`.
        skip: what goes into the layers also follows what comes out of them.
    """

    def __init__(
        self,
        dim_in: int,
        mlp_dim: int,
        ia_structure: InteractionStructure | None = None,
        fusion: str = "concat",
        *,
        skip: bool = False,
    ) -> None:
        super().__init__(dim_in, ia_structure, fusion)
        self.skip = skip
        self.fc1 = _linear(self.dim_out, mlp_dim)
        self.fc2 = _linear(mlp_dim, mlp_dim)
        self.dim_out = mlp_dim + self.dim_out if skip else mlp_dim

    @classmethod
    def from_config(cls, cfg: CfgNode, dim_in: int) -> TwoLayerFeatureExtractor:
        """Build what the config describes for features of width ``dim_in``."""
        head, fusion = cfg.MODEL.ROI_ACTION_HEAD, cfg.MODEL.IA_STRUCTURE.FUSION
        return cls(dim_in, head.MLP_HEAD_DIM, build_interaction_structure(cfg), fusion, skip=head.MLP_SKIP)

    def forward(self, inputs: InteractionInputs) -> Tensor:
        """Return [N, dim_out]."""
        fused = self._fuse(inputs)
        layers = F.relu(self.fc2(F.relu(self.fc1(fused))))
        return torch.cat([layers, fused], dim=1) if self.skip else layers


def _linear(dim_in: int, dim_out: int) -> nn.Linear:
    layer = Linear(dim_in, dim_out)
    nn.init.kaiming_uniform_(layer.weight, a=1)
    nn.init.zeros_(layer.bias)
    return layer
