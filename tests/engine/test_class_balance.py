"""Weights of classes come from the labels of all training sets, group by group."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from alphaction.config import get_cfg
from alphaction.data.annotations import ActionClass, AnnotationTable, LabelMap
from alphaction.engine.class_balance import balance_classes
from alphaction.modeling.roi_head.losses import ActionLoss

CLASSES = LabelMap(
    (
        ActionClass(1, "stand", "movement"),
        ActionClass(2, "walk", "movement"),
        ActionClass(3, 'hold\u200b "it"', "object"),
        ActionClass(4, "drop", "object"),
        ActionClass(5, "talk", "person"),
    )
)


def dataset(*labels: int) -> SimpleNamespace:
    """Return a training set of one box a second, with one label each."""
    boxes = np.tile([0.1, 0.1, 0.5, 0.5], (len(labels), 1))
    table = AnnotationTable.from_columns(["v"] * len(labels), range(len(labels)), boxes, labels, source="truth.csv")
    each = SimpleNamespace(annotations=table, label_map=CLASSES)
    each.classes_of_clips = lambda: np.eye(5, dtype=bool)[np.array(labels) - 1]
    each.datasets = (each,)
    return each


def test_counts_of_all_sets_make_the_weights_and_the_log_says_which():
    cfg = get_cfg()
    cfg.MODEL.ROI_ACTION_HEAD.CLASS_BALANCE_BETA = 0.5
    sets = (dataset(1, 2, 3), dataset(2, 3, 5))
    loss = ActionLoss((2, 2, 1))
    notes = list(balance_classes(cfg, SimpleNamespace(label_map=CLASSES, datasets=sets), loss))
    # "stand" 1 and "walk" 2 labels; "drop" has none; a class that is alone in its group has weight 1.
    assert loss.class_weights.tolist() == pytest.approx([1.2, 0.8, 1, 1, 1])
    assert notes == [
        "MODEL.ROI_ACTION_HEAD.CLASS_BALANCE_BETA 0.5: the losses of the classes have weights from 0.8 "
        '("walk", 2 labels) to 1.2 ("stand", 1 label); 1 class without labels: 1'
    ]


def test_nothing_is_weighed_or_said_by_default():
    loss = ActionLoss((2, 2, 1))
    assert not list(balance_classes(get_cfg(), dataset(1, 2), loss))
    assert loss.class_weights is None


def test_repeated_clips_are_said():
    cfg = get_cfg()
    cfg.DATALOADER.REPEAT_THRESHOLD = 1.0
    (note,) = balance_classes(cfg, dataset(1, 1, 1, 3), ActionLoss((2, 2, 1)))
    assert note.startswith("DATALOADER.REPEAT_THRESHOLD 1: of 4 clips 4 come more than once an epoch, up to 2.00 times")
    assert r'"hold\u200b "it"" (25.00% of the clips, 2.00 times)' in note


def test_both_at_once_are_told_to_count_twice():
    cfg = get_cfg()
    cfg.DATALOADER.REPEAT_THRESHOLD = 1.0
    cfg.MODEL.ROI_ACTION_HEAD.CLASS_BALANCE_BETA = 0.5
    _, _, note = balance_classes(cfg, dataset(1, 1, 1, 3), ActionLoss((2, 2, 1)))
    assert "rare classes count twice" in note
    assert "REPEAT_THRESHOLD 0" in note
    cfg.DATALOADER.REPEAT_THRESHOLD = 0.1
    assert len(list(balance_classes(cfg, dataset(1, 1, 1, 3), ActionLoss((2, 2, 1))))) == 2
