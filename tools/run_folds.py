#!/usr/bin/env python
"""Train and evaluate the folds of a cross-validation, and sum them up."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from alphaction.utils.requirements import require_packages

require_packages()

from alphaction.utils.imports import explained_imports

with explained_imports():
    from alphaction.commands.folds import main, run

__all__ = ["main", "run"]

if __name__ == "__main__":
    run()
