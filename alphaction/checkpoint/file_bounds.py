"""How large what a weight file holds may be: looked at before it is read, and before it is used."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from alphaction.checkpoint.safe_pickle import ArrayStandIn, NamespaceStandIn, check_steps
from alphaction.utils.errors import CheckpointError
from alphaction.utils.limits import (
    DEEPEST,
    LARGEST_PICKLE,
    MOST_INFLATION,
    MOST_PICKLED_VALUES,
    SMALL_FILE,
)
from alphaction.utils.zip_directory import ArchiveError, open_zip

HOSTILE = "The file is damaged, or made to fill the memory."
_OLD_PICKLES = 4  # magic number, version, facts of the machine, content


def check_zip(path: Path) -> None:
    """Check that a zip archive is a PyTorch file that does not grow when it is read.

    Raises:
        CheckpointError: says what it is instead.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            archive = open_zip(file)
        except ArchiveError as error:
            raise CheckpointError(f"{path}: {error} ({size:,} bytes). Download or copy it again.") from error
        entries = archive.infolist()
        unpacked = sum(entry.file_size for entry in entries)
        if unpacked > MOST_INFLATION * size + SMALL_FILE:
            raise CheckpointError(
                f"{path}: {size:,} bytes that would unpack to {unpacked:,}. PyTorch does not compress weights; the "
                "file is damaged, or made to fill the memory."
            )
        names = {entry.filename.rpartition("/")[2] for entry in entries}
        if "constants.pkl" in names:
            raise CheckpointError(
                f"{path}: a TorchScript program, not weights. Save the weights of the original model with "
                "torch.save(model.state_dict(), path)."
            )
        if "data.pkl" not in names:
            raise CheckpointError(
                f"{path}: a zip archive that PyTorch did not write. Unpack it and give the .pth file inside."
            )
        for entry in entries:
            if entry.filename.endswith("data.pkl"):
                _check_pickle_entry(path, archive, entry)


def _check_pickle_entry(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    if entry.file_size > LARGEST_PICKLE:
        raise CheckpointError(
            f"{path}: says what its tensors are in {entry.file_size:,} bytes, more than the {LARGEST_PICKLE:,} that "
            f"are read. {HOSTILE}"
        )
    try:
        with archive.open(entry) as file:
            check_steps(file, entry.file_size)
    except CheckpointError:
        raise
    # What a damaged or hostile pickle raises has no limit.
    except Exception as error:
        raise damaged(path, error) from error


def check_old_torch(path: Path) -> None:
    """Check the pickles at the start of a PyTorch file of the old (not zipped) form.

    Raises:
        CheckpointError: they are damaged, or have too many steps.
    """
    try:
        with path.open("rb") as file:
            for _ in range(_OLD_PICKLES):
                check_steps(file, path.stat().st_size)
    # What a damaged or hostile pickle raises has no limit.
    except Exception as error:
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> CheckpointError:
    """Return the error for a file that fails while it is read."""
    if isinstance(error, pickle.UnpicklingError):
        told = str(error).strip().split("\n", 1)[0][:200]
    else:
        told = f"{type(error).__name__}: {str(error).strip().split(chr(10), 1)[0][:200] or 'no message'}"
    return CheckpointError(
        f"{path}: cannot be read as a weight file ({told}). It is damaged or only partly copied "
        f"({path.stat().st_size:,} bytes); download or copy it again."
    )


class _Size(NamedTuple):
    """What lies within a value: values and bytes of tensors as often as they are referred to, and levels."""

    values: int = 1
    tensors: int = 0
    depth: int = 1


_ONE = _Size()
_PLAIN = {int, str, float, bool, bytes, type(None)}


def check_content(path: Path, content: object) -> None:
    """Check that what was read stays small when it is walked through or copied: lists may hold a list many times.

    Raises:
        CheckpointError: it is too large, too deep, holds itself, or tensors that claim more values than the file has.
    """
    found = _measure(path, content)
    size = path.stat().st_size
    if found.tensors > MOST_INFLATION * size + SMALL_FILE:
        raise CheckpointError(f"{path}: {size:,} bytes that claim to hold tensors of {found.tensors:,}. {HOSTILE}")


def _measure(path: Path, content: object) -> _Size:
    done: dict[int, _Size] = {}
    within: set[int] = set()
    waiting = [(content, False)]
    while waiting:
        value, left = waiting.pop()
        key = id(value)
        if left:
            within.discard(key)
            done[key] = _sum(path, [done.get(id(item)) or _leaf(item) for item in _items(value)])
        elif key in within:
            raise CheckpointError(f"{path}: a list or a dictionary in it holds itself. {HOSTILE}")
        elif key not in done:
            within.add(key)
            if len(within) > DEEPEST:  # at once, as there may be a million more
                raise _too_much(path, f"more than {DEEPEST} levels")
            waiting.append((value, True))
            waiting += [(item, False) for item in _items(value) if type(item) not in _PLAIN and _items(item)]
    return done[id(content)]


def _sum(path: Path, inner: Sequence[_Size]) -> _Size:
    values, depth = 1 + sum(each.values for each in inner), 1 + max((each.depth for each in inner), default=0)
    if values > MOST_PICKLED_VALUES or depth > DEEPEST:
        raise _too_much(path, f"{values:,} values at {depth} levels")
    return _Size(values, sum(each.tensors for each in inner), depth)


def _too_much(path: Path, found: str) -> CheckpointError:
    return CheckpointError(
        f"{path}: holds {found}; files with up to {MOST_PICKLED_VALUES:,} values at {DEEPEST} levels are read. "
        f"{HOSTILE}"
    )


def _leaf(value: object) -> _Size:
    if isinstance(value, ArrayStandIn) or (isinstance(value, Tensor) and is_plain(value)):
        return _Size(1, value.nbytes)
    return _ONE


def is_plain(tensor: Tensor) -> bool:
    """Return whether a tensor has its values one after another in the memory of this machine."""
    return tensor.layout == torch.strided and not tensor.is_quantized and tensor.device.type == "cpu"


def _items(value: object) -> Collection[object]:
    if isinstance(value, NamespaceStandIn):
        value = value.values
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple | set | frozenset) else ()
