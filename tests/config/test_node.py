"""What every yacs user does with ``get_cfg()``: merging files, lists and other configs, by the rules of load_cfg."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
import yaml
from messages import refused
from yacs.config import CfgNode

from alphaction.config import get_cfg, load_cfg
from alphaction.config.node import ConfigNode
from alphaction.utils.errors import UserError

EXPERIMENTS = sorted(
    f"{part}{kind}.yaml"
    for part, kinds in {
        "resnet50_4x16f_": ("baseline", "serial", "denseserial", "parallel"),
        "resnet101_8x8f_": ("baseline", "denseserial"),
        "tiny/": ("base", "toy", "pets", "interactions", "rendered"),
    }.items()
    for kind in kinds
)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_shipped_files_merge(repo_root, name):
    cfg = get_cfg()
    cfg.merge_from_file(repo_root / "config_files" / name)
    assert cfg == load_cfg(repo_root / "config_files" / name)
    assert cfg != get_cfg()
    as_text = get_cfg()
    as_text.merge_from_file(str(repo_root / "config_files" / name))
    assert as_text == cfg


def test_published_files_merge(repo_root, tmp_path):
    published = json.loads((repo_root / "tests/assets/reference/config_files.json").read_text(encoding="utf-8"))
    assert len(published) == 6
    for name, content in published.items():
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        cfg, other = get_cfg(), get_cfg()
        cfg.merge_from_file(path)
        assert cfg.SOLVER.WEIGHT_DECAY == 1e-7
        assert cfg.SOLVER.STEPS in [(50000, 70000), (70000, 90000)]
        assert isinstance(cfg.SOLVER.BIAS_LR_FACTOR, float)
        other.merge_from_other_cfg(CfgNode(content))
        assert cfg == other == load_cfg(repo_root / "config_files" / f"{name}.yaml")


def test_lists_merge():
    cfg = get_cfg()
    cfg.merge_from_list(["SOLVER.BASE_LR", 1, "SOLVER.MAX_ITER", 9e4, "SOLVER.STEPS", "(1, 2)", "INPUT.FPS", "1e1"])
    assert (cfg.SOLVER.BASE_LR, cfg.SOLVER.MAX_ITER, cfg.SOLVER.STEPS, cfg.INPUT.FPS) == (1.0, 90000, (1, 2), 10.0)
    assert [type(value) for value in (cfg.SOLVER.BASE_LR, cfg.SOLVER.MAX_ITER)] == [float, int]
    with pytest.raises(UserError, match=r"SOLVER\.BASE_LRR.*SOLVER\.BASE_LR\b"):
        cfg.merge_from_list(["SOLVER.BASE_LRR", 1])


def test_sections_merge_too():
    cfg = get_cfg()
    cfg.SOLVER.merge_from_list(["BASE_LR", 1, "STEPS", "[]"])
    cfg.SOLVER.merge_from_list(["STEPS", "3"])
    cfg.MODEL.IA_STRUCTURE.merge_from_list(["I_BLOCK_LIST", "[[P], [M]]"])
    assert (cfg.SOLVER.BASE_LR, cfg.SOLVER.STEPS) == (1.0, (3,))
    assert cfg.MODEL.IA_STRUCTURE.I_BLOCK_LIST == [["P"], ["M"]]
    with pytest.raises(UserError, match=r"BASE_LRR.*BASE_LR\b"):
        cfg.SOLVER.merge_from_list(["BASE_LRR", 1])


def test_other_configs_merge():
    cfg, other = get_cfg(), get_cfg()
    other.SOLVER.MAX_ITER = 7
    cfg.merge_from_other_cfg(other)
    assert cfg == other
    cfg.merge_from_other_cfg({"SOLVER": {"BASE_LR": 1}})
    assert cfg.SOLVER.BASE_LR == 1.0
    wrong = CfgNode({"SOLVER": {"BASE_LRR": 1, "MAX_ITER": "many"}, "INPUT": 3})
    refused(lambda: cfg.merge_from_other_cfg(wrong), "3 mistakes", "SOLVER.BASE_LR?", "SOLVER.MAX_ITER", "INPUT ")


def test_a_mistake_changes_nothing(tmp_path):
    (tmp_path / "base.yaml").write_text("OUTPUT_DIR: base\n")
    (tmp_path / "exp.yaml").write_text("_BASE_: base.yaml\nSOLVER: {MAX_ITER: 7, BASE_LR: fast}\n")
    cfg = get_cfg()
    with pytest.raises(UserError, match=r"SOLVER\.BASE_LR\b"):
        cfg.merge_from_file(tmp_path / "exp.yaml")
    with pytest.raises(UserError, match=r"SOLVER\.BASE_LR\b"):
        cfg.merge_from_list(["SOLVER.MAX_ITER", 7, "SOLVER.BASE_LR", "fast"])
    assert cfg == get_cfg()


def test_keys_that_a_script_adds_keep_their_type():
    cfg = get_cfg()
    cfg.MINE = CfgNode({"RATE": 0.5, "NAME": "a", "SIZES": [1], "NOTHING": None})
    cfg.merge_from_list(["MINE.RATE", 1, "MINE.NAME", "b", "MINE.SIZES", "(2, 3)", "MINE.NOTHING", 4])
    assert cfg.MINE == {"RATE": 1.0, "NAME": "b", "SIZES": [2, 3], "NOTHING": 4}


def test_freeze_guards_attributes_and_lets_merges_through_as_in_yacs():
    cfg = get_cfg()
    cfg.freeze()
    with pytest.raises(AttributeError):
        cfg.SOLVER.MAX_ITER = 7
    cfg.merge_from_list(["SOLVER.MAX_ITER", 7])
    assert cfg.SOLVER.MAX_ITER == 7


def test_new_keys_are_taken_where_a_script_allows_them(tmp_path):
    cfg = get_cfg()
    cfg.set_new_allowed(True)
    (tmp_path / "more.yaml").write_text("MINE:\n  LEVEL: 3\nSOLVER:\n  MAX_ITER: 7\n")
    cfg.merge_from_file(tmp_path / "more.yaml")
    assert (cfg.MINE.LEVEL, cfg.SOLVER.MAX_ITER) == (3, 7)
    with pytest.raises(UserError, match=r"MINE2\.LEVEL"):
        get_cfg().merge_from_list(["MINE2.LEVEL", 3])


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda cfg: cfg.clone(), lambda cfg: pickle.loads(pickle.dumps(cfg))]
)
def test_copies_are_of_the_same_kind(copied):
    cfg = load_cfg(None, ["SOLVER.MAX_ITER", 7])
    cfg.freeze()
    other = copied(cfg)
    assert other == cfg
    assert other.is_frozen()
    assert type(other) is type(other.MODEL.IA_STRUCTURE) is ConfigNode
    other.defrost()
    other.SOLVER.merge_from_list(["BASE_LR", 1])
    assert other.SOLVER.BASE_LR == 1.0
    assert cfg.SOLVER.BASE_LR == 0.02
    assert yaml.safe_load(other.dump())["SOLVER"]["MAX_ITER"] == 7
