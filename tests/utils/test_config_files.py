"""The configs that come along are found by their names, from any folder; a file of that path goes first."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from messages import refused

from alphaction.config import load_cfg
from alphaction.utils import config_files
from alphaction.utils.config_files import config_folder, find_config, list_configs


def test_names(repo_root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    toy = repo_root / "config_files/tiny/toy.yaml"
    assert find_config("tiny/toy.yaml") == find_config("config_files/tiny/toy.yaml") == toy
    for other in ("toy.yaml", "tiny/nothing.yaml", "tiny", "/tiny/toy.yaml", "../config_files/tiny/toy.yaml"):
        assert find_config(other) == Path(other)
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny/toy.yaml").write_text("SOLVER:\n  MAX_ITER: 7\n")
    assert find_config("tiny/toy.yaml") == Path("tiny/toy.yaml")
    assert load_cfg("tiny/toy.yaml").SOLVER.MAX_ITER == 7
    # Its _BASE_ is found beside it.
    assert load_cfg("config_files/tiny/toy.yaml").MODEL.IA_STRUCTURE.STRUCTURE == "serial"
    refused(lambda: load_cfg("tiny/nothing.yaml"), "config file tiny/nothing.yaml does not exist")


@pytest.mark.parametrize("name", ["toy.yaml", "tiny/toyy.yaml", "config_files/tiny/tay.yaml", "other/toy.yaml"])
def test_a_name_that_is_misspelled(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    refused(lambda: load_cfg(name), f"config file {name} does not exist", '"tiny/toy.yaml" comes with AlphAction')


def test_the_list(repo_root):
    found = dict(list_configs())
    assert len(found) == 11
    assert found["tiny/interactions.yaml"].startswith('The toy world "interactions"')
    assert all(find_config(name).is_file() for name in found)


def test_an_installed_package_has_them_inside(repo_root, tmp_path, monkeypatch):
    package = tmp_path / "site-packages/alphaction"
    shutil.copytree(repo_root / "config_files", package / "config_files")
    monkeypatch.setattr(config_files, "_PACKAGE", package)
    (package.parent / "config_files").mkdir()  # of another package
    assert config_folder() == package / "config_files"
    assert find_config("tiny/toy.yaml") == package / "config_files/tiny/toy.yaml"
