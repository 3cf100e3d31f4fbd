"""Turning what a YAML file or a command line holds into a value of the type that a key has.

Published YAML files write tuples as ``(50000, 70000)`` and small numbers as ``1e-7``, both of which YAML reads as text.
"""

from __future__ import annotations

import ast
import os
from typing import Any

from alphaction.config.keys.declaration import kind_of
from alphaction.utils.limits import DEEPEST, LARGEST_WHOLE, LONGEST_VALUE
from alphaction.utils.plain_yaml import UNWRITABLE, YamlError, load_yaml

TRUE_WORDS = ("true", "yes", "on")
FALSE_WORDS = ("false", "no", "off")


class WrongTypeError(ValueError):
    """A value that is not of its key's type; the message says what was expected."""


def coerce(value: Any, default: Any, nested: bool = False, element: type = str) -> Any:
    """Return ``value`` as the type of ``default``.

    Text is read as a Python or YAML literal where the key is not text itself. An int is taken for a float, a float
    without fraction for an int, a list for a tuple and the other way round, a single element for a list of one.

    Args:
        value: from YAML, from a command line (then text), or a Python value.
        default: the key's default, whose type decides.
        nested: a list may hold lists of text; else it holds numbers, or text only.
        element: type of the elements where ``default`` is an empty list.

    Raises:
        WrongTypeError: if that is not possible.
    """
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, str):
        _check_text(value)
    if isinstance(default, bool):
        return _to_bool(value)
    if isinstance(default, (int, float)):
        return _to_number(value, type(default))
    if isinstance(default, str):
        return _to_text(value)
    return _to_sequence(value, default, nested, type(default[0]) if default else element)


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):  # the last two: "-" a thousand times
        return text


def _check_text(text: str) -> None:
    """Refuse a text that takes long to read, or is nested deeper than any value."""
    if len(text) > LONGEST_VALUE:
        raise WrongTypeError(f"a value of {len(text):,} characters; those of up to {LONGEST_VALUE:,} are read")
    depth = deepest = 0
    for character in text:
        depth += (character in "[({") - (character in "])}")
        deepest = max(deepest, depth)
    if deepest > DEEPEST:
        raise WrongTypeError(f"a value with {deepest:,} brackets within each other, more than {DEEPEST}")


def _shown(value: Any) -> str:
    return f'the text "{value}"' if isinstance(value, str) else f"{type(value).__name__} {value}"


def _to_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else None
    if word in TRUE_WORDS or word in FALSE_WORDS:
        return word in TRUE_WORDS
    raise WrongTypeError(f"expected True or False, got {_shown(value)}")


def _to_number(value: Any, kind: type) -> int | float:
    number = _literal(value) if isinstance(value, str) else value
    if isinstance(number, (int, float)) and not isinstance(number, bool):
        whole = number if isinstance(number, int) else int(number) if number.is_integer() else None
        if whole is not None and abs(whole) > LARGEST_WHOLE and (kind is int or isinstance(number, int)):
            raise WrongTypeError(
                f"a whole number of {whole.bit_length()} bits is too large; those of up to 53 are read"
            )
        if kind is float:
            return float(number)
        if whole is not None:
            return whole
    expected = "a number such as 0.1 or 1e-7" if kind is float else "an integer"
    raise WrongTypeError(f"expected {expected}, got {_shown(value)}")


def _to_text(value: Any) -> str:
    if isinstance(value, str):
        inner = _literal(value) if value[:1] in "'\"" else value
        text = inner if isinstance(inner, str) else value
        if UNWRITABLE.search(text):
            raise WrongTypeError(f"the text {text!a} holds a zero byte, or half of a character")
        return text
    if value is None:
        raise WrongTypeError('it has no value; write "" for empty text')
    raise WrongTypeError(f'expected text, got {_shown(value)}; write it in quotes: "{value}"')


def _to_sequence(value: Any, default: list | tuple, nested: bool, element: type) -> list | tuple:
    items = _read_sequence(value) if isinstance(value, str) else value
    if isinstance(items, (int, float, str)) and not isinstance(items, bool):
        items = [items]
    if not isinstance(items, (list, tuple)):
        raise WrongTypeError(f"expected a {kind_of(default, nested, element)}, got {_shown(value)}")
    if issubclass(element, (int, float)):
        return type(default)(_to_number(item, element) for item in items)
    return type(default)(_to_text_item(item, nested) for item in items)


def _read_sequence(text: str) -> Any:
    value = _literal(text)
    if isinstance(value, str) and value.strip().startswith("["):
        try:
            return load_yaml(value)
        except YamlError:
            pass
    if isinstance(value, str) and value.strip()[:1] in ("[", "("):
        raise WrongTypeError(
            f"the text {value} is no list (did the shell take away its quotes?); write [a, b], in quotes for the shell"
        )
    return value


def _to_text_item(item: Any, nested: bool) -> str | list[str]:
    if nested and isinstance(item, (list, tuple)):
        return [_to_text_item(inner, nested=False) for inner in item]
    return _to_text(item)
