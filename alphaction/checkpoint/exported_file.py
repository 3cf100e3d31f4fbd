"""What a file that ``tools/export_model.py`` wrote says of itself; its graph is not read here.

All formats hold the same text, JSON under the name ``alphaction.json``: ONNX among its metadata_props, the zip archives
of TorchScript and torch.export among their extra files. Nothing but the standard library is needed to read it, and no
code of the file is run.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from alphaction.checkpoint.label_maps import is_label_map
from alphaction.utils.errors import CheckpointError
from alphaction.utils.limits import LARGEST_HEADER
from alphaction.utils.values import Value, parse_json
from alphaction.utils.zip_directory import ArchiveError, open_zip

FACTS = "alphaction.json"
ONNX, TORCHSCRIPT, TORCH_EXPORT = "onnx", "torchscript", "torch_export"
SUFFIXES = {ONNX: ".onnx", TORCHSCRIPT: ".torchscript", TORCH_EXPORT: ".pt2"}
"""Format -> ending of its files. Files are recognized by their content."""
VERSION = 1
"""Of the text; a newer program may write another one."""
WHOLE, ACTIONS = "whole", "actions"
"""Parts: from frames to scores, or from pooled features and a memory to scores."""

_MOST_FIELDS = 100_000  # of an ONNX file, at its top; it has some ten, and one for each text that it holds
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5  # wire types of protobuf
_GRAPH, _TEXTS = 7, 14  # fields of ONNX's ModelProto


@dataclass(frozen=True)
class ExportedFile:
    """An exported file.

    Attributes:
        path: the file.
        format: "onnx", "torchscript" or "torch_export".
        part: "whole" or "actions".
        export_id: the same in all files of one export.
        made_from: name of the checkpoint.
        made_from_sha256: of its content.
        config: YAML text.
        label_map: {"ids", "names", "groups"}.
        inputs, outputs: name of each, in order.
        facts: everything that the text says.
    """

    path: Path
    format: str
    part: str
    export_id: str
    made_from: str
    made_from_sha256: str
    config: str
    label_map: Mapping[str, Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    facts: Mapping[str, Any]

    def content(self) -> dict[str, Any]:
        """Return what a checkpoint of a run has under these names."""
        held = {"exported": self.format, "config": self.config, "label_map": dict(self.label_map)}
        return held | {key: self.facts[key] for key in ("thresholds", "license") if self.facts.get(key)}


def exported_format(path: Path) -> str | None:
    """Return which format a file has if networks are exported in it; None: another one.

    TorchScript counts only with our text: programs of others are told by who reads weights.

    Raises:
        CheckpointError: the file begins as ONNX, and does not go on so.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4)
            # The first field of ONNX is the version of its format, a small number.
            if len(head) >= 2 and head[0] == 0x08 and 0 < head[1] < 0x40:
                return ONNX if _is_onnx(file) else None
            if path.suffix == SUFFIXES[ONNX]:
                begins = f"it begins with {head!r}" if head else "it is empty"
                raise CheckpointError(f"{path}: not an ONNX file; {begins}. Export or copy it again.")
            if head != b"PK\x03\x04":
                return None
            names = set(open_zip(file).namelist())
    except ArchiveError:
        return None  # told by who reads it as weights
    except OSError as error:
        raise CheckpointError(f"{path}: it cannot be read ({error.strerror}).") from error
    inner = {name.partition("/")[2] for name in names}
    if "archive_format" in inner:
        return TORCH_EXPORT
    return TORCHSCRIPT if {f"extra/{FACTS}", "data.pkl"} <= inner else None


def read_exported(path: Path) -> ExportedFile | None:
    """Return what an exported file says of itself; None: the file is of another kind, or is not there.

    Raises:
        CheckpointError: it is damaged, of another program, or of a newer version of this one.
    """
    kind = exported_format(path) if path.is_file() else None
    if kind is None:
        return None
    text = _text_in_onnx(path) if kind == ONNX else _text_in_archive(path)
    if text is None:
        also = " If it is a detector of persons, name it with --onnx FILE." if kind == ONNX else ""
        raise CheckpointError(
            f"{path}: a network in the format {kind} that this program did not export: nothing in it says what its "
            f"classes, frames and pixels are. Export the checkpoint again (tools/export_model.py).{also}"
        )
    return _parsed(path, kind, text)


def _parsed(path: Path, kind: str, text: str) -> ExportedFile:
    def error(place: str, problem: str) -> CheckpointError:
        where = f"{FACTS}{', ' * bool(place)}{place}"
        return CheckpointError(f"{path}: {where}: {problem} Export the checkpoint again (tools/export_model.py).")

    value = Value(parse_json(text, error), error)
    version = value["version"].whole()
    if version != VERSION:
        raise error("version", f"{version}; this program reads {VERSION}.")
    label_map = value["label_map"].raw
    if not is_label_map(label_map):
        raise error("label_map", "not three lists ids, names and groups of one length.")
    part = value["part"].text()
    if part not in (WHOLE, ACTIONS):
        raise error("part", f"{part}; expected {WHOLE} or {ACTIONS}.")
    return ExportedFile(
        path,
        kind,
        part,
        value["export_id"].text(),
        value["made_from"]["name"].text(),
        value["made_from"]["sha256"].text(),
        value["config"].text(),
        label_map,
        tuple(entry["name"].text() for entry in value["inputs"].each()),
        tuple(entry["name"].text() for entry in value["outputs"].each()),
        value.raw,
    )


def _text_in_archive(path: Path) -> str | None:
    with opened_archive(path) as archive:
        found = [entry for entry in archive.infolist() if entry.filename.endswith(f"extra/{FACTS}")]
        return member_text(path, archive, found[0]) if found else None


@contextmanager
def opened_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open the zip archive that an exported file of torch is.

    Raises:
        CheckpointError: it is damaged.
    """
    with path.open("rb") as file:
        try:
            archive = open_zip(file)
        except ArchiveError as error:
            raise CheckpointError(f"{path}: {error}. Export or copy it again.") from error
        yield archive


def member_text(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> str:
    """Return a small text in an archive.

    Raises:
        CheckpointError: it is damaged, or too long.
    """
    if entry.file_size > LARGEST_HEADER:
        raise CheckpointError(f"{path}: {entry.filename} has more than the {LARGEST_HEADER:,} bytes that are read.")
    try:
        return archive.read(entry).decode("utf-8")
    # Of changed bytes come BadZipFile, zlib.error, UnicodeDecodeError and others.
    except Exception as error:
        raise CheckpointError(f"{path}: {entry.filename} is damaged ({error}). Export or copy it again.") from error


def _text_in_onnx(path: Path) -> str | None:
    with path.open("rb") as file:
        for field, start, size in _fields(file, path):
            if field != _TEXTS or size > LARGEST_HEADER:
                continue
            file.seek(start)
            entry = _strings(file.read(size))
            if entry.get(1) == FACTS.encode():
                try:
                    return entry.get(2, b"").decode("utf-8")
                except UnicodeDecodeError as error:
                    raise CheckpointError(f"{path}: damaged ({error}). Export or copy it again.") from error
            file.seek(start + size)
    return None


def _is_onnx(file: BinaryIO) -> bool:
    return any(field == _GRAPH for field, _, _ in _fields(file, Path(file.name)))


def _fields(file: BinaryIO, path: Path) -> Iterator[tuple[int, int, int]]:
    """Yield (number, start, bytes) of the fields with a length at the top of a protobuf message, without their content.

    Raises:
        CheckpointError: the file ends within one.
    """
    end = file.seek(0, 2)
    place = file.seek(0)
    for _ in range(_MOST_FIELDS):
        if place == end:
            return
        file.seek(place)
        tag = _varint(file)
        field, wire = (0, -1) if tag is None else (tag >> 3, tag & 7)
        size = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}.get(wire)
        if wire == _VARINT:
            size = 0 if _varint(file) is not None else None
        elif wire == _LENGTH:
            size = _varint(file)
        start = file.tell()
        if size is None or start + size > end:
            raise CheckpointError(
                f"{path}: an ONNX file that is damaged or cut off, after {place:,} of its {end:,} bytes. Export or "
                "copy it again."
            )
        if wire == _LENGTH:
            yield field, start, size
        place = start + size
    raise CheckpointError(f"{path}: an ONNX file of more than {_MOST_FIELDS:,} fields, as no tool writes it.")


def _varint(file: BinaryIO) -> int | None:
    """Return the number that comes next, 7 bits a byte, the last ones first; None: there is none."""
    number = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            return None
        number |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return number
    return None


def _strings(message: bytes) -> dict[int, bytes]:
    """Return field -> bytes of a message of two short fields; what is not so is left out."""
    found: dict[int, bytes] = {}
    place = 0
    while place < len(message):
        tag, place = _number(message, place)
        size, place = _number(message, place)
        if tag & 7 != _LENGTH or size > len(message) - place:
            return {}
        found[tag >> 3] = message[place : place + size]
        place += size
    return found


def _number(message: bytes, place: int) -> tuple[int, int]:
    """Return the number at a place, and where it ends; of a message that ends within it, what is there."""
    number = 0
    for shift, byte in enumerate(message[place : place + 10]):
        number |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return number, place + shift + 1
    return number, len(message)
