"""What is fuzzed: a reader, honest files of it, and what it covers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fuzz.seeds import Seed


@dataclass(frozen=True)
class Target:
    """A reader, run as a command runs it.

    Attributes:
        name: "annotations/via".
        seeds: gives its honest files.
        run: reads a file to the end: recognition, parsing, tables; raises what the command would meet.
        names_file: its errors name the file, or one of what the reader was given beside it.
        share: of the inputs, compared with other targets; less where an input takes long.
    """

    name: str
    seeds: Callable[[], list[Seed]]
    run: Callable[[Path], object]
    names_file: bool = True
    share: float = 1.0
