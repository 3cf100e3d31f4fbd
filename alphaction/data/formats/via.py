"""Projects of VIA 3, the annotator that AVA was made with (the ``.json`` that "Save project" writes).

``metadata`` holds the regions: ``vid`` a view (which names the video's file), ``z`` a time or a start and an end in
seconds, ``xy`` a shape in pixels of the file (2 rectangle: x, y, width, height), ``av`` attribute id -> value (an
option id; several, separated by commas, for checkboxes; or text).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from alphaction.data.formats.action_attributes import (
    AttributeUse,
    means_person,
    person_id,
    plain,
)
from alphaction.data.formats.action_rule import ActionRule
from alphaction.data.formats.annotation_file import AnnotationFile
from alphaction.data.formats.confirmation import unconfirmed_rule
from alphaction.data.formats.file_content import FileContent
from alphaction.data.formats.format import Format
from alphaction.data.formats.frame_clock import FAR, MOVED, NOT_NEAREST, seconds_of
from alphaction.data.formats.frame_moments import NO_FRAME_NAME, FrameMoments, Moment, read_frame_names
from alphaction.data.formats.rows import RowBuilder, RowTable, Segment, TakenFor
from alphaction.data.formats.track_sampling import add_track
from alphaction.data.formats.tracks import Box, Knot
from alphaction.data.formats.unnamed_video import Named, known_videos
from alphaction.data.formats.via_attributes import Attribute, answers_of, attributes_of, kinds_of
from alphaction.data.formats.via_entries import Entry, bounding_box, sections_of, sound_entries
from alphaction.data.keyframes import MILLISECONDS

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
    entry: Entry
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
    sections = sections_of(file)
    entries = sound_entries(sections, rows)
    attributes = attributes_of(sections["attribute"])
    of_boxes = {aid: attribute for aid, attribute in attributes.items() if attribute.of_boxes}
    rule, quiet = file.rule(), file.rule()
    unconfirmed = unconfirmed_rule(attribute.name for attribute in of_boxes.values())
    pictures, names = _pictures(file, entries, rows)
    other = known_videos(file, _named(entries))
    if other is not None:
        rows.notes.append(other.note)
    regions = list(_regions(file, attributes, pictures, other, entries, rows))
    drawn = [region for region in regions if region.drawn]
    seconds = seconds_of(file, [r.video for r in drawn], [r.time for r in drawn])
    nearest = {id(region): second for region, second in zip(drawn, seconds, strict=True)}
    for region in regions:
        video, box, place = region.video, region.box, region.entry.place
        second = nearest.get(id(region), region.second)
        if region.span is None:
            if second is None:
                rows.count(NOT_NEAREST)
                continue
            rows.count(MOVED, int(abs(region.time - second) > FAR))
        answers = answers_of(of_boxes, region.entry.answers, rows)
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
                unconfirmed=unconfirmed,
            )
            continue
        actions = rule.actions((), answers)
        rows.add(video, second, box, actions, person, place=place, unconfirmed=unconfirmed(answers))
    return replace(file.table(rows, rule), taken_for=names.taken_for or other, of_frames=names.of_frames)


def _pictures(
    file: AnnotationFile, entries: Sequence[Entry], rows: RowBuilder
) -> tuple[dict[str, Moment | None], FrameMoments]:
    """Return the moment of each picture with a box by its name, and what their names say."""
    names: dict[str, str] = {}
    for entry in entries:
        if entry.shape and entry.shown.is_picture:
            names.setdefault(entry.shown.picture_name, entry.place)
    found = read_frame_names(file, list(names), list(names.values()).__getitem__)
    rows.notes += found.notes
    return dict(zip(names, found.moments, strict=True)), found


def _regions(
    file: AnnotationFile,
    attributes: Mapping[str, Attribute],
    pictures: Mapping[str, Moment | None],
    other: TakenFor | None,
    entries: Sequence[Entry],
    rows: RowBuilder,
) -> Iterator[_Region]:
    """Yield the boxes; what is none is counted, and stretches of time are added to ``rows``."""
    for entry in entries:
        pixels = bounding_box(entry.shape) if entry.shape else None
        if not entry.shape:
            _add_segments(file, attributes, entry, rows)
            continue
        if pixels is None:
            rows.count(NOT_BOXES)
            continue
        if entry.shape[0] != 2:
            rows.count("other shapes turned into their bounding box")
        shown, moment = entry.shown, None
        if shown.is_picture:
            moment = pictures[shown.picture_name]
            if moment is None:
                rows.count(f"boxes of {NO_FRAME_NAME}")
                continue
            video = moment.video
        elif other is not None:
            video = other.video
        else:
            video = file.videos.match(shown.name, shown.address, place=entry.place)
        info = file.info(video)
        box = tuple(value / size for value, size in zip(pixels, (info.width, info.height) * 2, strict=True))
        if moment is not None:
            yield _Region(video, moment.time, moment.second, False, box, entry)
            continue
        times, span = entry.times, None
        if len(times) == 2:  # rounded outwards, as its ends are drawn by hand
            start, end = math.floor(min(times) * MILLISECONDS + 1e-6), math.ceil(max(times) * MILLISECONDS - 1e-6)
            span = max(0, start), end
        yield _Region(video, times[0], None, span is None, box, entry, span)


def _add_segments(file: AnnotationFile, attributes: Mapping[str, Attribute], entry: Entry, rows: RowBuilder) -> None:
    """Read a stretch of time, whose labels are values of attributes; notes on a moment or a file are counted."""
    if len(entry.times) != 2:
        rows.count("notes without a box on a moment or a whole file left out")
        return
    answers = answers_of(attributes, entry.answers)
    if [plain(text) for text in answers.get(_TIMELINE, ())] == ["default"]:
        del answers[_TIMELINE]  # what has no label lies on the timeline of that name
    use = AttributeUse(kinds_of({aid: attributes[aid] for aid in entry.answers if aid in attributes}))
    labels = [label for label in ActionRule(use).actions((), answers) if not means_person(label)]
    rows.count("temporal segments without a label left out", int(not labels))
    found = [] if entry.shown.is_picture else file.videos.find(entry.shown.name)
    video = found[0] if len(found) == 1 else entry.shown.name
    start, end = min(entry.times), max(entry.times)
    rows.segments += [Segment(video, max(0.0, start), end, label, entry.place) for label in labels]


def _named(entries: Sequence[Entry]) -> Iterator[Named]:
    """Yield the names of the video of each box."""
    for entry in entries:
        if entry.shape and not entry.shown.is_picture:
            yield Named((entry.shown.name, entry.shown.address), entry.place)


def _attributes(content: FileContent) -> AttributeUse:
    declared = attributes_of(dict(content.value["attribute"].items()))
    kinds = kinds_of({aid: attribute for aid, attribute in declared.items() if attribute.of_boxes})
    return AttributeUse(kinds, labels=frozenset({""}))


def _recognizes(content: FileContent) -> bool:
    data = content.value
    return "metadata" in data and ("attribute" in data or "view" in data)


def _near_relative(content: FileContent) -> str:
    if content.syntax == "csv" and content.text.lstrip().startswith(("# CSV_HEADER", "# Exported", "#CSV")):
        return "is VIA's csv export. Save the project in VIA (a .json file) and pass that."
    if (
        content.syntax == "json"
        and content.value.is_object
        and any(key.startswith("_via_") for key, _ in content.value.items())
        and not _recognizes(content)
    ):
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
