"""The parser that every command line uses; ranges of numbers are in :mod:`alphaction.utils.numbers`."""

from __future__ import annotations

import argparse
from typing import NoReturn


class CommandParser(argparse.ArgumentParser):
    """A parser whose errors are one line without the usage, as :func:`alphaction.utils.errors.run_command` prints."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong with the flags and exit with status 2."""
        self.exit(2, f"error: {message.removeprefix('argument ')} (all flags: --help)\n")
