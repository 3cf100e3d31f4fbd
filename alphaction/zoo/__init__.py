"""Public weights: what there is, where it lies, under which license, and how it gets here."""

from alphaction.utils.weight_names import ZOO_PREFIX, is_zoo_name
from alphaction.zoo.cache import cached_file
from alphaction.zoo.download import get_weights
from alphaction.zoo.entry import PublicWeights
from alphaction.zoo.registry import WEIGHTS, find_weights, list_weights, refuse_persons, weights_for

__all__ = [
    "WEIGHTS",
    "ZOO_PREFIX",
    "PublicWeights",
    "cached_file",
    "find_weights",
    "get_weights",
    "is_zoo_name",
    "list_weights",
    "refuse_persons",
    "weights_for",
]
