"""The boxes of COCO-like JSON: results with or without images, and lists by frame name. Shapes: n records.

Boxes are ``bbox: [x, y, width, height]``, as in :mod:`alphaction.data.formats.coco`.
"""

from __future__ import annotations

import bisect
from pathlib import Path
from typing import Any

import numpy as np

from alphaction.data.formats.coco_images import (
    Moments,
    images_at,
    moments_of_names,
    moments_of_pictures,
    read_images,
)
from alphaction.data.formats.file_content import FileContent
from alphaction.data.formats.format import DetectionFile
from alphaction.data.formats.frame_names import parse_frame_name
from alphaction.data.formats.json_records import Records, split_frame_name
from alphaction.data.formats.rows import (
    FRAME,
    OTHER_CLASS,
    SECOND,
    UNLISTED_IMAGES,
    Keep,
    RowTable,
    Unit,
    encode_classes,
)
from alphaction.data.keyframes import ImageIds, exact_times
from alphaction.utils.errors import DataError
from alphaction.utils.messages import counted
from alphaction.utils.values import Value, identifier, parse_integer, quoted, shown

_ID = 'Expected an image id of the annotation file, or "video/0902".'
_NO_SCORE = "Add one from 0 to 1; 1.0 for boxes drawn by hand."


def read_coco_boxes(
    path: Path,
    what: str,
    data: Any,
    images: ImageIds | None = None,
    images_of: str = "",
    keep: Keep | None = None,
    strict: bool = True,
    unnamed: str | None = None,
) -> RowTable:
    """Return the scored boxes of COCO results (a list, or ``annotations`` with or without ``images``), or of
    ``{"video/0902.jpg": [{bbox, score}, ...]}``.

    An ``image_id`` is looked up in the file's own images, else in ``images``; text such as "video/0902" is read as what
    it says where neither has it. Boxes of unknown images are left out and counted, unless all are.

    Args:
        path, what, data: as of :func:`alphaction.data.formats.coco.read_coco`.
        images: those of another file.
        images_of: that file, for messages.
        keep: called with each distinct ``category_id`` and the place of its first box; boxes of a category for which it
            returns False are left out and not looked at, those without one stay.
        strict: refuse the file at the first wrong box; False: leave out wrong ones, which are counted and named.
        unnamed: the video of pictures that name none, where names may be those of a video's frames ("video_000061",
            "frame_000061"), all of the file's then; None: they may not.

    Raises:
        DataError: names the JSON index of the first wrong entry, and how many more have the same fault.
    """
    own, records, unit = _box_records(path, what, data, strict, unnamed)
    categories = _categories(records)
    first: dict[str, int] = {}
    for row, category in enumerate(categories):
        if category is not None:
            first.setdefault(category, row)
    wanted = {text: keep is None or keep(text, records.rows.place(row)) for text, row in first.items()}
    kept = np.array([category is None or wanted[category] for category in categories], dtype=bool)
    counts = {} if kept.all() else {OTHER_CLASS: int((~kept).sum())}
    records = records.take(kept)
    if not strict:
        _ = records.ids("image_id"), records.boxes(), records.numbers("score")
        records = records.take(~records.bad)
    source = f"{counted(len(images), 'image')} of {images_of}" if own is None and images is not None else ""
    ids = records.ids("image_id", _ID)
    pictures = None
    if own is None and unnamed is not None and (images is None or (images.locate(ids) < 0).all()):
        pictures = moments_of_pictures(ids, unnamed)
    if pictures is not None:
        unit, known = FRAME, np.ones(len(records), dtype=bool)
        moments, frame_sizes = pictures, np.zeros((len(records), 2), dtype=np.int64)
    else:
        owned = own is not None
        moments, frame_sizes, known = _moments_of_ids(records, own if owned else images, owned, source)
    if not known.all():
        counts[UNLISTED_IMAGES] = int((~known).sum())
        records, frame_sizes = records.take(known), frame_sizes[known]
        moments = moments._replace(codes=moments.codes[known], seconds=moments.seconds[known])
    numbers = [parse_integer(text) for text in wanted]
    names = {text: text if number is None else number for text, number in zip(wanted, numbers, strict=True)}
    labels = encode_classes([names.get(category) for category in _categories(records)])
    return RowTable(
        records.rows,
        moments.names,
        moments.codes,
        moments.seconds,
        records.boxes(),
        *labels,
        scores=records.numbers("score", _NO_SCORE),
        frame_sizes=frame_sizes,
        unit=unit,
        spelling="xywh",
        counts={"rows": len(known), **counts, **records.wrong},
    )


def _categories(records: Records) -> list[str | None]:
    """Return the category of each box as text, None where it has none."""
    found = map(identifier, records.optional("category_id"))
    return [None if category is None else str(category) for category in found]


def read_coco_detections(file: DetectionFile, keep: Keep) -> RowTable:
    """Return the boxes of another detector, of the classes to keep; see :func:`read_coco_boxes`."""
    data = file.content.data
    if file.images is not None:
        boxes = data.get("annotations") if isinstance(data, dict) else data
        data = {"images": _image_list(file.images)["images"].raw, "annotations": boxes}
    listed = ImageIds.empty() if file.frames or file.images else file.listed
    return read_coco_boxes(
        file.path, file.what, data, listed, file.listed_in, keep, unnamed=file.path.name.partition(".")[0]
    )


def _image_list(path: Path) -> Value:
    listed = FileContent.read(path, "images").value
    if not listed["images"].is_list:
        raise listed.error('expected a JSON object with a list "images".')
    return listed


def person_category(file: DetectionFile) -> str:
    """Return the id of the category "person"; "": no file lists it."""
    categories = file.content.value["categories"]
    if not len(categories) and file.images is not None:
        categories = _image_list(file.images)["categories"]
    persons = (each["id"].text("") for each in categories.each() if each["name"].text("").lower() == "person")
    return next(persons, "")


def _box_records(
    path: Path, what: str, data: Any, strict: bool, unnamed: str | None
) -> tuple[ImageIds | None, Records, Unit]:
    """Return the images and the boxes of a box file, and what the images' moments count."""
    if isinstance(data, list):
        return None, Records(path, what, data, lambda row: f"[{row}]", strict), SECOND
    if isinstance(data, dict) and "annotations" in data:
        items, images = data["annotations"], data.get("images")
        if not isinstance(items, list) or not isinstance(images, (list, type(None))):
            raise DataError(f'{what}: {path}: "images" and "annotations" must be lists.')
        records = Records(path, what, items, lambda row: f"annotations[{row}]", strict)
        if not images:
            return None, records, SECOND
        listed = Records(path, what, images, lambda row: f"images[{row}]")
        frames = None
        if unnamed is not None and listed.has("file_name").all() and not listed.has("timestamp").all():
            frames = moments_of_pictures(listed.column("file_name"), unnamed)
        return (read_images(listed), records, SECOND) if frames is None else (images_at(listed, frames), records, FRAME)
    if isinstance(data, dict):
        return None, _frame_dict(path, what, data, strict, unnamed is not None), SECOND
    raise DataError(f"{what}: {path} holds a JSON {type(data).__name__}; expected a list or an object of boxes.")


def _frame_dict(path: Path, what: str, data: dict[str, Any], strict: bool, pictures: bool) -> Records:
    """Return the records of ``{"video/0001.jpg": [{"bbox", "score"}, ...]}``, each with its frame as ``image_id``."""
    items: list[Any] = []
    starts: list[int] = []
    names = list(data)
    for name, boxes in data.items():
        named = split_frame_name(name) or (pictures and parse_frame_name(name))
        if not named or not isinstance(boxes, list):
            raise DataError(
                f'{what}: {path}, key {quoted(name)}: expected a frame name like "video/0902.jpg" with a list of '
                "boxes, or an object with images and annotations."
            )
        starts.append(len(items))
        items += [{**box, "image_id": name} if isinstance(box, dict) else box for box in boxes]

    def place(row: int) -> str:
        frame = bisect.bisect_right(starts, row) - 1
        return f'"{names[frame]}"[{row - starts[frame]}]'

    return Records(path, what, items, place, strict)


def _moments_of_ids(
    records: Records, images: ImageIds | None, own: bool, source: str
) -> tuple[Moments, np.ndarray, np.ndarray]:
    """Return moment, frame size int64 [n, 2] (0 unknown) and whether its image is known, bool [n], of each record."""
    ids = records.ids("image_id", _ID)
    rows = records.rows
    images = ImageIds.empty() if images is None else images
    position = images.locate(ids)
    by_id = position >= 0
    by_name = ~by_id & np.array([isinstance(value, str) for value in ids], dtype=bool)
    by_name &= np.array([split_frame_name(value) is not None for value in ids], dtype=bool) | (len(images) == 0)
    unknown = ~by_id & ~by_name
    if own or unknown.all() or not len(images):
        hint = (
            f"is not the id of an image ({source or counted(len(images), 'image')}). Is this the box file of another "
            "split or version?"
            if len(images)
            else "cannot be turned into video and second: there are no JSON annotations whose images have ids. "
            'Write "video/0902", or name the JSON with the images (tools/detect_persons.py --images FILE).'
        )
        rows.reject(unknown, lambda row: f"image_id {shown(ids[row])} {hint}")
    named = np.flatnonzero(by_name)
    spoken = moments_of_names(rows.take(named), "image_id", [ids[i] for i in named])
    found = images.keyframes
    codes, seconds = np.zeros(len(ids), dtype=np.int64), np.zeros(len(ids))
    frame_sizes = np.zeros((len(ids), 2), dtype=np.int64)
    codes[by_id] = found.video_index[position[by_id]]
    seconds[by_id] = found.seconds[position[by_id]]
    frame_sizes[by_id] = images.frame_sizes[position[by_id]]
    codes[by_name] = spoken.codes + len(found.videos)
    seconds[by_name] = spoken.seconds
    return Moments([*found.videos.tolist(), *spoken.names], codes, exact_times(seconds)), frame_sizes, ~unknown
