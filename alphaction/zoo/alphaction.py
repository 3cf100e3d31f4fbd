"""The weights of the paper's own project (Tang et al., arXiv 2004.07485).

Its links are mostly dead, and the others need a browser. The figures are those that docs/MODEL_ZOO.md compares with
the paper's.
"""

from __future__ import annotations

from alphaction.zoo.entry import PublicWeights
from alphaction.zoo.facts import ALPHACTION, Values

_NO_LICENSE = "The project states no license for code or weights: ask its authors."


def _clips(tau: int, alpha: int) -> Values:
    return {
        "INPUT.FPS": 25.0,
        "INPUT.FRAME_NUM": 64,
        "INPUT.FRAME_SAMPLE_RATE": 1,
        "INPUT.TAU": tau,
        "INPUT.ALPHA": alpha,
        "INPUT.MIN_SIZE_TEST": 256,
        **ALPHACTION,
    }


def _entry(name: str, what: str, depth: int, file_name: str, mean_ap: float | None = None) -> PublicWeights:
    return PublicWeights(
        name=name,
        what=f"{what} (AlphAction)",
        kind="backbone" if mean_ap is None else "detector",
        source="alphaction",
        backbone=f"resnet{depth}",
        page="https://github.com/MVIG-SJTU/AlphAction/blob/master/MODEL_ZOO.md",
        file_name=file_name,
        url="",
        license="none stated",
        commercial=False,
        license_note=_NO_LICENSE,
        figure="" if mean_ap is None else f"{mean_ap} mAP, AVA v2.2",
        recipe=_clips(16, 8) if depth == 50 else _clips(8, 4),
        settings={"MODEL.BACKBONE.CONV_BODY": f"Slowfast-Resnet{depth}"},
    )


def _detector(config: str, structure: str, mean_ap: float) -> PublicWeights:
    depth, clips = (50, "4x16") if config.startswith("resnet50") else (101, "8x8")
    what = f"SlowFast R{depth} {clips}, {structure}, Kinetics-700, AVA v2.2"
    return _entry(f"alphaction_{config}", what, depth, f"{config}.pth", mean_ap)


ENTRIES = (
    _entry("alphaction_r50_4x16_k700", "SlowFast R50 4x16, Kinetics-700", 50, "SlowFast-ResNet50-4x16.pth"),
    _entry("alphaction_r101_8x8_k700", "SlowFast R101 8x8, Kinetics-700", 101, "SlowFast-ResNet101-8x8.pth"),
    _detector("resnet50_4x16f_baseline", "no IA structure", 26.7),
    _detector("resnet50_4x16f_parallel", "parallel IA", 29.0),
    _detector("resnet50_4x16f_serial", "serial IA", 29.8),
    _detector("resnet50_4x16f_denseserial", "dense serial IA", 30.0),
    _detector("resnet101_8x8f_baseline", "no IA structure", 29.3),
    _detector("resnet101_8x8f_denseserial", "dense serial IA", 32.4),
)
