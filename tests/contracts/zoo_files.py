"""The golden cases of public zoos: files in the layouts that people download, and what the zoos' own networks give.

``tests/assets/zoo/NAME.json.gz`` holds the layout, the names and shapes, and the settings of a case, ``NAME.npz`` the
outputs for the clip and boxes of :mod:`contracts.golden`. Weights follow from names, as there.
"""

from __future__ import annotations

import argparse
import gzip
import json
import pickle
import struct
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from contracts.golden import golden_weight
from torch import Tensor

ZOO_DIR = Path(__file__).resolve().parents[1] / "assets" / "zoo"
CASES = tuple(sorted(path.name.removesuffix(".json.gz") for path in ZOO_DIR.glob("*.json.gz")))


@cache
def zoo_case(name: str) -> dict[str, Any]:
    """Return what is known of a case: ``file``, ``tensors`` (name -> shape), ``settings``, ``sensitivity``, ..."""
    with gzip.open(ZOO_DIR / f"{name}.json.gz", "rt", encoding="utf-8") as file:
        return json.load(file)


def zoo_outputs(name: str) -> dict[str, np.ndarray]:
    """Return the recorded outputs of a case: ``slow_feature.mean_thw``, ``logits``, ..."""
    with np.load(ZOO_DIR / f"{name}.npz", allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}


def zoo_tensors(name: str) -> dict[str, Tensor]:
    """Return the tensors of a case under the names of its file."""
    case = zoo_case(name)
    recipe_name = case.get("parameter_of", {})
    return {key: golden_weight(recipe_name.get(key, key), shape) for key, shape in case["tensors"].items()}


def write_zoo_file(name: str, folder: Path, tensors: Mapping[str, Tensor] | None = None) -> Path:
    """Write the file of a case as its zoo would, under its public name, with all that lies in it besides the weights.

    Args:
        tensors: instead of those of the recipe.
    """
    layout = zoo_case(name)["file"]
    tensors = dict(zoo_tensors(name) if tensors is None else tensors)
    path = Path(folder) / layout["name"]
    if layout["container"] != "torch":
        others = {key: np.zeros(shape, dtype=np.float32) for key, shape in layout["other_blobs"].items()}
        write_python2_pickle({"blobs": {key: tensor.numpy() for key, tensor in tensors.items()} | others}, path)
        return path
    content = dict(layout.get("other", {}))
    content |= {key: argparse.Namespace(**values) for key, values in layout.get("namespaces", {}).items()}
    content |= {layout["tensors_under"]: tensors} if layout["tensors_under"] else tensors
    torch.save(content, path)
    return path


def write_python2_pickle(content: Mapping[str, Mapping[str, np.ndarray]], path: Path) -> None:
    """Write nested dictionaries of float32 arrays as Python 2's pickle did, protocol 2: all text is byte strings."""
    path.write_bytes(pickle.PROTO + b"\x02" + _python2_value(content) + pickle.STOP)


def _python2_value(value: Any) -> bytes:
    if isinstance(value, Mapping):
        items = b"".join(_python2_text(key.encode("latin1")) + _python2_value(item) for key, item in value.items())
        return pickle.EMPTY_DICT + pickle.MARK + items + pickle.SETITEMS
    array = np.ascontiguousarray(value, dtype="<f4")
    shape = pickle.MARK + b"".join(_int(size) for size in array.shape) + pickle.TUPLE
    dtype = b"cnumpy\ndtype\n" + pickle.MARK + _python2_text(b"f4") + _int(0) + _int(1) + pickle.TUPLE + pickle.REDUCE
    dtype += pickle.MARK + _int(3) + _python2_text(b"<") + pickle.NONE * 3 + _int(-1) * 2 + _int(0)
    dtype += pickle.TUPLE + pickle.BUILD
    made = b"cnumpy.core.multiarray\n_reconstruct\n" + pickle.MARK + b"cnumpy\nndarray\n"
    made += pickle.MARK + _int(0) + pickle.TUPLE + _python2_text(b"b") + pickle.TUPLE + pickle.REDUCE
    state = pickle.MARK + _int(1) + shape + dtype + pickle.NEWFALSE + _python2_text(array.tobytes()) + pickle.TUPLE
    return made + state + pickle.BUILD


def _python2_text(text: bytes) -> bytes:
    return pickle.BINSTRING + struct.pack("<i", len(text)) + text


def _int(number: int) -> bytes:
    return pickle.BININT + struct.pack("<i", number)
