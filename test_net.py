#!/usr/bin/env python
"""Evaluate a checkpoint on the datasets of DATASETS.TEST."""

from __future__ import annotations

from alphaction.utils.requirements import require_packages

require_packages()

from alphaction.utils.imports import explained_imports

with explained_imports():
    from alphaction.commands.test import main, parse_arguments, run

__all__ = ["main", "parse_arguments", "run"]

if __name__ == "__main__":
    run()
