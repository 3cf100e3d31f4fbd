"""The content of a weight file of any kind, read without ever running code from it.

The kind is found from the file's first bytes, not from its name.
"""

from __future__ import annotations

import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Literal

import torch

from alphaction.checkpoint.exported_file import SUFFIXES, exported_format, read_exported
from alphaction.checkpoint.file_bounds import check_content, check_old_torch, check_zip, damaged
from alphaction.checkpoint.safe_pickle import read_numpy_pickle, torch_pickle_module
from alphaction.checkpoint.safetensors_file import read_safetensors
from alphaction.utils.checksums import damaged_record
from alphaction.utils.errors import CheckpointError, UserError
from alphaction.utils.file_heads import HEAD_BYTES, not_weights
from alphaction.utils.files import WEIGHT_SUFFIXES, missing_file
from alphaction.utils.messages import listed

# The pickled magic number that starts every PyTorch file of the old (not zipped) form.
_SUFFIXES = (*WEIGHT_SUFFIXES, *SUFFIXES.values())
_OLD_TORCH_MAGIC = b"l\xfc\x9cF\xf9 j\xa8P\x19."


def read_content(path: Path, *, mapped: bool = False) -> tuple[object, set[str]]:
    """Return everything in a weight file, and the names of the foreign classes that stand-ins replace in it.

    Args:
        path: the file.
        mapped: leave the values of tensors in the file until they are used, where a PyTorch file allows it. It must not
            be written to while they are.

    Raises:
        CheckpointError: if the file is missing, damaged or of another kind.
    """
    kind = file_kind(path)
    try:
        if kind == "torch" and zipfile.is_zipfile(path) and (damage := damaged_record(path)):
            raise CheckpointError(f"{path}: {damage}. Download or copy it again.")
        content, foreign = (_map_torch(path) if mapped and kind == "torch" else None) or _READERS[kind](path)
    except UserError:
        raise
    # What a damaged or hostile pickle raises has no limit: IndexError, AttributeError, RecursionError...
    except Exception as error:
        raise damaged(path, error) from error
    check_content(path, content)
    return content, foreign


def _read_safetensors(path: Path) -> tuple[object, set[str]]:
    tensors, metadata = read_safetensors(path)
    return {**tensors, "metadata": metadata}, set()


def _read_pickle(path: Path) -> tuple[object, set[str]]:
    with path.open("rb") as file:
        return read_numpy_pickle(file)


def _read_torch(path: Path) -> tuple[object, set[str]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, about old pickles and kinds of tensors: no reader can mend them
        return _load_torch(path)


def _load_torch(path: Path) -> tuple[object, set[str]]:
    try:
        with path.open("rb") as file:  # given a path, torch would go by its ending
            return torch.load(file, map_location="cpu", weights_only=True), set()
    except pickle.UnpicklingError:
        # Objects of other projects inside, or a damaged pickle. TorchScript and tar archives never come here: torch
        # refuses them with a RuntimeError, and without `weights_only` it would open them in other ways.
        foreign: set[str] = set()
        pickle_module = torch_pickle_module(foreign)
        with path.open("rb") as file:
            return torch.load(file, map_location="cpu", weights_only=False, pickle_module=pickle_module), foreign


def _map_torch(path: Path) -> tuple[object, set[str]] | None:
    """Read a file that PyTorch wrote without compression.

    None: it is another one, holds foreign classes, or lies where files cannot be mapped, as on some network drives.
    """
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        if any(record.compress_type != zipfile.ZIP_STORED for record in archive.infolist()):
            return None
    try:
        return torch.load(str(path), map_location="cpu", weights_only=True, mmap=True), set()
    except (pickle.UnpicklingError, OSError, RuntimeError):
        return None


def _read_exported(path: Path) -> tuple[object, set[str]]:
    return read_exported(path).content(), set()


_READERS = {
    "safetensors": _read_safetensors,
    "torch": _read_torch,
    "pickle": _read_pickle,
    "exported": _read_exported,
}


def file_kind(path: Path) -> Literal["torch", "pickle", "safetensors", "exported"]:
    """Return, by its first bytes, whether PyTorch, a plain pickle or safetensors wrote ``path``, or it is exported.

    Raises:
        CheckpointError: if it is missing, empty, or neither; the message names what it looks like.
    """
    _check_present(path)
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise CheckpointError(f"{path}: it cannot be read ({error.strerror}).") from error
    if exported_format(path) is not None:
        return "exported"
    if problem := not_weights(head):
        raise CheckpointError(f"{path}: {problem}")
    if _is_safetensors(head, path.stat().st_size):
        return "safetensors"
    if head.startswith(b"PK\x03\x04"):
        check_zip(path)
        return "torch"
    if _OLD_TORCH_MAGIC in head[:32]:
        check_old_torch(path)
        return "torch"
    # Protocols 2 and later start with 0x80; 0 and 1, which Python 2 wrote by default, with the mark of a container.
    if head[0] == 0x80 or (path.suffix in (".pkl", ".pickle") and head[:1] in b"(}]"):
        return "pickle"
    if head[257:262] == b"ustar":
        raise CheckpointError(f"{path}: a tar archive, not a weight file. Unpack it and give the .pth file inside.")
    raise CheckpointError(
        f"{path}: not a weight file; it begins with {head[:16]!r}. Give a .pth, .safetensors or Caffe2 .pkl file."
    )


def _is_safetensors(head: bytes, size: int) -> bool:
    """Return whether a file starts as safetensors do: the length of a JSON header, then that header."""
    return len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= size - 8


def _check_present(path: Path) -> None:
    if "://" in str(path) or str(path).startswith(("http:/", "https:/")):
        raise CheckpointError(f"{path}: an address, not a file. Download it and set MODEL.WEIGHT to the file.")
    if path.is_dir():
        names = sorted(item.name for item in path.iterdir() if item.suffix in _SUFFIXES)
        raise CheckpointError(f"{path}: a folder, not a weight file. In it: {listed(names, 8) or 'no weight file'}.")
    if not path.is_file():
        raise CheckpointError(f"weight file {missing_file(path, _SUFFIXES)}")
