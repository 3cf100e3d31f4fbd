"""Random changes of training clips, their boxes and labels, and the enlarged boxes of testing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from alphaction.data.annotations import LabelMap
from alphaction.data.playback import PlaybackJitter
from alphaction.data.transforms import ClipAugmentation, ColorJitter
from alphaction.data.view import View, ViewJitter
from alphaction.utils.errors import UserError

if TYPE_CHECKING:
    from yacs.config import CfgNode

# "left" as a word of its own, also in turn_left or leftwards.
_LEFT = re.compile(r"(?<![a-zA-Z])(?:left|Left|LEFT)(?=(?:wards?)?(?![a-zA-Z]))")
_RIGHT = {"left": "right", "Left": "Right", "LEFT": "RIGHT"}


@dataclass(frozen=True)
class TrainingRules:
    """How training clips vary.

    Attributes:
        flip_prob: how often a clip is mirrored.
        mirrored_channels: int64 [C]; channel c of a mirrored clip is channel ``mirrored_channels[c]`` of the original.
        color_jitter: range of the color shifts, or None.
        max_persons: most ground truth boxes of a clip; more are thinned out at random.
        jitter_x: largest shift of a box's left and right sides (outwards, inwards), as fractions of its width.
        jitter_y: the same for its upper and lower sides.
        color_later: colors are shifted on the model's device instead of here.
        view_jitter: how the part of the frames that is shown varies, or None: it is all of them.
        playback_jitter: how the clips' place in time and their speed vary, or None.
    """

    flip_prob: float
    mirrored_channels: Tensor
    color_jitter: ColorJitter | None
    max_persons: int
    jitter_x: tuple[float, float]
    jitter_y: tuple[float, float]
    color_later: bool = False
    view_jitter: ViewJitter | None = None
    playback_jitter: PlaybackJitter | None = None

    @classmethod
    def from_config(cls, cfg: CfgNode, label_map: LabelMap) -> TrainingRules:
        """Return the rules of a config; ``label_map`` names the classes that a mirrored clip swaps."""
        inputs, head = cfg.INPUT, cfg.MODEL.ROI_ACTION_HEAD
        color_jitter = ColorJitter(inputs.HUE_JITTER, inputs.SAT_JITTER, inputs.VAL_JITTER, inputs.GRAY_PROB)
        return cls(
            flip_prob=inputs.FLIP_PROB,
            mirrored_channels=mirrored_channels(label_map, inputs.FLIP_CLASS_PAIRS),
            color_jitter=color_jitter if inputs.COLOR_JITTER else None,
            max_persons=head.PROPOSAL_PER_CLIP,
            jitter_x=tuple(head.PROPOSAL_JITTER_X),
            jitter_y=tuple(head.PROPOSAL_JITTER_Y),
            color_later=inputs.COLOR_ON_DEVICE,
            view_jitter=ViewJitter.of(inputs.ZOOM_JITTER, inputs.STRETCH_JITTER, inputs.PIXEL_MEAN),
            playback_jitter=PlaybackJitter.from_config(cfg),
        )

    def draw(self, rng: np.random.Generator) -> ClipAugmentation:
        """Return what one clip varies in but for its view, which depends on where its persons then are."""
        flip = bool(rng.random() < self.flip_prob)
        color = None if self.color_jitter is None else self.color_jitter.draw(rng)
        playback = None if self.playback_jitter is None else self.playback_jitter.draw(rng)
        return ClipAugmentation(flip, color, self.color_later, playback=playback)

    def draw_view(self, rng: np.random.Generator, boxes: np.ndarray) -> View | None:
        """Return which part of its frames a clip with these persons shows, see :meth:`ViewJitter.draw`."""
        return None if self.view_jitter is None else self.view_jitter.draw(rng, boxes)


@dataclass(frozen=True)
class TestRules:
    """How test boxes are chosen.

    Attributes:
        min_score: detections below are not used.
        extend_scale: boxes are pooled this much larger, (x, y) as fractions of their width and height.
    """

    __test__ = False  # despite its name, not a class of tests to pytest

    min_score: float
    extend_scale: tuple[float, float]

    @classmethod
    def from_config(cls, cfg: CfgNode) -> TestRules:
        """Return the rules of a config."""
        return cls(cfg.TEST.BOX_THRESH, tuple(cfg.TEST.EXTEND_SCALE))


def flip_pairs(names: Sequence[str]) -> list[list[str]]:
    """Return the pairs of class names that differ only by "left" and "right", left first: INPUT.FLIP_CLASS_PAIRS."""
    pairs = []
    for name in names:
        other = _LEFT.sub(lambda found: _RIGHT[found[0]], name)
        if other != name and other in names:
            pairs.append([name, other])
    return pairs


def mirrored_channels(label_map: LabelMap, pairs: Sequence[Sequence[str]]) -> Tensor:
    """Return, for each channel, the channel that takes its place in a mirrored clip; int64 [C].

    Args:
        label_map: the classes.
        pairs: pairs of class names (or ids) that change places, such as "walk left" and "walk right".

    Raises:
        UserError: if a name is unknown, or in two pairs.
    """
    channels = torch.arange(label_map.num_classes)
    seen: set[int] = set()
    for pair in pairs:
        if isinstance(pair, str) or len(pair) != 2:
            raise UserError(
                f"INPUT.FLIP_CLASS_PAIRS: {pair!r} is not a pair of class names. Write "
                "[['walk left', 'walk right'], ...]."
            )
        try:
            first, second = (label_map.channel_of(label_map.find(name).id) for name in pair)
        except UserError as error:
            raise UserError(f"INPUT.FLIP_CLASS_PAIRS: {error}") from error
        if first in seen or second in seen or first == second:
            raise UserError(f"INPUT.FLIP_CLASS_PAIRS: a class of {list(pair)} is used twice. Each has one partner.")
        seen |= {first, second}
        channels[[first, second]] = torch.tensor([second, first])
    return channels
