"""Write a file whole or not at all, with nothing in it but tensors and plain types."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor, nn

from alphaction.utils.atomic import replacing
from alphaction.utils.errors import ResourceError

_PLAIN = (type(None), bool, int, float, str, bytes)


def to_plain(value: object, key: str = "") -> object:
    """Return a copy of a checkpoint's content made of dict, list, tuple, tensors and plain types only.

    Tensors are detached; one that views a larger storage is cloned, since the whole storage would be written.

    Args:
        value: what is to be saved.
        key: where it stands, for the message.

    Raises:
        TypeError: for any other type; the message names its key. ``torch.load(weights_only=True)`` would refuse it.
    """
    if type(value) in _PLAIN:
        return value
    if type(value) in (Tensor, nn.Parameter):
        tensor = value.detach()
        return tensor.clone() if tensor.untyped_storage().nbytes() > tensor.nbytes else tensor
    if type(value) in (dict, OrderedDict):
        for name in value:
            if type(name) not in _PLAIN:
                raise TypeError(f'checkpoint: "{key}" has a key of type {_type_name(name)}; use text or numbers')
        return {name: to_plain(item, f"{key}.{name}" if key else str(name)) for name, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(to_plain(item, f"{key}[{index}]") for index, item in enumerate(value))
    raise TypeError(
        f'checkpoint: "{key}" is a {_type_name(value)}; only tensors, dict, list, tuple, text, numbers, booleans and '
        "None are saved. Convert it first (a NumPy value with .item() or torch.from_numpy)."
    )


def save_atomically(content: object, path: Path) -> None:
    """Write ``content`` with ``torch.save``; until it is whole on disk, ``path`` keeps what it held.

    Raises:
        TypeError: if it holds other than plain types; nothing is written then.
        ResourceError: if the disk is full or the folder cannot be written.
    """
    plain = to_plain(content)
    write_atomically(path, lambda file: torch.save(plain, file))


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let ``write`` fill a new file that becomes ``path`` once it is on the disk; a failure leaves ``path`` alone.

    Raises:
        ResourceError: for an error of the file system.
    """
    try:
        with replacing(path, durable=True) as part, part.open("wb") as file:
            write(file)
    except Exception as error:
        if cause := _file_system_error(error):
            raise ResourceError(
                f"{path}: cannot be written ({cause.strerror or cause}). Free some space, or name another folder; what "
                "the file held before is unchanged."
            ) from error
        raise


def _file_system_error(error: BaseException | None) -> OSError | None:
    # torch reports a failed write of its archive as a RuntimeError raised while the OSError is handled.
    while error is not None:
        if isinstance(error, OSError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _type_name(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
