"""Output folders of commands: a record file marks them, and unfinished output never looks complete."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alphaction.utils.atomic import write_text_atomically


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
    path = folder / name
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def write_record(folder: Path, name: str, record: dict[str, Any]) -> None:
    """Write ``record`` as ``folder/name``, in one step."""
    write_text_atomically(folder / name, json.dumps(record, indent=2) + "\n")
