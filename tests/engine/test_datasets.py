"""What is said about datasets before a run starts."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import numpy as np
import pytest

from alphaction.config import get_cfg
from alphaction.data.annotations import ActionClass, AnnotationTable, LabelMap
from alphaction.engine import datasets
from alphaction.utils.errors import UserError

STAND, WALK, SING = (ActionClass(1, "stand", "movement"), ActionClass(2, "walk", "movement"),
                     ActionClass(3, "sing", "person"))  # fmt: skip


@pytest.fixture
def opened(monkeypatch):
    """One box that stands and walks; files and videos are not looked at."""
    boxes = np.tile([0.1, 0.1, 0.5, 0.5], (2, 1))
    dataset = SimpleNamespace(
        name="toy",
        label_map=LabelMap((STAND, WALK, SING)),
        eval_label_map=None,
        annotations=AnnotationTable.from_columns(["v", "v"], [1, 1], boxes, [1, 2], source="truth.csv"),
        summary=lambda: "",
        training=True,
        detections=None,
        objects=None,
        source=None,
    )
    dataset.datasets = (dataset,)
    monkeypatch.setattr(datasets, "find_dataset", lambda cfg, name: None)
    monkeypatch.setattr(datasets, "check_dataset", lambda cfg, dataset: "")
    monkeypatch.setattr(datasets.ActionDataset, "from_config", lambda *args, **kwargs: dataset)
    return dataset


def test_two_movements_of_one_box(opened, caplog):
    cfg = get_cfg()
    with caplog.at_level(logging.WARNING):
        cfg.MODEL.ROI_ACTION_HEAD.EXCLUSIVE_MOVEMENT = False
        datasets.report_findings(cfg, opened, [])
        assert "movements" not in caplog.text
        cfg.MODEL.ROI_ACTION_HEAD.EXCLUSIVE_MOVEMENT = True
        datasets.report_findings(cfg, opened, [])
    assert 'toy (movements): truth.csv (video v, second 1): this box has 2 movements, "stand" and "walk"' in caplog.text
    assert "1 of 1 boxes" in caplog.text
    assert "MODEL.ROI_ACTION_HEAD.EXCLUSIVE_MOVEMENT False" in caplog.text


def test_no_label_of_a_class_that_counts(opened):
    cfg = get_cfg()
    cfg.DATASETS.TEST = ["toy"]
    assert datasets.open_test_datasets(cfg) == [opened]
    opened.eval_label_map = LabelMap((SING,))
    with pytest.raises(UserError, match=r"truth.csv has 2 labels in 1 keyframes, none of them of the 1 classes"):
        datasets.open_test_datasets(cfg)
