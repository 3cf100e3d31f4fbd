"""The entries of a VIA project's ``metadata``: what each is drawn on, its times and its shape, or what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from alphaction.data.formats.annotation_file import AnnotationFile
from alphaction.data.formats.frame_names import parse_frame_name
from alphaction.data.formats.rows import RowBuilder
from alphaction.data.formats.tracks import Box
from alphaction.data.video.names import path_in
from alphaction.utils.limits import VIDEO_SECONDS
from alphaction.utils.values import Value, quoted

_IMAGE = 2
"""The type of a file that is a picture."""
_SECTIONS = ("attribute", "file", "metadata", "view")


class Shown(NamedTuple):
    """The file that an entry is drawn on, by its name and its address, "" unknown."""

    name: str
    address: str
    is_picture: bool

    @classmethod
    def of(cls, file: Value) -> Shown:
        """Return what an entry of ``file`` says."""
        address = file["src"].text("")
        address = "" if address.startswith(("blob:", "data:")) else address
        return cls(file["fname"].text(""), address, file["type"].whole(None) == _IMAGE)

    @property
    def picture_name(self) -> str:
        """The name of a picture, with folders where the file says them."""
        path = path_in(self.address)
        more = path.endswith(f"/{self.name}") or parse_frame_name(self.name) is None
        return path if more and parse_frame_name(path) is not None else self.name


@dataclass(frozen=True)
class Entry:
    """A sound entry of ``metadata``.

    Attributes:
        place: for messages.
        times: seconds, in the file's order.
        shape: its number and its pixels; []: none.
        answers: attribute id -> what is chosen or written.
        shown: what it is drawn on; None: a note that belongs to no file.
    """

    place: str
    times: Sequence[float]
    shape: Sequence[float]
    answers: Mapping[str, Value]
    shown: Shown | None


def sections_of(file: AnnotationFile) -> dict[str, dict[str, Value]]:
    """Return the sections of a project, each with its entries by id.

    Raises:
        UserError: one is missing.
    """
    project = file.value
    for key in _SECTIONS:
        if not project[key].is_object and not project[key].is_list:  # an empty section may be saved as []
            raise file.error("", f'"{key}" is missing: not a complete VIA 3 project. Save the project in VIA again.')
    return {key: dict(project[key].items()) for key in _SECTIONS}


class _View(NamedTuple):
    """What an entry of a view is drawn on, None: nothing that is known; and how many files the view shows."""

    shown: Shown | None
    files: int


def _views_of(sections: Mapping[str, Mapping[str, Value]]) -> dict[str, _View]:
    """Return the views by id, each looked at once, however many entries it has."""
    views = {}
    for vid, view in sections["view"].items():
        fids = [each.text("") for each in view["fid_list"].each()]
        file = next((sections["file"][fid] for fid in fids if fid in sections["file"]), None)
        views[vid] = _View(Shown.of(file) if file is not None and file.is_object else None, len(fids))
    return views


def sound_entries(sections: Mapping[str, Mapping[str, Value]], rows: RowBuilder) -> list[Entry]:
    """Return the metadata entries that can be read; the others are noted."""
    sound = []
    views = _views_of(sections)
    for mid, value in sections["metadata"].items():
        rows.wrong.met += 1
        value = value.at(f"metadata {quoted(mid)}")
        found = _entry(views, value)
        if isinstance(found, Entry):
            sound.append(found)
        else:
            rows.wrong.add(f"entries left out: {found[0]}", value.place, found[1])
    return sound


def _entry(views: Mapping[str, _View], value: Value) -> Entry | tuple[str, str]:
    """Return a metadata entry, or why it cannot be read: as it is counted, and with its values."""
    if not value.is_object:
        return "no objects", f"expected an object, found {value.kind}."
    xy, z = (found.numbers(None) if found.is_true() else [] for found in (value["xy"], value["z"]))
    if xy is None or z is None:
        said = f'"z" is {value["z"].shown} and "xy" is {value["xy"].shown}'
        return "times or shapes that are no numbers", f"{said}, expected lists of numbers."
    answers = dict(value["av"].items())
    vid = value["vid"].text("")
    shown, files = views.get(vid, (None, 0))
    entry = Entry(value.place, z, xy, answers, shown)
    if not xy and len(z) != 2:
        return entry  # a note
    if shown is None:
        return "views without a file", f"view {quoted(vid)} has no file. Save the project in VIA again."
    if files > 1:
        problem = f"view {quoted(vid)} compares {files} files; boxes need a view of one video."
        return "views that compare files", problem
    if not xy or shown.is_picture or bounding_box(xy) is None:
        return entry
    if not 0 < len(z) < 3:
        return "boxes without a time", f'"z" is {value["z"].shown}, expected one time in seconds, or start and end.'
    if min(z) <= -0.5:
        return "negative times", f"time {value['z'].shown} is negative. Times are seconds from the start of the video."
    if max(z) > VIDEO_SECONDS:
        return "times beyond any video", f"time {value['z'].shown}: no video is longer than a week."
    return entry


def bounding_box(xy: Sequence[float]) -> Box | None:
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
