"""What a person can choose about the study of label efficiency."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from alphaction.utils.numbers import NOT_NEGATIVE, POSITIVE, Range
from alphaction.utils.options import option
from benchmarks.ablation.plan import name_list, seed_list

FROZEN, FINETUNED = "frozen", "finetuned"
MODES = (FROZEN, FINETUNED)
RANDOM, RENDERED = "random", "rendered"
STARTS = (RANDOM, RENDERED)


def percents(text: str) -> tuple[int, ...]:
    """Return the percentages of a list like 10,25,50,100."""
    found = tuple(POSITIVE(number) for number in text.split(","))
    if max(found) > 100:
        raise argparse.ArgumentTypeError(f"{text}: expected percentages, 1 to 100")
    return found


@dataclass(frozen=True)
class StudyOptions:
    """What a person can choose about the study."""

    weights: str = option(
        "zoo:slowfast_tiny_rendered", metavar="PTH", help="the weights that are compared with random ones (%(default)s)"
    )
    catalog: Path = option(
        Path("config_files/tiny/pets_dataset.yaml"), metavar="YAML", help="dataset.yaml to train on (%(default)s)"
    )
    output: Path = option(Path("output/label_efficiency"), metavar="DIR", help="folder of the runs (%(default)s)")
    shares: tuple[int, ...] = option(
        (10, 25, 50, 100), parse=percents, metavar="P,P,...", help="percent of the training keyframes (10,25,50,100)"
    )
    seeds: tuple[int, ...] = option(
        (0, 1, 2),
        parse=seed_list,
        metavar="S,S,...",
        help="seeds of the keyframes and of the training (0,1,2)",
    )
    modes: tuple[str, ...] = option(MODES, parse=name_list, metavar="M,M", help="frozen, finetuned (both)")
    starts: tuple[str, ...] = option(STARTS, parse=name_list, metavar="S,S", help="random, rendered (both)")
    iterations: int = option(
        0, within=NOT_NEGATIVE, metavar="N", help="steps of every training; 0: as the generator writes (%(default)s)"
    )
    lr: float = option(
        0.0, within=Range(0, 1), metavar="LR", help="learning rate of rendered starts; 0: the generator's (%(default)s)"
    )
    held_out: int = option(
        0,
        within=NOT_NEGATIVE,
        metavar="K",
        help="choose settings: evaluate on every K-th training keyframe instead of the validation split; 0: no",
    )
