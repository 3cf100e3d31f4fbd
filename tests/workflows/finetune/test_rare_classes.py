"""Rare classes: when their clips are repeated, and what the config says about it."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from alphaction.workflows.finetune.finetune_options import FinetuneOptions
from alphaction.workflows.finetune.generate import generate_config
from alphaction.workflows.finetune.rare_classes import RareClasses

BOX = "0.1,0.1,0.5,0.9"


def clips(total: int, *counts: int) -> np.ndarray:
    """Return which classes each clip has: the first ``count`` of them."""
    return np.arange(total)[:, None] < np.array(counts)


def test_a_rare_class_by_hand():
    """Shares 0.64 and 0.01: the geometric mean is 0.08, and sqrt(8) the factor."""
    rare = RareClasses.of(clips(600, 384, 6, 0), ["stand", "wave", "never"])
    assert (rare.threshold, rare.repeated, rare.epoch) == (0.08, 6, 611)
    assert rare.most == pytest.approx(8**0.5)
    assert rare.reason == (
        'the rarest class "wave" is in 1.00% of the clips, the commonest "stand" in 64%: of 600 clips 6 come more '
        "than once an epoch, up to 2.8 times. Not together with weights of the classes (CLASS_BALANCE_BETA)"
    )


def test_the_share_of_one_clip_of_many_is_told():
    rare = RareClasses.of(clips(50_000, 30_000, 1), ["stand", "fall"])
    assert '"fall" is in 0.002% of the clips, the commonest "stand" in 60%' in rare.reason


@pytest.mark.parametrize(
    "counts",
    [(100, 100), (50, 6), (100, 11), (40, 5), (0, 0), (30,), (100, 0)],
    ids=["equal", "not so rare", "over 5%", "8 times", "no labels", "one class", "one has none"],
)
def test_no_need(counts):
    assert RareClasses.of(clips(100, *counts), [f"class {k}" for k in range(len(counts))]) is None


def test_the_config_repeats_and_says_why(make_dataset):
    train = [(second, BOX, (1, 2) if second == 3 else (1,)) for second in np.arange(0.1, 7.9, 0.2).round(1).tolist()]
    train.append((7.9, BOX, (1, 2)))
    data = make_dataset([("sit", "PERSON_INTERACTION"), ('say "hé"\tto / 你好', "PERSON_INTERACTION")], train=train)
    options = FinetuneOptions("own", backbone="tiny", num_gpus=0, data_dir=str(data))
    generated = generate_config(options)
    assert generated.cfg.DATALOADER.REPEAT_THRESHOLD == 0.2
    assert generated.cfg.MODEL.ROI_ACTION_HEAD.CLASS_BALANCE_BETA == 0
    assert yaml.safe_load(generated.text)["DATALOADER"]["REPEAT_THRESHOLD"] == 0.2
    words = " ".join(word for word in generated.text.split() if word != "#")
    assert 'is in 2.50% of the clips, the commonest "sit" in 100%: of 40 clips 1 comes more than once' in words
    assert "40 keyframes (42 clips with repeats), batch 8: 6 iterations an epoch, 80 epochs" in words


def test_toys_classes_are_even(toy_data, toy_statistics):
    assert toy_statistics.rare is None
    text = generate_config(FinetuneOptions("toy", data_dir=str(toy_data)), toy_statistics).text
    assert "REPEAT" not in text
