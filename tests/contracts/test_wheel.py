"""The wheel holds all that is needed, and nothing else; installed, it trains from an empty folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from integration.harness import SMALL

from alphaction.utils.requirements import REQUIREMENTS

pytest.importorskip("setuptools", minversion="70.1")
BUILD = "from setuptools.build_meta import build_wheel; print(build_wheel('dist'))"
SOURCES = ("alphaction", "config_files", "setup.py", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(repo_root, tmp_path_factory):
    """The wheel of this clone, built without network from a copy: what is left in build/ would go into it, too."""
    folder = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        source = repo_root / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)
    done = subprocess.run([sys.executable, "-c", BUILD], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = (folder / "dist").glob("alphaction-*-py3-none-any.whl")
    return path


def test_the_wheel_holds_all_that_is_needed(wheel, repo_root):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        about = {Path(name).name: archive.read(name).decode() for name in archive.namelist() if ".dist-info/" in name}
    package = [path for path in (repo_root / "alphaction").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    wanted = {path.relative_to(repo_root).as_posix() for path in package}
    configs = (repo_root / "config_files").rglob("*.yaml")
    wanted |= {f"alphaction/{path.relative_to(repo_root).as_posix()}" for path in configs}
    # Nothing is left out, such as a label map or a template; and no tests, benchmarks or tools.
    assert sorted(names ^ wanted) == []
    assert {"alphaction/config_files/tiny/toy.yaml", "alphaction/config_files/tiny/base.yaml"} <= names
    assert "alphaction = alphaction.commands.front:run" in about["entry_points.txt"]
    required = re.findall(r"^Requires-Dist: ([^;\n]+)$", about["METADATA"], flags=re.MULTILINE)
    assert sorted(required) == sorted(REQUIREMENTS.values())
    extras = set(re.findall(r"^Provides-Extra: (.+)$", about["METADATA"], flags=re.MULTILINE))
    assert {"onnx", "detectors", "vjepa2", "wandb", "mlflow", "fiftyone"} <= extras


@pytest.fixture
def installed(wheel, tmp_path):
    """Function: words -> standard output of ``alphaction WORDS`` of the installed wheel, run in an empty folder."""
    target, folder = tmp_path / "site", tmp_path / "empty"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    folder.mkdir()
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/alphaction"
    # As pip writes it. The packages are those of this Python, without the clone.
    main = "if __name__ == '__main__':\n    run()\n"
    program.write_text(f"#!{sys.executable}\nfrom alphaction.commands.front import run\n{main}")
    program.chmod(0o755)
    path = os.pathsep.join([str(target), *(p for p in sys.path if p.endswith("site-packages"))])
    env = {**os.environ, "PYTHONPATH": path, "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "OMP_NUM_THREADS": "1"}

    def call(*words: object) -> str:
        command = [program, *map(str, words)]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, f"{words}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return call


def test_the_installed_wheel_starts(installed):
    assert installed("--version").startswith("alphaction 1.")
    assert "\n  validate   " in installed("--help")


@pytest.mark.slow(weight=4)
def test_the_installed_wheel_trains_from_an_empty_folder(installed, tmp_path):
    assert f"installed: {tmp_path / 'site/alphaction'}" in " ".join(installed("doctor").split())
    installed("toy", "--num-train", 2, "--num-val", 1, "--seconds", 4)
    told = installed("config", "--dataset-name", "toy", "--backbone", "tiny", "--num-gpus", 0, "-o", "mine.yaml")
    for verb in ("validate --all toy", "launch mine.yaml", "test --config-file mine.yaml", "predict --config-file"):
        assert f" -m alphaction {verb}" in told
    assert "tools/" not in told
    # A config that lies in the package.
    installed("train", "--config-file", "tiny/toy.yaml", *SMALL, "SOLVER.MAX_ITER", 2, "OUTPUT_DIR", "run")
    assert (tmp_path / "empty/run/model_final.pth").is_file()
    assert (tmp_path / "empty/run/inference/toy_val/result.json").is_file()
