"""Datasets of FiftyOne on disk: the ``samples.json`` that ``fiftyone.types.FiftyOneDataset`` writes and reads.

A sample is a picture with its ``filepath``, ``tags`` and fields; a field of ``_cls`` "Detections" holds boxes as x, y,
width and height in fractions of the picture, each with a label, tags, perhaps a ``confidence`` (of a prediction) and an
``index`` (of the object). Which video and second a picture shows: :mod:`.frame_moments`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from alphaction.data.formats.action_attributes import ANYONE, CONFIRMED, AttributeUse
from alphaction.data.formats.action_rule import ActionRule
from alphaction.data.formats.annotation_file import AnnotationFile
from alphaction.data.formats.file_content import FileContent
from alphaction.data.formats.format import Format
from alphaction.data.formats.frame_clock import FAR, MOVED, NOT_NEAREST
from alphaction.data.formats.frame_moments import NO_FRAME_NAME, Moment, read_frame_names
from alphaction.data.formats.rows import RowBuilder, RowTable
from alphaction.data.formats.tracks import Box
from alphaction.utils.messages import listed
from alphaction.utils.values import Value

FIELD = "persons"
"""The field of ``tools/export_annotations.py``."""
PREDICTED = "predicted"
"""The tag of samples whose boxes are predictions until they, or their labels, are tagged "confirmed"."""
_DETECTIONS = "Detections"


def read_fiftyone(file: AnnotationFile) -> RowTable:
    """Read a dataset of FiftyOne.

    Boxes are those of the field "persons", else of the only field with detections. Labels are actions; equal boxes of a
    picture are one person. Samples without boxes stay keyframes, unless they are tagged "predicted" and not
    "confirmed". Other labels than boxes are left out.
    """
    rows, rule = RowBuilder(), ActionRule(AttributeUse())  # labels alone, whatever files of others have
    samples = file.value["samples"].objects()
    field = _field(file, samples)
    names = [sample["filepath"].text("") for sample in samples]
    detections = [sample[field]["detections"].objects() for sample in samples]
    found = read_frame_names(file, names, _place, "leave out", boxed=[bool(some) for some in detections])
    rows.notes += found.notes
    for index, (sample, boxes, moment) in enumerate(zip(samples, detections, found.moments, strict=True)):
        if moment is None or moment.second is None:
            rows.count(f"boxes of {NO_FRAME_NAME}" if moment is None else NOT_NEAREST, len(boxes))
            continue
        rows.count(MOVED, len(boxes) if abs(moment.time - moment.second) > FAR else 0)
        tags = _tags(sample)
        if not boxes:
            unconfirmed = PREDICTED in tags and CONFIRMED not in tags
            if unconfirmed:
                rows.count("pictures without boxes that nobody has confirmed, left out")
            else:
                rows.add(moment.video, moment.second, None, place=_place(index))
        for number, entry in enumerate(boxes):
            _add_box(rows, entry, moment, tags, rule, f"{_place(index)}, box {number}")
    table = file.table(rows, rule)
    return replace(table, taken_for=found.taken_for, of_frames=found.of_frames)


def _place(index: int) -> str:
    return f"samples[{index}]"


def _field(file: AnnotationFile, samples: Sequence[Value]) -> str:
    """Return the name of the field that holds the boxes.

    Raises:
        UserError: several may.
    """
    found: dict[str, None] = {}
    for sample in samples:
        found.update((key, None) for key, value in sample.items() if value["_cls"].text("") == _DETECTIONS)
    if FIELD in found or not found:
        return FIELD
    if len(found) > 1:
        raise file.error(
            "", f'the fields {listed(found)} hold boxes. Rename the one to be read to "{FIELD}", or export it alone.'
        )
    return next(iter(found))


def _tags(value: Value) -> set[str]:
    return {tag.text("").casefold() for tag in value["tags"].each()}


def _add_box(rows: RowBuilder, entry: Value, moment: Moment, tags: set[str], rule: ActionRule, place: str) -> None:
    rows.wrong.met += 1
    box = _corners(entry)
    if box is None:
        problem = f'"bounding_box" is {entry["bounding_box"].shown}, expected x, y, width and height as fractions.'
        rows.wrong.add("boxes left out as they are no four numbers", place, problem)
        return
    label = entry["label"].text("")
    own = _tags(entry)
    predicted = PREDICTED in tags | own and entry["confidence"].number(None) is not None
    person = entry["index"].whole(-1)
    rows.add(
        moment.video,
        moment.second,
        box,
        rule.actions((label,) if label else (), {}),
        max(person, -1),
        place=place,
        merge_key=ANYONE,
        unconfirmed=predicted and CONFIRMED not in tags | own,
    )


def _corners(entry: Value) -> Box | None:
    values = entry["bounding_box"].numbers(None)
    if values is None or len(values) != 4:
        return None
    x, y, width, height = values
    return min(x, x + width), min(y, y + height), max(x, x + width), max(y, y + height)


def _recognizes(content: FileContent) -> bool:
    samples = content.value["samples"].each()
    return bool(samples) and all("filepath" in sample for sample in samples)


FIFTYONE = Format(
    "fiftyone",
    "FiftyOne's samples.json",
    "json",
    _recognizes,
    tool="FiftyOne",
    annotations=read_fiftyone,
)
