"""Files of lines that are whole at every moment, whenever the program ends."""

from __future__ import annotations

import gzip
from pathlib import Path

from alphaction.utils.append_file import AppendFile
from alphaction.utils.errors import FullDiskError


class LineFile:
    """A file that grows by whole lines, each in the file as soon as it is written.

    What a file of that name holds is deleted.

    Args:
        path: the file; its folder is made if needed. What ends in ``.gz`` is compressed, piece by piece.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        self.path = path
        self.lines = 0
        self._file = AppendFile(path)

    def write(self, text: str) -> None:
        """Append lines, each with its line end.

        Raises:
            FullDiskError: the disk is full; the lines before are in the file.
            OSError: another reason of the file system.
        """
        if not text:
            return
        data = text.encode("utf-8", "backslashreplace")
        if self._file.write(gzip.compress(data) if self.path.suffix == ".gz" else data):
            self.lines += text.count("\n")
            return
        reason = self._file.failure.strerror
        raise FullDiskError(
            f"{self.path}: cannot be written ({reason}); it ends with what was written before. Free some space there, "
            "or name another place.",
            reason,
        )

    def close(self) -> None:
        """Close the file."""
        self._file.close()
