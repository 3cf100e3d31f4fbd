"""Class names of weight files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from alphaction.checkpoint import WeightFile
from alphaction.config import get_cfg
from alphaction.utils.errors import UserError
from alphaction.workflows.predict.find_label_map import find_label_map

DATASET = "name: own\nvideos: .\nlabel_map: own.pbtxt\nsplits: {val: {annotations: val.csv}}\n"


def weights(classes: int, label_map: dict | None = None) -> WeightFile:
    name = "roi_heads.action.predictor.cls_score.weight"
    return WeightFile(Path("w.pth"), {name: torch.zeros(classes, 8)}, label_map)


@pytest.fixture
def cfg(tmp_path):
    """A config whose DATASETS.TEST has two classes."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "dataset.yaml").write_text(DATASET)
    (tmp_path / "own" / "val.csv").write_text("a,0,0,0,1,1,1\n")
    blocks = [
        f'label {{ name: "{n}" label_id: {i} label_type: PERSON_MOVEMENT }}\n' for i, n in ((1, "go"), (2, "sit"))
    ]
    (tmp_path / "own" / "own.pbtxt").write_text("".join(blocks))
    cfg = get_cfg()
    cfg.DATASETS.DATA_DIR = str(tmp_path)
    cfg.DATASETS.TEST = ("own_val",)
    return cfg


def test_the_checkpoint_s_own_classes_come_first(cfg):
    own = {"ids": [7, 9], "names": ["run", "eat"], "groups": ["movement", "object"]}
    assert find_label_map(cfg, weights(2, own)).names == ("run", "eat")


def test_eighty_classes_are_ava_s_and_others_the_dataset_s(cfg):
    ava = find_label_map(cfg, weights(80))
    assert (ava.num_classes, ava.group_sizes, ava.names[0]) == (80, (14, 49, 17), "bend/bow (at the waist)")
    assert find_label_map(cfg, weights(2)).names == ("go", "sit")


def test_classes_without_names_are_an_error(cfg):
    with pytest.raises(UserError, match=" 3 classes.*own_val has 2"):
        find_label_map(cfg, weights(3))
    cfg.DATASETS.TEST = ("oan_val",)
    with pytest.raises(UserError, match="DATASETS.TEST .*oan_val"):
        find_label_map(cfg, weights(3))
    cfg.DATASETS.TEST = ()
    with pytest.raises(UserError, match="3 classes.*DATASETS.TEST"):
        find_label_map(cfg, weights(3))
    with pytest.raises(UserError, match="w.pth"):
        find_label_map(cfg, WeightFile(Path("w.pth"), {"backbone.weight": torch.zeros(2)}))
