"""Projects of VIA 3, the annotator that AVA was made with (the ``.json`` that "Save project" writes).

``metadata`` holds the regions: ``vid`` a view (which names the video's file), ``z`` a time or a start and an end in
seconds, ``xy`` a shape in pixels of the file (2 rectangle: x, y, width, height), ``av`` attribute id -> value (an
option id; several, separated by commas, for checkboxes; or text).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from alphaction.data.formats.action_attributes import AttributeUse, person_id, split_text
from alphaction.data.formats.annotation_file import AnnotationFile
from alphaction.data.formats.cells import is_finite_number
from alphaction.data.formats.file_content import FileContent
from alphaction.data.formats.format import Format
from alphaction.data.formats.json_records import split_frame_name
from alphaction.data.formats.rows import RowBuilder, RowTable
from alphaction.data.formats.tracks import Box

_KINDS = {1: "text", 2: "options", 3: "radio", 4: "select"}  # "options": a VIA checkbox has several options
_TEXT, _CHECKBOX = 1, 2
_IMAGE = 2
_FAR = 0.1  # seconds; a box this far from a whole second is counted


def read_via(file: AnnotationFile) -> RowTable:
    """Read a VIA 3 project.

    A box at time t belongs to the nearest whole second; of several times of a video that are nearest to the same
    second, the nearest one counts (the others are counted as left out). A box with a start and an end is one at each
    whole second from start to end. Temporal segments without a box, points and lines are left out and counted; other
    shapes become their bounding box. Attributes of files and of temporal segments are no actions of a box; for those of
    boxes see :mod:`alphaction.data.formats.action_attributes`.
    """
    sections = {key: _section(file, key) for key in ("attribute", "file", "metadata", "view")}
    attributes = _box_attributes(sections["attribute"])
    rule = file.rule()
    rows = RowBuilder()
    regions = [
        region for mid, entry in sections["metadata"].items() for region in _regions(file, sections, mid, entry, rows)
    ]
    nearest: dict[tuple[str, int], float] = {}
    for video, second, time, _, entry, _ in regions:
        known = nearest.get((video, second))
        if len(entry["z"]) == 1 and (known is None or abs(time - second) < abs(known - second)):
            nearest[video, second] = time
    for video, second, time, box, entry, place in regions:
        if len(entry["z"]) == 1 and time != nearest[video, second]:
            rows.count("boxes left out as others of their video are nearer to the same whole second")
            continue
        if abs(time - second) > _FAR:
            rows.count(f"boxes moved by more than {_FAR:g} s to the nearest whole second")
        answers = {
            _name(attributes[aid], aid): _values(attributes[aid], value, rows)
            for aid, value in (entry.get("av") or {}).items()
            if aid in attributes
        }
        person = person_id(answers)
        person = -1 if person is None else person
        rows.add(video, second, box, rule.actions((), answers), person, place=place)
    return file.table(rows, rule)


def _attributes(content: FileContent) -> AttributeUse:
    declared = _box_attributes(_as_mapping(content.data.get("attribute")) or {})
    return AttributeUse({_name(entry, aid): _KINDS.get(entry.get("type"), "text") for aid, entry in declared.items()})


def _box_attributes(attributes: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the attributes of boxes, by id; those of files and of temporal segments are anchored elsewhere."""
    return {
        aid: entry
        for aid, entry in attributes.items()
        if isinstance(entry, dict) and str(entry.get("anchor_id", "_XY1")).endswith("_XY1")
    }


def _as_mapping(section: Any) -> dict[str, Any] | None:
    if isinstance(section, list):  # an empty section may be saved as []
        return {str(index): entry for index, entry in enumerate(section)}
    return section if isinstance(section, dict) else None


def _section(file: AnnotationFile, key: str) -> dict[str, Any]:
    section = _as_mapping(file.data.get(key))
    if section is None:
        raise file.error("", f'"{key}" is missing: not a complete VIA 3 project. Save the project in VIA again.')
    return section


def _name(entry: Mapping[str, Any], aid: str) -> str:
    return str(entry.get("aname") or f"attribute {aid}")


def _values(attribute: Mapping[str, Any], value: Any, rows: RowBuilder) -> list[str]:
    """Return the texts that an attribute's value stands for: options by id, or by their text; else the text itself."""
    text = str(value if value is not None else "").strip()
    options = {str(key): str(option).strip() for key, option in (attribute.get("options") or {}).items()}
    if attribute.get("type") == _TEXT or not options:
        return split_text(text)
    if text in options:
        return [options[text]]
    keys = [part.strip() for part in text.split(",")] if attribute.get("type") == _CHECKBOX else [text]
    by_text = {option.casefold(): option for option in options.values()}
    found = []
    for key in filter(None, keys):
        if key not in options and key.casefold() not in by_text:
            rows.count(f'values of the attribute "{attribute.get("aname")}" that are none of its options')
        found.append(options.get(key) or by_text.get(key.casefold(), key))
    return found


def _regions(file: AnnotationFile, sections: dict[str, dict], mid: str, entry: Any, rows: RowBuilder) -> list[tuple]:
    """Return (video, second, time, box, entry, place) of a metadata entry, one per whole second that it covers."""
    place = f'metadata "{mid}"'
    if not isinstance(entry, dict):
        raise file.error(place, f"expected an object, found {type(entry).__name__}.")
    xy, z = entry.get("xy") or [], entry.get("z") or []
    if not isinstance(xy, list) or not isinstance(z, list) or not all(is_finite_number(v) for v in [*xy, *z]):
        raise file.error(place, f'"z" is {z!r} and "xy" is {xy!r}, expected lists of numbers.')
    if not xy:
        rows.count("temporal segments and notes without a box left out")
        return []
    pixels = bounding_box(xy)
    if pixels is None:
        rows.count("points, lines and unknown shapes left out")
        return []
    if xy[0] != 2:
        rows.count("other shapes turned into their bounding box")
    video, image_second = _video(file, _shown(file, sections, entry, place), place)
    info = file.info(video)
    box = tuple(value / size for value, size in zip(pixels, (info.width, info.height) * 2, strict=True))
    if max(box) > 1.5:
        raise file.error(
            place, f"the box {pixels} lies outside the video {video} of {info.width} x {info.height} pixels."
        )
    if image_second is not None:
        times, entry = [(image_second, float(image_second))], {**entry, "z": []}
    elif len(z) == 1:
        times = [(math.ceil(z[0] - 0.5), z[0])]
    elif len(z) == 2:
        times = [(second, float(second)) for second in range(math.ceil(min(z) - 1e-3), math.floor(max(z) + 1e-3) + 1)]
        rows.count("boxes over a time that holds no whole second left out", int(not times))
    else:
        raise file.error(place, f'"z" is {z!r}, expected one time in seconds, or start and end.')
    if any(second < 0 for second, _ in times):
        raise file.error(place, f"time {z} is negative. Times are seconds from the start of the video.")
    return [(video, second, time, box, entry, place) for second, time in times]


def _shown(file: AnnotationFile, sections: dict[str, dict], entry: dict, place: str) -> dict:
    """Return the file that a metadata entry is drawn on: that of its view."""
    vid = str(entry.get("vid"))
    view = sections["view"].get(vid)
    fids = view.get("fid_list") if isinstance(view, dict) else None
    shown = sections["file"].get(str(fids[0])) if isinstance(fids, list) and fids else None
    if not isinstance(shown, dict):
        raise file.error(place, f'view "{vid}" has no file. Save the project in VIA again.')
    if len(fids) > 1:
        raise file.error(place, f'view "{vid}" compares {len(fids)} files; boxes need a view of one video.')
    return shown


def _video(file: AnnotationFile, shown: dict, place: str) -> tuple[str, int | None]:
    """Return the known video of a file, and the second for an image named "video/0902.jpg"."""
    name, src = str(shown.get("fname") or ""), str(shown.get("src") or "")
    if shown.get("type") == _IMAGE:
        parts = split_frame_name(name) or split_frame_name(src)
        if parts is None:
            raise file.error(
                place,
                f'file "{name}" is an image whose name does not say video and second. Expected "video/0902.jpg", or '
                "annotate the videos themselves.",
            )
        return file.videos.match(parts[0], place=place), parts[1]
    return file.videos.match(name, "" if src.startswith(("blob:", "data:")) else src, place=place), None


def _recognizes(content: FileContent) -> bool:
    data = content.data
    return isinstance(data, dict) and "metadata" in data and ("attribute" in data or "view" in data)


def _near_relative(content: FileContent) -> str:
    if content.syntax == "csv" and content.text.lstrip().startswith(("# CSV_HEADER", "# Exported", "#CSV")):
        return "is VIA's csv export. Save the project in VIA (a .json file) and pass that."
    if content.syntax != "json" or not isinstance(content.data, dict) or _recognizes(content):
        return ""
    if any(str(key).startswith("_via_") for key in content.data):
        return "is a project of VIA 2, for images. Use VIA 3 (the video annotator)."
    return ""


VIA = Format(
    "via",
    "a VIA 3 project",
    "json",
    _recognizes,
    _near_relative,
    tool="VIA",
    attributes=_attributes,
    annotations=read_via,
)


def bounding_box(xy: list[float]) -> Box | None:
    """Return x1, y1, x2, y2 in pixels of a VIA shape, or None for one without an area, or a malformed one."""
    shape, values = int(xy[0]), xy[1:]
    if shape == 2 and len(values) == 4:
        x, y, width, height = values
        return min(x, x + width), min(y, y + height), max(x, x + width), max(y, y + height)
    if shape == 3 and len(values) == 3:
        x, y, radius = values
        return x - radius, y - radius, x + radius, y + radius
    if shape == 4 and len(values) == 4:
        x, y, rx, ry = values
        return x - rx, y - ry, x + rx, y + ry
    if shape == 7 and len(values) >= 6 and len(values) % 2 == 0:
        return min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2])
    return None
