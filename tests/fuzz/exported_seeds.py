"""Honest files of exported networks, whose graphs are a few bytes that nobody reads."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from fuzz import world
from fuzz.seeds import Seed

from alphaction.checkpoint.exported_file import FACTS


def exported_seeds() -> list[Seed]:
    """Return a file of each format; what is changed is what it says of itself."""
    label_map = world.label_map()
    count = len(label_map.ids)
    said = {
        "version": 1,
        "part": "whole",
        "export_id": "a1",
        "made_from": {"name": "model_final.pth", "sha256": "00ff"},
        "config": "MODEL: {DEVICE: cpu}",
        "license": "MIT",
        "label_map": {"ids": list(label_map.ids), "names": list(label_map.names), "groups": ["movement"] * count},
        "thresholds": {
            "class_ids": list(label_map.ids),
            "names": list(label_map.names),
            "values": [0.5] * count,
            "labels": [3] * count,
            "own": [True] * count,
            "how": "best F1",
            "dataset": "mine",
            "iteration": 3,
        },
        "inputs": [{"name": "fast", "axes": ["clips", 3, 4, "rows", "columns"]}],
        "outputs": [{"name": "scores", "axes": ["persons", count]}],
    }
    tensors = {"config": {"w": {"path_name": "weight_0", "use_pickle": False, "tensor_meta": {"dtype": 7}}}}
    return [
        Seed("net.onnx", "weights", said, _onnx),
        Seed("net.torchscript", "weights", said, _torchscript),
        Seed("net.pt2", "weights", {"said": said, "tensors": tensors}, _torch_export),
    ]


def _text(value: Any) -> bytes:
    return json.dumps(value, default=str, skipkeys=True).encode("utf-8", "surrogatepass")


def _field(number: int, content: bytes) -> bytes:
    return _number(number << 3 | 2) + _number(len(content)) + content


def _number(value: int) -> bytes:
    parts = []
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def _onnx(said: Any) -> bytes:
    """Return a ModelProto: version of the format, producer, a graph, and the text among its metadata_props."""
    entry = _field(1, FACTS.encode()) + _field(2, _text(said))
    return b"\x08\x0a" + _field(2, b"alphaction") + _field(7, b"\x12\x01g") + _field(14, entry)


def _torchscript(said: Any) -> bytes:
    return _archive({f"extra/{FACTS}": _text(said), "data.pkl": b"", "code/x.py": b"", "constants.pkl": b""})


def _torch_export(held: Any) -> bytes:
    parts = held if isinstance(held, dict) else {}
    listed = {"data/weights/model_weights_config.json": _text(parts.get("tensors"))}
    return _archive({"archive_format": b"pt2", f"extra/{FACTS}": _text(parts.get("said")), **listed})


def _archive(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(f"net/{name}", content)
    return buffer.getvalue()
