"""Short runs on the toy dataset, and their detectors."""

from __future__ import annotations

from pathlib import Path

import pytest
from integration.harness import Runner

from alphaction import ActionDetector


@pytest.fixture(scope="session")
def api_run(repo_root, small_toy_folder, subprocess_env, tmp_path_factory) -> Path:
    """The folder of a short run without an evaluation; a model with a memory and objects."""
    output = tmp_path_factory.mktemp("api") / "run"
    Runner(repo_root, small_toy_folder, subprocess_env).train(
        output,
        "--skip-final-test",
        "SOLVER.MAX_ITER",
        "1",
        "SOLVER.WARMUP_ON",
        "False",
        "MODEL.IA_STRUCTURE.LENGTH",
        "[2, 1]",
    )
    return output


@pytest.fixture(scope="session")
def remembering(api_run) -> ActionDetector:
    """The detector of the run, whose memory looks one second ahead."""
    return ActionDetector.from_checkpoint(api_run, device="cpu")


@pytest.fixture(scope="session")
def plain_run(repo_root, small_toy_folder, subprocess_env, tmp_path_factory) -> Path:
    """The folder of a short run of a model without memory or objects."""
    output = tmp_path_factory.mktemp("api_plain") / "run"
    runner = Runner(repo_root, small_toy_folder, subprocess_env)
    runner.config = repo_root / "config_files" / "tiny" / "base.yaml"
    runner.train(output, "--skip-final-test", "SOLVER.MAX_ITER", "1", "SOLVER.WARMUP_ON", "False")
    return output


@pytest.fixture(scope="session")
def plain(plain_run) -> ActionDetector:
    """The detector of the plain run."""
    return ActionDetector.from_checkpoint(plain_run, device="cpu")


@pytest.fixture(scope="session")
def toy(small_toy_folder) -> Path:
    """The folder of the toy dataset."""
    return small_toy_folder / "toy"
