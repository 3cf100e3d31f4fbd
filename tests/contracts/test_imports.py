"""Imports point one way: see docs/ARCHITECTURE.md."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

# What each package may import, besides itself.
ALLOWED = {
    "utils": set(),
    "structures": {"utils", "data.sample"},
    "layers": {"utils"},
    "config": {"utils"},
    "data": {"utils", "structures", "config"},
    "toy": {"utils", "data", "config"},
    "evaluation": {"utils", "structures", "data"},
    "solver": {"utils", "config"},
    "checkpoint": {"utils"},
    "modeling": {"utils", "structures", "layers", "config", "data.sample"},
    "engine": {
        "utils", "structures", "layers", "config", "data", "evaluation", "solver", "checkpoint", "modeling",
        "inspection",
    },
    "preparation": {"utils", "structures", "data", "config"},
    "person_detection": {"utils", "structures", "data", "config", "evaluation"},
    "inspection": {"utils", "structures", "data", "config", "evaluation"},
    "finetune": {
        "utils", "config", "data", "evaluation", "solver", "checkpoint", "modeling", "engine", "inspection",
    },
    "prediction": {
        "utils", "structures", "config", "data", "evaluation", "checkpoint", "modeling", "engine",
        "person_detection",
    },
    "ablation": {"utils", "config", "toy", "data"},
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
    packages = {path.parent.name for path in (repo_root / "alphaction").glob("*/__init__.py")}
    assert packages == set(ALLOWED)


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_imports_point_down(repo_root, package):
    allowed = ALLOWED[package] | {package}
    wrong = [
        f"{path.relative_to(repo_root)} imports alphaction.{module}"
        for path in sorted((repo_root / "alphaction" / package).rglob("*.py"))
        for module in sorted(imported_modules(path))
        if not any(module == name or module.startswith(f"{name}.") for name in allowed)
    ]
    assert wrong == []
