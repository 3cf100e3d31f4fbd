"""The entries of a VIA project's ``metadata``: what they are drawn on, their shapes, and which can be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alphaction.data.formats.annotation_file import LONGEST
from alphaction.data.formats.cells import is_finite_number
from alphaction.data.formats.rows import RowBuilder
from alphaction.data.formats.tracks import Box

IMAGE = 2
"""The type of a file that is a picture."""


def shown_by(sections: dict[str, dict], entry: Mapping[str, Any]) -> dict:
    """Return the file that a sound metadata entry is drawn on: that of its view."""
    return sections["file"][_files_of(sections, entry)[0]]


def _files_of(sections: dict[str, dict], entry: Mapping[str, Any]) -> list[str]:
    view = sections["view"].get(str(entry.get("vid")))
    fids = view.get("fid_list") if isinstance(view, dict) else None
    return [str(fid) for fid in fids] if isinstance(fids, list) else []


def sound_entries(sections: dict[str, dict], rows: RowBuilder) -> dict[str, Mapping[str, Any]]:
    """Return the metadata entries that can be read; the others are noted."""
    sound = {}
    for mid, entry in sections["metadata"].items():
        rows.wrong.met += 1
        fault = _fault(sections, entry)
        if fault is None:
            sound[mid] = entry
        else:
            rows.wrong.add(f"entries left out: {fault[0]}", f'metadata "{mid}"', fault[1])
    return sound


def _fault(sections: dict[str, dict], entry: Any) -> tuple[str, str] | None:
    """Return why a metadata entry cannot be read, as it is counted and with its values; None: it can."""
    if not isinstance(entry, dict):
        return "no objects", f"expected an object, found {type(entry).__name__}."
    xy, z = entry.get("xy") or [], entry.get("z") or []
    if not isinstance(xy, list) or not isinstance(z, list) or not all(is_finite_number(v) for v in [*xy, *z]):
        return "times or shapes that are no numbers", f'"z" is {z!r} and "xy" is {xy!r}, expected lists of numbers.'
    if not xy and len(z) != 2:
        return None  # a note
    vid, fids = str(entry.get("vid")), _files_of(sections, entry)
    if not fids or not isinstance(sections["file"].get(fids[0]), dict):
        return "views without a file", f'view "{vid}" has no file. Save the project in VIA again.'
    if len(fids) > 1:
        return (
            "views that compare files",
            f'view "{vid}" compares {len(fids)} files; boxes need a view of one video.',
        )
    if not xy or sections["file"][fids[0]].get("type") == IMAGE or bounding_box(xy) is None:
        return None
    if not 0 < len(z) < 3:
        return "boxes without a time", f'"z" is {z!r}, expected one time in seconds, or start and end.'
    if min(z) <= -0.5:
        return "negative times", f"time {z} is negative. Times are seconds from the start of the video."
    if max(z) > LONGEST:
        return "times beyond any video", f"time {z}: no video is longer than a week."
    return None


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
