"""SOLVER.BEST_METRIC: found among what evaluations give, or refused with what is alike."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from messages import refused

from alphaction.data.annotations import ActionClass, LabelMap
from alphaction.engine.best_metric import Metric, find_metric

NAMES = ("stand", "hold a cup/mug", "摔倒", 'say "hi"', "loss", "absent")
GROUPS = ("movement", "object", "movement", "person", "movement", "movement")
CLASSES = LabelMap(
    tuple(ActionClass(number, name, group) for number, (name, group) in enumerate(zip(NAMES, GROUPS, strict=True), 1))
)
FEWER = LabelMap(tuple(entry for entry in CLASSES.classes if entry.name != "stand"))


def dataset(name: str, ids: tuple[int, ...] = (1, 2, 3, 4, 5), counted: LabelMap | None = None) -> SimpleNamespace:
    annotations = SimpleNamespace(label_ids=np.array(ids))
    return SimpleNamespace(name=name, annotations=annotations, label_map=CLASSES, eval_label_map=counted)


@pytest.mark.parametrize(
    ("wanted", "name", "lower"),
    [
        ("mAP", "val/mAP", False),
        ("mAP/person", "val/mAP/person", False),
        ("loss", "val/loss", True),
        ("AP/loss", "val/AP/loss", False),
        ("AP/hold a cup/mug", "val/AP/hold a cup/mug", False),
        ("AP/摔倒", "val/AP/摔倒", False),
        ('val/AP/say "hi"', 'val/AP/say "hi"', False),
        ("other/loss", "other/loss", True),
        ("other/mAP", "other/mAP", False),
    ],
)
def test_a_metric_of_the_first_dataset_or_of_a_named_one(wanted, name, lower):
    found = find_metric(wanted, [dataset("val"), dataset("other", (1,))])
    assert found == Metric(name, lower, name.split("/")[0])


@pytest.mark.parametrize(
    ("wanted", "parts"),
    [
        ("map", ['Did you mean "mAP"?', "Known: mAP, loss, mAP/movement"]),
        ("mAP/movment", ['Did you mean "mAP/movement"?']),
        ("stand", ['Did you mean "AP/stand"?']),
        ("AP/absent", ["val has no label of that class"]),
        ("other/AP/stand", ["does not count in evaluations on other"]),
        ("vall/mAP", ['Did you mean "val/mAP"?', "with its name before it, other/mAP"]),
        ("", ["no evaluation on val, other gives it"]),
    ],
)
def test_what_no_evaluation_gives_is_refused(wanted, parts):
    sets = [dataset("val"), dataset("other", (2, 3), FEWER)]
    refused(lambda: find_metric(wanted, sets), f"SOLVER.BEST_METRIC is {wanted}: ", *parts)
