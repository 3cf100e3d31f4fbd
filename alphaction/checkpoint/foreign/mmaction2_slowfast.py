"""SlowFast and SlowOnly networks of MMAction2 1.x."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from alphaction.checkpoint.foreign.answers import settle
from alphaction.checkpoint.foreign.config_node import ConfigNode
from alphaction.checkpoint.foreign.converted import Converted, ForeignFile, Question
from alphaction.checkpoint.foreign.head_settings import describe
from alphaction.checkpoint.foreign.mmaction2_config import CONFIG, check_network, read_head, read_input
from alphaction.checkpoint.foreign.mmaction2_head import (
    LICENSE,
    NETWORKS,
    clip_settings,
    detector_settings,
    drop_background,
    pixel_settings,
    recipe_of,
    recognition_head,
)
from alphaction.checkpoint.foreign.mmaction2_names import RECOGNITION_HEAD, own_name
from alphaction.checkpoint.foreign.renaming import rename
from alphaction.checkpoint.foreign.slowfast_clips import alpha_of, unseen_settings
from alphaction.checkpoint.foreign.slowfast_settings import network_settings, read_shape

DROPOUT = 0.5
USUAL_CLIP, USUAL_SLOW_CLIP = (32, 2), (8, 8)


def convert_slowfast(file: ForeignFile, config: ConfigNode, notes: list[str], answers: Mapping[str, Any]) -> Converted:
    """Convert a SlowFast or SlowOnly network.

    Args:
        file: as it was read.
        config: what its config text says.
        notes: what is to be told of that text.
        answers: the user's.

    Raises:
        UserError: for tensors without a place, and for a config that is another network's.
    """
    path = file.path
    tensors = {name: tensor for name, tensor in file.tensors.items() if not name.startswith(RECOGNITION_HEAD)}
    renamed = rename(path, tensors, own_name)
    renamed.require_all(path, "SlowFast or SlowOnly")
    decisions = [*notes, *recognition_head(file.tensors, "; its last stage keeps its resolution, as in detectors")]
    decisions += drop_background(path, renamed.weights, _feature_channels(renamed.weights))
    shape = read_shape(path, renamed.weights, renamed.origin)
    dilation, alpha = check_network(config, shape, bool(shape.classes))
    alpha = alpha or alpha_of(shape)
    settings = network_settings(shape, renamed.origin)
    dilated = (dilation or 1, CONFIG if dilation else NETWORKS)
    settings |= unseen_settings(shape, dilation=dilated, sampling="first", why=NETWORKS, alpha=alpha)
    questions = {}
    if shape.fast is not None and alpha is None:
        why = f"neither meta.cfg nor a published network with a lateral kernel of {shape.lateral_kernel} tells"
        questions["INPUT.ALPHA"] = Question((2, 4, 8, 16), "network", why)
    seen = read_input(config)
    settings |= pixel_settings(seen)
    dropout = None
    if shape.classes:
        facts = read_head(config, rows=shape.classes + 1, channels=shape.feature_channels)
        dropout = DROPOUT if facts.dropout is None else facts.dropout
        settings |= detector_settings(file, shape.classes, facts, questions, decisions)
    settings, questions = settle(path, settings, questions, answers)
    recipe, size = recipe_of(seen, dropout), ""
    if "INPUT.ALPHA" not in questions:
        alpha = settings["INPUT.ALPHA"].value if shape.fast is not None else None
        clip, size = clip_settings(file, seen, USUAL_CLIP if alpha else USUAL_SLOW_CLIP, alpha, decisions)
        recipe |= clip
    return Converted(
        source="mmaction2",
        what=describe(shape.title, size, shape.classes),
        weights=renamed.weights,
        settings=settings,
        recipe=recipe,
        questions=questions,
        decisions=tuple(decisions),
        license=LICENSE,
    )


def _feature_channels(weights: Mapping[str, Tensor]) -> int:
    """Return the width of a pooled feature: 32 times the stems' widths, as in every ResNet of bottlenecks."""
    stems = (weights.get(f"backbone.{pathway}.conv1.weight") for pathway in ("slow", "fast"))
    return 32 * sum(len(stem) for stem in stems if stem is not None and stem.ndim)
