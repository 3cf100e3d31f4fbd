"""What a person can choose about the study, and the recipes of its trainings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alphaction.utils.numbers import POSITIVE
from alphaction.utils.options import option
from benchmarks import CONFIGS
from benchmarks.ablation.plan import seed_list

CONFIG = CONFIGS / "tiny" / "base.yaml"
# Half the size of the demo's frames, and without the fast pathway: a step takes a tenth of a second on a core.
NETWORK: dict[str, Any] = {
    "MODEL.BACKBONE.SLOWFAST.FAST.ACTIVE": False,
    "MODEL.IA_STRUCTURE.DIM_IN": 256,
    "INPUT.FRAME_NUM": 12,
    "INPUT.TAU": 3,
    "INPUT.ALPHA": 3,
    "INPUT.MIN_SIZE_TRAIN": 64,
    "INPUT.MIN_SIZE_TEST": 64,
    "INPUT.FLIP_CLASS_PAIRS": [["walk left", "walk right"]],
    "DATALOADER.NUM_WORKERS": 0,
    "MODEL.DEVICE": "cpu",
}
# What a round has besides: the backbone stays as it is, so that its features are computed once.
ROUND: dict[str, Any] = {"MODEL.BACKBONE.FREEZE": "all"}


@dataclass(frozen=True)
class ActiveOptions:
    """What a person can choose about the study."""

    data: Path = option(
        Path("data/toy_active"), metavar="DIR", help="folder of the toy datasets; made if missing (%(default)s)"
    )
    output: Path = option(Path("output/active"), metavar="DIR", help="folder of the runs (%(default)s)")
    seeds: tuple[int, ...] = option(
        (0, 1, 2), parse=seed_list, metavar="S,S,...", help="seeds of every order (default: 0,1,2)"
    )
    rounds: int = option(3, within=POSITIVE, metavar="N", help="rounds after the first training (%(default)s)")
    budget: int = option(
        18, within=POSITIVE, metavar="N", help="keyframes to label at the start and in each round (%(default)s)"
    )
    # The same number whatever is labeled, so that only the labels differ.
    iterations: int = option(300, within=POSITIVE, metavar="N", help="steps of the training of a round (%(default)s)")
    train_videos: int = option(40, within=POSITIVE, metavar="N", help="videos to label (%(default)s)")
    val_videos: int = option(16, within=POSITIVE, metavar="N", help="videos to evaluate on (%(default)s)")
    before_videos: int = option(
        80, within=POSITIVE, metavar="N", help="other videos, that the backbone learns from (%(default)s)"
    )
    before_iterations: int = option(
        700, within=POSITIVE, metavar="N", help="steps of the backbone's training (%(default)s)"
    )
