"""Public weights in the cache folder: the file that is there, checked, or else downloaded, checked and recorded."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from alphaction.utils.atomic import put_in_place
from alphaction.utils.errors import CheckpointError, UserError, is_first_process
from alphaction.zoo.cache import Record, cached_file, check_cached, check_hash, hash_file
from alphaction.zoo.entry import PublicWeights
from alphaction.zoo.transfer import TransferError, only_part, receive

# How long the other processes of a machine wait for the one that downloads, and how often they look; seconds.
_LONGEST_WAIT = 2 * 3600.0
_LOOK = 0.5

Say = Callable[[str], None]


def to_stderr(text: str) -> None:
    """Print a line where it does not mix with results."""
    print(text, file=sys.stderr, flush=True)


def get_weights(
    entry: PublicWeights, *, verify: bool = False, what: str = "", otherwise: str = "", say: Say = to_stderr
) -> Path:
    """Return the file of public weights: that in the cache, which is checked, else downloaded there.

    Of several processes of a machine (torchrun), the first one downloads, and the others wait for it.

    Args:
        entry: the weights.
        verify: read a file that is there whole, even if nobody touched it since it was recorded.
        what: what to call them in messages, a plural; "" for their name.
        otherwise: what else the user can do where they cannot be downloaded, for the message.
        say: told what is going on, and the license before a download.

    Raises:
        CheckpointError: they cannot be downloaded (says which file to put where), or the file is not the right one.
    """
    path = cached_file(entry)
    what = what or f"the weights zoo:{entry.name}"
    if entry.packaged:
        _check_packaged(entry, path, verify)
        return path
    if not path.is_file():
        if is_first_process():
            _download(entry, path, what, otherwise, say)
            return path
        _wait_for(path, what)
    check_cached(entry, path, verify=verify)
    return path


def _check_packaged(entry: PublicWeights, path: Path, verify: bool) -> None:
    if not path.is_file():
        raise CheckpointError(
            f"{path} is missing: zoo:{entry.name} comes with the package, whose installation is not whole. Install it "
            "again, or set MODEL.WEIGHT to other weights."
        )
    if verify:
        check_hash(entry, path, hash_file(path), f"{path} has")


def _download(entry: PublicWeights, path: Path, what: str, otherwise: str, say: Say) -> None:
    if not entry.url:
        raise CheckpointError(
            f"{what} are for browsers to download. Open\n  {entry.page}\nand save the file as\n  {path}\n"
            f"{entry.license_line} {otherwise}".rstrip()
        )
    say(entry.license_line)
    with only_part(path, say) as part:
        if part is None:  # another process was quicker
            check_cached(entry, path)
            return
        say(f"downloading {entry.url} to {path}")
        try:
            receive(entry.url, part)
        except TransferError as error:
            raise CheckpointError(
                f"{what} cannot be downloaded ({error}). On a machine with network, fetch\n  {entry.url}\nand save it "
                f"as\n  {path}\n{otherwise}".rstrip()
            ) from error
        finally:
            if not part.size:
                part.forget()
        try:
            check_hash(entry, path, part.sha256, f"the file from {entry.url} has")
        except UserError:
            part.forget()
            raise
        record = Record.of(part.path, part.sha256, entry.url)
        record.write(path)  # before the file, so that whoever sees the file sees its record
        put_in_place(part.path, path, durable=True)
        part.forget()
    kind = "as its name says" if entry.hash_prefix else "recorded now, and checked from now on"
    say(f"downloaded {path}: {record.size:,} bytes, SHA-256 {record.sha256[:16]}... ({kind})")


def _wait_for(path: Path, what: str) -> None:
    """Wait for a file that the first process of this machine downloads; if it fails, torchrun ends this one, too."""
    end = time.monotonic() + _LONGEST_WAIT
    while not path.is_file():
        if time.monotonic() > end:
            raise CheckpointError(f"{what} did not come to {path} within {_LONGEST_WAIT / 3600:.0f} hours.")
        time.sleep(_LOOK)
