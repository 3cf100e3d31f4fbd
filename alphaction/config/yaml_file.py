"""Reading YAML with line numbers, without the traps of YAML 1.1."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from alphaction.utils.errors import UserError
from alphaction.utils.files import missing_file
from alphaction.utils.limits import LARGEST_CONFIG
from alphaction.utils.plain_yaml import YamlError, load_yaml

YAML_SUFFIXES = (".yaml", ".yml")


class LocatedDict(dict):
    """A mapping that knows the line (from 1) of each of its keys.

    Attributes:
        lines: key -> line.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[Any, int] = {}


class _Loader(yaml.SafeLoader):
    """SafeLoader whose mappings are :class:`LocatedDict`, and which reads on, off, yes and no as text."""


def _construct_mapping(loader: _Loader, node: yaml.MappingNode) -> Iterator[LocatedDict]:
    result = LocatedDict()
    yield result
    first: dict[str, int] = {}
    for key_node, _ in node.value:
        name, mark = str(key_node.value), key_node.start_mark
        if name in first and key_node.tag != "tag:yaml.org,2002:merge":
            problem = f'"{name}" is given twice (first in line {first[name]}); keep one'
            raise yaml.constructor.ConstructorError(None, None, problem, mark)
        first[name] = mark.line + 1
    loader.flatten_mapping(node)
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        result[key] = loader.construct_object(value_node, deep=True)
        result.lines[key] = key_node.start_mark.line + 1


_Loader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)
# YAML 1.1 turns `AMP: off` into False. Only true and false stay booleans; load.py still accepts the words for switches.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_yaml_mapping(path: Path, what: str) -> LocatedDict:
    """Return the mapping that the YAML file ``path`` holds; an empty file is an empty mapping.

    Args:
        path: the file.
        what: what the file is to the user, for messages ("config file").

    Raises:
        UserError: if it does not exist, is no YAML, names a key twice, or holds something else than a mapping.
    """
    if not os.path.isfile(path):  # False for names that are too long, too
        problem = f"{path} is a folder" if os.path.isdir(path) else missing_file(path, YAML_SUFFIXES)
        raise UserError(f"{what} {problem}")
    size = path.stat().st_size
    if size > LARGEST_CONFIG:
        raise UserError(f"{what} {path}: {size:,} bytes are too many; those of up to {LARGEST_CONFIG:,} are read.")
    try:
        content = load_yaml(path.read_text(encoding="utf-8"), _Loader)
    except YamlError as error:
        line = "" if error.line is None else f", line {error.line}"
        raise UserError(f"{what} {path}{line}: {error}{_tab_hint(error)}") from error
    except (UnicodeDecodeError, OSError) as error:
        raise UserError(f"{what} {path} is not readable as YAML: {error}") from error
    if content is None:
        return LocatedDict()
    if not isinstance(content, LocatedDict):
        raise UserError(f'{what} {path} holds {type(content).__name__}, expected "KEY: value" lines.')
    return content


def _tab_hint(error: YamlError) -> str:
    return ". YAML is indented with spaces, not tabs." if "\\t" in str(error) else ""
