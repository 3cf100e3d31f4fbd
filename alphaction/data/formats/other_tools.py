"""Files of tools whose formats are not read, named by what they are, with what to choose there instead."""

from __future__ import annotations

import re
from itertools import islice

from alphaction.data.formats.file_content import FileContent
from alphaction.utils.values import Value

_IMPORT = "Boxes without actions are imported once there is a dataset: tools/detect_persons.py --import FILE --from"
_HEAD = 100_000  # characters that are looked at
_FEW = 20  # lines that are looked at
_LOOKED_AT = 1000  # entries of a list that tell what it is
_MARKS = re.compile(r"[\s,;]+")
_SCRIPT = re.compile(r"(?:(?:var|let|const)\s+)?(_via\w*|\w+)\s*=\s*[{\[]")
_LABEL_STUDIO_TYPES = ("rectangle", "rectanglelabels", "videorectangle", "timelinelabels", "choices", "brushlabels")


def other_tool(content: FileContent) -> str:
    """Return what a file is that no reader takes, and the remedy, as the end of a sentence; "": it is not known."""
    if content.syntax == "json":
        return _json(content.value)
    return _xml(content.text[:_HEAD]) if content.syntax == "xml" else _text(content.text[:_HEAD])


def _xml(text: str) -> str:
    if re.search(r"<annotation[\s>]", text) and "<bndbox" in text:
        return (
            "is Pascal VOC XML, which is of one picture and has no tracks. Export COCO JSON from the same tool, and "
            "name the pictures after video and frame (video_000061.jpg)."
        )
    return ""


def _text(text: str) -> str:
    head = text.lstrip("\ufeff \t\r\n")
    script = _SCRIPT.match(head)
    if script:
        via = " of a VIA project" if script[1].startswith("_via") else ""
        return (
            f"is a script{via} ({script[0][:40]} ...), not JSON. In VIA choose Save, which writes a .json file; or "
            f'delete "{script[0][:-1].strip()}" before the first bracket and the semicolon at the end.'
        )
    lines = [line.strip() for line in head.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    rows = [_numbers(line) for line in lines[:_FEW]]
    if not rows or not all(rows):
        return ""
    blanks = not any("," in line or ";" in line or "\t" in line for line in lines[:_FEW])
    if blanks and all(5 <= len(row) <= 7 and _is_yolo(row) for row in rows):
        return f"is a YOLO label file (class, center, size). {_IMPORT} yolo (a folder of them is one FILE)."
    if all(6 <= len(row) <= 10 and _is_mot(row) for row in rows) and (blanks or all(len(row) > 8 for row in rows)):
        return f"is MOTChallenge text (frame, track id, x, y, width, height, ...). {_IMPORT} mot."
    return ""


def _numbers(line: str) -> list[float]:
    try:
        return [float(cell) for cell in _MARKS.split(line.strip(" ,;\t"))]
    except ValueError:
        return []


def _is_yolo(row: list[float]) -> bool:
    return row[0] % 1 == 0 and row[0] >= 0 and all(0 <= value <= 1 for value in row[1:5])


def _is_mot(row: list[float]) -> bool:
    return row[0] % 1 == 0 and row[0] >= 0 and row[1] % 1 == 0 and row[1] >= -1 and max(row[4:6]) > 1


def _json(data: Value) -> str:
    first = islice(data.items(), _LOOKED_AT) if data.is_list else ()
    entries = [value for _, value in first if value.is_object]
    if entries and all(map(_is_region, entries)):
        return (
            'is the "result" of an annotation of Label Studio: a list of regions that does not say its task, and '
            "so no video. Choose Export, format JSON, and pass that file."
        )
    return _of_picture(entries[0] if entries else data)


def _is_region(entry: Value) -> bool:
    known = "value" in entry or entry["type"].text("") in _LABEL_STUDIO_TYPES
    return "from_name" in entry and "to_name" in entry and known


def _of_picture(data: Value) -> str:
    values = [value for _, value in data.items()] if data.is_object else []
    if values and all("filename" in value and "regions" in value for value in values):
        return "is an export of VIA 2, for images. Use VIA 3 (the video annotator)."
    if data["items"].is_list and "categories" in data and "images" not in data:
        return (
            "is Datumaro's JSON. Export from CVAT in the format CVAT for video 1.1, or let Datumaro convert it: "
            "datum convert -i FOLDER -if datumaro -f coco_instances -o OUT."
        )
    if "shapes" in data and ("imagePath" in data or "imageData" in data):
        return (
            "is LabelMe's JSON of one picture. Convert the folder to COCO JSON, with pictures named after video and "
            "frame (video_000061.jpg)."
        )
    if "objects" in data and "size" in data and ("frames" in data or "tags" in data):
        return (
            "is Supervisely's JSON, which names labels and places apart. Export COCO there (an app of its ecosystem), "
            "or annotate in one of the tools that are read."
        )
    return ""
