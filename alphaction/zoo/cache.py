"""The folder of downloaded weights, and the record beside each file that shows whether it is still the same.

No page publishes a whole SHA-256: a file must match the digits in its name, where it has some, and the hash that was
recorded when it came here. The record also has size and time of change, so that a file that nobody touched is not read
again each time that it is used.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path

import torch

from alphaction.utils.errors import CheckpointError
from alphaction.utils.file_heads import HEAD_BYTES, not_weights
from alphaction.utils.logging import get_logger
from alphaction.utils.output_folder import read_record, write_record
from alphaction.zoo.entry import PublicWeights

BLOCK = 2**20
"""Files are read and written in blocks of so many bytes."""


@dataclass(frozen=True)
class Record:
    """What was found out about a file when it came here.

    Attributes:
        sha256: 64 hexadecimal digits.
        size: bytes.
        modified_ns: time of change, nanoseconds.
        recorded: the day, "2026-01-31".
        origin: the address that it was downloaded from, or that somebody put it here.
    """

    sha256: str
    size: int
    modified_ns: int
    recorded: str
    origin: str

    @classmethod
    def of(cls, path: Path, sha256: str, origin: str) -> Record:
        """Return the record of a file whose hash is known, as of today."""
        stat = path.stat()
        return cls(sha256, stat.st_size, stat.st_mtime_ns, date.today().isoformat(), origin)

    @classmethod
    def read(cls, path: Path) -> Record | None:
        """Return the record of the file ``path``; None if it has none, or one that says nothing."""
        content = read_record(path.parent, record_file(path).name) or {}
        kinds = {field.name: {"str": str, "int": int}[field.type] for field in fields(cls)}
        as_written = content.keys() == kinds.keys() and all(type(content[key]) is kind for key, kind in kinds.items())
        return cls(**content) if as_written else None

    def write(self, path: Path) -> None:
        """Put the record beside the file ``path``."""
        write_record(path.parent, record_file(path).name, asdict(self))

    def is_fresh(self, path: Path) -> bool:
        """Return whether nobody has touched the file since."""
        stat = path.stat()
        return (self.size, self.modified_ns) == (stat.st_size, stat.st_mtime_ns)


PACKAGED = Path(__file__).resolve().parent / "weights"
"""The weights that come with this package."""


def cached_file(entry: PublicWeights) -> Path:
    """Return where a file of weights lies, or will lie: in torch.hub's cache folder, which TORCH_HOME moves.

    Those that come with the package lie in it.
    """
    if entry.packaged:
        return PACKAGED / entry.file_name
    return Path(torch.hub.get_dir()) / "checkpoints" / entry.file_name


def record_file(path: Path) -> Path:
    """Return the record of the file ``path``."""
    return path.with_name(f"{path.name}.sha256.json")


def check_cached(entry: PublicWeights, path: Path, *, verify: bool = False) -> Record:
    """Check that a file in the cache is the one that it should be, and return its record, which is made if needed.

    Args:
        entry: what it should be.
        path: the file, which exists.
        verify: read it whole even if nobody touched it.

    Raises:
        CheckpointError: it is a web page, or its hash is not the published or the recorded one; says what to do.
    """
    record = Record.read(path)
    if record is not None and record.is_fresh(path) and not verify:
        return record
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if problem := not_weights(head):
        raise CheckpointError(f"{path}: {problem}")
    sha256 = hash_file(path)
    check_hash(entry, path, sha256, f"{path} has")
    record = Record.of(path, sha256, record.origin if record else "put here by hand")
    try:
        record.write(path)
    except OSError as error:  # a cache that many share may be read-only
        get_logger().warning("the SHA-256 of %s cannot be recorded beside it (%s)", path, error.strerror)
    return record


def check_hash(entry: PublicWeights, path: Path, sha256: str, found: str) -> None:
    """Raise a :class:`UserError` if a hash is not the one in the file's name or in its record.

    Args:
        entry: what the file should be.
        path: where it lies, or will lie.
        sha256: its hash.
        found: what has that hash, with a verb, for the message.
    """
    if not sha256.startswith(entry.hash_prefix):
        raise CheckpointError(
            f"{found} the SHA-256 {sha256[:16]}..., but that of {entry.file_name} begins with {entry.hash_prefix}, as "
            f"its name says: it is damaged, or another file. {_again(entry, path)}"
        )
    record = Record.read(path)
    if record is not None and record.sha256 != sha256:
        raise CheckpointError(
            f"{found} the SHA-256 {sha256[:16]}..., but {record.sha256[:16]}... was recorded on {record.recorded} "
            f"({record.origin}): the file was changed. {_again(entry, path)} If the change is meant, delete its "
            f"record: {record_file(path)}"
        )


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _again(entry: PublicWeights, path: Path) -> str:
    if not path.is_file():
        return f"Try again later, or look at {entry.page}."
    if not entry.url:
        return f"Delete it and save it again from {entry.page}."
    return f"Delete it and download it again: python tools/download_weights.py {entry.name}."
