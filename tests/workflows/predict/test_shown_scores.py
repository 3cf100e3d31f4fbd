"""From which score on predict_video shows a class: its threshold in the weights, unless --min-score says otherwise."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from messages import says

from alphaction.checkpoint import Thresholds, store_thresholds
from alphaction.config import get_cfg
from alphaction.data.annotations import ActionClass, LabelMap
from alphaction.evaluation import Predictions
from alphaction.workflows.predict import predictor as predictor_module
from alphaction.workflows.predict.classified import Classified
from alphaction.workflows.predict.clip import Clip
from alphaction.workflows.predict.predictor import Predictor
from alphaction.workflows.predict.shown_scores import ShownScores, shown_setting
from alphaction.workflows.predict.video_options import VideoOptions

NAMES = ('站 "x"/y', "wave / point at (a person)", "carry")
LABEL_MAP = LabelMap(tuple(ActionClass(i, name, "object") for i, name in enumerate(NAMES, start=1)))
STORED = Thresholds((1, 2, 3), NAMES, (0.2, 0.9, 0.45), (12, 30, 11), (True, True, True), "best F1", "mine_val", 5)


@pytest.fixture
def weights(tmp_path):
    """A checkpoint without thresholds."""
    path = tmp_path / "model_best.pth"
    torch.save({"model": {"weight": torch.zeros(1)}, "label_map": LABEL_MAP.to_dict(), "iteration": 5}, path)
    return path


def test_thresholds_of_the_weights_are_used_unless_a_score_is_given(weights):
    assert ShownScores.of(weights, LABEL_MAP, None).values.tolist() == [0.3] * 3
    assert shown_setting(weights, None) == shown_setting(weights, 0.3) == "0.3"
    store_thresholds(weights, STORED)
    found = ShownScores.of(weights, LABEL_MAP, None)
    assert found.values.tolist() == [0.2, 0.9, 0.45]
    says(found.told, "model_best.pth", "best F1 on mine_val")
    given = ShownScores.of(weights, LABEL_MAP, 0.6)
    assert given.values.tolist() == [0.6] * 3
    says(given.told, "0.6", "not by the thresholds in model_best.pth")
    assert shown_setting(weights, None) == "the thresholds in the weights"
    assert shown_setting(weights, 0.6) == "0.6"


@pytest.mark.parametrize(
    ("stored", "min_score", "lowest"),
    [(None, None, [0.3, 0.3, 0.3]), (STORED, None, [0.2, 0.9, 0.45]), (STORED, 0.6, [0.6, 0.6, 0.6])],
)
def test_frames_show_what_reaches_them(weights, monkeypatch, stored, min_score, lowest):
    store_thresholds(weights, stored)
    monkeypatch.setattr(predictor_module, "set_up_alone", lambda *_, **__: SimpleNamespace(device="cpu"))
    monkeypatch.setattr(predictor_module, "load_model", lambda *_: None)
    drawn = {}
    monkeypatch.setattr(predictor_module, "FrameRenderer", lambda *_, **given: drawn.update(given))
    predictor = Predictor(get_cfg(), weights, LABEL_MAP, None, None, min_score=min_score)
    classes = predictor.network.classes
    assert list(classes.thresholds.values()) == lowest
    clip = Clip(weights, None, (160, 120), 25.0, 0.0, 1.0, 1.0)
    nobody = Classified(Predictions.from_clips([], [], [], LABEL_MAP.ids), [], [], clip, classes, np.zeros(0))
    predictor.renderer(nobody, VideoOptions(weights, weights), 1)
    assert drawn["min_score"].tolist() == lowest
