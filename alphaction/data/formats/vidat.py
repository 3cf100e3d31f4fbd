"""Annotations of Vidat, the video annotator of ANU (the ``.json`` that "Save" in the menu writes).

``annotation.objectAnnotationListMap``: frame -> boxes in pixels of ``annotation.video``, whose ``fps`` the user chose;
``instance`` is the number that may be given to a box. ``actionAnnotationList``: stretches of seconds. Names of labels
are in ``config``, where label 0 is named "default": what is drawn without a choice has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from alphaction.data.formats.action_attributes import AttributeUse, means_person
from alphaction.data.formats.action_rule import ActionRule
from alphaction.data.formats.annotation_file import RATE, AnnotationFile
from alphaction.data.formats.file_content import FileContent
from alphaction.data.formats.format import Format
from alphaction.data.formats.frame_clock import FAR, MOVED, NOT_NEAREST, seconds_of
from alphaction.data.formats.frame_facts import FRAME_RATE
from alphaction.data.formats.rows import CLASS_ID, Label, RowBuilder, RowTable, Segment, TakenFor
from alphaction.data.formats.unnamed_video import Named, known_videos, video_of_unnamed
from alphaction.utils.limits import LARGEST_SIDE
from alphaction.utils.numbers import ABOVE_ZERO, NOT_NEGATIVE, whole
from alphaction.utils.values import Value, parse_integer

_BOXES, _ACTIONS = "objectAnnotationListMap", "actionAnnotationList"
_OTHERS = {"regionAnnotationListMap": "regions (polygons)", "skeletonAnnotationListMap": "skeletons"}
_UNSET = "default"
_FRAME = whole(0, LARGEST_SIDE)


class _Video(NamedTuple):
    name: str
    size: tuple[float, float]
    fps: float


def read_vidat(file: AnnotationFile) -> RowTable:
    """Read annotations of Vidat.

    Frames are counted at the file's own ``fps``. A box at time t belongs to the nearest whole second; of several frames
    that are nearest to the same second, the nearest one counts (boxes of the others are counted as left out). Actions
    are temporal segments. Regions and skeletons are left out and counted.
    """
    body, config = _body(file.content), file.value["config"]
    rule = ActionRule(AttributeUse())  # the tool has no attributes, whatever files of others have
    rows = RowBuilder()
    for key, what in _OTHERS.items():
        rows.count(f"{what} left out", sum(len(found) for found in _by_frame(body[key], rows).values()))
    taken_for: TakenFor | None = None
    frames, actions = _by_frame(body[_BOXES], rows), body[_ACTIONS].each()
    if any(frames.values()) or actions:
        video, taken_for = _video(file, body["video"], rows)
        _add_boxes(file, frames, video, _names(config["objectLabelData"]), rule, rows)
        _add_segments(actions, video, _names(config["actionLabelData"]), rows)
    return replace(file.table(rows, rule), taken_for=taken_for)


def _body(content: FileContent) -> Value:
    """Return what is annotated; absent where the data are not of Vidat."""
    data = content.value
    for found in (data["annotation"], data):
        if _BOXES in found or _ACTIONS in found:
            return found
    return data["annotation"][_BOXES]


def _by_frame(section: Value, rows: RowBuilder) -> dict[int, list[Value]]:
    """Return frame -> what is drawn there."""
    found: dict[int, list[Value]] = {}
    for key, entries in section.items() if section.is_object else ():
        frame = parse_integer(key, _FRAME)
        drawn = entries.objects()
        if frame is not None:
            found[frame] = drawn
        else:
            rows.count("boxes left out as their frame is no number", len(drawn))
    return dict(sorted(found.items()))


def _names(labels: Value) -> dict[int, str]:
    """Return label id -> name; "" for the label of what has none."""
    found: dict[int, str] = {}
    for entry in labels.each():
        number = entry["id"].whole(None, CLASS_ID)
        if number is not None:
            name = entry["name"].text("")
            found[number] = "" if number == 0 and name.casefold() == _UNSET else name
    return found


def _video(file: AnnotationFile, said: Value, rows: RowBuilder) -> tuple[_Video, TakenFor | None]:
    source = said["src"].text("")
    if not source or source.startswith(("blob:", "data:")):
        taken = video_of_unnamed(file)  # a video that was opened from the disk has no name in the file
    else:
        taken = known_videos(file, [Named((source,), "video")])
    if taken is not None:
        rows.notes.append(taken.note)
    name = file.videos.match(source, place="video") if taken is None else taken.video
    info = file.info(name)
    size = said["width"].number(None, ABOVE_ZERO), said["height"].number(None, ABOVE_ZERO)
    if None in size:
        size = (float(info.width), float(info.height))
    else:
        file.check_size(name, size, "video")
    file.said.used.add(FRAME_RATE)
    fps = file.naming.frame_rate or said["fps"].number(None, RATE)
    if fps is None:
        fps = info.fps
        rows.notes.append(
            f"the file does not say how many frames a second it counts: read as {fps:.4g}, the video's. Vidat counts "
            "10 unless another rate is chosen: if so, pass --frame-rate 10"
        )
    return _Video(name, size, fps), taken


def _add_boxes(
    file: AnnotationFile,
    frames: Mapping[int, list[Value]],
    video: _Video,
    names: Mapping[int, str],
    rule: ActionRule,
    rows: RowBuilder,
) -> None:
    persons = _persons(frames)
    drawn_at = [frame for frame, drawn in frames.items() if drawn]
    times = [frame / video.fps for frame in drawn_at]
    seconds = seconds_of(file, [video.name] * len(times), times)
    for frame, time, second in zip(drawn_at, times, seconds, strict=True):
        drawn = frames[frame]
        if second is None:
            rows.count(NOT_NEAREST, len(drawn))
            continue
        if abs(time - second) > FAR:
            rows.count(MOVED, len(drawn))
        for number, entry in enumerate(drawn):
            place = f"frame {frame}, box {number}"
            rows.wrong.met += 1
            box = _box(entry, video.size, place, rows)
            if box is not None:
                person = persons.get(entry["instance"].text(""), -1)
                labels = _labels(entry["labelId"].whole(None, CLASS_ID), names, rule, rows)
                rows.add(video.name, second, box, labels, person, place=place)


def _persons(frames: Mapping[int, list[Value]]) -> dict[str, int]:
    """Return instance as text -> number of the person; names are numbered behind the numbers."""
    written = (entry["instance"].text("") for drawn in frames.values() for entry in drawn)
    given = dict.fromkeys(filter(None, written))
    numbers = {text: number for text in given if (number := parse_integer(text, NOT_NEGATIVE)) is not None}
    first = max(numbers.values(), default=-1) + 1
    return numbers | {text: first + place for place, text in enumerate(text for text in given if text not in numbers)}


def _box(entry: Value, size: tuple[float, float], place: str, rows: RowBuilder) -> tuple[float, ...] | None:
    values = [entry[key].number(None) for key in ("x", "y", "width", "height")]
    if None in values:
        found = ", ".join(entry[key].shown for key in ("x", "y", "width", "height"))
        what = "boxes left out as x, y, width or height is no number"
        rows.wrong.add(what, place, f"x, y, width and height are {found}.")
        return None
    x, y, width, height = values
    if width < 0 or height < 0:
        rows.count("boxes drawn upwards or leftwards, turned over")
    corners = min(x, x + width), min(y, y + height), max(x, x + width), max(y, y + height)
    return tuple(value / side for value, side in zip(corners, size * 2, strict=True))


def _labels(number: int | None, names: Mapping[int, str], rule: ActionRule, rows: RowBuilder) -> tuple[Label, ...]:
    if number is None or names.get(number) == "":
        rows.count(f'boxes without a label ("{_UNSET}"), kept without action')
        return ()
    # A file without its configuration only numbers its labels.
    return rule.actions((names[number],), {}) if number in names else (number,)


def _add_segments(actions: list[Value], video: _Video, names: Mapping[int, str], rows: RowBuilder) -> None:
    for position, entry in enumerate(actions):
        start, end = entry["start"].number(None), entry["end"].number(None)
        if start is None or end is None:
            rows.count("temporal segments without start or end left out")
            continue
        number = entry["action"].whole(None, CLASS_ID)
        label = "" if number is None else names.get(number, f"action {number}")
        if not label or means_person(label):
            rows.count("temporal segments without a label left out")
            continue
        place = f"action {position}"
        rows.segments.append(Segment(video.name, max(0.0, min(start, end)), max(start, end), label, place))


def _recognizes(content: FileContent) -> bool:
    return _body(content).is_object


VIDAT = Format("vidat", "Vidat JSON", "json", _recognizes, tool="Vidat", annotations=read_vidat)
