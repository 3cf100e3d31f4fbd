"""Config files in Python, read without running them: only assignments of values count.

MMEngine writes a config as Python text into its checkpoints: names at the left, nested ``dict(...)`` calls
at the right.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping
from typing import Any, Final

MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 50


class NotReadableError(ValueError):
    """Text that is no config of values; the message says why."""


class Unknown:
    """Stands for what only running the text would tell: a call, a sum, a name from another file."""

    def __repr__(self) -> str:
        return "not a plain value"


UNKNOWN: Final = Unknown()


def read_python_text(text: str) -> dict[str, Any]:
    """Return what a config text assigns, by name; :data:`UNKNOWN` for what is not a plain value.

    Plain values are numbers, text, booleans, None, lists, tuples, dictionaries in both spellings (``dict(a=1)`` and
    ``{"a": 1}``), and names that were assigned before. Of a name that is assigned twice, the last value counts.

    Raises:
        NotReadableError: the text is too long or too deep, is not Python, or has statements other than assignments.
    """
    if len(text) > MAX_CHARACTERS:
        raise NotReadableError(f"it has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of "\\d" in its texts: nothing that a reader of weights can mend
            statements = ast.parse(text).body
    except SyntaxError as error:
        raise NotReadableError(f"it is not Python (line {error.lineno or 1}: {error.msg})") from error
    except (ValueError, RecursionError, MemoryError) as error:  # what Python says of a text nested too deeply
        raise NotReadableError(f"it cannot be read ({type(error).__name__})") from error
    values: dict[str, Any] = {}
    for statement in statements:
        _read_statement(statement, values)
    return values


def _read_statement(statement: ast.stmt, values: dict[str, Any]) -> None:
    match statement:
        case ast.Assign(targets=targets, value=value) if all(isinstance(target, ast.Name) for target in targets):
            read = _value(value, values)
            values.update({target.id: read for target in targets})
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            values[name] = _value(value, values)
        # Imports bring names that stay unknown; text that stands alone is a comment.
        case ast.Import() | ast.ImportFrom() | ast.Pass() | ast.Expr(value=ast.Constant()):
            pass
        case _:
            raise NotReadableError(f"line {statement.lineno} is a statement other than an assignment of a value")


def _value(node: ast.expr, names: Mapping[str, Any], depth: int = 0) -> Any:
    """Return the plain value of an expression, or UNKNOWN."""
    if depth > MAX_DEPTH:
        raise NotReadableError(f"line {node.lineno} is nested more than {MAX_DEPTH} deep")

    def inner(child: ast.expr) -> Any:
        return _value(child, names, depth + 1)

    match node:
        case ast.Constant(value=None | bool() | int() | float() | str() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.List(elts=elements):
            return [inner(element) for element in elements]
        case ast.Tuple(elts=elements):
            return tuple(inner(element) for element in elements)
        case ast.Dict(keys=keys, values=items):
            return _dict(
                [(None if key is None else inner(key), inner(item)) for key, item in zip(keys, items, strict=True)]
            )
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords) if "dict" not in names:
            return _dict([(keyword.arg, inner(keyword.value)) for keyword in keywords])
        case ast.Name(id=name):
            return names.get(name, UNKNOWN)
    return UNKNOWN


def _dict(items: list[tuple[Any, Any]]) -> Any:
    """Return a dictionary of the items; a key None stands for ``**``. UNKNOWN if the keys are not all plain text."""
    result: dict[str, Any] = {}
    for key, value in items:
        if key is None and isinstance(value, dict):
            result.update(value)
        elif isinstance(key, str | int):
            result[str(key)] = value
        else:
            return UNKNOWN
    return result
