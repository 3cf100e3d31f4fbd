"""VideoMAE's vision transformers as MMAction2 1.x trains and publishes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from alphaction.checkpoint.foreign.answers import settle
from alphaction.checkpoint.foreign.config_node import ConfigNode
from alphaction.checkpoint.foreign.converted import Converted, ForeignFile, Question
from alphaction.checkpoint.foreign.head_settings import describe
from alphaction.checkpoint.foreign.mmaction2_config import read_head, read_input
from alphaction.checkpoint.foreign.mmaction2_head import (
    clip_settings,
    detector_settings,
    drop_background,
    pixel_settings,
    recipe_of,
    recognition_head,
)
from alphaction.checkpoint.foreign.mmaction2_names import CLASSIFIER, RECOGNITION_HEAD
from alphaction.checkpoint.foreign.slowfast_shape import CLASSIFIER as OWN_CLASSIFIER
from alphaction.checkpoint.foreign.vit_names import RenamedVit, rename_vit
from alphaction.utils.errors import CheckpointError
from alphaction.utils.licenses import MMACTION2_VIT
from alphaction.utils.messages import counted, listed

USUAL_CLIP = (16, 4)


def convert_vit(file: ForeignFile, config: ConfigNode, notes: list[str], answers: Mapping[str, Any]) -> Converted:
    """Convert a vision transformer.

    Args:
        file: as it was read.
        config: what its config text says.
        notes: what is to be told of that text.
        answers: the user's.

    Raises:
        CheckpointError: for tensors without a place, and for a config that is another network's.
    """
    vit = rename_vit(file.tensors, file.path)
    _check_backbone(config.node("model").node("backbone"), vit)
    weights = vit.weights | _classifier(file, vit)
    decisions = [*notes, *vit.decisions, *recognition_head(file.tensors, "")]
    decisions += drop_background(file.path, weights, vit.dim)
    seen = read_input(config)
    settings = vit.settings | pixel_settings(seen)
    questions: dict[str, Question] = {}
    classes, dropout = 0, None
    if f"{OWN_CLASSIFIER}.weight" in weights:
        classes = len(weights[f"{OWN_CLASSIFIER}.weight"])
        facts = read_head(config, rows=classes + 1, channels=vit.dim)
        settings |= detector_settings(file, classes, facts, questions, decisions)
        dropout = facts.dropout
    settings, questions = settle(file.path, settings, questions, answers)
    clip, size = clip_settings(file, seen, USUAL_CLIP, None, decisions)
    return Converted(
        source="mmaction2",
        what=describe(vit.title, size, classes),
        weights=weights,
        settings=settings,
        recipe=recipe_of(seen, dropout) | clip,
        questions=questions,
        decisions=tuple(decisions),
        license=MMACTION2_VIT,
    )


def _classifier(file: ForeignFile, vit: RenamedVit) -> dict[str, Tensor]:
    """Return the classifier of boxes in our names, with the background; nothing if the file has none.

    Raises:
        CheckpointError: for tensors that belong neither to it nor to a classifier of clips.
    """
    ours = {f"{CLASSIFIER}.{leaf}": f"{OWN_CLASSIFIER}.{leaf}" for leaf in ("weight", "bias")}
    left = [name for name in vit.rest if name not in ours and not name.startswith(RECOGNITION_HEAD)]
    if left:
        raise CheckpointError(
            f"{file.path}: {counted(len(left), 'tensor has', 'tensors have')} no place in a detector with a "
            f"{vit.title}: {listed(left, 4)}. The network is another one, or a variant that is not known here."
        )
    return {ours[name]: tensor.float() for name, tensor in vit.rest.items() if name in ours}


def _check_backbone(node: ConfigNode, vit: RenamedVit) -> None:
    """Check what the config says of the backbone.

    Raises:
        CheckpointError: for a network that none here is, or another one than the tensors'.
    """
    names = ("VisionTransformer", "mmaction.VisionTransformer")
    node.allow("type", *names, why="But the file's tensors are those of a VisionTransformer.")
    node.agree("embed_dims", vit.dim, "the tokens of the file's tensors have so many channels:")
    node.agree("num_heads", vit.heads, f"published {vit.title} networks have so many heads:")
    blocks = 1 + max(int(name.split(".")[2]) for name in vit.weights if name.startswith("backbone.blocks."))
    pooled = vit.norms[0] == "fc_norm"
    node.agree("use_mean_pooling", pooled, f"the file's tensors have {vit.norms[0]}, which goes with")
    node.agree("depth", blocks, "the file's tensors have so many blocks:")
    for name, allowed in {
        "patch_size": (16, (16, 16)),
        "tubelet_size": (2,),
        "in_channels": (3,),
        "mlp_ratio": (4,),
        "qkv_bias": (True,),
        "qk_scale": (None, (vit.dim // vit.heads) ** -0.5),
        "init_values": (None, 0),
    }.items():
        node.allow(name, *allowed)
    norm = node.node("norm_cfg")
    norm.allow("type", "LN")
    norm.allow("eps", 1e-6)
