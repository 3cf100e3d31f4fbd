"""A list of JSON objects -> checked columns, and what COCO-like annotation and box files share.

Boxes in JSON are ``bbox: [x, y, width, height]``, COCO's convention: in pixels, or, where no value of the whole file is
above 1 (and a little), as fractions of the frame. Sizes in shapes: n records.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from alphaction.data.annotations.checks import BoxRules, check_seconds, clip_boxes, looks_like_pixels
from alphaction.data.annotations.keyframes import ImageIds, KeyframeIndex, encode, normalize_image_id
from alphaction.data.formats.csv_columns import parse_integer
from alphaction.data.formats.files import RowSource

Sizes = Callable[[str], tuple[int, int]]
"""Video name -> (width, height) of its frames in pixels."""

_MISSING = object()
_FAR_OUTSIDE = (
    "A bbox is x, y, width, height: was it written as corners x1, y1, x2, y2? Or measured on frames of another size "
    "than the width and height known for this image?"
)


class Records:
    """A list of JSON objects of one kind.

    Args:
        path: the file; what: what it is to the user; items: the list, as parsed.
        place: index -> "annotations[3]".

    Raises:
        UserError: an item is not an object.
    """

    def __init__(self, path: Path, what: str, items: Sequence[Any], place: Callable[[int], str]) -> None:
        self.rows = RowSource(path, what, place)
        self.items = items
        self.rows.reject(
            np.fromiter((not isinstance(item, dict) for item in items), dtype=bool, count=len(items)),
            lambda row: f"a JSON object was expected, found {type(items[row]).__name__}.",
        )

    def __len__(self) -> int:
        return len(self.items)

    def has(self, key: str) -> np.ndarray:
        """Return which records, bool [n], have ``key``."""
        return np.fromiter((key in item for item in self.items), dtype=bool, count=len(self))

    def column(self, key: str, hint: str = "") -> list[Any]:
        """Return the values of ``key``; a record without it is a :class:`UserError` that ends in ``hint``."""
        try:
            return [item[key] for item in self.items]
        except KeyError:
            self.rows.reject(
                ~self.has(key),
                lambda row: f'"{key}" is missing (found: {", ".join(self.items[row]) or "nothing"}). {hint}'.rstrip(),
            )
            raise

    def optional(self, key: str, default: Any) -> list[Any]:
        """Return the values of ``key``, ``default`` where absent or null."""
        values = (item.get(key) for item in self.items)
        return [default if value is None else value for value in values]

    def integers(self, key: str, default: int | None = None, hint: str = "") -> np.ndarray:
        """Return ``key`` as int64 [n]; text such as "0902" counts. Without ``default`` the key is required."""
        values = self.column(key, hint) if default is None else self.optional(key, default)
        numbers = [parse_integer(value) for value in values]
        self.rows.reject(
            np.array([number is None for number in numbers], dtype=bool),
            lambda row: f'"{key}" is {values[row]!r}, expected a whole number. {hint}'.rstrip(),
        )
        return np.array(numbers, dtype=np.int64)

    def numbers(self, key: str, hint: str = "") -> np.ndarray:
        """Return ``key`` as float64 [n]."""
        return self._floats(key, self.column(key, hint), (), "a number")

    def boxes(self) -> np.ndarray:
        """Return ``bbox`` as float64 [n, 4], as written: x, y, width, height."""
        boxes = self._floats("bbox", self.column("bbox"), (4,), "four numbers: x, y, width, height").reshape(-1, 4)
        self.rows.reject(
            (boxes[:, 2:] < 0).any(axis=1),
            lambda row: f"bbox {self.items[row]['bbox']} has a negative width or height. Expected x, y, width, height.",
        )
        return boxes

    def _floats(self, key: str, values: list[Any], shape: tuple[int, ...], wanted: str) -> np.ndarray:
        try:
            array = np.array(values, dtype=np.float64)
            if array.shape == (len(values), *shape) and np.isfinite(array).all():
                return array
        except (ValueError, TypeError):
            pass  # find the record below
        bad = np.zeros(len(values), dtype=bool)
        for row, value in enumerate(values):
            try:
                one = np.array(value, dtype=np.float64)
                bad[row] = one.shape != shape or not np.isfinite(one).all()
            except (ValueError, TypeError):
                bad[row] = True
        self.rows.reject(bad, lambda row: f'"{key}" is {values[row]!r}, expected {wanted}.')
        return np.zeros((0, *shape))


class Moments(NamedTuple):
    """Video and second of n records: ``names[codes[i]]``, ``seconds[i]``."""

    names: list[str]
    codes: np.ndarray
    seconds: np.ndarray


def split_frame_name(name: Any) -> tuple[str, int] | None:
    """Return video and second of ``"video/0902.jpg"`` or ``"video/902"``, or None if it is not of that form."""
    if not isinstance(name, str):
        return None
    video, slash, frame = name.replace("\\", "/").rpartition("/")
    second = parse_integer(frame)  # "video/0902", and "video/902.0"
    if second is None:
        second = parse_integer(frame.rpartition(".")[0])
    return (video, second) if slash and video and second is not None else None


def moments_of_names(rows: RowSource, key: str, names: Sequence[Any]) -> Moments:
    """Return the moments of names like ``"video/0902.jpg"``."""
    parts = [split_frame_name(name) for name in names]
    rows.reject(
        np.array([part is None for part in parts], dtype=bool),
        lambda row: (
            f'{key} {names[row]!r} does not tell video and second. Expected "video/0902.jpg": the '
            "video's name, a slash, and the second."
        ),
    )
    known: dict[str, int] = {}
    codes = encode((part[0] for part in parts), known)
    seconds = np.array([part[1] for part in parts], dtype=np.int64)
    check_seconds(rows, seconds)
    return Moments(list(known), codes, seconds)


def read_images(images: Records) -> ImageIds:
    """Return the images of a COCO-like file: ``id``, ``width``, ``height``, and ``movie`` and ``timestamp``, or
    ``file_name`` like "video/0902.jpg".

    Raises:
        UserError: an id twice, an image without video and second, or one keyframe with two sizes.
    """
    rows = images.rows
    raw = images.column("id")
    rows.reject(
        np.array([isinstance(i, bool) or not isinstance(i, (int, str)) for i in raw], dtype=bool),
        lambda row: f'"id" is {raw[row]!r}, expected a whole number or a string.',
    )
    ids = [normalize_image_id(image_id) for image_id in raw]
    first: dict[int | str, int] = {}
    rows.reject(
        np.array([first.setdefault(image_id, row) != row for row, image_id in enumerate(ids)], dtype=bool),
        lambda row: (
            f"image id {raw[row]!r} is already used by {rows.place(first[ids[row]])}. Were two files joined? "
            "Give each image its own id."
        ),
    )
    if len(images) and images.has("movie").all() and images.has("timestamp").all():
        known: dict[str, int] = {}
        codes = encode((str(movie) for movie in images.column("movie")), known)
        moments = Moments(list(known), codes, images.integers("timestamp", hint="Keyframes are whole seconds."))
        check_seconds(rows, moments.seconds)
    else:
        moments = moments_of_names(
            rows, "file_name", images.column("file_name", 'Or give "movie" and "timestamp" for every image.')
        )
    keyframes, position = KeyframeIndex.from_rows(*moments)
    sizes = np.stack([images.integers("width", 0), images.integers("height", 0)], axis=1)
    frame_sizes = np.zeros((len(keyframes), 2), dtype=np.int32)
    frame_sizes[position] = sizes
    rows.reject(
        (frame_sizes[position] != sizes).any(axis=1),
        lambda row: (
            f"{tuple(keyframes[int(position[row])])} has two images of different size "
            f"({sizes[row].tolist()} and {frame_sizes[position[row]].tolist()})."
        ),
    )
    numeric = all(isinstance(image_id, int) and abs(image_id) < 2**63 for image_id in ids)
    return ImageIds(
        np.array(ids, dtype=np.int64) if numeric else np.array([str(i) for i in ids], dtype=np.str_),
        position,
        keyframes,
        frame_sizes,
    )


def to_unit_boxes(
    rows: RowSource,
    boxes: np.ndarray,
    moments: Moments,
    known_sizes: np.ndarray,
    sizes: Sizes | None,
    rules: BoxRules,
    counts: dict[str, int],
) -> tuple[np.ndarray, np.ndarray]:
    """Turn x, y, width, height, float64 [n, 4], into corners as fractions of the frame.

    Args:
        known_sizes: int [n, 2] (width, height) of each record's frame, 0 where unknown.
        sizes: asked for videos whose frame size is unknown; only pixel boxes need one.
        counts: receives the numbers of clipped and left-out boxes.

    Returns:
        clipped corners [n, 4] and which, bool [n], have an area.
    """
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    if looks_like_pixels(boxes):
        frame = np.array(known_sizes, dtype=np.float64).reshape(-1, 2)
        unknown = (frame <= 0).any(axis=1)
        if sizes is not None:
            for code in np.unique(moments.codes[unknown]):
                frame[unknown & (moments.codes == code)] = sizes(moments.names[code])
        rows.reject(
            (frame <= 0).any(axis=1),
            lambda row: (
                f'the box is in pixels, but the frame size of video "{moments.names[moments.codes[row]]}" is '
                "not known. Give width and height in the annotation file's images, or write boxes as fractions of the "
                "frame (csv: video, second, x1, y1, x2, y2, ...)."
            ),
        )
        corners /= np.concatenate([frame, frame], axis=1)
    return clip_boxes(rows, corners, rules, _FAR_OUTSIDE, counts)
