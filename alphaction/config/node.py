"""The config tree: a yacs node whose own ``merge_from_...`` methods read files and values by this project's rules."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from yacs.config import CfgNode

from alphaction.config.keys import KEYS
from alphaction.config.tree import get_value, is_section, leaf_keys, nearest_key, section_keys
from alphaction.config.values import WrongTypeError, coerce
from alphaction.config.yaml_file import LocatedDict, read_yaml_mapping
from alphaction.utils.errors import UserError
from alphaction.utils.key_values import check_key_values
from alphaction.utils.limits import LARGEST_CONFIG, MOST_CONFIG_FILES, MOST_PROBLEMS
from alphaction.utils.messages import counted
from alphaction.utils.near_names import find_near_name, unknown_key_hint

BASE_KEY = "_BASE_"


class ConfigNode(CfgNode):
    """A config tree, or a section of one.

    Merging converts each value to the type of its key (see :func:`alphaction.config.values.coerce`): 1 is taken for
    1.0, the text "(1, 2)" for a tuple, and 1e-7 for a number. Mistakes are a :class:`UserError` that lists all of them,
    each with its line and the nearest valid key; nothing is changed then. Whether values make sense is checked by
    :func:`alphaction.config.validate_cfg`. All else (``clone``, ``freeze``, ``dump``) is as in yacs.
    """

    _PATH = "__path__"

    def __init__(
        self, init_dict: Mapping | None = None, key_list: Sequence[str] | None = None, new_allowed: bool = False
    ) -> None:
        super().__init__(init_dict, key_list, new_allowed)
        # Where the node stands in the tree, to find what is declared of its keys.
        self.__dict__[self._PATH] = tuple(key_list or ())

    def merge_from_file(self, cfg_filename: str | os.PathLike) -> None:
        """Merge a YAML file.

        A file may name one file or a list of files under ``_BASE_``, relative to itself: those are merged before it,
        in order.

        Raises:
            UserError: for a missing or malformed file, files that build on each other in a circle, and unknown keys or
                values of a wrong type.
        """
        self._set(_FileChanges(self).read(Path(os.path.expanduser(cfg_filename)), chain=()))

    def merge_from_list(self, cfg_list: Sequence[Any]) -> None:
        """Merge dotted keys and their values in turn, as in ``["SOLVER.BASE_LR", "0.01", "OUTPUT_DIR", "out"]``.

        Raises:
            UserError: for unknown keys, values of a wrong type, and a key without a value.
        """
        self._set(_list_changes(self, list(cfg_list)))

    def merge_from_other_cfg(self, cfg_other: Mapping[str, Any]) -> None:
        """Merge another config, or nested dicts, which may hold a part of the keys.

        Raises:
            UserError: for unknown keys and values of a wrong type.
        """
        changes: dict[str, Any] = {}
        problems = list(islice(_read_changes(self, cfg_other, "", changes), MOST_PROBLEMS))
        _raise_all("the merged config", problems)
        self._set(changes)

    def _set(self, changes: Mapping[str, Any]) -> None:
        for key, value in changes.items():
            section, _, name = key.rpartition(".")
            # Past freeze(), which guards attributes only, as in yacs.
            get_value(self, section)[name] = CfgNode(dict(value)) if isinstance(value, Mapping) else value

    def _convert(self, key: str, value: Any) -> Any:
        """Return ``value`` as the type that is declared of ``key``; one that a script has added keeps its type."""
        declared = KEYS.get(".".join((*self.__dict__[self._PATH], key)))
        if declared is not None:
            return coerce(value, declared.default, nested=declared.nested, element=declared.element)
        current = get_value(self, key)
        return value if current is None else coerce(value, current, nested=True)


class _FileChanges:
    """What a config file and those it builds on change; their number and size are bounded."""

    def __init__(self, root: ConfigNode) -> None:
        self._root = root
        self._files = self._bytes = 0

    def read(self, path: Path, chain: tuple[Path, ...]) -> dict[str, Any]:
        """Return {key: value} of ``path`` and the files it builds on; ``chain`` holds the files that led to it."""
        if path.resolve() in [earlier.resolve() for earlier in chain]:
            circle = " -> ".join(str(file) for file in (*chain, path))
            raise UserError(f"config files build on each other in a circle through {BASE_KEY}: {circle}")
        content = read_yaml_mapping(path, f"{BASE_KEY} of config file {chain[-1]}:" if chain else "config file")
        self._count(path, chain)
        changes: dict[str, Any] = {}
        for base in _bases(content, path):
            changes |= self.read(path.parent / os.path.expanduser(base), (*chain, path))
        problems = list(islice(_read_changes(self._root, content, "", changes), MOST_PROBLEMS))
        _raise_all(f"config file {path}", problems)
        return changes

    def _count(self, path: Path, chain: tuple[Path, ...]) -> None:
        self._files += 1
        self._bytes += path.stat().st_size
        first = chain[0] if chain else path
        if self._files > MOST_CONFIG_FILES:
            raise UserError(
                f"config file {first} builds on more than {MOST_CONFIG_FILES} files through {BASE_KEY} (each counts as "
                f"often as it is named); the last one is {path}."
            )
        if self._bytes > LARGEST_CONFIG:
            raise UserError(
                f"config file {first} and those it builds on have more than {LARGEST_CONFIG:,} bytes; the last one is "
                f"{path}."
            )


def _bases(content: LocatedDict, path: Path) -> list[str]:
    bases = content.pop(BASE_KEY, [])
    if isinstance(bases, str):
        bases = [bases]
    if not isinstance(bases, list) or not all(isinstance(base, str) and base for base in bases):
        raise UserError(
            f"config file {path}, line {content.lines[BASE_KEY]}: {BASE_KEY} must be a path or a list of paths, "
            f"relative to the file; got {bases!r}"
        )
    return bases


def _read_changes(root: ConfigNode, content: Mapping[str, Any], section: str, changes: dict[str, Any]) -> Iterator[str]:
    """Add to ``changes`` what ``content``, which stands under the key ``section``, sets; yield what is wrong in it."""
    for name, value in content.items():
        key = f"{section}.{name}" if section else str(name)
        if isinstance(value, Mapping) and is_section(root, key):
            yield from _read_changes(root, value, key, changes)
        elif value is None and is_section(root, key):
            continue  # A section whose lines are all commented out changes nothing.
        elif isinstance(value, Mapping) and any(find_near_name(f"{key}.{inner}") for inner in value):
            # A section of another framework: what it holds may have a place here.
            yield from _read_changes(root, value, key, changes)
        elif problem := _read_change(root, key, value, changes):
            line = f"line {content.lines[name]}: " if isinstance(content, LocatedDict) else ""
            yield line + problem


def _list_changes(root: ConfigNode, items: list[Any]) -> dict[str, Any]:
    check_key_values(items)
    changes: dict[str, Any] = {}
    found = (_read_change(root, str(key), value, changes) for key, value in zip(items[::2], items[1::2], strict=True))
    _raise_all("the KEY VALUE pairs", list(islice(filter(None, found), MOST_PROBLEMS)))
    return changes


def _read_change(root: ConfigNode, key: str, value: Any, changes: dict[str, Any]) -> str | None:
    """Add the converted ``value`` of ``key`` to ``changes``; return what is wrong with it, None if all is well."""
    if is_section(root, key):
        return f"{key} is a section, not a value; it has the keys {', '.join(get_value(root, key))}."
    section, _, name = key.rpartition(".")
    known = not section or is_section(root, section)
    if not known or name not in get_value(root, section):
        if known and get_value(root, section).is_new_allowed():
            changes[key] = value
            return None
        return _unknown(key, root)
    try:
        changes[key] = root._convert(key, value)
    except WrongTypeError as error:
        return f"{key}: {error}."
    return None


def _unknown(key: str, root: ConfigNode) -> str:
    known = [*leaf_keys(root), *section_keys(root)]
    if key.rpartition(".")[2] == BASE_KEY:
        return f"{key}: {BASE_KEY} belongs at the top of a config file only."
    if hint := unknown_key_hint(key):
        return f"unknown key {key}. {hint}"
    if near := nearest_key(key, known):
        return f"unknown key {key}. Did you mean {near}?"
    section = key.rpartition(".")[0]
    if section in known and not isinstance(get_value(root, section), CfgNode):
        return f"unknown key {key}: {section} is a value, and has no keys."
    if section in known:
        return f"unknown key {key}. {section} has: {', '.join(get_value(root, section))}."
    return f"unknown key {key}. The sections are: {', '.join(root)}."


def _raise_all(where: str, problems: list[str]) -> None:
    if problems:
        more = " or more" if len(problems) == MOST_PROBLEMS else ""
        raise UserError("\n  ".join([f"{counted(len(problems), 'mistake')}{more} in {where}:", *problems]))
