"""CVAT's own XML: exports of a task, a job or a project, as "CVAT for video 1.1" or "CVAT for images 1.1".

``track`` elements hold one ``box`` per frame (interpolated ones included, ``keyframe="0"``) in pixels of the frame;
``outside="1"`` says that the person is not visible from that frame on. Coordinates are rounded to a hundredth of a
pixel. Which videos and frames they mean: :mod:`.cvat_tasks`, :mod:`.cvat_frames`; ``image``: :mod:`.cvat_images`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from alphaction.data.formats.action_attributes import person_id
from alphaction.data.formats.action_rule import ActionRule
from alphaction.data.formats.annotation_file import AnnotationFile
from alphaction.data.formats.confirmation import unconfirmed_rule
from alphaction.data.formats.cvat_boxes import attribute_values, count_others, has_numbers, unit_box
from alphaction.data.formats.cvat_frames import count_frames
from alphaction.data.formats.cvat_images import add_images, image_place, is_video_frame
from alphaction.data.formats.cvat_tasks import AS_VIDEO, Tasks, read_tasks
from alphaction.data.formats.cvat_xml import Element, attribute_use, integer, parse_xml
from alphaction.data.formats.file_content import FileContent
from alphaction.data.formats.format import Format
from alphaction.data.formats.rows import RowBuilder, RowTable
from alphaction.data.formats.track_sampling import add_track
from alphaction.data.formats.tracks import Knot
from alphaction.data.formats.unnamed_video import Named, known_videos
from alphaction.utils.limits import VIDEO_SECONDS

NOTHING = "no track and no image: nothing is annotated"
"""The note on a file that says that nobody was there."""
NOTHING_DRAWN = "images without any shape, and no track: nothing is annotated"


def read_cvat(file: AnnotationFile) -> RowTable:
    """Read CVAT's XML; a file without tracks gives no row.

    A box without a later one ends its track; between listed boxes it moves linearly. Attributes not repeated in a box
    keep their last value. The person id is an attribute named like "person_id", else the track's number. Which labels
    and attributes are actions: see :mod:`alphaction.data.formats.action_rule`.
    """
    root = parse_xml(file.content)
    tracks, images = root.findall("track"), root.findall("image")
    rule, quiet = file.rule(), file.rule()
    rows = RowBuilder()
    boxes = [(track, _ordered_boxes(track, index, rows)) for index, track in enumerate(tracks)]
    used = [(track, [frame for frame, box in own if not _is_outside(box)]) for track, own in boxes]
    tasks = read_tasks(file, root)
    for image in images:
        count_others(image, rows)
        if image.find("box") is not None and is_video_frame(image, tasks):
            used.append((image, [integer(image.get("id", ""))]))
    if len(tasks.tasks) > 1:
        known_videos(file, _named(tasks, used))
    tasks = count_frames(tasks, used, rows)
    for index, (track, own) in enumerate(boxes):
        _add_track(file, track, index, own, tasks, rule, quiet, rows)
    add_images(file, images, tasks, rule, rows)
    if not tracks and not any(len(image) for image in images):
        rows.notes.append(NOTHING_DRAWN if images else NOTHING)
    return replace(file.table(rows, rule), taken_for=tasks.taken_for)


def _named(tasks: Tasks, used: Sequence[tuple[Element, Sequence[int]]]) -> Iterator[Named]:
    """Yield the names of the video of each track and image."""
    for element, frames in used:
        place = f"track {element.get('id')}" if element.tag == "track" else image_place(element)
        task = tasks.of(element, place)
        yield Named((task.source, task.name), place, len(frames))


def _place(track: Element, index: int) -> str:
    return f"track {track.get('id', index)}"


def _is_outside(box: Element) -> bool:
    return box.get("outside", "0").strip().casefold() in ("1", "true")


def _ordered_boxes(track: Element, index: int, rows: RowBuilder) -> list[tuple[int, Element]]:
    """Return the boxes of a track with the frames as written, ascending; those without a frame are noted."""
    boxes = []
    for box in track.findall("box"):
        frame = integer(box.get("frame", ""), -1)
        rows.wrong.met += 1
        if frame < 0:
            problem = f'<box> needs a "frame" from 0 up, found {box.get("frame")!r}.'
            rows.wrong.add("boxes left out as their frame is no number from 0 up", _place(track, index), problem)
            continue
        boxes.append((frame, box))
    return sorted(boxes, key=lambda entry: entry[0])


def _add_track(
    file: AnnotationFile,
    track: Element,
    index: int,
    boxes: Sequence[tuple[int, Element]],
    tasks: Tasks,
    rule: ActionRule,
    quiet: ActionRule,
    rows: RowBuilder,
) -> None:
    """Add a track; ``quiet`` is the rule, too, and its counts are nobody's."""
    place = _place(track, index)
    count_others(track, rows)
    if not boxes:
        return
    task = tasks.of(track, place)
    video = tasks.video(task, place, rows)
    size = tasks.size(task, video)
    file.check_size(video, size, "<original_size>")
    label, values, person = track.get("label", ""), attribute_values(track, {}, rule), None
    fps, knots = tasks.fps(video), []
    for written, box in boxes:
        frame = tasks.frame(task, written, place)
        if frame > VIDEO_SECONDS * fps:
            problem = f"frame {written} is not of a video: none is longer than a week."
            rows.wrong.add("boxes left out as no video is that long", place, problem)
            continue
        values = attribute_values(box, values, rule)
        person = person_id(values) if person is None else person
        shown = not _is_outside(box)
        if shown or has_numbers(box):
            corners = unit_box(box, size, f"{place}, frame {written}", rows)
        else:  # it only says that the track ends
            corners = knots[-1].box if knots else (0.0, 0.0, 0.0, 0.0)
        if corners is None:
            continue
        knots.append(Knot(frame, corners, shown, shown, values))
    person = integer(track.get("id", ""), index) if person is None else person
    add_track(
        rows,
        video,
        knots,
        lambda answers: rule.actions((label,), answers),
        says=lambda answers: quiet.actions((label,), answers),
        fps=fps,
        interval=file.keyframe_interval,
        person=person,
        merge_key=rule.merge_key(person, (label,)),
        place=place,
        step=task.step,
        unconfirmed=unconfirmed_rule(file.own_attributes.kinds),
    )


def _near_relative(content: FileContent) -> str:
    if content.syntax != "xml" or re.search(r"<annotations[\s/>]", content.text.lstrip()[:100_000]):
        return ""
    return f"is XML, but has no <annotations> as CVAT writes it. {AS_VIDEO}"


CVAT = Format(
    "cvat",
    "CVAT for video 1.1 XML",
    "xml",
    near_relative=_near_relative,
    tool="CVAT",
    attributes=attribute_use,
    annotations=read_cvat,
)
