"""What is said about datasets before a run starts."""

from __future__ import annotations

import logging
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from messages import says

from alphaction.config import get_cfg
from alphaction.data.annotations import ActionClass, AnnotationTable, Keyframe, LabelMap
from alphaction.data.dataset import ActionDataset
from alphaction.data.tables import DatasetTables
from alphaction.data.video.clip_source import VideoCheck
from alphaction.data.video.video_info import VideoInfo
from alphaction.engine import datasets
from alphaction.utils.errors import UserError

STAND, WALK, SING = (ActionClass(1, "stand", "movement"), ActionClass(2, "walk", "movement"),
                     ActionClass(3, "sing", "person"))  # fmt: skip


@pytest.fixture
def tables():
    """One box that stands and walks."""
    boxes = np.tile([0.1, 0.1, 0.5, 0.5], (2, 1))
    annotations = AnnotationTable.from_columns(["v", "v"], [1, 1], boxes, [1, 2], source="truth.csv")
    source = SimpleNamespace(
        check=lambda video, seconds, decode: VideoCheck(video, None, seconds, VideoInfo(64, 48, 12.0, 4.0, 48))
    )
    return DatasetTables("toy", LabelMap((STAND, WALK, SING)), annotations, source)


@pytest.fixture
def use(monkeypatch):
    """Function: have every dataset name mean these tables; no file is read."""

    def replace_files(tables: DatasetTables) -> None:
        monkeypatch.setattr(datasets, "find_dataset", lambda cfg, name: None)
        monkeypatch.setattr(
            datasets.ActionDataset,
            "from_config",
            lambda cfg, spec, training: ActionDataset.from_tables(cfg, replace(tables, training=training)),
        )

    return replace_files


def test_two_movements_of_one_box(use, tables, caplog):
    cfg = get_cfg()
    cfg.DATASETS.TRAIN = ["toy"]
    use(tables)
    train_set = datasets.open_train_dataset(cfg)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        cfg.MODEL.ROI_ACTION_HEAD.EXCLUSIVE_MOVEMENT = False
        datasets.report_findings(cfg, train_set, [])
        assert "movements" not in caplog.text
        cfg.MODEL.ROI_ACTION_HEAD.EXCLUSIVE_MOVEMENT = True
        datasets.report_findings(cfg, train_set, [])
    says(
        caplog.text,
        "toy (movements): truth.csv (video v, second 1)",
        '2 movements, "stand" and "walk"',
        "1 of 1 box has several",
        "MODEL.ROI_ACTION_HEAD.EXCLUSIVE_MOVEMENT False",
    )


def test_no_label_of_a_class_that_counts(use, tables):
    cfg = get_cfg()
    cfg.DATASETS.TEST = ["toy"]
    use(tables)
    assert [dataset.annotations.source for dataset in datasets.open_test_datasets(cfg)] == ["truth.csv"]
    use(replace(tables, eval_label_map=LabelMap((SING,))))
    with pytest.raises(UserError, match="truth.csv has 2 labels "):
        datasets.open_test_datasets(cfg)


def test_videos_and_files_are_looked_at_when_a_dataset_is_opened(use, tables, caplog):
    cfg = get_cfg()
    other = replace(tables, annotations=tables.annotations.without({Keyframe("V", 3)}))
    use(replace(other, label_map=replace(other.label_map, untyped=(3,))))
    with caplog.at_level(logging.INFO):
        datasets.open_dataset(cfg, "toy", training=False)
    assert "(64x48; 12 frames/s; 4 s), 1 keyframe" in caplog.text
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert [message.split(":")[0] for message in warnings] == [
        "toy (label map)", "toy (exclusions)", "toy (frame rates)",
    ]  # fmt: skip
    assert "INPUT.FPS 12, or 0" in warnings[2]


def test_datasets_of_other_classes(use, tables):
    cfg = get_cfg()
    cfg.DATASETS.TEST = ["toy"]
    use(tables)
    with pytest.raises(UserError, match=r'toy: .*1 "stand" .* 2 "walk" .*label map'):
        datasets.open_test_datasets(cfg, LabelMap((WALK, SING)))
    with pytest.raises(UserError, match=r"toy has 3 classes.* 2\..*label map"):
        datasets.open_test_datasets(cfg, LabelMap((STAND, WALK)))
