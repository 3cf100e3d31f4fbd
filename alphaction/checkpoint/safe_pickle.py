"""An unpickler that never runs code from the file: numbers are read, everything else becomes an inert stand-in.

A pickle is a program. ``find_class`` alone decides what it may call, so this one provides five things only: a
dictionary, a function that views a storage as a tensor, a stand-in for argparse's namespaces, which hold plain values
of some projects, and stand-ins for NumPy's arrays and dtypes (NumPy's own can be made to treat raw bytes as object
pointers). Any other name, ``os.system`` or a class of another project, becomes
:class:`Foreign`, which accepts any operation and does nothing. Every object provided defines
``__setstate__``, so that the BUILD opcode cannot change this module's or torch's objects.
"""

from __future__ import annotations

import os
import pickle
import pickletools
import re
from collections import OrderedDict
from types import SimpleNamespace
from typing import IO, Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from alphaction.utils.limits import MOST_PICKLE_STEPS


class Foreign:
    """Stands for every class, function and instance that is not on the allow-list; keeps nothing that it is given."""

    dump_patches = False  # read by torch when an old file holds a whole module; True would write a patch file

    def __new__(cls, *args: object, **kwargs: object) -> Foreign:
        return super().__new__(cls)

    def __init__(self, *args: object, **kwargs: object) -> None: ...

    def __call__(self, *args: object, **kwargs: object) -> Foreign:
        return Foreign()

    def __setstate__(self, state: object = None) -> None: ...

    def __setitem__(self, key: object, value: object) -> None: ...

    def append(self, item: object) -> None: ...

    def extend(self, items: object) -> None: ...

    def add(self, item: object) -> None: ...


class NamespaceStandIn(Foreign):
    """An ``argparse.Namespace`` of the file: ``values`` holds what was set in it, as read."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        self.values: dict[str, object] = {}

    def __setstate__(self, state: object = None) -> None:
        if isinstance(state, dict):
            self.values = {name: value for name, value in state.items() if isinstance(name, str)}


class _PlainDict(OrderedDict):
    """``collections.OrderedDict`` whose attributes (``_metadata`` of a state dict) are left out."""

    def __setstate__(self, state: object = None) -> None: ...


class _Function:
    """An allow-listed function that the file can call but not change."""

    __slots__ = ("_function",)

    def __init__(self, function: Any) -> None:
        self._function = function

    def __call__(self, *args: object) -> object:
        return self._function(*args)

    def __setstate__(self, state: object = None) -> None: ...


class _Dtype:
    """A NumPy dtype of the file; ``dtype`` is None for any other than numbers and booleans."""

    def __init__(self, spec: object = "", *unused: object) -> None:
        self._spec = spec.decode("ascii", "replace") if isinstance(spec, bytes) else str(spec)
        self._byte_order = "="

    def __setstate__(self, state: object = None) -> None:
        # (version, byte order, ...): the rest describes structured dtypes, which weights never are.
        if isinstance(state, tuple) and len(state) > 1:
            order = state[1].decode("ascii", "replace") if isinstance(state[1], bytes) else state[1]
            self._byte_order = order if order in ("<", ">") else "="

    @property
    def dtype(self) -> np.dtype | None:
        if not re.fullmatch(r"[<>=|]?[biufc]\d{1,2}", self._spec):
            return None
        dtype = np.dtype(self._spec)
        return dtype if self._byte_order == "=" else dtype.newbyteorder(self._byte_order)


class ArrayStandIn:
    """A NumPy array of the file; it takes no memory of its own before :meth:`tensor`.

    Attributes:
        nbytes: bytes of its values; 0 until the file has given them, and for dtypes that are no numbers.
    """

    def __init__(self, *args: object) -> None:
        self.nbytes = 0
        self._content: tuple[str | bytes | bytearray, np.dtype, object, str] | None = None

    def __setstate__(self, state: object = None) -> None:
        if isinstance(state, tuple) and len(state) >= 4:
            shape, dtype, fortran, raw = state[-4:]
            self._fill(raw, dtype, shape, "F" if fortran else "C")

    def _fill(self, raw: object, dtype: object, shape: object, order: str) -> None:
        known = dtype.dtype if isinstance(dtype, _Dtype) else None
        if known is not None and isinstance(raw, str | bytes | bytearray):
            self._content, self.nbytes = (raw, known, shape, order), len(raw)

    @property
    def is_numeric(self) -> bool:
        """Whether the file has given values, and numbers or booleans."""
        return self._content is not None

    def tensor(self) -> Tensor:
        """Return the values of an array that :attr:`is_numeric` as a tensor in this machine's byte order.

        Raises:
            ValueError: if they do not fill the shape.
        """
        raw, dtype, shape, order = self._content
        # Bytes that Python 2 wrote were read as text in latin1.
        raw = raw.encode("latin1") if isinstance(raw, str) else bytes(raw)
        array = np.frombuffer(raw, dtype).reshape(shape, order=order)
        return torch.from_numpy(np.array(array, dtype=dtype.newbyteorder("="), order="C"))


def _frombuffer(raw: object, dtype: object, shape: object, order: object = "C", *unused: object) -> ArrayStandIn:
    stand_in = ArrayStandIn()
    stand_in._fill(raw, dtype, shape, "F" if order == "F" else "C")
    return stand_in


def _scalar(dtype: object, raw: object = b"") -> ArrayStandIn:
    return _frombuffer(raw, dtype, ())


def _encode(text: object, encoding: object = "latin1") -> bytes:
    # Protocol 2 spells bytes as text in latin1. Other codecs (zip bombs, rot13) have no place in a weight file.
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"text in the encoding {encoding!r}")
    return text.encode("latin1")


def _bytes(*arguments: object) -> bytes:
    # Protocol 2 spells empty bytes as a call without arguments; with a number, the call would fill the memory.
    if arguments:
        raise pickle.UnpicklingError("bytes() with arguments")
    return b""


def _rebuild_tensor(storage: Any, offset: int, size: tuple, stride: tuple, *unused: object) -> Tensor:
    return torch._utils._rebuild_tensor(storage, offset, size, stride)


def _rebuild_parameter(data: object, *unused: object) -> object:
    return data


_TENSORS = {
    ("torch._utils", "_rebuild_tensor"): _Function(_rebuild_tensor),
    ("torch._utils", "_rebuild_tensor_v2"): _Function(_rebuild_tensor),
    ("torch._utils", "_rebuild_parameter"): _Function(_rebuild_parameter),
}
_NUMBERS = {
    ("collections", "OrderedDict"): _PlainDict,
    ("_codecs", "encode"): _Function(_encode),
    ("__builtin__", "bytes"): _Function(_bytes),
    ("argparse", "Namespace"): NamespaceStandIn,
    ("numpy", "ndarray"): ArrayStandIn,
    ("numpy", "dtype"): _Dtype,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): ArrayStandIn for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _Function(_scalar) for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _Function(_frombuffer) for core in ("core", "_core")},
}

_SET_STEPS = 4  # an empty set takes four times as much memory as an empty list
_WIDE_STEPS = 500
"""Integers of more than 64 bits can all have one hash, so that a dictionary of 100 thousand takes minutes. The mark of
a PyTorch file is one, the state of a generator of random numbers has two."""
_PUTS = ("PUT", "BINPUT", "LONG_BINPUT")


def _unpickler(foreign: set[str], allowed: dict[tuple[str, str], object]) -> type[pickle.Unpickler]:
    """Make an unpickler that provides ``allowed`` and adds every other name that it meets to ``foreign``."""

    class RestrictedUnpickler(pickle.Unpickler):
        def __init__(self, file: BinaryIO, **arguments: Any) -> None:
            super().__init__(file, **arguments)
            self._file = file

        def find_class(self, module: str, name: str) -> Any:
            if (module, name) in allowed:
                return allowed[module, name]
            foreign.add(f"{module}.{name}")
            return Foreign

        def load(self) -> Any:
            start = self._file.tell()
            check_steps(self._file, start + _bytes_left(self._file))
            self._file.seek(start)
            return super().load()

    return RestrictedUnpickler


def check_steps(file: IO[bytes], end: int) -> None:
    """Check the instructions of the pickle that begins where ``file`` is, and go to its end.

    Of an object that is remembered under a large number, Python makes room for all numbers below it: nine bytes could
    ask for 32 GB. It does so for a text as long as the file says, too.

    Args:
        file: the file.
        end: its size in bytes.

    Raises:
        UnpicklingError: it has too many, remembers an object under a number much larger than it has instructions, or
            ends too early.
    """
    done = 0
    for code, argument, _ in pickletools.genops(_Known(file, end)):
        name = code.name
        if name in _PUTS and argument > 2 * done + 1000:
            raise pickle.UnpicklingError(f"object number {argument:,} after {done:,} instructions")
        if name == "GLOBAL" and argument.endswith(" bytearray"):  # with a number, the call would fill the memory
            raise pickle.UnpicklingError("a call of bytearray()")
        wide = isinstance(argument, int) and argument.bit_length() > 64
        done += _WIDE_STEPS if wide else _SET_STEPS if name == "EMPTY_SET" else 1
        if done > MOST_PICKLE_STEPS:
            raise pickle.UnpicklingError(f"more than {MOST_PICKLE_STEPS:,} instructions")


class _Known:
    """A file that is never asked for more bytes than it has."""

    def __init__(self, file: IO[bytes], end: int) -> None:
        self._file, self._end = file, end
        self.readline, self.tell = file.readline, file.tell

    def read(self, count: int) -> bytes:
        if count > 8 and count > self._end - self._file.tell():
            raise pickle.UnpicklingError(f"a text of {count:,} bytes, more than there are")
        return self._file.read(count)


def _bytes_left(file: IO[bytes]) -> int:
    start = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(start)
    return end - start


def torch_pickle_module(foreign: set[str]) -> Any:
    """Return what ``torch.load`` takes as ``pickle_module``; names that it replaced are added to ``foreign``."""
    unpickler = _unpickler(foreign, _NUMBERS | _TENSORS)
    return SimpleNamespace(
        __name__="restricted_pickle",
        Unpickler=unpickler,
        load=lambda file, **arguments: unpickler(file, **arguments).load(),
    )


def read_numpy_pickle(file: BinaryIO) -> tuple[object, set[str]]:
    """Read a plain pickle (Python 2's too) of dictionaries, numbers, text and NumPy arrays.

    Returns:
        its content, arrays as :class:`ArrayStandIn`, and the names of what was replaced by :class:`Foreign`.
    """
    foreign: set[str] = set()
    content = _unpickler(foreign, _NUMBERS)(file, encoding="latin1").load()
    return content, foreign
