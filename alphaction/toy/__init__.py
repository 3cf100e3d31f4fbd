"""Toy data: rendered videos of moving figures in AVA format, small enough to learn on a laptop."""

from alphaction.toy.make import make_toy_dataset
from alphaction.toy.toy_options import ToyOptions

__all__ = ["ToyOptions", "make_toy_dataset"]
