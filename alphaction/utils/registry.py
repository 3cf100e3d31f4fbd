"""Names in a config file -> the classes or functions that they stand for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from alphaction.utils.errors import UserError
from alphaction.utils.messages import suggest

T = TypeVar("T")


class Registry(Generic[T]):
    """A named table of builders.

    Args:
        kind: what the entries are, with the config key that selects one; used in error messages.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that stores its argument under ``name``; a second use of a name is a ``ValueError``."""

        def decorate(entry: T) -> T:
            if name in self._entries:
                raise ValueError(f"{self.kind}: {name!r} is registered twice")
            self._entries[name] = entry
            return entry

        return decorate

    def get(self, name: str) -> T:
        """Return the entry called ``name``.

        Raises:
            UserError: if there is none; the message names the nearest valid name.
        """
        if name not in self._entries:
            raise UserError(f'{self.kind}: "{name}" is not registered. {suggest(name, self._entries)}')
        return self._entries[name]

    def names(self) -> list[str]:
        """Return all registered names, sorted."""
        return sorted(self._entries)
