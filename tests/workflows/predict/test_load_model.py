"""Weights and a config that do not belong together: the message names both files."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
import torch

from alphaction.config import get_cfg
from alphaction.config.catalog_file import write_catalog
from alphaction.data.annotations import ActionClass, LabelMap
from alphaction.utils.errors import UserError
from alphaction.workflows.predict import load_model as load_model_module
from alphaction.workflows.predict.load_model import adopt_classes, load_model

CLASSIFIER = "roi_heads.action.predictor.cls_score.weight"


@pytest.fixture
def weights(tmp_path):
    """A checkpoint of two classes, with the config of its run beside it."""
    run = tmp_path / "run"
    run.mkdir()
    label_map = LabelMap((ActionClass(1, "sit", "movement"), ActionClass(2, "stand", "movement")))
    torch.save({"model": {CLASSIFIER: torch.zeros(2, 4)}, "label_map": label_map.to_dict()}, run / "w.pth")
    (run / "config.yaml").write_text("")
    return run / "w.pth"


@pytest.fixture
def cfg(tmp_path):
    """The config of a dataset of two other classes."""
    label_map = LabelMap((ActionClass(1, "cook", "movement"), ActionClass(2, "eat", "object")))
    (tmp_path / "own").mkdir()
    label_map.write(tmp_path / "own" / "map.pbtxt")
    (tmp_path / "own" / "val.csv").write_text("")
    write_catalog(
        tmp_path / "own/dataset.yaml",
        "own",
        videos=".",
        label_map="map.pbtxt",
        splits={"val": {"annotations": "val.csv"}},
    )
    cfg = get_cfg()
    cfg.DATASETS.DATA_DIR, cfg.DATASETS.TEST = str(tmp_path), ("own_val",)
    return cfg


def test_other_numbers_of_classes_are_refused(cfg, weights, tmp_path):
    head = cfg.MODEL.ROI_ACTION_HEAD
    head.NUM_CLASSES, head.NUM_PERSON_MOVEMENT_CLASSES = 2, 1
    head.NUM_OBJECT_MANIPULATION_CLASSES, head.NUM_PERSON_INTERACTION_CLASSES = 1, 0
    with pytest.raises(UserError) as caught:
        adopt_classes(cfg, weights, tmp_path / "mine.yaml")
    assert str(caught.value) == (
        f"{weights} was trained for other classes than {tmp_path}/mine.yaml has: for 2 (sit, stand), in place of "
        f"2 (cook, eat), from label map {tmp_path}/own/map.pbtxt. Use the config of the weights: --config-file "
        f"{weights.parent}/config.yaml"
    )
    (weights.parent / "config.yaml").unlink()
    with pytest.raises(UserError, match=r"\(config.yaml of that run\), or the config's own weights\."):
        adopt_classes(cfg, weights, tmp_path / "mine.yaml")


def test_other_names_are_pointed_out(cfg, weights, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("alphaction"), "propagate", True)
    label_map = adopt_classes(cfg, weights)
    assert label_map.names == ("sit", "stand")
    assert "other classes" not in caplog.text  # before it is known whether the weights fit
    monkeypatch.setattr(load_model_module, "build_detection_model", lambda cfg: torch.nn.Identity())
    with pytest.raises(UserError, match=r"w\.pth"):
        load_model(cfg, weights, label_map, SimpleNamespace(device="cpu"))
    assert not caplog.messages
    monkeypatch.setattr(load_model_module, "load_trained_weights", lambda *args, **more: None)
    load_model(cfg, weights, label_map, SimpleNamespace(device="cpu"))
    other = f"2 (sit, stand), than label map {tmp_path}/own/map.pbtxt has, 2 (cook, eat)"
    assert f"{weights} was trained for other classes, {other}" in caplog.text
