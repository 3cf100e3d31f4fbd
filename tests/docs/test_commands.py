"""Every command of the pages runs as it is written, on less data (see shortened.py); its output is not compared.

A block that cannot run offline says why in a comment above it, with a reason that blocks.py knows.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from docs.blocks import REASONS, blocks, commands_only, pages

from alphaction.toy import ToyOptions, make_toy_dataset

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
RUN = [page for page, found in BLOCKS.items() if any(b.language in ("bash", "python") and not b.reason for b in found)]


@pytest.fixture(scope="session")
def toy(tmp_path_factory) -> Path:
    """A small toy dataset, which the pages expect in data/toy."""
    return make_toy_dataset(tmp_path_factory.mktemp("toy") / "toy", ToyOptions(num_train=6, num_val=2, seconds=6))


@pytest.fixture
def clone(tmp_path, toy) -> Path:
    """A folder like a fresh clone, with the toy dataset made, ../shared beside it where there is one."""
    folder = tmp_path / "clone"
    (folder / "data").mkdir(parents=True)
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)
    # What a command may write to is copied, not linked.
    shutil.copytree(toy, folder / "data" / "toy")
    shutil.copytree(ROOT / "config_files", folder / "config_files")
    if (ROOT.parent / "shared").is_dir():
        (tmp_path / "shared").symlink_to(ROOT.parent / "shared")
    return folder


@pytest.fixture
def environment(tmp_path, clone) -> dict[str, str]:
    """Variables under which python, torchrun and the quickstart script are the shortened ones."""
    programs = tmp_path / "venv" / "bin"
    programs.mkdir(parents=True)
    shim = f'#!/bin/sh\nexec "{sys.executable}" "{ROOT}/tests/docs/shortened.py" "$@"\n'
    torchrun = f'#!/bin/sh\nexec "{programs}/python" -m torch.distributed.run "$@"\n'
    for name, text in (("python", shim), ("python3", shim), ("torchrun", torchrun)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    # tools/environment.sh reads here that nothing has to be installed.
    checksum = subprocess.run(["cksum"], input=(ROOT / "setup.py").read_bytes(), capture_output=True, check=True)
    (tmp_path / "venv" / ".alphaction-installed").write_text(f"{clone.resolve()} {checksum.stdout.decode().strip()}")
    return {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "VIRTUAL_ENV": str(tmp_path / "venv"),
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "2",
    }


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_commands_of(page, clone, environment):
    for block in BLOCKS[page]:
        if block.reason or block.language not in ("bash", "python"):
            continue
        if "pets" in block.text and not (clone.parent / "shared").is_dir():
            continue  # the pages say that these files are not part of the repository
        if block.language == "python":
            command = [sys.executable, "-c", block.text]
        else:
            command = ["bash", "-c", commands_only(block.text)]
        done = subprocess.run(
            command, cwd=clone, env=environment, capture_output=True, text=True, check=False,
            timeout=300, stdin=subprocess.DEVNULL,
        )  # fmt: skip
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
