"""The projects whose weight files are understood. Each has a module of this folder that registers itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from alphaction.checkpoint.foreign.converted import Converted, ForeignFile


@dataclass(frozen=True)
class Source:
    """A project whose weight files are understood.

    Attributes:
        name: what ``tools/convert_weights.py --from`` calls it.
        title: what people call it.
        recognizes: whether a file is of this project, from its tensors' names, never from its path.
        convert: renames the tensors and finds the settings. ``answers`` (config key -> value) are what the user says;
            they settle questions, and must agree with what the file says. Raises a UserError, which names the
            architecture, for a network that is not supported.
    """

    name: str
    title: str
    recognizes: Callable[[ForeignFile], bool]
    convert: Callable[[ForeignFile, Mapping[str, Any]], Converted]


SOURCES: dict[str, Source] = {}
"""By name, in alphabetical order of their modules; :func:`load_sources` fills it."""


def register(source: Source) -> Source:
    """Add a source; each module of this folder calls it once."""
    SOURCES[source.name] = source
    return source


def load_sources() -> Mapping[str, Source]:
    """Import every module of this folder and return :data:`SOURCES`: a new source is one new file."""
    package = __name__.rpartition(".")[0]
    for module in iter_modules(import_module(package).__path__):
        import_module(f"{package}.{module.name}")
    return SOURCES
