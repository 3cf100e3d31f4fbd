"""JSON files of person or object boxes with scores: upstream's list, COCO results, and a dict by frame name."""

from __future__ import annotations

import bisect
from pathlib import Path
from typing import Any

import numpy as np

from alphaction.data.annotations.checks import DETECTION_RULES, check_scores
from alphaction.data.annotations.keyframes import ImageIds, KeyframeIndex
from alphaction.data.annotations.table import AnnotationTable, BoxTable
from alphaction.data.formats.json_records import (
    Moments,
    Records,
    Sizes,
    moments_of_names,
    read_images,
    split_frame_name,
    to_unit_boxes,
)
from alphaction.utils.errors import UserError

_WHAT = "boxes"
_NO_SCORE = "Add one from 0 to 1; 1.0 for boxes drawn by hand."


def parse_box_json(
    path: Path,
    data: Any,
    annotations: AnnotationTable | None = None,
    sizes: Sizes | None = None,
    objects: bool = False,
) -> BoxTable:
    """Parse a JSON box file; see :func:`alphaction.data.annotations.read_boxes`."""
    if isinstance(data, list):
        own_images, records = None, Records(path, _WHAT, data, lambda row: f"[{row}]")
    elif isinstance(data, dict) and "annotations" in data:
        own_images, records = _coco_results(path, data)
    elif isinstance(data, dict):
        own_images, records = None, _frame_dict(path, data)
    else:
        raise UserError(f"{_WHAT}: {path} holds a JSON {type(data).__name__}; expected a list or an object of boxes.")
    if not objects:
        _require_one_category(path, records)
    elif not len(records):
        return BoxTable.from_columns([], [], np.zeros((0, 4)), [], str(path))
    if not len(records):
        raise UserError(f"{_WHAT}: {path} holds no boxes. Check the path, or leave this file out of the dataset.")
    moments, frame_sizes, known = _resolve(records, own_images, annotations)
    counts = {"rows": len(known)}
    if not known.all():
        counts["boxes of images that the annotations do not list, left out"] = int((~known).sum())
        items = [item for item, is_known in zip(records.items, known, strict=True) if is_known]
        kept, place = np.flatnonzero(known), records.rows.place
        records = Records(path, _WHAT, items, lambda row: place(int(kept[row])))
        moments = moments._replace(codes=moments.codes[known], seconds=moments.seconds[known])
        frame_sizes = frame_sizes[known]
    scores = records.numbers("score", _NO_SCORE)
    check_scores(records.rows, scores)
    if annotations is not None:
        frame_sizes = _fill_sizes(frame_sizes, moments, annotations)
    boxes, use = to_unit_boxes(records.rows, records.boxes(), moments, frame_sizes, sizes, DETECTION_RULES, counts)
    keyframes, position = KeyframeIndex.from_rows(moments.names, moments.codes[use], moments.seconds[use])
    return BoxTable.from_positions(keyframes, position, boxes[use], scores[use], str(path), counts)


def _require_one_category(path: Path, records: Records) -> None:
    """Raise a :class:`UserError` if boxes of persons have several category ids: some of them are other things."""
    found = sorted({category for category in records.optional("category_id", None) if category is not None}, key=str)
    if len(found) > 1:
        listed = ", ".join(map(str, found[:10])) + (", ..." if len(found) > 10 else "")
        raise UserError(
            f'{_WHAT}: {path} is read as boxes of persons, but has {len(found)} values of "category_id": {listed}. '
            "Keep only the persons' rows (1 in COCO), or name the file under object_boxes."
        )


def _coco_results(path: Path, data: dict[str, Any]) -> tuple[ImageIds | None, Records]:
    items, images = data["annotations"], data.get("images")
    if not isinstance(items, list) or not isinstance(images, (list, type(None))):
        raise UserError(f'{_WHAT}: {path}: "images" and "annotations" must be lists.')
    records = Records(path, _WHAT, items, lambda row: f"annotations[{row}]")
    own = read_images(Records(path, _WHAT, images, lambda row: f"images[{row}]")) if images else None
    return own, records


def _frame_dict(path: Path, data: dict[str, Any]) -> Records:
    """Return the records of ``{"video/0001.jpg": [{"bbox", "score"}, ...]}``, each with its frame as ``image_id``."""
    items: list[Any] = []
    starts: list[int] = []
    names = list(data)
    for name, boxes in data.items():
        if split_frame_name(name) is None or not isinstance(boxes, list):
            raise UserError(
                f'{_WHAT}: {path}, key "{name}": expected a frame name like "video/0902.jpg" with a list of boxes, or '
                "an object with images and annotations."
            )
        starts.append(len(items))
        items += [{**box, "image_id": name} if isinstance(box, dict) else box for box in boxes]

    def place(row: int) -> str:
        frame = bisect.bisect_right(starts, row) - 1
        return f'"{names[frame]}"[{row - starts[frame]}]'

    return Records(path, _WHAT, items, place)


def _resolve(
    records: Records, own_images: ImageIds | None, annotations: AnnotationTable | None
) -> tuple[Moments, np.ndarray, np.ndarray]:
    """Return moment, frame size int [n, 2] (0 unknown) and whether its image is known, bool [n], of each record.

    An ``image_id`` is looked up in the file's own images, or else in the annotations'; text such as "video/0902" is
    read as what it says where neither has it.
    """
    ids = records.column("image_id", 'Expected an image id of the annotation file, or "video/0902".')
    rows = records.rows
    images = own_images if own_images is not None else annotations.image_ids if annotations is not None else None
    images = ImageIds.empty() if images is None else images
    rows.reject(
        np.array([isinstance(value, bool) or not isinstance(value, (int, str)) for value in ids], dtype=bool),
        lambda row: f"image_id {ids[row]!r} is neither a whole number nor text.",
    )
    position = images.locate(ids)
    by_id = position >= 0
    by_name = ~by_id & np.array([isinstance(value, str) for value in ids], dtype=bool)
    by_name &= np.array([split_frame_name(value) is not None for value in ids], dtype=bool) | (len(images) == 0)
    unknown = ~by_id & ~by_name
    if own_images is not None or unknown.all() or not len(images):
        source = f"{len(images)} images" + (f" of {annotations.source}" if annotations and not own_images else "")
        hint = (
            f"is not the id of any of the {source}. Is this the box file of another split or version?"
            if len(images)
            else "cannot be turned into video and second: there are no JSON annotations whose images have ids. "
            'Write "video/0902".'
        )
        rows.reject(unknown, lambda row: f"image_id {ids[row]!r} {hint}")
    named = np.flatnonzero(by_name)
    spoken = moments_of_names(
        type(rows)(rows.path, rows.what, lambda row: rows.place(int(named[row]))), "image_id", [ids[i] for i in named]
    )
    found = images.keyframes
    names = [*found.videos.tolist(), *spoken.names]
    codes, seconds = np.zeros(len(ids), dtype=np.int64), np.zeros(len(ids), dtype=np.int64)
    frame_sizes = np.zeros((len(ids), 2), dtype=np.int64)
    codes[by_id] = found.video_index[position[by_id]]
    seconds[by_id] = found.seconds[position[by_id]]
    frame_sizes[by_id] = images.frame_sizes[position[by_id]]
    codes[by_name] = spoken.codes + len(found.videos)
    seconds[by_name] = spoken.seconds
    return Moments(names, codes, seconds), frame_sizes, ~unknown


def _fill_sizes(frame_sizes: np.ndarray, moments: Moments, annotations: AnnotationTable) -> np.ndarray:
    """Return frame sizes, unknown ones taken from the annotations: of that keyframe, else of any of that video."""
    frame_sizes = frame_sizes.copy()
    images = annotations.image_ids
    keyframes, known_sizes = images.keyframes, images.frame_sizes
    unknown = (frame_sizes <= 0).any(axis=1)
    at = keyframes.locate(moments.names, moments.codes, moments.seconds)
    take = unknown & (at >= 0)
    frame_sizes[take] = known_sizes[at[take]]
    sized = np.flatnonzero((known_sizes > 0).all(axis=1))
    of_video = {str(keyframes.videos[keyframes.video_index[k]]): known_sizes[k] for k in sized[::-1]}
    for code in np.unique(moments.codes[(frame_sizes <= 0).any(axis=1)]):
        if moments.names[code] in of_video:
            missing = (moments.codes == code) & (frame_sizes <= 0).any(axis=1)
            frame_sizes[missing] = of_video[moments.names[code]]
    return frame_sizes
