"""A file that lines are appended to, also when its disk is full for a while."""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from pathlib import Path


class AppendFile:
    """Appends to a file, each piece whole or not at all.

    What the disk has no room for waits in memory and is written, in its place, as soon as there is room again. So a log
    on a full disk costs no run, and no reader finds half a line.

    Args:
        path: the file; it is made if absent, its folder must exist.

    Attributes:
        path: the file.
        failure: why the last attempt to write failed; None if everything is written.

    Raises:
        OSError: if the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.failure: OSError | None = None
        self._waiting: deque[bytes] = deque()
        self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)

    def write(self, piece: bytes) -> bool:
        """Append a piece behind those that wait; return whether all of them are in the file now."""
        self._waiting.append(piece)
        return self.flush()

    def flush(self) -> bool:
        """Try again to write what waits; return whether all of it is in the file now."""
        while self._waiting:
            size = os.fstat(self._handle).st_size
            try:
                self._write(self._waiting[0])
            except OSError as error:
                # Room for a part of it: half a line would not be JSON. A device has no length to cut.
                with suppress(OSError):
                    os.ftruncate(self._handle, size)
                self.failure = error
                return False
            self._waiting.popleft()
        self.failure = None
        return True

    def close(self) -> bool:
        """Close the file; return whether everything was written."""
        done = self.flush()
        with suppress(OSError):  # a network disk may refuse only now what it took before
            os.close(self._handle)
        return done

    def _write(self, piece: bytes) -> None:
        left = memoryview(piece)
        while left:
            left = left[os.write(self._handle, left) :]
