"""Weight files of every known kind, read without ever running code from the file.

Kinds: this project's checkpoints; PyTorch files of others, zipped or of the old form, with or without a wrapper such as
``{"model": ...}`` or ``module.``, also those that hold pickled objects of other projects; Caffe2 ``.pkl`` files. The
kind is found from the file's first bytes, not from its name.
"""

from __future__ import annotations

import pickle
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from alphaction.checkpoint.label_maps import is_label_map
from alphaction.checkpoint.safe_pickle import ArrayStandIn, read_numpy_pickle, torch_pickle_module
from alphaction.utils.errors import UserError
from alphaction.utils.files import missing_file
from alphaction.utils.messages import listed

_SUFFIXES = (".pth", ".pkl")
# Keys under which projects put the state dict of a model inside their checkpoint.
_STATE_KEYS = ("model", "state_dict", "model_state", "model_state_dict", "blobs")
# What DistributedDataParallel, Lightning-like trainers and torch.compile put before every name.
_WRAPPERS = ("module.", "model.", "_orig_mod.")
# The pickled magic number that starts every PyTorch file of the old (not zipped) form.
_OLD_TORCH_MAGIC = b"l\xfc\x9cF\xf9 j\xa8P\x19."


@dataclass(frozen=True)
class WeightFile:
    """What a weight file holds.

    Attributes:
        path: the file.
        weights: tensor of each name, on the CPU; wrapper prefixes that all names share are taken off.
        label_map: {"ids", "names", "groups"} of the classes that it was trained for, or None.
        iteration: training iteration that it was written at, or None.
        foreign: classes of other projects that were found in the file and left out.
    """

    path: Path
    weights: dict[str, Tensor]
    label_map: dict | None = None
    iteration: int | None = None
    foreign: tuple[str, ...] = ()


def read_weight_file(path: str | Path) -> WeightFile:
    """Read the weights of a ``.pth`` or Caffe2 ``.pkl`` file.

    Raises:
        UserError: if the file is missing, damaged, of another kind, or holds no tensors.
    """
    path = Path(path)
    content, foreign = read_content(path)
    state = _find_state(content)
    if not state:
        raise UserError(_no_tensors(path, content, foreign))
    label_map = content.get("label_map") if isinstance(content, Mapping) else None
    iteration = content.get("iteration") if isinstance(content, Mapping) else None
    return WeightFile(
        path=path,
        weights=_unwrap(state),
        label_map=dict(label_map) if is_label_map(label_map) else None,
        iteration=iteration if type(iteration) is int else None,
        foreign=tuple(sorted(foreign)),
    )


def read_content(path: Path) -> tuple[object, set[str]]:
    """Return everything in a weight file, and the names of the foreign classes that stand-ins replace in it.

    Raises:
        UserError: if the file is missing, damaged or of another kind.
    """
    kind = file_kind(path)
    try:
        if kind == "torch":
            return _read_torch(path)
        with path.open("rb") as file:
            return read_numpy_pickle(file)
    # What a damaged or hostile pickle raises has no limit: IndexError, AttributeError, RecursionError...
    except Exception as error:
        raise UserError(
            f"{path}: cannot be read as a weight file ({type(error).__name__}: {_first_line(error)}). It is damaged or "
            f"only partly copied ({path.stat().st_size:,} bytes); download or copy it again."
        ) from error


def _read_torch(path: Path) -> tuple[object, set[str]]:
    try:
        return torch.load(path, map_location="cpu", weights_only=True), set()
    except pickle.UnpicklingError:
        # Objects of other projects inside, or a damaged pickle. TorchScript and tar archives never come here: torch
        # refuses them with a RuntimeError, and without `weights_only` it would open them in other ways.
        foreign: set[str] = set()
        pickle_module = torch_pickle_module(foreign)
        return torch.load(path, map_location="cpu", weights_only=False, pickle_module=pickle_module), foreign


def file_kind(path: Path) -> Literal["torch", "pickle"]:
    """Return, by its first bytes, whether PyTorch or a plain pickle wrote ``path``.

    Raises:
        UserError: if it is missing, empty, or neither; the message names what it looks like.
    """
    _check_present(path)
    with path.open("rb") as file:
        head = file.read(512)
    if problem := _not_weights(head):
        raise UserError(f"{path}: {problem}")
    if head.startswith(b"PK\x03\x04"):
        _check_zip(path)
        return "torch"
    if _OLD_TORCH_MAGIC in head[:32]:
        return "torch"
    # Protocols 2 and later start with 0x80; 0 and 1, which Python 2 wrote by default, with the mark of a container.
    if head[0] == 0x80 or (path.suffix in (".pkl", ".pickle") and head[:1] in b"(}]"):
        return "pickle"
    if tarfile.is_tarfile(path):
        raise UserError(f"{path}: a tar archive, not a weight file. Unpack it and give the .pth file inside.")
    raise UserError(f"{path}: not a weight file; it begins with {head[:16]!r}. Give a .pth or Caffe2 .pkl file.")


def _check_present(path: Path) -> None:
    if "://" in str(path) or str(path).startswith(("http:/", "https:/")):
        raise UserError(f"{path}: an address, not a file. Download it and set MODEL.WEIGHT to the file.")
    if path.is_dir():
        names = sorted(item.name for item in path.iterdir() if item.suffix in _SUFFIXES)
        raise UserError(f"{path}: a folder, not a weight file. In it: {listed(names, 8) or 'no weight file'}.")
    if not path.is_file():
        raise UserError(f"weight file {missing_file(path, _SUFFIXES)}")


def _not_weights(head: bytes) -> str | None:
    """Return what a file that starts with ``head`` is if it is certainly no weight file, else None."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        return "the file is empty; download or copy it again."
    if not head.strip(b"\0"):
        return "the file holds only zero bytes, as an interrupted copy leaves them; download or copy it again."
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<script")):
        return (
            "a web page, not weights. File hosts answer with a page when they want a confirmation or when the link has "
            "expired: open the link in a browser and save the file itself."
        )
    if text.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, not the weights themselves; run `git lfs pull` in its clone."
    if head.startswith(b"\x1f\x8b"):
        return "compressed with gzip; decompress it first (gunzip)."
    return None


def _check_zip(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.rpartition("/")[2] for name in archive.namelist()}
    except zipfile.BadZipFile as error:
        raise UserError(
            f"{path}: cut off ({path.stat().st_size:,} bytes; the end of the archive is missing or damaged). Download "
            "or copy it again."
        ) from error
    if "constants.pkl" in names:
        raise UserError(
            f"{path}: a TorchScript program, not weights. Save the weights of the original model with "
            "torch.save(model.state_dict(), path)."
        )
    if "data.pkl" not in names:
        raise UserError(f"{path}: a zip archive that PyTorch did not write. Unpack it and give the .pth file inside.")


def _find_state(content: object) -> dict[str, Tensor]:
    """Return the tensors of the model: under the first wrapper key that holds any, else at the top."""
    if not isinstance(content, Mapping):
        return {}
    for candidate in [*(content.get(key) for key in _STATE_KEYS), content]:
        if isinstance(candidate, Mapping):
            tensors = {name: _tensor(value) for name, value in candidate.items() if isinstance(name, str)}
            found = {name: tensor for name, tensor in tensors.items() if tensor is not None}
            if found:
                return found
    return {}


def _tensor(value: object) -> Tensor | None:
    if isinstance(value, ArrayStandIn):
        return value.tensor()
    return value.detach() if isinstance(value, Tensor) else None


def _unwrap(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Take wrapper prefixes off, as long as every name has one."""
    while prefix := next((p for p in _WRAPPERS if all(name.startswith(p) for name in state)), None):
        state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    return state


def _no_tensors(path: Path, content: object, foreign: set[str]) -> str:
    keys = [str(key) for key in content] if isinstance(content, Mapping) else []
    found = f"its keys are {listed(keys, 8)}" if keys else f"it holds a {type(content).__name__}"
    remedy = (
        f" Objects of {listed(sorted(foreign), 4)} are not read. If it is a whole pickled model, save "
        "model.state_dict() of it instead."
        if foreign
        else ""
    )
    return f"{path}: no tensors under {', '.join(_STATE_KEYS)} or at the top; {found}.{remedy}"


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0][:200] or "no message"
