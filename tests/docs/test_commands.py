"""Every command of the pages runs as it is written, on less data (see shortened.py); its output is not compared.

A block that cannot run offline says why in a comment above it, with a reason that blocks.py knows.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from docs.blocks import REASONS, blocks, commands_only, pages
from docs.pets_exports import write_pets_exports

from alphaction.toy import ToyOptions

ROOT = Path(__file__).resolve().parents[2]
LINKED = (
    "alphaction",
    "benchmarks",
    "docs",
    "tests",
    "tools",
    "train_net.py",
    "test_net.py",
    "setup.py",
)
BLOCKS = {page: list(blocks(ROOT, page)) for page in pages(ROOT)}
RUN = [(page, place) for page, found in BLOCKS.items() for place, block in enumerate(found) if block.is_run]


class World:
    """A folder like a fresh clone, where the blocks of one page run in their order.

    Attributes:
        folder: has the toy dataset made, and ../shared beside it where there is one, with ../exports, those of CVAT.
        has_shared: whether there is one.
    """

    def __init__(self, page: Path, root: Path, toy: Path, python: str) -> None:
        self._python = python
        self.folder = root / "clone"
        self._blocks = BLOCKS[page]
        self._venv = root / "venv"
        self._done: dict[int, subprocess.CompletedProcess] = {}
        (self.folder / "data").mkdir(parents=True)
        for name in LINKED:
            (self.folder / name).symlink_to(ROOT / name)
        # What a command may write to is copied, not linked.
        shutil.copytree(toy, self.folder / "data" / "toy")
        shutil.copytree(ROOT / "config_files", self.folder / "config_files")
        self.has_shared = (ROOT.parent / "shared").is_dir()
        if self.has_shared:
            (root / "shared").symlink_to(ROOT.parent / "shared")
            write_pets_exports(root / "shared" / "pets", root / "exports")
        self._env = self._environment()

    def run(self, place: int) -> subprocess.CompletedProcess:
        """Run a block of the page, after those before it that have not run yet."""
        for earlier in range(place):
            self._run_one(earlier)
        return self._run_one(place)

    def _run_one(self, place: int) -> subprocess.CompletedProcess:
        block = self._blocks[place]
        if not block.is_run or (block.needs_shared and not self.has_shared):
            return subprocess.CompletedProcess([], 0, "", "")
        if place not in self._done:
            program = [self._python, "-c"] if block.language == "python" else ["bash", "-c"]
            text = block.text if block.language == "python" else commands_only(block.text)
            self._done[place] = subprocess.run(
                [*program, text], cwd=self.folder, env=self._env, capture_output=True, text=True, check=False,
                timeout=300, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        return self._done[place]

    def _environment(self) -> dict[str, str]:
        """Return variables under which python, torchrun and the quickstart script are the shortened ones."""
        programs = self._venv / "bin"
        programs.mkdir(parents=True)
        shim = f'#!/bin/sh\nexec "{sys.executable}" -I -S "{ROOT}/tests/docs/shortened.py" "{self._python}" "$@"\n'
        torchrun = f'#!/bin/sh\nexec "{programs}/python" -m torch.distributed.run "$@"\n'
        for name, text in (("python", shim), ("python3", shim), ("torchrun", torchrun)):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        return {
            **os.environ,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "VIRTUAL_ENV": str(self._venv),
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
        }


@pytest.fixture(scope="session")
def toy(made_toy) -> Path:
    """A small toy dataset, which the pages expect in data/toy."""
    return made_toy(ToyOptions(num_train=6, num_val=2, seconds=6)) / "toy"


@pytest.fixture(scope="session")
def worlds(tmp_path_factory, toy, quick_python) -> Callable[[Path], World]:
    """Return the world of a page, which its blocks share.

    Not a fixture with the page as parameter: pytest would tear it down after every block, and each would run all those
    before it again.
    """
    return functools.cache(lambda page: World(page, tmp_path_factory.mktemp("page"), toy, quick_python))


# The part of the id before the dash keeps a page's blocks together (tests/conftest.py).
@pytest.mark.slow
@pytest.mark.parametrize(("page", "place"), RUN, ids=[f"{page.name}-{BLOCKS[page][place].line}" for page, place in RUN])
def test_commands(worlds, page, place):
    block, world = BLOCKS[page][place], worlds(page)
    if block.needs_shared and not world.has_shared:
        pytest.skip("the reference folder ../shared is not here")
    done = world.run(place)
    output = f"{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    assert done.returncode == 0, f"{block.page}, line {block.line}:\n{block.text}\nended with:\n{output}"


@pytest.mark.parametrize("page", pages(ROOT), ids=lambda page: page.name)
def test_reasons_are_known(page):
    for block in BLOCKS[page]:
        assert block.reason is None or block.reason.startswith(REASONS), f"{block.page}, line {block.line}"


def test_shell_blocks_say_that_they_are(repo_root):
    """A command in a fence without "bash" would never be run here."""
    for found in BLOCKS.values():
        for block in found:
            starts = tuple(line.startswith(("python ", "bash ", "torchrun ", "$ ")) for line in block.text.splitlines())
            assert block.language in ("bash", "text") or not any(starts), f"{block.page}, line {block.line}"
