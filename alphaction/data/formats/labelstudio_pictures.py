"""Boxes that were drawn in Label Studio on pictures of a video's frames."""

from __future__ import annotations

from collections.abc import Sequence

from alphaction.data.formats.action_attributes import person_id
from alphaction.data.formats.action_rule import ActionRule
from alphaction.data.formats.annotation_file import AnnotationFile
from alphaction.data.formats.frame_clock import FAR, MOVED, NOT_NEAREST
from alphaction.data.formats.frame_moments import NO_FRAME_NAME, read_frame_names
from alphaction.data.formats.labelstudio_results import Regions
from alphaction.data.formats.labelstudio_tasks import Task
from alphaction.data.formats.labelstudio_video import unit_box
from alphaction.data.formats.rows import RowBuilder
from alphaction.data.video.names import path_in
from alphaction.utils.numbers import ABOVE_ZERO
from alphaction.utils.values import quoted

_KEYS = ("image", "img", "image_url", "url")


def add_pictures(
    file: AnnotationFile, pictures: Sequence[tuple[Task, Regions]], rule: ActionRule, rows: RowBuilder
) -> None:
    """Add the boxes of pictures to ``rows``; which second a picture shows, its name says.

    Args:
        pictures: the tasks whose regions are boxes on a picture.

    Raises:
        UserError: no name says a frame, or its video is unknown.
    """
    if not pictures:
        return
    names = [_picture_name(task) for task, _ in pictures]
    read = read_frame_names(file, names, lambda index: pictures[index][0].place)
    rows.notes += read.notes
    rows.of_frames |= read.of_frames
    for (task, regions), moment in zip(pictures, read.moments, strict=True):
        number = len(regions.pictures)
        if moment is None or moment.second is None:
            rows.count(f"boxes of {NO_FRAME_NAME}" if moment is None else NOT_NEAREST, number)
            continue
        if abs(moment.time - moment.second) > FAR:
            rows.count(MOVED, number)
        for result, region in regions.pictures:
            place = f"{task.place}, region {quoted(region)}"
            value = result["value"]
            size = [
                result[key].number(None, ABOVE_ZERO) or value[key].number(None, ABOVE_ZERO)
                for key in ("original_width", "original_height")
            ]
            if None not in size:
                file.check_size(moment.video, (size[0], size[1]), place)
            box = [value[key].number(None) for key in ("x", "y", "width", "height")]
            turn = value["rotation"].number(None) if value["rotation"].is_true() else 0.0
            if None in box or turn is None:
                rows.count("boxes left out as x, y, width, height or rotation is no number")
                continue
            answers = regions.answers.get(region, {})
            person = person_id(answers)
            labels = rule.actions(regions.labels(region), answers)
            person = -1 if person is None else person
            corners = unit_box(box, turn, file.info(moment.video), rows)
            unconfirmed = task.chosen is None
            rows.add(moment.video, moment.second, corners, labels, person, place=place, unconfirmed=unconfirmed)


def _picture_name(task: Task) -> str:
    texts = [task.texts[key] for key in _KEYS if key in task.texts]
    texts += task.texts.values()
    return path_in(next(iter([*texts, task.upload]), ""))
