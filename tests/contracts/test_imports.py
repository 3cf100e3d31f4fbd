"""Imports point one way: see docs/ARCHITECTURE.md."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

# What each package may import, besides itself.
ALLOWED = {
    "utils": set(),
    "layers": {"utils"},
    "config": {"utils"},
    "data": {"utils", "config"},
    "memory": {"utils", "data"},
    "structures": {"memory"},
    "toy": {"utils", "data", "config"},
    "evaluation": {"utils", "data"},
    "checks": {"utils", "config", "data", "evaluation"},
    "solver": {"utils", "config"},
    "checkpoint": {"utils", "config"},
    "zoo": {"utils"},
    "modeling": {"utils", "memory", "layers", "config", "data.sample", "data.normalize"},
    "engine": {
        "utils", "layers", "config", "data", "memory", "evaluation", "checks", "solver", "checkpoint", "modeling",
        "zoo",
    },
    "workflows.prepare": {"utils", "data", "config", "checks"},
    "workflows.detect": {"utils", "data", "config", "checkpoint", "evaluation", "zoo"},
    "workflows.inspect": {"utils", "data", "config", "evaluation", "checks"},
    "workflows.finetune": {
        "utils", "config", "data", "evaluation", "solver", "checkpoint", "modeling", "engine", "checks",
        "zoo",
    },
    "workflows.predict": {
        "utils", "memory", "config", "data", "evaluation", "checkpoint", "modeling", "engine", "workflows.detect",
        "workflows.export", "zoo",
    },
    "workflows.live": {
        "utils", "memory", "config", "data", "evaluation", "checkpoint", "modeling", "engine", "workflows.detect",
        "workflows.predict", "workflows.export",
    },
    "workflows.export": {"utils", "config", "data", "memory", "checkpoint", "modeling", "engine"},
    "workflows.annotate": {"utils", "config", "data", "evaluation"},
    "workflows.compare": {"utils", "config", "data", "evaluation", "engine", "workflows.report"},
    "workflows.report": {"utils", "config", "data", "evaluation", "checkpoint", "engine", "zoo"},
    "workflows.calibrate": {"utils", "config", "data", "evaluation", "checkpoint", "engine"},
    "workflows.convert": {"utils", "config", "data", "checkpoint", "zoo"},
    "doctor": {"utils", "zoo", "engine"},
    "commands": {"utils", "doctor", "config", "data", "toy", "evaluation", "checkpoint", "engine", "workflows"},
    "api": {
        "utils", "config", "data", "memory", "evaluation", "checkpoint", "modeling", "engine", "zoo",
        "workflows.detect", "workflows.predict", "workflows.live", "workflows.export", "workflows.convert",
        "workflows.report",
    },
}  # fmt: skip


def imported_modules(path: Path) -> set[str]:
    """Return the alphaction modules, without that prefix, that a file imports anywhere."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("alphaction."):
            found.add(node.module.removeprefix("alphaction."))
        elif isinstance(node, ast.Import):
            names = {name.name for name in node.names if name.name.startswith("alphaction.")}
            found |= {name.removeprefix("alphaction.") for name in names}
    return found


def test_every_package_has_a_rule(repo_root):
    packages = {path.parent.name for path in (repo_root / "alphaction").glob("*/__init__.py")} - {"workflows"}
    packages |= {f"workflows.{path.parent.name}" for path in (repo_root / "alphaction/workflows").glob("*/__init__.py")}
    assert packages == set(ALLOWED)


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_imports_point_down(repo_root, package):
    wrong = []
    for path in sorted((repo_root / "alphaction" / package.replace(".", "/")).rglob("*.py")):
        file = path.relative_to(repo_root).as_posix()
        allowed = ALLOWED[package] | {package}
        wrong += [
            f"{file} imports alphaction.{module}"
            for module in sorted(imported_modules(path))
            if not any(module == name or module.startswith(f"{name}.") for name in allowed)
        ]
    assert wrong == []


def test_the_package_imports_nothing_that_uses_it(repo_root):
    outside = {"benchmarks", "tools", "tests", "train_net", "test_net"}
    assert roots_imported(repo_root / "alphaction", outside) == []


def test_tools_and_benchmarks_import_no_tests(repo_root):
    tests = {path.stem for path in (repo_root / "tests").iterdir()} | {"tests"}
    # A folder of the tests may have the name of another package.
    tests -= {"docs", "tools", "config", "data"}
    for folder in ("benchmarks", "tools"):
        assert roots_imported(repo_root / folder, tests) == []


def roots_imported(folder: Path, names: set[str]) -> list[str]:
    """Return "file: name" for each of these packages that a file below a folder imports anywhere."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [name.name for name in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []
            found += [f"{path.name}: {module}" for module in modules if module.partition(".")[0] in names]
    return found


def test_optional_packages_are_imported_only_where_they_are_used(repo_root):
    optional = {
        "transformers", "onnxruntime", "onnx", "onnxscript", "supervision", "fiftyone", "wandb", "mlflow", "trackers",
        "norfair",
    }  # fmt: skip
    found = []
    for path in sorted((repo_root / "alphaction").rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [f"{path.name}: {name}" for name in names if name.partition(".")[0] in optional]
    assert found == []
