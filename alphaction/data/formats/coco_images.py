"""The images of COCO-like files: which video and second an image id stands for. Sizes in shapes: n records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from alphaction.data.formats.file_content import RowSource
from alphaction.data.formats.frame_names import parse_frame_name
from alphaction.data.formats.json_records import Records, split_frame_name
from alphaction.data.keyframes import ImageIds, KeyframeIndex, encode, exact_time, exact_times, normalize_image_id
from alphaction.utils.limits import LARGEST_SIDE
from alphaction.utils.numbers import whole
from alphaction.utils.values import shown

SIDE = whole(0, LARGEST_SIDE)
"""Pixels of the width or height of an image, 0 unknown."""


class Moments(NamedTuple):
    """Video and second of n records: ``names[codes[i]]``, ``seconds[i]``."""

    names: list[str]
    codes: np.ndarray
    seconds: np.ndarray


def moments_of_names(rows: RowSource, key: str, names: Sequence[Any]) -> Moments:
    """Return the moments of names like ``"video/0902.jpg"``."""
    parts = [split_frame_name(name) for name in names]
    rows.reject(
        np.array([part is None for part in parts], dtype=bool),
        lambda row: (
            f'{key} {shown(names[row])} does not name a video and a second. Expected "video/0902.jpg": the '
            "video's name, a slash, and the second."
        ),
    )
    known: dict[str, int] = {}
    codes = encode((part[0] for part in parts), known)
    seconds = exact_times([part[1] for part in parts])
    rows.reject(
        seconds < 0, lambda row: f"{key} {shown(names[row])}: second {exact_time(seconds[row].item())} is negative."
    )
    return Moments(list(known), codes, seconds)


def moments_of_pictures(names: Sequence[Any], unnamed: str) -> Moments | None:
    """Return the moments of pictures, whose ``seconds`` are numbers of frames; None: the names are not all theirs.

    Names like "video/0902.jpg" alone are those of seconds. Which videos there are is not known here.

    Args:
        unnamed: the video of names that name none.
    """
    if all(split_frame_name(name) is not None for name in names):
        return None
    parts = [parse_frame_name(name) if isinstance(name, str) and not name.isdecimal() else None for name in names]
    if any(part is None or part.unit == "second" for part in parts):
        return None
    known: dict[str, int] = {}
    codes = encode((part.likely or unnamed for part in parts), known)
    return Moments(list(known), codes, np.array([int(part.number) for part in parts], dtype=np.int64))


def read_images(images: Records) -> ImageIds:
    """Return the images of a COCO-like file: ``id``, ``width``, ``height``, and ``movie`` and ``timestamp``, or
    ``file_name`` like "video/0902.jpg".

    Raises:
        UserError: an id twice, an image without video and second, or one keyframe with two sizes.
    """
    rows = images.rows
    ids = [normalize_image_id(image_id) for image_id in images.ids("id")]
    images.refuse_repeated("image id", ids, "Were two files joined? Give each image its own id.")
    if len(images) and images.has("movie").all() and images.has("timestamp").all():
        known: dict[str, int] = {}
        codes = encode(images.texts("movie"), known)
        moments = Moments(list(known), codes, images.times("timestamp"))
        rows.reject(moments.seconds < 0, lambda row: f"second {exact_time(moments.seconds[row].item())} is negative.")
    else:
        moments = moments_of_names(
            rows, "file_name", images.texts("file_name", 'Or give "movie" and "timestamp" for every image.')
        )
    return images_at(images, moments)


def images_at(images: Records, moments: Moments) -> ImageIds:
    """Return images with known moments; ids, which are checked already, and ``width`` and ``height`` are theirs.

    Raises:
        UserError: one keyframe has two sizes.
    """
    rows = images.rows
    ids = [normalize_image_id(image_id) for image_id in images.ids("id")]
    rows.reject(
        moments.seconds > LARGEST_SIDE, lambda row: f"{exact_time(moments.seconds[row].item())} is no second or frame."
    )
    keyframes, position = KeyframeIndex.from_rows(*moments)
    sizes = np.stack([images.integers(key, 0, within=SIDE) for key in ("width", "height")], axis=1)
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
