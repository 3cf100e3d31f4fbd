"""A config and the launches that are planned from it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from alphaction.workflows.finetune.launch.command import Launch, plan_launch
from alphaction.workflows.finetune.launch.launch_options import LaunchOptions
from alphaction.workflows.finetune.launch.machine import Machine


@pytest.fixture
def config(tmp_path, repo_root, small_toy_folder) -> Path:
    """A schedule for 4 GPUs."""
    content = {
        "_BASE_": str(repo_root / "config_files/tiny/toy.yaml"),
        "DATASETS": {"DATA_DIR": str(small_toy_folder)},
        "SOLVER": {"REFERENCE_GPUS": 4, "VIDEOS_PER_BATCH": 16, "BASE_LR": 0.01, "MAX_ITER": 1000},
        "TEST": {"VIDEOS_PER_BATCH": 8},
        "OUTPUT_DIR": str(tmp_path / "out"),
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture
def make(config):
    """Plan with this config: make(machine, "KEY", "VALUE", ..., option=...)."""

    def run(machine: Machine, *overrides: str, **options) -> Launch:
        return plan_launch(LaunchOptions(str(config), overrides=overrides, **options), machine)

    return run
