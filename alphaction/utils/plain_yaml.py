"""YAML of strangers as plain data: its size is known before anything is made of it, and its tags run nothing."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import yaml

from alphaction.utils.limits import DEEPEST, LARGEST_YAML, LONGEST_NUMBER, MOST_YAML_NODES

UNWRITABLE = re.compile("[\0\ud800-\udfff]")
"""What no file, and no name of one, can hold: a zero byte, or half of a character."""


class YamlError(ValueError):
    """What is wrong with a YAML text.

    Attributes:
        line: where, from 1; None: no line is known.
    """

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.line = line


def load_yaml(text: str, loader: type[yaml.SafeLoader] = yaml.SafeLoader) -> Any:
    """Return what a YAML text holds; None for an empty one.

    Args:
        text: the text.
        loader: makes the values.

    Raises:
        YamlError: it is not YAML, a value is not what its tag says, or it is larger or deeper than limits.py allows,
            also once each alias is written out.
    """
    if len(text) > LARGEST_YAML:
        raise YamlError(f"{len(text):,} characters are too many for YAML; {LARGEST_YAML:,} are read")
    try:
        return yaml.load(text, Loader=_bounded(loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = str(error.problem or error.context)
        if problem.startswith("but "):
            problem = f"{error.context}, {problem}"
        raise YamlError(problem, mark.line + 1 if mark else None) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlError(f"the character {chr(error.character)!a} is not allowed in YAML", line) from error
    except YamlError:
        raise
    # Values that are not what their tags say raise KeyError, AttributeError and others.
    except Exception as error:
        told = str(error).strip().split("\n", 1)[0][:200] or "no reason is given"
        raise YamlError(f"a value is not what it is marked as ({type(error).__name__}: {told})") from error


@cache
def _bounded(loader: type[yaml.SafeLoader]) -> type[yaml.SafeLoader]:
    """Return a loader that looks at each event, which costs no more than its text, before it goes on.

    Values are made once all events of a text are known.
    """

    class Bounded(loader):
        def __init__(self, stream: str) -> None:
            super().__init__(stream)
            self._budget = _Budget()

        def get_event(self) -> yaml.Event:
            event = super().get_event()
            _check_event(event, self._budget)
            return event

    return Bounded


def _check_event(event: yaml.Event, budget: _Budget) -> None:
    line = event.start_mark.line + 1
    if isinstance(event, yaml.AliasEvent):
        budget.repeat(event.anchor, line)
    elif isinstance(event, yaml.ScalarEvent):
        if event.style is None and len(event.value) > LONGEST_NUMBER and event.value[0] in "+-.0123456789":
            problem = f"a number of {len(event.value):,} characters; those of up to {LONGEST_NUMBER:,} are read"
            raise YamlError(problem, line)
        if UNWRITABLE.search(event.value):
            raise YamlError(f"the text {event.value[:80]!a} holds a zero byte, or half of a character", line)
        budget.add(event.anchor, len(event.value), line)
    elif isinstance(event, yaml.CollectionStartEvent):
        budget.open(event.anchor, line)
    elif isinstance(event, yaml.CollectionEndEvent):
        budget.close()


class _Budget:
    """Counts values and characters as if each alias were written out."""

    def __init__(self) -> None:
        self._open: list[tuple[str | None, int, int]] = []  # anchor, values and characters before it
        self._sizes: dict[str, tuple[int, int]] = {}
        self._values = self._characters = 0

    def add(self, anchor: str | None, characters: int, line: int) -> None:
        """Count a scalar."""
        if anchor is not None:
            self._sizes[anchor] = 1, characters
        self._count(1, characters, line)

    def open(self, anchor: str | None, line: int) -> None:
        """Count a list or a mapping, which what follows is in."""
        self._open.append((anchor, self._values, self._characters))
        if len(self._open) > DEEPEST:
            raise YamlError(f"it is nested deeper than {DEEPEST} levels, which no config is", line)
        self._count(1, 0, line)

    def close(self) -> None:
        """End the list or the mapping opened last."""
        anchor, values, characters = self._open.pop()
        if anchor is not None:
            self._sizes[anchor] = self._values - values, self._characters - characters

    def repeat(self, anchor: str, line: int) -> None:
        """Count what an alias stands for; an unknown one is found by the loader."""
        if any(anchor == name for name, _, _ in self._open):
            raise YamlError(f"*{anchor} stands within what it refers to", line)
        self._count(*self._sizes.get(anchor, (1, 0)), line)

    def _count(self, values: int, characters: int, line: int) -> None:
        self._values += values
        self._characters += characters
        if self._values > MOST_YAML_NODES:
            raise YamlError(f"more than {MOST_YAML_NODES:,} values (each alias counts as what it stands for)", line)
        if self._characters > LARGEST_YAML:
            raise YamlError(f"more than {LARGEST_YAML:,} characters once its aliases are written out", line)
