"""Options of a tool, declared once: the fields of a dataclass are its flags, their defaults, ranges and help.

    @dataclass(frozen=True)
    class CutOptions:
        video: Path = option(help="the video")
        seconds: int = option(1, within=POSITIVE, metavar="S", help="length of a clip (default: %(default)s)")
        sound: bool = option(True, help="leave the sound out")

    add_options(parser, CutOptions)             # --video (required), --seconds S, --no-sound
    options = read_options(CutOptions, parser.parse_args())

:func:`check_options` finds in options made by Python code what argparse would have refused.
"""

from __future__ import annotations

import argparse
import re
import sys
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

from alphaction.utils.errors import fail
from alphaction.utils.messages import suggest
from alphaction.utils.near_names import unknown_flag_hint
from alphaction.utils.numbers import Range

Options = TypeVar("Options")
_KEY = "option"


class CommandParser(argparse.ArgumentParser):
    """The parser of every command line: its errors are one line, without the usage, and flags are given in full.

    Args:
        keys: what stands before config keys at the end of the command, such as "-- "; None if it takes none.
    """

    def __init__(self, *args: Any, keys: str | None = None, **more: Any) -> None:
        # Otherwise --conf, which other tools have, would be --config-file.
        super().__init__(*args, allow_abbrev=False, **more)
        self._keys = keys

    def hint(self, flag: str, arguments: Collection[str] = ()) -> str:
        """Return what to write in place of an unknown flag, "" if nothing is like it.

        Args:
            flag: as it was given.
            arguments: names of what the command takes without a flag.
        """
        return unknown_flag_hint(flag, [*self.flags, *arguments], self._keys)

    @property
    def flags(self) -> list[str]:
        """The flags that are in the help, sorted, without their short forms."""
        shown = [action for action in self._actions if action.help is not argparse.SUPPRESS]
        return sorted(name for action in shown for name in action.option_strings if name.startswith("--"))

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and keep what was given for :meth:`error`."""
        self._given = list(sys.argv[1:] if args is None else args)
        return super().parse_known_args(args, namespace)

    def _unknown_flag(self, message: str) -> str | None:
        """Return the first unknown flag if that is what ``message`` is about.

        argparse says first which required flags are missing, although one of them may only be misspelled.
        """
        if message.startswith("unrecognized arguments: -"):
            return message.split()[2]
        if message.startswith("the following arguments are required: "):
            for word in self._given:
                name = word.split("=")[0]
                if name.startswith("--") and len(name) > 2 and name not in self._option_string_actions:
                    return word
        return None

    def _without_flag(self, message: str) -> str:
        """Return what to write if flags are missing, and the first word, such as a file, stands without one."""
        missing = re.findall(r"(?<!\S)--[\w-]+", message) if message.endswith(" is required") else []
        if message.startswith("the following arguments are required: "):
            missing = message.partition(": ")[2].split(", ")
        word = (self._given or [""])[0]
        # A config key may stand without one.
        if not missing or word[:1] in ("", "-") or "=" in word or re.fullmatch(r"[A-Z][A-Z0-9_.]*", word):
            return ""
        if len(missing) == 1:
            return f'Did you mean "{missing[0]} {word}"?'
        return f'"{word}" stands without its flag.'

    def error(self, message: str) -> NoReturn:
        """Print what is wrong with the flags and exit with status 2."""
        if unknown := self._unknown_flag(message):
            message = f"unknown flag {unknown}. {self.hint(unknown)}".rstrip()
        elif loose := self._without_flag(message):
            message = f"{message}. {loose}"
        fail(f"{message.removeprefix('argument ')} (all flags: --help)")


@dataclass(frozen=True)
class _Flag:
    """How a field is passed to ``argparse``; see :func:`option`."""

    help: str
    names: tuple[str, ...]
    within: Range | None
    choices: Collection[str] | None
    metavar: str | None
    group: str | None
    alone: Any
    parse: Callable[[str], Any] | None


def option(
    default: Any = MISSING,
    *names: str,
    help: str,
    within: Range | None = None,
    choices: Collection[str] | None = None,
    metavar: str | None = None,
    group: str | None = None,
    alone: Any = None,
    parse: Callable[[str], Any] | None = None,
) -> Any:
    """Declare a field of a dataclass that is a flag: a switch if it is a bool, of several values if it is a tuple.

    Args:
        default: value where the flag is not given; without one the flag is required. A bool that is on by default gets
            a flag ``--no-...``.
        names: the flag's names, if not the field's with dashes.
        help: as ``argparse`` takes it.
        within: range of a number.
        choices: valid texts.
        metavar: name of the value in the help.
        group: heading under which ``--help`` lists it.
        alone: value where the flag is given without one; None: the flag needs a value.
        parse: makes the value, also a tuple, of the flag's text.
    """
    flag = _Flag(help, names, within, choices, metavar, group, alone, parse)
    return field(default=default, metadata={_KEY: flag}) if default is not MISSING else field(metadata={_KEY: flag})


def add_options(
    parser: argparse.ArgumentParser,
    options: type,
    defaults: Mapping[str, Any] | None = None,
    skip: Collection[str] = (),
) -> None:
    """Add a flag for each field of the dataclass ``options`` that :func:`option` declared.

    Args:
        parser: the parser.
        options: the dataclass.
        defaults: field -> default that this command has instead.
        skip: fields without a flag here.
    """
    hints = get_type_hints(options)
    groups: dict[str, Any] = {}
    for entry in fields(options):
        flag = entry.metadata.get(_KEY)
        if flag is None or entry.name in skip:
            continue
        target = parser
        if flag.group:
            target = groups.setdefault(flag.group, None) or parser.add_argument_group(flag.group)
            groups[flag.group] = target
        default = (defaults or {}).get(entry.name, entry.default)
        target.add_argument(
            *_names(entry.name, flag, default), dest=entry.name, **_details(hints[entry.name], flag, default)
        )


def read_options(options: type[Options], args: argparse.Namespace, **more: Any) -> Options:
    """Return the dataclass ``options`` filled from parsed flags; ``more`` sets fields that are no flags."""
    given = {entry.name: getattr(args, entry.name) for entry in fields(options) if hasattr(args, entry.name)}
    return options(**{**{k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}, **more})


def check_options(options: Any) -> list[str]:
    """Return a problem for each field out of its range or choices, named by its flag."""
    problems = []
    for entry in fields(options):
        flag, value = entry.metadata.get(_KEY), getattr(options, entry.name)
        if flag is None or value is None:
            continue
        name = _names(entry.name, flag, entry.default)[0]
        if flag.within is not None and value not in flag.within:
            problems.append(f"{name} {value}: expected {flag.within.words}")
        if flag.choices is not None and value not in flag.choices:
            problems.append(f'{name} "{value}" is not available. {suggest(value, flag.choices)}')
    return problems


def _names(name: str, flag: _Flag, default: Any) -> Sequence[str]:
    return flag.names or (f"--{'no-' if default is True else ''}{name.replace('_', '-')}",)


def _details(hint: Any, flag: _Flag, default: Any) -> dict[str, Any]:
    details: dict[str, Any] = {"help": flag.help}
    if hint is bool:
        return details | {"action": "store_false" if default is True else "store_true", "default": default}
    required = default is MISSING
    details |= {"required": True} if required else {"default": default}
    if get_origin(hint) is tuple and flag.parse is None:
        details["nargs"] = "+"
        if default == () and flag.alone is None:
            details |= {"action": "extend", "default": []}  # Given again, it adds to what was given before.
    if flag.alone is not None:
        details |= {"nargs": "?", "const": flag.alone}
    kind = _element(hint)
    if flag.parse is not None:
        details["type"] = flag.parse
    elif flag.within is not None:
        details["type"] = flag.within
    elif kind in (int, float):
        details["type"] = Range(whole=kind is int)
    elif kind is Path:
        details["type"] = Path
    if flag.choices is not None:
        details["choices"] = tuple(flag.choices)
    if flag.metavar is not None:
        details["metavar"] = flag.metavar
    return details


def _element(hint: Any) -> Any:
    """Return the type of a single value: of ``int | None`` and of ``tuple[int, ...]`` it is int."""
    if get_origin(hint) in (Union, types.UnionType):
        return next(_element(inner) for inner in get_args(hint) if inner is not type(None))
    return get_args(hint)[0] if get_origin(hint) is tuple else hint
