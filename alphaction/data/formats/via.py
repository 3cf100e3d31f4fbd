"""Projects of VIA 3, the annotator that AVA was made with (the ``.json`` that "Save project" writes).

``metadata`` holds the regions: ``vid`` a view (which names the video's file), ``z`` a time or a start and an end in
seconds, ``xy`` a shape in pixels of the file (2 rectangle: x, y, width, height), ``av`` attribute id -> value (an
option id; several, separated by commas, for checkboxes; or text).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from alphaction.data.formats.action_attributes import (
    AttributeUse,
    means_person,
    person_id,
    plain,
    split_text,
)
from alphaction.data.formats.action_rule import ActionRule
from alphaction.data.formats.annotation_file import AnnotationFile
from alphaction.data.formats.file_content import FileContent
from alphaction.data.formats.format import Format
from alphaction.data.formats.frame_clock import FAR, MOVED, NOT_NEAREST, seconds_of
from alphaction.data.formats.frame_moments import NO_FRAME_NAME, FrameMoments, Moment, read_frame_names
from alphaction.data.formats.frame_names import parse_frame_name
from alphaction.data.formats.rows import RowBuilder, RowTable, Segment, TakenFor
from alphaction.data.formats.track_sampling import add_track
from alphaction.data.formats.tracks import Box, Knot
from alphaction.data.formats.unnamed_video import Named, known_videos
from alphaction.data.formats.via_entries import IMAGE, bounding_box, shown_by, sound_entries
from alphaction.data.keyframes import MILLISECONDS
from alphaction.data.video.names import path_in

_KINDS = {1: "text", 2: "options", 3: "radio", 4: "select"}  # "options": a VIA checkbox has several options
_TEXT, _CHECKBOX = 1, 2
NOT_BOXES = "points, lines and unknown shapes left out"
_TIMELINE = "TEMPORAL-SEGMENTS"  # the attribute that VIA makes by itself


class _Region(NamedTuple):
    """A box.

    Attributes:
        time: seconds from the start of the video.
        second: the keyframe, None: another one is nearer; where ``drawn``, that is for later.
        span: first and last millisecond of a box over a time; None: it is at ``time``.
    """

    video: str
    time: float
    second: float | None
    drawn: bool
    box: Box
    entry: Mapping[str, Any]
    place: str
    span: tuple[int, int] | None = None


def read_via(file: AnnotationFile) -> RowTable:
    """Read a VIA 3 project.

    A box at time t, or on a picture of that time, belongs to the nearest whole second; of several times of a video that
    are nearest to the same second, the nearest one counts (the others are counted as left out). A box with a start and
    an end is a track that stays where it is. Temporal segments without a box, points and lines are left out
    and counted; other shapes become their bounding box. Attributes of files and of temporal segments are no actions of
    a box; for those of boxes see :mod:`alphaction.data.formats.action_rule`.
    """
    rows = RowBuilder()
    sections = {key: _section(file, key) for key in ("attribute", "file", "metadata", "view")}
    sections["metadata"] = sound_entries(sections, rows)
    attributes = _box_attributes(sections["attribute"])
    rule, quiet = file.rule(), file.rule()
    pictures, names = _pictures(file, sections, rows)
    other = known_videos(file, _named(sections))
    if other is not None:
        rows.notes.append(other.note)
    regions = [
        region
        for mid, entry in sections["metadata"].items()
        for region in _regions(file, sections, pictures, other, mid, entry, rows)
    ]
    drawn = [region for region in regions if region.drawn]
    seconds = seconds_of(file, [r.video for r in drawn], [r.time for r in drawn])
    nearest = {id(region): second for region, second in zip(drawn, seconds, strict=True)}
    for region in regions:
        video, time, entry, box, place = region.video, region.time, region.entry, region.box, region.place
        second = nearest.get(id(region), region.second)
        if region.span is None:
            if second is None:
                rows.count(NOT_NEAREST)
                continue
            rows.count(MOVED, int(abs(time - second) > FAR))
        answers = {
            _name(attributes[aid], aid): _values(attributes[aid], value, rows)
            for aid, value in (_as_mapping(entry.get("av")) or {}).items()
            if aid in attributes
        }
        person = person_id(answers)
        person = -1 if person is None else person
        if region.span is not None:
            add_track(
                rows,
                video,
                [Knot(moment, box, labels=answers) for moment in region.span],
                partial(rule.actions, ()),
                says=partial(quiet.actions, ()),
                fps=MILLISECONDS,
                interval=file.keyframe_interval,
                person=person,
                merge_key=person,
                place=place,
            )
            continue
        rows.add(video, second, box, rule.actions((), answers), person, place=place)
    return replace(file.table(rows, rule), taken_for=names.taken_for or other, of_frames=names.of_frames)


def _attributes(content: FileContent) -> AttributeUse:
    declared = _box_attributes(_as_mapping(content.data.get("attribute")) or {})
    return AttributeUse({_name(entry, aid): _kind(entry) for aid, entry in declared.items()}, labels=frozenset({""}))


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


def _kind(entry: Mapping[str, Any]) -> str:
    number = entry.get("type")
    return _KINDS.get(number, "text") if isinstance(number, int) else "text"


def _values(attribute: Mapping[str, Any], value: Any, rows: RowBuilder | None = None) -> list[str]:
    """Return the texts that an attribute's value stands for: options by id, or by their text; else the text itself.

    Args:
        rows: counts what is none of the options; None: it may be any text.
    """
    text = str(value if value is not None else "").strip()
    options = {str(key): str(option).strip() for key, option in (_as_mapping(attribute.get("options")) or {}).items()}
    if attribute.get("type") == _TEXT or not options:
        return split_text(text)
    if text in options:
        return [options[text]]
    keys = [part.strip() for part in text.split(",")] if attribute.get("type") == _CHECKBOX else [text]
    by_text = {option.casefold(): option for option in options.values()}
    found = []
    for key in filter(None, keys):
        if rows is not None and key not in options and key.casefold() not in by_text:
            rows.count(f'values of the attribute "{attribute.get("aname")}" that are none of its options')
        found.append(options.get(key) or by_text.get(key.casefold(), key))
    return found


def _pictures(
    file: AnnotationFile, sections: dict[str, dict], rows: RowBuilder
) -> tuple[dict[str, Moment | None], FrameMoments]:
    """Return the moment of each picture with a box by its name, and what their names say."""
    names: dict[str, str] = {}
    for mid, entry in sections["metadata"].items():
        if entry.get("xy"):
            shown = shown_by(sections, entry)
            if shown.get("type") == IMAGE:
                names.setdefault(_picture_name(shown), f'metadata "{mid}"')
    found = read_frame_names(file, list(names), list(names.values()).__getitem__)
    rows.notes += found.notes
    return dict(zip(names, found.moments, strict=True)), found


def _picture_name(shown: Mapping[str, Any]) -> str:
    """Return the name of a picture, with folders where the file says them."""
    name, src = str(shown.get("fname") or ""), str(shown.get("src") or "")
    path = "" if src.startswith(("blob:", "data:")) else path_in(src)
    more = path.endswith(f"/{name}") or parse_frame_name(name) is None
    return path if more and parse_frame_name(path) is not None else name


def _regions(
    file: AnnotationFile,
    sections: dict[str, dict],
    pictures: Mapping[str, Moment | None],
    other: TakenFor | None,
    mid: str,
    entry: Mapping[str, Any],
    rows: RowBuilder,
) -> list[_Region]:
    """Return a metadata entry as a box; [] where it is none."""
    place = f'metadata "{mid}"'
    xy, z = entry.get("xy") or [], entry.get("z") or []
    if not xy:
        _add_segments(file, sections, entry, place, rows)
        return []
    pixels = bounding_box(xy)
    if pixels is None:
        rows.count(NOT_BOXES)
        return []
    if xy[0] != 2:
        rows.count("other shapes turned into their bounding box")
    shown = shown_by(sections, entry)
    moment = None
    if shown.get("type") == IMAGE:
        moment = pictures[_picture_name(shown)]
        if moment is None:
            rows.count(f"boxes of {NO_FRAME_NAME}")
            return []
    if moment is not None:
        video = moment.video
    else:
        video = other.video if other is not None else file.videos.match(*_file_names(shown), place=place)
    info = file.info(video)
    box = tuple(value / size for value, size in zip(pixels, (info.width, info.height) * 2, strict=True))
    if moment is not None:
        return [_Region(video, moment.time, moment.second, False, box, entry, place)]
    span = None
    if len(z) == 2:  # rounded outwards, as its ends are drawn by hand
        span = max(0, math.floor(min(z) * MILLISECONDS + 1e-6)), math.ceil(max(z) * MILLISECONDS - 1e-6)
    return [_Region(video, z[0], None, span is None, box, entry, place, span)]


def _add_segments(file: AnnotationFile, sections: dict[str, dict], entry: dict, place: str, rows: RowBuilder) -> None:
    """Read a stretch of time, whose labels are values of attributes; notes on a moment or a file are counted."""
    z = entry.get("z") or []
    if len(z) != 2:
        rows.count("notes without a box on a moment or a whole file left out")
        return
    declared = {aid: known for aid, known in sections["attribute"].items() if isinstance(known, dict)}
    av = _as_mapping(entry.get("av")) or {}
    answers = {_name(declared[aid], aid): _values(declared[aid], value) for aid, value in av.items() if aid in declared}
    if [plain(text) for text in answers.get(_TIMELINE, ())] == ["default"]:
        del answers[_TIMELINE]  # what has no label lies on the timeline of that name
    kinds = {_name(declared[aid], aid): _kind(declared[aid]) for aid in av if aid in declared}
    labels = [label for label in ActionRule(AttributeUse(kinds)).actions((), answers) if not means_person(label)]
    rows.count("temporal segments without a label left out", int(not labels))
    shown = shown_by(sections, entry)
    name = str(shown.get("fname") or "")
    found = [] if shown.get("type") == IMAGE else file.videos.find(name)
    video = found[0] if len(found) == 1 else name
    rows.segments += [Segment(video, max(0.0, min(z)), max(z), label, place) for label in labels]


def _file_names(shown: Mapping[str, Any]) -> tuple[str, str]:
    """Return the names of a file."""
    name, src = str(shown.get("fname") or ""), str(shown.get("src") or "")
    return name, "" if src.startswith(("blob:", "data:")) else src


def _named(sections: dict[str, dict]) -> Iterator[Named]:
    """Yield the names of the video of each box."""
    for mid, entry in sections["metadata"].items():
        if entry.get("xy"):
            shown = shown_by(sections, entry)
            if shown.get("type") != IMAGE:
                yield Named(_file_names(shown), f'metadata "{mid}"')


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
