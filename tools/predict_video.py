#!/usr/bin/env python
"""Predict the actions in videos and write each with every person's box, id, class names and scores on each frame."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from alphaction.utils.requirements import require_packages

require_packages()

from alphaction.utils.imports import explained_imports

with explained_imports():
    from alphaction.commands.predict import main, parse_arguments, run

__all__ = ["main", "parse_arguments", "run"]

if __name__ == "__main__":
    run()
