#!/usr/bin/env python
"""Train an action detector."""

from __future__ import annotations

from alphaction.utils.requirements import require_packages

require_packages()

from alphaction.utils.imports import explained_imports

with explained_imports():
    from alphaction.commands.train import main, parse_arguments, run

__all__ = ["main", "parse_arguments", "run"]

if __name__ == "__main__":
    run()
