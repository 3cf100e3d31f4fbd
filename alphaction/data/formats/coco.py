"""The reader of COCO-like JSON: annotations with images, results with or without them, and boxes by frame name.

Boxes are ``bbox: [x, y, width, height]``, COCO's convention, in pixels or as fractions of the frame. Sizes in shapes: n
records.
"""

from __future__ import annotations

import bisect
import contextlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO

from alphaction.data.formats.coco_images import Moments, moments_of_names, read_images
from alphaction.data.formats.csv_columns import Keep, parse_integer
from alphaction.data.formats.files import RowSource
from alphaction.data.formats.json_records import Records, split_frame_name
from alphaction.data.formats.rows import OTHER_CLASS, RowTable, encode_classes
from alphaction.data.keyframes import ImageIds
from alphaction.utils.errors import UserError

UNLISTED_IMAGES = "boxes of images that the annotations do not list, left out"
_NO_SCORE = "Add one from 0 to 1; 1.0 for boxes drawn by hand."


def read_coco(path: Path, what: str, data: Any, *, strict: bool = True) -> RowTable:
    """Return the annotations of COCO-like JSON: upstream's (``action_ids`` per box) or plain COCO (``category_id``).

    If any annotation has ``action_ids``, those are the classes (``category_id`` then says "person"; ``[]`` is a box
    without action); else ``category_id`` is the class. Images name video and second as ``movie`` and ``timestamp``, or
    as ``file_name`` "video/0902.jpg". After the annotations come the images without any, as rows without a box.

    Args:
        path: the file.
        what: what it is to the user, for messages.
        data: its content, as parsed.
        strict: refuse the file at the first wrong annotation; False: leave out wrong ones, which are counted and
            named. Images and categories must be right.

    Raises:
        UserError: names the JSON index of the first wrong entry, and how many more have the same fault.
    """
    if not isinstance(data, dict):
        raise UserError(
            f"{what}: {path} holds a JSON {type(data).__name__}; expected an object with images and annotations. "
            "A list of boxes with scores is a box file."
        )
    images, annotations = _records(path, what, data, "images"), _records(path, what, data, "annotations", strict)
    if not len(images):
        raise UserError(f'{what}: {path}: "images" is empty. A split needs at least one keyframe; check the path.')
    found = read_images(images)
    if not strict:
        _annotation_columns(annotations, found)
        annotations = annotations.take(~annotations.bad)
    position, boxes, (classes, label_rows, label_codes), persons = _annotation_columns(annotations, found)
    named = len(annotations) and not annotations.has("action_ids").any()
    categories = _categories(path, what, data.get("categories")) if named else []
    index = _index(position, annotations, categories, len(found.keyframes))
    bare = np.array([k for k in index.imgs if k not in index.imgToAnns], dtype=np.int64)
    position = np.concatenate([position, bare])
    image_of = np.zeros(len(found.keyframes), dtype=np.int64)
    image_of[found.locate(images.column("id"))] = np.arange(len(images))

    def place(row: int) -> str:
        return annotations.rows.place(row) if row < len(annotations) else f"images[{image_of[position[row]]}]"

    return RowTable(
        RowSource(path, what, place),
        found.keyframes.videos.tolist(),
        found.keyframes.video_index[position].astype(np.int64),
        found.keyframes.seconds[position],
        np.concatenate([boxes, np.full((len(bare), 4), np.nan)]),
        classes,
        label_rows,
        label_codes,
        person_ids=np.concatenate([np.maximum(persons, -1), np.full(len(bare), -1)]),
        frame_sizes=found.frame_sizes[position].astype(np.int64),
        spelling="xywh",
        image_ids=found,
        class_names={class_id: str(category["name"]) for class_id, category in index.cats.items()},
        counts={
            "rows": len(annotations),
            "images of a keyframe that another image has": len(images) - len(found.keyframes),
            **annotations.wrong,
        },
    )


def read_coco_boxes(
    path: Path,
    what: str,
    data: Any,
    images: ImageIds | None = None,
    images_of: str = "",
    keep: Keep | None = None,
    strict: bool = True,
) -> RowTable:
    """Return the scored boxes of COCO results (a list, or ``annotations`` with or without ``images``), or of
    ``{"video/0902.jpg": [{bbox, score}, ...]}``.

    An ``image_id`` is looked up in the file's own images, else in ``images``; text such as "video/0902" is read as what
    it says where neither has it. Boxes of unknown images are left out and counted, unless all are.

    Args:
        path, what, data: as of :func:`read_coco`.
        images: those of another file.
        images_of: that file, for messages.
        keep: called with each distinct ``category_id`` and the place of its first box; boxes of a category for which it
            returns False are left out and not looked at, those without one stay.
        strict: refuse the file at the first wrong box; False: leave out wrong ones, which are counted and named.

    Raises:
        UserError: names the JSON index of the first wrong entry, and how many more have the same fault.
    """
    own, records = _box_records(path, what, data, strict)
    categories = [None if value is None else str(value) for value in records.optional("category_id")]
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
    source = f"{len(images)} images of {images_of}" if own is None and images is not None else ""
    moments, frame_sizes, known = _moments_of_ids(records, images if own is None else own, own is not None, source)
    if not known.all():
        counts[UNLISTED_IMAGES] = int((~known).sum())
        records, frame_sizes = records.take(known), frame_sizes[known]
        moments = moments._replace(codes=moments.codes[known], seconds=moments.seconds[known])
    numbers = [parse_integer(text) for text in wanted]
    names = {text: text if number is None else number for text, number in zip(wanted, numbers, strict=True)}
    labels = encode_classes([names.get(str(value)) for value in records.optional("category_id")])
    return RowTable(
        records.rows,
        moments.names,
        moments.codes,
        moments.seconds,
        records.boxes(),
        *labels,
        scores=records.numbers("score", _NO_SCORE),
        frame_sizes=frame_sizes,
        spelling="xywh",
        counts={"rows": len(known), **counts, **records.wrong},
    )


def _annotation_columns(annotations: Records, images: ImageIds) -> tuple[np.ndarray, np.ndarray, Any, np.ndarray]:
    """Return keyframe int64 [n], box [n, 4], classes (as ``_classes``) and person id int64 [n] of annotations."""
    ids = annotations.optional("id")
    hint = "Were two files joined? Give each annotation its own id."
    annotations.refuse_repeated("annotation id", [i if i is None else str(i) for i in ids], hint)
    raw_ids = annotations.ids("image_id")
    position = images.locate(raw_ids)
    annotations.refuse(
        position < 0, lambda row: f"image_id {raw_ids[row]!r} is not the id of any of the {len(images)} images."
    )
    persons = annotations.integers("person_id" if annotations.has("person_id").any() else "track_id", -1)
    return position, annotations.boxes(), _classes(annotations), persons


def _records(path: Path, what: str, data: dict[str, Any], key: str, strict: bool = True) -> Records:
    items = data.get(key)
    if not isinstance(items, list):
        raise UserError(
            f'{what}: {path}: expected a list "{key}" (found keys: {", ".join(map(str, list(data)[:6])) or "none"}). '
            "Annotations need images and annotations; boxes with scores belong into a box file."
        )
    return Records(path, what, items, lambda row: f"{key}[{row}]", strict)


def _categories(path: Path, what: str, items: Any) -> list[dict[str, Any]]:
    """Return the checked categories, with ids as whole numbers."""
    if items is None:
        return []
    if not isinstance(items, list):
        raise UserError(f'{what}: {path}: "categories" is a {type(items).__name__}, expected a list.')
    records = Records(path, what, items, lambda row: f"categories[{row}]")
    ids, names = records.integers("id").tolist(), records.column("name")
    records.refuse_repeated("category id", ids)
    return [{"id": class_id, "name": name} for class_id, name in zip(ids, names, strict=True)]


def _index(keyframes: np.ndarray, annotations: Records, categories: list[dict[str, Any]], count: int) -> COCO:
    """Return COCO's index of checked annotations, with ``count`` keyframes as its images.

    Args:
        keyframes: int64 [n] keyframe of each annotation.
    """
    class_ids = annotations.optional("category_id") if categories else [0] * len(annotations)
    rows = zip(keyframes.tolist(), class_ids, strict=True)
    index = COCO()
    index.dataset = {
        "images": [{"id": k} for k in range(count)],
        "annotations": [{"id": row, "image_id": k, "category_id": c} for row, (k, c) in enumerate(rows)],
        "categories": categories,
    }
    with contextlib.redirect_stdout(io.StringIO()):  # it prints that it does so
        index.createIndex()
    return index


def _classes(annotations: Records) -> tuple[Sequence[int], np.ndarray, np.ndarray]:
    """Return class ids, label rows and label codes of annotations."""
    if annotations.has("action_ids").any():
        lists = annotations.integer_lists(
            "action_ids", "Other annotations of this file have it; write [] for no action."
        )
    else:
        hint = 'Expected "category_id" (the action class) or "action_ids" (a list of them).'
        lists = [[class_id] for class_id in annotations.integers("category_id", hint=hint).tolist()]
    flat = np.array([class_id for class_ids in lists for class_id in class_ids], dtype=np.int64)
    rows = np.repeat(np.arange(len(lists)), [len(class_ids) for class_ids in lists]).astype(np.int64)
    classes, codes = np.unique(flat, return_inverse=True)
    return classes.tolist(), rows, codes.reshape(-1)


def _box_records(path: Path, what: str, data: Any, strict: bool) -> tuple[ImageIds | None, Records]:
    """Return the images and the boxes of a box file."""
    if isinstance(data, list):
        return None, Records(path, what, data, lambda row: f"[{row}]", strict)
    if isinstance(data, dict) and "annotations" in data:
        items, images = data["annotations"], data.get("images")
        if not isinstance(items, list) or not isinstance(images, (list, type(None))):
            raise UserError(f'{what}: {path}: "images" and "annotations" must be lists.')
        records = Records(path, what, items, lambda row: f"annotations[{row}]", strict)
        own = read_images(Records(path, what, images, lambda row: f"images[{row}]")) if images else None
        return own, records
    if isinstance(data, dict):
        return None, _frame_dict(path, what, data, strict)
    raise UserError(f"{what}: {path} holds a JSON {type(data).__name__}; expected a list or an object of boxes.")


def _frame_dict(path: Path, what: str, data: dict[str, Any], strict: bool) -> Records:
    """Return the records of ``{"video/0001.jpg": [{"bbox", "score"}, ...]}``, each with its frame as ``image_id``."""
    items: list[Any] = []
    starts: list[int] = []
    names = list(data)
    for name, boxes in data.items():
        if split_frame_name(name) is None or not isinstance(boxes, list):
            raise UserError(
                f'{what}: {path}, key "{name}": expected a frame name like "video/0902.jpg" with a list of boxes, or '
                "an object with images and annotations."
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
    ids = records.ids("image_id", 'Expected an image id of the annotation file, or "video/0902".')
    rows = records.rows
    images = ImageIds.empty() if images is None else images
    position = images.locate(ids)
    by_id = position >= 0
    by_name = ~by_id & np.array([isinstance(value, str) for value in ids], dtype=bool)
    by_name &= np.array([split_frame_name(value) is not None for value in ids], dtype=bool) | (len(images) == 0)
    unknown = ~by_id & ~by_name
    if own or unknown.all() or not len(images):
        hint = (
            f"is not the id of any of the {source or f'{len(images)} images'}. Is this the box file of another split "
            "or version?"
            if len(images)
            else "cannot be turned into video and second: there are no JSON annotations whose images have ids. "
            'Write "video/0902", or name the JSON with the images (tools/detect_persons.py --images FILE).'
        )
        rows.reject(unknown, lambda row: f"image_id {ids[row]!r} {hint}")
    named = np.flatnonzero(by_name)
    spoken = moments_of_names(rows.take(named), "image_id", [ids[i] for i in named])
    found = images.keyframes
    codes, seconds = np.zeros(len(ids), dtype=np.int64), np.zeros(len(ids), dtype=np.int64)
    frame_sizes = np.zeros((len(ids), 2), dtype=np.int64)
    codes[by_id] = found.video_index[position[by_id]]
    seconds[by_id] = found.seconds[position[by_id]]
    frame_sizes[by_id] = images.frame_sizes[position[by_id]]
    codes[by_name] = spoken.codes + len(found.videos)
    seconds[by_name] = spoken.seconds
    return Moments([*found.videos.tolist(), *spoken.names], codes, seconds), frame_sizes, ~unknown
