"""The small network, trained on rendered people: this project's own weights, made of its own pictures alone."""

from __future__ import annotations

from alphaction.zoo.entry import PublicWeights
from alphaction.zoo.facts import ALPHACTION

_SLOWFAST = "MODEL.BACKBONE.SLOWFAST.SLOW"

ENTRIES = (
    PublicWeights(
        name="slowfast_tiny_rendered",
        what="Slowfast-Tiny, rendered people (the world of make_toy_dataset.py --world people)",
        kind="backbone",
        source="rendered",
        backbone="tiny",
        page="docs/MODEL_ZOO.md",
        file_name="slowfast_tiny_rendered.pth",
        url="",
        license="Apache-2.0",
        size=1_440_000,
        packaged=True,
        recipe={
            "INPUT.FPS": 12.0,
            "INPUT.FRAME_NUM": 16,
            "INPUT.FRAME_SAMPLE_RATE": 1,
            "INPUT.TAU": 4,
            "INPUT.ALPHA": 2,
            "INPUT.MIN_SIZE_TEST": 96,
            **ALPHACTION,
        },
        settings={
            "MODEL.BACKBONE.CONV_BODY": "Slowfast-Tiny",
            f"{_SLOWFAST}.CONV3_NONLOCAL": False,
            f"{_SLOWFAST}.CONV4_NONLOCAL": False,
        },
    ),
)
