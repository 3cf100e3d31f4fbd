"""A config as YAML text with comments, and its way to disk."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from alphaction.utils.atomic import write_text_atomically
from alphaction.utils.command_text import as_typed
from alphaction.utils.errors import UserError
from alphaction.utils.files import refuse_existing
from alphaction.utils.messages import visible

_WIDTH = 118
_INDENT = "  "


@dataclass(frozen=True)
class Setting:
    """A value for a config key.

    Attributes:
        key: dotted path.
        value: number, text, bool, or a list of them.
        comment: why it has that value; "" where nothing needs saying.
    """

    key: str
    value: Any
    comment: str = ""


def to_yaml(settings: Sequence[Setting], header: Sequence[str] = ()) -> str:
    """Return the text of a config file.

    Args:
        settings: in the order of the file; keys of one section must follow each other.
        header: lines of the comment at the top.
    """
    lines = [wrapped for line in header for wrapped in _comment(visible(as_typed(line)), "")]
    open_sections: list[str] = []
    for setting in settings:
        *sections, name = setting.key.split(".")
        shared = 0
        while shared < min(len(sections), len(open_sections)) and sections[shared] == open_sections[shared]:
            shared += 1
        if shared == 0:
            lines.append("")
        lines += [f"{_INDENT * depth}{sections[depth]}:" for depth in range(shared, len(sections))]
        open_sections = sections
        indent = _INDENT * len(sections)
        line = f"{indent}{name}: {format_value(setting.value)}"
        # A name in a comment must not end its line, or what follows would be a key.
        comment = visible(as_typed(setting.comment)).replace("\n", " ")
        if comment and len(line) + len(comment) + 4 <= _WIDTH:
            lines.append(f"{line}  # {comment}")
        else:
            lines += [*_comment(comment, indent), line]
    return "\n".join(lines).strip("\n") + "\n"


def format_value(value: Any) -> str:
    """Return a value as one line of YAML that reads back as the same value."""
    if isinstance(value, bool):
        return str(value)
    text = yaml.safe_dump(value, default_flow_style=True, width=float("inf"), allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def check_target(path: Path, force: bool, flag: str = "--output") -> None:
    """Raise a :class:`UserError` if ``path`` cannot become a config file.

    Args:
        path: the file to write.
        force: whether an existing file may be replaced.
        flag: what names it on the command line.
    """
    if path.is_dir():
        raise UserError(f"{flag} {path} is a folder. Name a file in it, such as {path / 'finetune.yaml'}")
    if path.suffix.lower() not in (".yaml", ".yml"):
        raise UserError(f"{flag} {path}: configs are YAML files. Name it {path.with_suffix('.yaml')}")
    refuse_existing(flag, path, force)


def write_text(path: Path, text: str, force: bool = False, flag: str = "--output") -> None:
    """Write ``text`` to ``path`` in one step: a run that is stopped leaves no half of a file.

    Raises:
        UserError: see :func:`check_target`.
    """
    check_target(path, force, flag)
    write_text_atomically(path, text)


def _comment(text: str, indent: str) -> list[str]:
    if not text:
        return []
    return [f"{indent}# {line}" for line in textwrap.wrap(text, _WIDTH - len(indent) - 2, break_long_words=False)]
