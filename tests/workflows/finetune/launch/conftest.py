"""A config and the plans that are made from it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from alphaction.toy import ToyOptions, make_toy_dataset
from alphaction.workflows.finetune.launch.gpus import Machine
from alphaction.workflows.finetune.launch.options import LaunchOptions
from alphaction.workflows.finetune.launch.plan import Launch, plan


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    make_toy_dataset(folder / "toy", ToyOptions(num_train=2, num_val=1, seconds=4))
    return folder


@pytest.fixture
def config(tmp_path, repo_root, data) -> Path:
    """A schedule for 4 GPUs."""
    content = {
        "_BASE_": str(repo_root / "config_files/tiny/toy.yaml"),
        "DATASETS": {"DATA_DIR": str(data)},
        "SOLVER": {
            "REFERENCE_GPUS": 4, "VIDEOS_PER_BATCH": 16, "BASE_LR": 0.01, "MAX_ITER": 1000, "WARMUP_ITERS": 100,
            "SCHEDULER": "warmup_multi_step", "STEPS": [600, 800],
        },
        "TEST": {"VIDEOS_PER_BATCH": 8},
        "OUTPUT_DIR": str(tmp_path / "out"),
    }  # fmt: skip
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture
def make(config):
    """Plan with this config: make(machine, "KEY", "VALUE", ..., option=...)."""

    def run(machine: Machine, *overrides: str, **options) -> Launch:
        return plan(LaunchOptions(str(config), overrides=overrides, **options), machine)

    return run
