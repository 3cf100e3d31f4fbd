"""Interaction structures: how persons attend to other persons, to objects and to the memory."""

from __future__ import annotations

from yacs.config import CfgNode

from alphaction.modeling.interaction.structure import InteractionInputs, InteractionStructure
from alphaction.modeling.interaction.structures import DenseStructure, ParallelStructure, SerialStructure
from alphaction.modeling.registries import INTERACTION_STRUCTURES

__all__ = [
    "DenseStructure",
    "InteractionInputs",
    "InteractionStructure",
    "ParallelStructure",
    "SerialStructure",
    "build_interaction_structure",
]


def build_interaction_structure(cfg: CfgNode) -> InteractionStructure | None:
    """Return the structure that MODEL.IA_STRUCTURE names, or None where it is not ACTIVE."""
    ia = cfg.MODEL.IA_STRUCTURE
    return INTERACTION_STRUCTURES.get(ia.STRUCTURE).from_config(cfg) if ia.ACTIVE else None
