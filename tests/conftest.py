"""Fixtures that every test may use."""

from __future__ import annotations

import gc
import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import messages
import pytest
import torch
from warm_python import FOLDER, serve_beside

from alphaction.toy import ToyOptions, make_toy_dataset

ROOT = Path(__file__).resolve().parent.parent


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main() -> Iterator[None]:
    """Offer the quick ``python`` for as long as the run lasts; its workers use that of the process they belong to."""
    if FOLDER in os.environ:
        return (yield)
    with serve_beside() as folder:
        os.environ[FOLDER] = str(folder)
        try:
            return (yield)
        finally:
            del os.environ[FOLDER]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """Keep the garbage collector from looking through thousands of tests again and again: they stay until the end."""
    gc.disable()
    result = yield
    gc.collect()
    gc.freeze()
    gc.enable()
    return result


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of a file, or of one page of the docs, together and in order."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group(nodeid)

    config.option.loadscopereorder = False  # the order of the workers is the better one
    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let several processes start with what takes longest, so that they end together."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        cost: Counter[str] = Counter()
        for item in items:
            slow = item.get_closest_marker("slow")
            cost[_group(item.nodeid)] += 50 * slow.kwargs.get("weight", 1) if slow else 1
        items.sort(key=lambda item: (-cost[_group(item.nodeid)], _group(item.nodeid)))


def _group(nodeid: str) -> str:
    file, _, test = nodeid.partition("::")
    return f"{file} {test.rpartition('-')[0]}" if test.startswith("test_commands[") else file


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The folder of the clone."""
    return ROOT


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Small files that travel with the repository."""
    return ROOT / "tests" / "assets"


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Larger reference material beside the clone; tests that need it skip where it is absent."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the reference folder ../shared is not here")
    return folder


@pytest.fixture(scope="session")
def made_toy(tmp_path_factory) -> Callable[[ToyOptions], Path]:
    """Function: options -> folder for DATASETS.DATA_DIR with that toy dataset in ``toy``; to be read only.

    It is made once for all tests and processes of a run.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent

    def make(options: ToyOptions) -> Path:
        data = folder / "_".join(["toy", *(str(value) for value in asdict(options).values())])
        make_toy_dataset(data / "toy", options)
        return data

    return make


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, Any], Path]:
    """Write text, or anything else as JSON, to a file of that name below ``tmp_path``; return its path."""

    def write_file(name: str, content: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def refused() -> Callable[..., str]:
    """:func:`messages.refused`, for tests that need no other helper."""
    return messages.refused


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """Files of tests need not survive a power cut; a disk may take 10 ms to promise that they do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        yield


@pytest.fixture(scope="session")
def toy_folder(made_toy) -> Path:
    """DATASETS.DATA_DIR with a toy dataset of 4 + 2 videos of 6 seconds; to be read only."""
    return made_toy(ToyOptions(num_train=4, num_val=2, seconds=6))


@pytest.fixture(scope="session")
def small_toy_folder(made_toy) -> Path:
    """DATASETS.DATA_DIR with a toy dataset of 2 + 1 videos of 4 seconds; to be read only."""
    return made_toy(ToyOptions(num_train=2, num_val=1, seconds=4))


@pytest.fixture(scope="session")
def quick_python() -> str:
    """A ``python`` that has imported PyTorch and AlphAction already; see :mod:`warm_python`."""
    return str(Path(os.environ[FOLDER]) / "python")


@pytest.fixture(scope="session")
def subprocess_env() -> dict[str, str]:
    """Environment for command lines that tests start: this clone first, one thread a process."""
    path = os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH", "")) if p)
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def tool(quick_python, subprocess_env, tmp_path) -> Callable[..., tuple[int, str, str]]:
    """Function: file name in tools/, flags -> (exit status, stdout, stderr) of that script, run in ``tmp_path``."""

    def run(name: str, *flags: object) -> tuple[int, str, str]:
        command = [quick_python, ROOT / "tools" / name, *map(str, flags)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=subprocess_env, check=False)
        return done.returncode, done.stdout, done.stderr

    return run
