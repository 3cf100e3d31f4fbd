"""Messages of the command lines in the words of Python: ``start=`` for ``--start``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from alphaction.utils.errors import UserError

# A command line with its words stays as it is: flags are right there.
_COMMAND = r"(?:\w+\.py|\balphaction [a-z]+)\b(?:[^\n.,;]|[.,](?=\S))*"
_FLAG = re.compile(rf"{_COMMAND}|(?<![\w-])--([a-z][a-z0-9]*(?:-[a-z0-9]+)*)(?: (FILE|NAME|FOLDER|S|D|K)\b)?")
# What a message begins with: "--start 99: ...".
_GIVEN = re.compile(r"^--([a-z][a-z0-9-]*) (?!FILE|NAME|FOLDER)(\S)")
_NAMES = {
    "detections": "boxes",
    "object_boxes": "objects",
    "config_file": "config",
    "onnx": "detector",
    "hf_model": "detector",
}


def in_python(message: str) -> str:
    """Return a message with keyword arguments in place of flags: ``detector_weights=FILE``."""

    def argument(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0]
        name = found[1].replace("-", "_")
        return f"{_NAMES.get(name, name)}={found[2]}" if found[2] else f"{_NAMES.get(name, name)}="

    message = message.replace("the KEY VALUE pairs", "the arguments")
    return _FLAG.sub(argument, _GIVEN.sub(r"--\1=\2", message)).replace("==", "=")


@contextmanager
def python_words() -> Iterator[None]:
    """Let a :class:`UserError` within the block name arguments in place of flags."""
    try:
        yield
    except UserError as error:
        if len(error.args) == 1 and isinstance(error.args[0], str):
            error.args = (in_python(error.args[0]),)
        raise
