"""The values of a config that the checks depend on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from yacs.config import CfgNode

from alphaction.config.class_groups import stated_kinds
from alphaction.config.feature_cells import feature_cell
from alphaction.data.annotations import ClassGroup
from alphaction.data.transforms import ResizeRule


@dataclass(frozen=True)
class CheckSettings:
    """Values that decide what a model can make of a dataset.

    Attributes:
        chosen: the user gave a config; otherwise these are defaults, and nothing that they decide is an error.
        exclusive: of the groups that the config decides about, whether their classes exclude each other (softmax).
        fps: frames per second of a clip, 0: each video's own.
        box_threshold: person boxes below are not classified.
        train_size: frame size in training.
        test_size: frame size in testing.
        cell: pixels of a cell of the backbone's feature map.
        flips: training clips may be mirrored.
        flip_pairs: pairs of class names that a mirrored clip swaps.
    """

    chosen: bool
    exclusive: Mapping[str, bool]
    fps: float
    box_threshold: float
    train_size: ResizeRule
    test_size: ResizeRule
    cell: int
    flips: bool
    flip_pairs: tuple[tuple[str, str], ...]

    @classmethod
    def from_config(cls, cfg: CfgNode, chosen: bool) -> CheckSettings:
        """Return the values of a config; ``chosen``: whether it is the user's."""
        inputs = cfg.INPUT
        return cls(
            chosen=chosen,
            exclusive=stated_kinds(cfg),
            fps=inputs.FPS,
            box_threshold=cfg.TEST.BOX_THRESH,
            train_size=ResizeRule(inputs.MIN_SIZE_TRAIN, inputs.MAX_SIZE_TRAIN),
            test_size=ResizeRule(inputs.MIN_SIZE_TEST, inputs.MAX_SIZE_TEST),
            cell=feature_cell(cfg.MODEL.BACKBONE.CONV_BODY),
            flips=inputs.FLIP_PROB > 0,
            flip_pairs=tuple(tuple(map(str, pair)) for pair in inputs.FLIP_CLASS_PAIRS),
        )

    def resize_rule(self, training: bool) -> ResizeRule:
        """Return how frames are resized in training, or in testing."""
        return self.train_size if training else self.test_size

    def is_exclusive(self, group: ClassGroup) -> bool:
        """Return whether the classes of a label map's group exclude each other (softmax)."""
        return self.exclusive.get(group.name, group.exclusive)

    def level(self, chosen: str, default: str) -> str:
        """Return the level of a finding that depends on the config: ``default`` where the user gave none."""
        return chosen if self.chosen else default
