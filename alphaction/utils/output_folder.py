"""Output folders of commands: a record file marks them, and unfinished output never looks complete."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alphaction.utils.atomic import write_text_atomically
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.values import Value, parse_json


@contextmanager
def scratch_beside(output: Path) -> Iterator[Path]:
    """Yield an empty hidden folder beside ``output``, which is removed at the end; files are moved from it by renaming.

    Its name starts with a dot, so that the search for datasets ignores it.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as scratch:
        yield Path(scratch)


def read_record(folder: Path, name: str) -> dict[str, Any] | None:
    """Return the record ``folder/name``: None if the file does not exist, {} if it is not a JSON object."""
    record = record_value(folder, name)
    return record.raw if record.is_object else {} if record.given else None


def record_value(folder: Path, name: str) -> Value:
    """Return the same, from which values are taken by type: absent if the file does not exist."""
    path = folder / name

    def error(place: str, problem: str) -> UserError:
        return DataError(f"{path}{', ' * bool(place)}{place}: {problem}")

    try:
        return Value(parse_json(path.read_text(encoding="utf-8"), error) if path.is_file() else None, error)
    except (UserError, UnicodeDecodeError):
        return Value({}, error)


def write_record(folder: Path, name: str, record: dict[str, Any]) -> None:
    """Write ``record`` as ``folder/name``, in one step."""
    write_text_atomically(folder / name, json.dumps(record, indent=2) + "\n")
