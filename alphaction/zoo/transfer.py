"""Downloading a file: in pieces if need be, with its hash, by one process at a time.

What has come of FILE lies in FILE.part, and what it belongs to in FILE.part.json, until it is whole.
"""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import os
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from alphaction.utils.errors import CheckpointError
from alphaction.utils.file_heads import not_weights
from alphaction.utils.limits import LARGEST_DOWNLOAD
from alphaction.utils.output_folder import read_record, write_record
from alphaction.zoo.cache import BLOCK

# A firewall that swallows packets would otherwise keep a download waiting for ever; seconds.
PATIENCE = 30.0
# Connections for one file, each of which brought something.
_CONNECTIONS = 50
# Connections after one another that did not get further than those before: of a server that cannot send the rest.
_FRUITLESS = 3
_AGENT = "alphaction-download/1"


class TransferError(Exception):
    """The file cannot be had; the message is the reason, for people. What has come of it is kept."""


@dataclass(frozen=True)
class _Source:
    """The version of a file that a part is of.

    Attributes:
        url: its address.
        validator: ETag or time of change, as the server gives them; "" if it gives none.
        size: bytes of the whole; None if the server does not say.
    """

    url: str
    validator: str = ""
    size: int | None = None


class Part:
    """The part of a file that has come, and its hash. Only one process has it at a time.

    Attributes:
        path: FILE.part.
        size: bytes that it has.
        added: bytes that came in this run, also those that were thrown away.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self._file, self._note = path, file, f"{path.name}.json"
        self.size = self.added = 0
        self._digest = hashlib.sha256()
        file.seek(0)
        while block := file.read(BLOCK):
            self._digest.update(block)
            self.size += len(block)

    @property
    def sha256(self) -> str:
        """The hash of what has come, 64 hexadecimal digits."""
        return self._digest.hexdigest()

    def add(self, block: bytes) -> None:
        """Append ``block``."""
        try:
            self._file.write(block)
            self._file.flush()
        except OSError as error:
            raise CheckpointError(
                f"{self.path}: cannot be written ({error.strerror}). Free some space, or set TORCH_HOME to another "
                "folder; what has come is kept, and the same command goes on from there."
            ) from error
        self._digest.update(block)
        self.size += len(block)
        self.added += len(block)

    def restart(self) -> None:
        """Forget what has come."""
        self._file.seek(0)
        self._file.truncate()
        self.size, self._digest = 0, hashlib.sha256()

    @property
    def source(self) -> _Source | None:
        """The version that it is a part of, if that was noted."""
        try:
            return _Source(**(read_record(self.path.parent, self._note) or {}))
        except TypeError:
            return None

    def note_source(self, source: _Source) -> None:
        """Note the version that it is a part of."""
        write_record(self.path.parent, self._note, asdict(source))

    def forget(self) -> None:
        """Delete the note, and the part where it is still there."""
        (self.path.parent / self._note).unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)


@contextmanager
def only_part(path: Path, say: Callable[[str], None]) -> Iterator[Part | None]:
    """Yield the part of the file ``path``, once no other process has it; None if ``path`` is there by then.

    Raises:
        CheckpointError: nothing can be written there.
    """
    name = path.with_name(f"{path.name}.part")
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(name, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        except OSError as error:
            raise CheckpointError(
                f"{name}: cannot be written ({error.strerror}). Set TORCH_HOME to a folder that can be written to."
            ) from error
        with os.fdopen(handle, "r+b") as file:
            _lock(file, name, say)
            # Its last owner may have renamed or deleted it while this process waited.
            mine = name.exists() and os.path.samestat(os.fstat(file.fileno()), name.stat())
            if path.is_file():
                if mine:
                    name.unlink()
                yield None
                return
            if mine:
                yield Part(name, file)
                return


def _lock(file: BinaryIO, name: Path, say: Callable[[str], None]) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say(f"another process is downloading {name.stem}; waiting for it")
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError:  # a file system without locks: two downloads at once are then not kept apart
        return


def receive(url: str, part: Part) -> None:
    """Complete ``part`` from ``url``. A connection that breaks is made again as long as something comes.

    Raises:
        TransferError: the file cannot be had.
        CheckpointError: it is no weight file, or the disk is full.
    """
    furthest, fruitless = part.size, 0
    for connection in range(1, _CONNECTIONS + 1):
        before = part.added
        try:
            _receive_once(url, part)
            return
        except urllib.error.HTTPError as error:
            raise TransferError(f"the server answers {error.code} {_first_line(error.reason)}") from error
        except (OSError, http.client.HTTPException) as error:
            fruitless = 0 if part.size > furthest else fruitless + 1
            furthest = max(furthest, part.size)
            if part.added == before or fruitless == _FRUITLESS or connection == _CONNECTIONS:
                raise TransferError(_reason(error)) from error


def _receive_once(url: str, part: Part) -> None:
    source = part.source
    if part.size and (source is None or source.url != url or not source.validator):
        part.restart()
    if part.size and part.size == source.size:
        return
    with _open(url, part) as response:
        total = _total(part, response)
        if (total or 0) > LARGEST_DOWNLOAD:
            raise TransferError(f"the server announces {total:,} bytes; up to {LARGEST_DOWNLOAD:,} are taken")
        _check_space(part, total)
        name = part.path.stem[:40]
        with tqdm(
            total=total, initial=part.size, unit="B", unit_scale=True, desc=name, disable=None, leave=False
        ) as bar:
            while block := response.read(BLOCK):
                if not part.size and (problem := not_weights(block)):
                    raise CheckpointError(f"{url}: {problem}")
                part.add(block)
                bar.update(len(block))
                if part.size > LARGEST_DOWNLOAD:
                    part.restart()
                    raise TransferError(f"the server does not stop after {LARGEST_DOWNLOAD:,} bytes")
    if total is not None and part.size != total:
        raise ConnectionError(f"the connection ended after {part.size:,} of {total:,} bytes")
    if not part.size:
        raise TransferError("the server sends an empty file")


def _open(url: str, part: Part) -> http.client.HTTPResponse:
    """Ask for what ``part`` lacks; if the server sends the whole file, empty ``part`` and note its version."""
    if part.size:
        # A server that has another version by now, or knows no ranges, sends the whole file.
        ranges = {"Range": f"bytes={part.size}-", "If-Range": part.source.validator}
        try:
            response = _request(url, ranges)
        except urllib.error.HTTPError as error:
            if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise
            response = _request(url, {})
        if response.status == http.HTTPStatus.PARTIAL_CONTENT:
            if _continues(part, response):
                return response
            response.close()
            response = _request(url, {})
    else:
        response = _request(url, {})
    part.restart()
    length = response.headers.get("Content-Length", "")
    part.note_source(_Source(url, _validator(response), int(length) if length.isdigit() else None))
    return response


def _request(url: str, headers: dict[str, str]) -> http.client.HTTPResponse:
    headers = {"User-Agent": _AGENT, "Accept-Encoding": "identity", **headers}
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=PATIENCE)


def _continues(part: Part, response: http.client.HTTPResponse) -> bool:
    """Return whether a partial response goes on where ``part`` ends, in the same version of the file."""
    span = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
    same = _validator(response) in ("", part.source.validator)
    return same and span is not None and int(span[1]) == part.size and part.source.size in (None, int(span[2]))


def _validator(response: http.client.HTTPResponse) -> str:
    """Return what tells versions of a file apart: a strong ETag, else the time of change, else ""."""
    etag = response.headers.get("ETag", "")
    return etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified", "")


def _total(part: Part, response: http.client.HTTPResponse) -> int | None:
    length = response.headers.get("Content-Length", "")
    return part.size + int(length) if length.isdigit() else None


def _check_space(part: Part, total: int | None) -> None:
    missing = (total or 0) - part.size
    free = shutil.disk_usage(part.path.parent).free
    if missing > free:
        raise CheckpointError(
            f"{part.path.parent}: {missing / 1e6:,.0f} MB more are needed for {part.path.stem}, and {free / 1e6:,.0f} "
            "MB are free. Free some space, or set TORCH_HOME to another folder."
        )


def _reason(error: Exception) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return f"the server was silent for {PATIENCE:.0f} seconds"
    return _first_line(getattr(reason, "strerror", None) or reason) or type(error).__name__


def _first_line(text: object) -> str:
    return (str(text).strip().splitlines() or [""])[0]
