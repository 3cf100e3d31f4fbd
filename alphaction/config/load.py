"""From a YAML file, the files it builds on, and ``KEY VALUE`` pairs of a command line to one config."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from yacs.config import CfgNode

from alphaction.config.defaults import get_cfg
from alphaction.config.near import leaf_keys, nearest_key, section_keys
from alphaction.config.ranges import get_value
from alphaction.config.values import WrongTypeError, coerce
from alphaction.config.yaml_file import LocatedDict, read_yaml_mapping
from alphaction.utils.errors import UserError

BASE_KEY = "_BASE_"


def load_cfg(config_file: str | Path | None, overrides: Sequence[Any] = ()) -> CfgNode:
    """Return the defaults, changed by ``config_file`` and then by ``overrides``.

    A file may name one file or a list of files under ``_BASE_``, relative to itself: those are applied before it, in
    order. Values are converted to the type of their key's default (see :func:`alphaction.config.values.coerce`);
    whether they make sense is checked by :func:`alphaction.config.validate.validate_cfg`.

    Args:
        config_file: path of a YAML file; None or "" for the defaults alone.
        overrides: dotted keys and their values in turn, as in ``["SOLVER.BASE_LR", "0.01", "OUTPUT_DIR", "out"]``.

    Returns:
        A config that may still be changed (it is not frozen).

    Raises:
        UserError: for a missing or malformed file, files that build on each other in a circle, and unknown keys or
            values of a wrong type, all those of a file at once, each with its line and the nearest valid key.
    """
    cfg = get_cfg()
    if config_file:
        _apply_file(cfg, Path(config_file).expanduser(), chain=())
    _apply_overrides(cfg, list(overrides))
    return cfg


@cache
def _defaults() -> CfgNode:
    """Return the defaults, to look types up; a file before may have emptied a list, which then has no element type."""
    defaults = get_cfg()
    defaults.freeze()
    return defaults


def _apply_file(cfg: CfgNode, path: Path, chain: tuple[Path, ...]) -> None:
    """Apply ``path`` and the files it builds on to ``cfg``; ``chain`` holds the files that led to it."""
    if path.resolve() in [earlier.resolve() for earlier in chain]:
        circle = " -> ".join(str(file) for file in (*chain, path))
        raise UserError(f"config files build on each other in a circle through {BASE_KEY}: {circle}")
    content = read_yaml_mapping(path, f"{BASE_KEY} of config file {chain[-1]}:" if chain else "config file")
    for base in _bases(content, path):
        _apply_file(cfg, path.parent / Path(base).expanduser(), (*chain, path))
    problems: list[str] = []
    _merge(cfg, content, "", problems)
    _raise_all(f"config file {path}", problems)


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


def _merge(root: CfgNode, content: LocatedDict, section: str, problems: list[str]) -> None:
    """Write ``content``, which stands under the key ``section``, into ``root``; add what is wrong to ``problems``."""
    for name, value in content.items():
        key = f"{section}.{name}" if section else str(name)
        if isinstance(value, LocatedDict) and key in section_keys(root):
            _merge(root, value, key, problems)
        elif value is None and key in section_keys(root):
            continue  # A section whose lines are all commented out changes nothing.
        elif problem := _assign(root, key, value):
            problems.append(f"line {content.lines[name]}: {problem}")


def _apply_overrides(cfg: CfgNode, overrides: list[Any]) -> None:
    for item in (str(item) for item in overrides[::2]):
        if item.startswith("-"):
            raise UserError(f"{item} stands where a config key is expected: put flags before the KEY VALUE pairs")
        if "=" in item:
            raise UserError(f'config override {item}: write "{item.replace("=", " ", 1)}", with a space instead of "="')
    if len(overrides) % 2:
        raise UserError(f"config overrides come in pairs KEY VALUE, but the last one is alone: {overrides[-1]!r}")
    pairs = zip(overrides[::2], overrides[1::2], strict=True)
    problems = [_assign(cfg, str(key), value) for key, value in pairs]
    _raise_all("the config keys on the command line", [problem for problem in problems if problem])


def _assign(root: CfgNode, key: str, value: Any) -> str | None:
    """Set ``key``; return what is wrong with it or its value, None if all is well."""
    sections, keys = list(section_keys(root)), list(leaf_keys(root))
    if key in sections:
        return f"{key} is a section, not a value; it has the keys {', '.join(get_value(root, key))}."
    if key not in keys:
        return _unknown(key, root, keys + sections)
    try:
        converted = coerce(value, get_value(_defaults(), key), key)
    except WrongTypeError as error:
        return f"{key}: {error}."
    section, _, name = key.rpartition(".")
    (get_value(root, section) if section else root)[name] = converted
    return None


def _unknown(key: str, root: CfgNode, known: list[str]) -> str:
    if key.rpartition(".")[2] == BASE_KEY:
        return f"{key}: {BASE_KEY} belongs at the top of a config file only."
    if near := nearest_key(key, known):
        return f"unknown key {key}. Did you mean {near}?"
    section = key.rpartition(".")[0]
    if section in known:
        return f"unknown key {key}. {section} has: {', '.join(get_value(root, section))}."
    return f"unknown key {key}. The sections are: {', '.join(root)}."


def _raise_all(where: str, problems: list[str]) -> None:
    if problems:
        title = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
        raise UserError("\n  ".join([f"{title} in {where}:", *problems]))
