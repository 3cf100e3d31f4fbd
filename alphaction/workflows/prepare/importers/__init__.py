"""Annotation files of other tools -> :class:`alphaction.workflows.prepare.imported.ImportedAnnotations`.

The format is recognized by content. Second t of a video with f frames per second is its frame round(t * f).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from alphaction.data.formats.annotation_file import AnnotationFile
from alphaction.data.formats.cvat import is_cvat, read_cvat
from alphaction.data.formats.files import looks_like_json, parse_json, read_text
from alphaction.data.formats.labelstudio import read_labelstudio
from alphaction.data.formats.rows import RowTable
from alphaction.data.formats.via import read_via
from alphaction.data.video.file import VideoInfo
from alphaction.data.video.names import VideoNames
from alphaction.utils.errors import UserError
from alphaction.workflows.prepare.imported import TOOL_FORMATS, ImportedAnnotations
from alphaction.workflows.prepare.importers.tables_of_rows import read_ava, read_coco

__all__ = ["FORMATS", "detect_format", "import_annotations"]

_READERS: dict[str, Callable[[AnnotationFile], ImportedAnnotations]] = {
    "ava": read_ava,
    "coco": read_coco,
}
_TOOL_READERS: dict[str, Callable[[AnnotationFile], RowTable]] = {
    "via": read_via,
    "cvat": read_cvat,
    "labelstudio": read_labelstudio,
}
FORMATS = (*_READERS, *_TOOL_READERS)
_WHAT = "annotations"
_EXPECTED = "Expected AVA csv, COCO JSON, a VIA 3 project, CVAT for video 1.1 XML, or Label Studio JSON."


def detect_format(path: str | Path) -> str:
    """Return the format of a file, one of ``FORMATS``, recognized by its content (gzip is fine).

    Raises:
        UserError: it cannot be read, or is none of them; near relatives (VIA 2, a zip archive) are named.
    """
    return _load(Path(path))[0]


def import_annotations(
    path: str | Path,
    *,
    info: Callable[[str], VideoInfo],
    video_names: Collection[str],
    format: str = "auto",
    box_format: str = "auto",
    normalized: str = "auto",
    keyframe_interval: int = 1,
    action_attributes: Collection[str] = (),
) -> ImportedAnnotations:
    """Read annotations of any supported format. ``PrepareOptions`` has checked the options.

    Args:
        path: the file.
        info: probes a video of ``video_names``: frame size, frame rate, duration.
        video_names: the videos that are there (stems of the files); the names in the file are matched to them.
        format: ``auto`` or one of ``FORMATS``, which must agree with the content.
        box_format: how csv and COCO-like JSON write boxes: ``auto`` (csv: as its header names them, else xyxy; JSON:
            xywh; unless rows prove another), ``xyxy``, ``xywh`` or ``cxcywh``.
        normalized: whether those boxes are fractions of the frame: ``auto`` (no if one is above 2), ``yes``, ``no``.
        keyframe_interval: seconds between samples of tracks (CVAT, Label Studio); other formats have keyframes.
        action_attributes: the attributes (VIA, CVAT, Label Studio) that are actions; (): those that can be.

    Raises:
        UserError: names file, place, value, what was expected and the remedy.
    """
    path = Path(path)
    detected, text, data = _load(path)
    if format not in ("auto", detected):
        raise UserError(
            f'--format {format}: {path} is "{detected}" by its content. Pass that, or leave the option out.'
        )
    if detected in TOOL_FORMATS and (box_format, normalized) != ("auto", "auto"):
        raise UserError(
            f"--box-format and --normalized are for csv and COCO JSON; {path} is a {detected} file, which always "
            "writes boxes in the same way. Leave the options out."
        )
    if action_attributes and detected not in TOOL_FORMATS:
        raise UserError(
            f"--action-attribute is for the attributes of VIA, CVAT and Label Studio; {path} has none. Leave it out."
        )
    file = AnnotationFile(
        path,
        text,
        data,
        VideoNames(video_names, f"{_WHAT}: {path}"),
        info,
        box_format,
        normalized,
        keyframe_interval,
        tuple(action_attributes),
    )
    if detected in _TOOL_READERS:
        return ImportedAnnotations.from_rows(_TOOL_READERS[detected](file), detected)
    return _READERS[detected](file)


def _load(path: Path) -> tuple[str, str, Any]:
    """Return format, text and (for JSON) the parsed data."""
    if path.is_file():
        with path.open("rb") as file:
            if file.read(4) == b"PK\x03\x04":
                raise UserError(
                    f"{_WHAT}: {path} is a zip archive. Unpack it and pass the file in it (annotations.xml)."
                )
    text = read_text(path, _WHAT)
    head = text.lstrip()
    if not head:
        raise UserError(f"{_WHAT}: {path} is empty. {_EXPECTED}")
    if head.startswith("<"):
        if is_cvat(head):
            return "cvat", text, None
        raise UserError(f"{_WHAT}: {path} is XML, but has no <annotations> as CVAT writes it. {_EXPECTED}")
    if looks_like_json(text):
        data = parse_json(path, text, _WHAT)
        return _json_format(path, data), text, data
    if head.startswith(("# CSV_HEADER", "# Exported", "#CSV")):
        raise UserError(f"{_WHAT}: {path} is VIA's csv export. Save the project in VIA (a .json file) and pass that.")
    return "ava", text, None


def _json_format(path: Path, data: Any) -> str:
    if isinstance(data, dict):
        if "metadata" in data and ("attribute" in data or "view" in data):
            return "via"
        if any(str(key).startswith("_via_") for key in data):
            raise UserError(f"{_WHAT}: {path} is a project of VIA 2, for images. Use VIA 3 (the video annotator).")
        if "images" in data and "annotations" in data:
            return "coco"
        if "data" in data and ("annotations" in data or "completions" in data):
            return "labelstudio"
        found = f"an object with the keys {', '.join(map(str, list(data)[:6])) or '(none)'}"
    else:
        tasks = [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []
        if tasks and any({"annotations", "completions", "data", "annotation_id"} & set(task) for task in tasks):
            return "labelstudio"
        found = f"a {type(data).__name__}" + (", perhaps of boxes with scores" if tasks else "")
    raise UserError(f"{_WHAT}: {path} is JSON of another kind: {found}. {_EXPECTED}")
