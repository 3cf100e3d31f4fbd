"""The networks that a config can be generated for: what each starts from, and how it was finetuned by others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Training:
    """How a network is finetuned, as published.

    Attributes:
        source: who trained like that, for comments.
        optimizer: SOLVER.OPTIMIZER.
        lr: learning rate for a batch of ``batch`` clips.
        batch: see ``lr``.
        epochs: passes over AVA.
        warmup: share of the iterations that the learning rate rises in.
        warmup_factor: where it starts, as a share of it.
        drops: shares of the iterations after which it drops to a tenth; none: half a cosine.
        weight_decay: of weights.
        layer_decay: SOLVER.LAYER_DECAY.
        drop_path: MODEL.BACKBONE.DROP_PATH.
        dropout: before the classifier.
    """

    source: str
    optimizer: str
    lr: float
    batch: int
    epochs: int
    warmup: float
    warmup_factor: float
    drops: tuple[float, ...]
    weight_decay: float
    layer_decay: float = 1.0
    drop_path: float = 0.0
    dropout: float = 0.0


@dataclass(frozen=True)
class Network:
    """A network of the generator.

    Attributes:
        conv_body: MODEL.BACKBONE.CONV_BODY.
        weights: what it starts from: a name in the registry of public weights, a path, or "" for random weights.
        training: how it is finetuned; None for the paper's SlowFast networks and the small one, which have recipes of
            their own.
        unlabeled: how it is finetuned where the weights were pre-trained without labels; None: as all others.
        settings: config key -> value, where the weights do not say it (or are random).
        checkpointing: whether activations are computed twice to save memory.
    """

    conv_body: str
    weights: str
    training: Training | None = None
    unlabeled: Training | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    checkpointing: bool = False

    def without_labels(self) -> Network:
        """Return the network with the training of weights that were pre-trained without labels."""
        return self if self.unlabeled is None else replace(self, training=self.unlabeled)

    @property
    def transformer(self) -> bool:
        """Whether it is one, by how it is trained: layers learn at different rates."""
        return self.training is not None and self.training.optimizer == "adamw"


# PySlowFast's config SLOWFAST_32x2_R50_SHORT.
_CONVOLUTIONS = Training(
    source="PySlowFast on AVA",
    optimizer="sgd",
    lr=0.1,
    batch=64,
    epochs=20,
    warmup=0.25,
    warmup_factor=0.00125,
    drops=(0.5, 0.75),
    weight_decay=1e-7,
    dropout=0.5,
)


_VIDEOMAE = "VideoMAE-Action-Detection on AVA"
_UNLABELED = f"{_VIDEOMAE}, from weights pre-trained without labels"


def _transformer(layer_decay: float, *, source: str = _VIDEOMAE, epochs: int = 30, lr: float = 2.5e-4) -> Training:
    """Return the recipe of VideoMAE-Action-Detection.

    Args:
        layer_decay: of networks of this size.
        source: who trained like that.
        epochs: passes over AVA.
        lr: for its batch of 128 clips; published is twice that, for 256.
    """
    return Training(
        source=source,
        optimizer="adamw",
        lr=lr,
        batch=128,
        epochs=epochs,
        warmup=5 / epochs,
        warmup_factor=0.0,
        drops=(),
        weight_decay=0.05,
        layer_decay=layer_decay,
        drop_path=0.2,
    )


_BORROWED = "VideoMAE's recipe, as none is published for AVA"

# Clips of networks whose weights were made for other tasks, and everything that random weights leave open.
_SLOWFAST = {
    "MODEL.BACKBONE.SLOWFAST.LATERAL": "tconv_bn_relu",
    "MODEL.BACKBONE.SLOWFAST.STEM_POOL_PADDING": 1,
    "INPUT.SLOW_SAMPLING": "linspace",
    "INPUT.FPS": 30.0,
    "INPUT.FRAME_NUM": 32,
    "INPUT.FRAME_SAMPLE_RATE": 2,
}
_SLOW = {
    "MODEL.BACKBONE.SLOWFAST.STEM_POOL_PADDING": 1,
    "INPUT.FPS": 30.0,
    "INPUT.FRAME_NUM": 8,
    "INPUT.FRAME_SAMPLE_RATE": 8,
    "INPUT.TAU": 1,
    "INPUT.ALPHA": 1,
}
_EVERY_FRAME = {"INPUT.FRAME_SAMPLE_RATE": 4, "INPUT.FRAME_NUM": 16, "INPUT.FPS": 30.0}

NETWORKS: dict[str, Network] = {
    "resnet50": Network("Slowfast-Resnet50", "data/models/pretrained_models/SlowFast-ResNet50-4x16.pth"),
    "resnet101": Network("Slowfast-Resnet101", "data/models/pretrained_models/SlowFast-ResNet101-8x8.pth"),
    "tiny": Network("Slowfast-Tiny", "slowfast_tiny_rendered"),
    "slowfast_r50_4x16": Network(
        "Slowfast-Resnet50",
        "slowfast_r50_4x16_ava21_mmaction2",
        _CONVOLUTIONS,
        settings={**_SLOWFAST, "INPUT.TAU": 8, "INPUT.ALPHA": 8},
    ),
    "slowfast_r50_8x8": Network(
        "Slowfast-Resnet50",
        "slowfast_r50_8x8_ava22_mmaction2",
        _CONVOLUTIONS,
        settings={**_SLOWFAST, "MODEL.BACKBONE.SLOWFAST.LATERAL_KERNEL": 7, "INPUT.TAU": 4, "INPUT.ALPHA": 4},
    ),
    "slowfast_r101_8x8": Network(
        "Slowfast-Resnet101",
        "slowfast_r101_8x8_ava22",
        _CONVOLUTIONS,
        settings={**_SLOWFAST, "INPUT.TAU": 4, "INPUT.ALPHA": 4},
    ),
    "slow_r50": Network("Slow-Resnet50", "slow_r50_8x8_ava_kinetics_mmaction2", _CONVOLUTIONS, settings=_SLOW),
    "slow_r101": Network("Slow-Resnet101", "slow_r101_8x8_ava21_mmaction2", _CONVOLUTIONS, settings=_SLOW),
    "vit_s": Network(
        "ViT-Small",
        "vit_s_videomae2_k710",
        _transformer(0.6),
        _transformer(0.6, source=_UNLABELED, lr=5e-4),
        _EVERY_FRAME,
    ),
    "vit_b": Network(
        "ViT-Base",
        "vit_b_videomae2_k710",
        _transformer(0.75),
        _transformer(0.75, source=_UNLABELED, lr=1.25e-4),
        _EVERY_FRAME,
    ),
    "vit_l": Network(
        "ViT-Large",
        "vit_l_ava_kinetics_mmaction2",
        _transformer(0.8, epochs=20),
        _transformer(0.75, source=_UNLABELED, lr=1.25e-4),
        _EVERY_FRAME,
        checkpointing=True,
    ),
    "mvitv2_s": Network("MViTv2-Small", "mvitv2_s_k400", _transformer(0.75, source=_BORROWED), settings=_EVERY_FRAME),
    "swin3d_t": Network("Swin3D-Tiny", "swin3d_t_k400", _transformer(0.75, source=_BORROWED), settings=_EVERY_FRAME),
    "swin3d_s": Network("Swin3D-Small", "swin3d_s_k400", _transformer(0.75, source=_BORROWED), settings=_EVERY_FRAME),
    "swin3d_b": Network(
        "Swin3D-Base", "swin3d_b_k400", _transformer(0.75, source=_BORROWED), settings=_EVERY_FRAME, checkpointing=True
    ),
    "vjepa2_l": Network(
        "VJEPA2-Large", "vjepa2_l", _transformer(0.8, source=_BORROWED), settings=_EVERY_FRAME, checkpointing=True
    ),
}
"""What the command line calls a network -> what it is."""
