"""The images of "CVAT for images" files: frames of a video task, or pictures that say by their names what they show.

The images of a video task are numbered by ``id`` as the boxes of tracks are by ``frame``, and named after it
(``frame_000012``, without an ending; the first versions counted within the task there, so that only the id is right).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from alphaction.data.formats.action_attributes import ANYONE, person_id
from alphaction.data.formats.action_rule import ActionRule
from alphaction.data.formats.annotation_file import AnnotationFile
from alphaction.data.formats.confirmation import unconfirmed_rule
from alphaction.data.formats.cvat_boxes import attribute_values, unit_box
from alphaction.data.formats.cvat_tasks import Tasks
from alphaction.data.formats.cvat_xml import Element, integer
from alphaction.data.formats.frame_clock import FAR, MOVED, NOT_NEAREST, seconds_of
from alphaction.data.formats.frame_moments import NO_FRAME_NAME, read_frame_names
from alphaction.data.formats.frame_names import parse_frame_name
from alphaction.data.formats.rows import RowBuilder
from alphaction.utils.values import finite_number


class _Shown(NamedTuple):
    """An image, what it shows, and the second that it stands for; None: another one is nearer to that second."""

    image: Element
    video: str
    time: float
    second: float | None


def is_video_frame(image: Element, tasks: Tasks) -> bool:
    """Return whether an image is a frame of a video that CVAT itself took apart, so that its id is the frame."""
    frame = integer(image.get("id", ""), -1)
    if frame < 0:
        return False
    task = tasks.of(image, image_place(image))
    if task.mode:
        return task.mode == "interpolation"
    named = re.fullmatch(r"frame_(\d{6,})", image.get("name", ""))
    return named is not None and int(named[1]) == frame


def image_place(image: Element) -> str:
    """Return the name of an image for messages."""
    return f'image "{image.get("name", "")}"'


def add_images(
    file: AnnotationFile, images: Sequence[Element], tasks: Tasks, rule: ActionRule, rows: RowBuilder
) -> None:
    """Add the boxes of images; an image without any is no keyframe, as CVAT lists the frames not annotated, too."""
    boxed = [image for image in images if image.find("box") is not None]
    of_videos = [image for image in boxed if is_video_frame(image, tasks)]
    known = {id(image) for image in of_videos}
    shown = _frames_of_videos(file, of_videos, tasks, rows)
    shown += _named_pictures(file, [image for image in boxed if id(image) not in known], tasks, rows)
    order = {id(image): position for position, image in enumerate(boxed)}
    for entry in sorted(shown, key=lambda entry: order[id(entry.image)]):
        boxes = entry.image.findall("box")
        if entry.second is None:
            rows.count(NOT_NEAREST, len(boxes))
            continue
        if abs(entry.time - entry.second) > FAR:
            rows.count(MOVED, len(boxes))
        _add_boxes(file, entry, tasks, rule, rows)


def _frames_of_videos(file: AnnotationFile, images: Sequence[Element], tasks: Tasks, rows: RowBuilder) -> list[_Shown]:
    videos, times = [], []
    for image in images:
        place = image_place(image)
        task = tasks.of(image, place)
        video = tasks.video(task, place, rows)
        videos.append(video)
        times.append(tasks.frame(task, integer(image.get("id", "")), place) / tasks.fps(video))
    seconds = seconds_of(file, videos, times)
    return [_Shown(*entry) for entry in zip(images, videos, times, seconds, strict=True)]


def _named_pictures(file: AnnotationFile, images: Sequence[Element], tasks: Tasks, rows: RowBuilder) -> list[_Shown]:
    names = [_name_with_video(file, image, tasks) for image in images]
    found = read_frame_names(file, names, lambda index: image_place(images[index]))
    rows.notes += found.notes
    rows.of_frames |= found.of_frames
    shown = []
    for image, moment in zip(images, found.moments, strict=True):
        if moment is None:
            rows.count(NO_FRAME_NAME)
        else:
            shown.append(_Shown(image, *moment))
    return shown


def _name_with_video(file: AnnotationFile, image: Element, tasks: Tasks) -> str:
    """Return the name of a picture, in a folder named after its task where only that names the video."""
    name = image.get("name", "")
    said = parse_frame_name(name)
    task = tasks.of(image, image_place(image)).name if file.naming.pattern is None else ""
    if said is None or not said.unnamed or not task or len(file.videos.find(task)) != 1:
        return name
    longer = f"{task}/{name}"
    read = parse_frame_name(longer)
    return longer if read is not None and read.unit == said.unit else name


def _add_boxes(file: AnnotationFile, shown: _Shown, tasks: Tasks, rule: ActionRule, rows: RowBuilder) -> None:
    image, place = shown.image, image_place(shown.image)
    size = tuple(finite_number(image.get(key)) or 0.0 for key in ("width", "height"))
    if not all(size):
        size = tasks.size(tasks.of(image, place), shown.video)
    file.check_size(shown.video, size, place)
    unconfirmed = unconfirmed_rule(file.own_attributes.kinds)
    for box in image.findall("box"):
        rows.wrong.met += 1
        corners = unit_box(box, size, place, rows)
        if corners is None:
            continue
        values = attribute_values(box, {}, rule)
        person = person_id(values)
        labels = rule.actions((box.get("label", ""),), values)
        person = -1 if person is None else person
        rows.add(
            shown.video,
            shown.second,
            corners,
            labels,
            person,
            place=place,
            merge_key=ANYONE,
            unconfirmed=unconfirmed(values),
        )
