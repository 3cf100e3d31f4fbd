#!/usr/bin/env python
"""Compare two runs on the same data, and say whether their difference is more than noise."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from alphaction.utils.requirements import require_packages

require_packages()

from alphaction.utils.imports import explained_imports

with explained_imports():
    from alphaction.commands.compare import main, run

__all__ = ["main", "run"]

if __name__ == "__main__":
    run()
