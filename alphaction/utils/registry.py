"""Names in a config file -> the classes or functions that they stand for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from alphaction.utils.errors import UserError
from alphaction.utils.messages import suggest

T = TypeVar("T")

# Config key -> the registry that its value is a name in. Filled when the packages that own the registries are imported,
# so that the config can check a name without knowing what it stands for.
_REGISTRIES: dict[str, Registry] = {}


class Registry(Generic[T]):
    """A table of builders, one of which a config key selects by name.

    Args:
        key: the config key, as in "MODEL.BACKBONE.CONV_BODY".

    Raises:
        ValueError: if there is a registry for that key already.
    """

    def __init__(self, key: str) -> None:
        if key in _REGISTRIES:
            raise ValueError(f"there is a registry for {key} already")
        self.key = key
        self._entries: dict[str, T] = {}
        _REGISTRIES[key] = self

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that stores its argument under ``name``; a second use of a name is a ``ValueError``."""

        def decorate(entry: T) -> T:
            if name in self._entries:
                raise ValueError(f"{self.key}: {name!r} is registered twice")
            self._entries[name] = entry
            return entry

        return decorate

    def get(self, name: str) -> T:
        """Return the entry called ``name``.

        Raises:
            UserError: if there is none; the message names the nearest valid name.
        """
        if name not in self._entries:
            raise UserError(f'{self.key}: "{name}" is not available. {suggest(name, self._entries)}')
        return self._entries[name]

    def names(self) -> list[str]:
        """Return all registered names, sorted."""
        return sorted(self._entries)


def registered_names(key: str) -> list[str]:
    """Return the names that the config key ``key`` may hold, sorted; none if its registry was not imported yet."""
    return _REGISTRIES[key].names() if key in _REGISTRIES else []
