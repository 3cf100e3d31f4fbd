"""Sorted keyframes in numpy columns: cheap to search, and shared between forked workers without copies.

The time of a keyframe is in seconds, exact to a thousandth: an int where it is whole (throughout AVA), else the float
nearest to its three decimals. So equal times are equal numbers and have equal hashes, also after a way through files. A
column of times is int64 where all of them are whole, else float64. As text they are "0902" and "0902.500".

Sizes in shapes: V videos, K keyframes, n rows of a file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from alphaction.utils.values import finite_number, parse_integer

_WHOLE = re.compile(r"0|[1-9][0-9]{0,99}")
MILLISECONDS = 1000
"""The parts of a second that times are exact to."""


class Keyframe(NamedTuple):
    """The moment that a clip is centered on: second ``second`` of video ``video``.

    ``second`` is exact to a thousandth, and an int where it is whole.
    """

    video: str
    second: int | float


def exact_time(seconds: float) -> int | float:
    """Return a time to the thousandth: an int where that is whole."""
    if isinstance(seconds, (int, np.integer)):
        return int(seconds)
    parts = milliseconds_of(seconds)
    return parts / MILLISECONDS if parts % MILLISECONDS else parts // MILLISECONDS


def milliseconds_of(seconds: float) -> int:
    """Return a time as a whole number of thousandths of a second."""
    return round(seconds * MILLISECONDS)


def exact_interval(seconds: float) -> Fraction:
    """Return an interval exactly: to the thousandth, or the part of a second (1/3) that it was rounded from (0.333)."""
    interval = Fraction(milliseconds_of(seconds), MILLISECONDS)
    parts = round(1 / interval) if interval else 0
    if parts > 1 and abs(interval - Fraction(1, parts)) <= Fraction(1, 2 * MILLISECONDS):
        return Fraction(1, parts)
    return interval


def multiple(interval: Fraction, number: int) -> int | float:
    """Return a multiple of an interval, as a time to the thousandth."""
    parts = (2 * number * interval.numerator * MILLISECONDS + interval.denominator) // (2 * interval.denominator)
    return parts / MILLISECONDS if parts % MILLISECONDS else parts // MILLISECONDS


def multiples(interval: float, first: float, end: float) -> Iterator[int | float]:
    """Yield the multiples of an interval from ``first`` to before ``end`` seconds."""
    step = exact_interval(interval)
    number = max(0, math.floor(first / step))
    while (time := multiple(step, number)) < end:
        if time >= first:
            yield time
        number += 1


def is_multiple(time: float, interval: float) -> bool:
    """Return whether a time is a multiple of an interval, to the thousandth."""
    step = exact_interval(interval)
    return multiple(step, round(time / step)) == exact_time(time)


def exact_times(seconds: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return times [n] to the thousandth: int64 where all are whole, else float64."""
    seconds = np.asarray(seconds)
    if seconds.dtype.kind in "iu" or not len(seconds):
        return seconds.astype(np.int64, copy=False)
    parts = np.rint(seconds * MILLISECONDS)  # float, as wrong values of a file may be beyond int64
    return parts / MILLISECONDS if (parts % MILLISECONDS).any() else (parts // MILLISECONDS).astype(np.int64)


def time_list(seconds: Sequence[float] | np.ndarray) -> list[int | float]:
    """Return times as plain numbers: each an int where it is whole, also beside others that are not."""
    seconds = exact_times(seconds)
    return seconds.tolist() if seconds.dtype.kind == "i" else [exact_time(second) for second in seconds.tolist()]


def time_text(seconds: float) -> str:
    """Return a time as files and names have it: "0902", or "0902.500" where it is not whole."""
    seconds = exact_time(seconds)
    return f"{seconds:04d}" if isinstance(seconds, int) else f"{seconds:08.3f}"


def parse_time(value: object) -> int | float | None:
    """Return a time given as a number or text ("0902", "902.0", "0902.500"); None if it is none, or beyond int64."""
    whole = parse_integer(value)
    if whole is not None:
        return whole
    number = finite_number(value)
    return None if number is None else exact_time(number)


def to_milliseconds(seconds: np.ndarray) -> np.ndarray:
    """Return times as whole numbers of thousandths of a second, int64."""
    if seconds.dtype.kind in "iu":
        return seconds.astype(np.int64, copy=False) * MILLISECONDS
    return np.rint(seconds * MILLISECONDS).astype(np.int64)


def from_milliseconds(parts: np.ndarray) -> np.ndarray:
    """Return times [n] in seconds: int64 where all are whole, else float64."""
    return parts / MILLISECONDS if (parts % MILLISECONDS).any() else parts // MILLISECONDS


def encode(values: Iterable[str], known: dict[str, int]) -> np.ndarray:
    """Return an int64 code for each string; ``known`` maps string -> code and grows in order of appearance."""
    return np.array([known.setdefault(value, len(known)) for value in values], dtype=np.int64)


class KeyframeIndex(Sequence[Keyframe]):
    """Unique keyframes in order (video, second). Behaves as a sequence of :class:`Keyframe`.

    Attributes:
        videos: str [V] video names, sorted.
        video_index: int32 [K] position in ``videos``, ascending.
        seconds: [K] times, int64 where all are whole, else float64; ascending within a video.
    """

    def __init__(self, videos: np.ndarray, video_index: np.ndarray, seconds: np.ndarray) -> None:
        self.videos = videos
        self.video_index = video_index
        self.seconds = exact_times(seconds)
        times = to_milliseconds(self.seconds)
        self._stride = int(times.max(initial=0)) + 1
        self._keys = video_index.astype(np.int64) * self._stride + times

    @classmethod
    def from_rows(
        cls, names: Sequence[str], codes: np.ndarray, seconds: np.ndarray
    ) -> tuple[KeyframeIndex, np.ndarray]:
        """Return the unique keyframes of rows and the position, int64 [n], of each row's keyframe.

        Args:
            names: video names; ``codes`` int64 [n] points into them.
            seconds: [n] times, 0 or more.
        """
        videos, rank = np.unique(np.asarray(names, dtype=np.str_), return_inverse=True)
        times = to_milliseconds(seconds)
        stride = int(times.max(initial=0)) + 1
        keys, position = np.unique(rank.reshape(-1)[codes] * stride + times, return_inverse=True)
        found = from_milliseconds(keys % stride)
        return cls(videos, (keys // stride).astype(np.int32), found), position.reshape(-1)

    def __len__(self) -> int:
        return len(self.seconds)

    def __getitem__(self, position):  # int -> Keyframe, slice -> list of Keyframe
        if isinstance(position, slice):
            return [self[k] for k in range(*position.indices(len(self)))]
        return Keyframe(str(self.videos[self.video_index[position]]), exact_time(self.seconds[position].item()))

    def __iter__(self) -> Iterator[Keyframe]:
        videos = self.videos.tolist()
        return (Keyframe(videos[k], s) for k, s in zip(self.video_index.tolist(), time_list(self.seconds), strict=True))

    def __contains__(self, keyframe: object) -> bool:
        return isinstance(keyframe, tuple) and len(keyframe) == 2 and self.index_of(*keyframe) is not None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, KeyframeIndex):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None

    def index_of(self, video: str, second: float) -> int | None:
        """Return the position of a keyframe, or None."""
        slot, time = int(np.searchsorted(self.videos, video)), milliseconds_of(second)
        if slot == len(self.videos) or self.videos[slot] != video or not 0 <= time < self._stride:
            return None
        key = slot * self._stride + time
        found = int(np.searchsorted(self._keys, key))
        return found if found < len(self) and self._keys[found] == key else None

    def locate(self, names: Sequence[str], codes: np.ndarray, seconds: np.ndarray) -> np.ndarray:
        """Return the position, int64 [n], of each row's keyframe; -1 where there is none."""
        if not len(self):
            return np.full(len(codes), -1, dtype=np.int64)
        names = np.asarray(names, dtype=np.str_)
        slots = np.minimum(np.searchsorted(self.videos, names), len(self.videos) - 1)
        video = np.where(self.videos[slots] == names, slots, -1)[codes]
        times = to_milliseconds(seconds)
        known = (video >= 0) & (times >= 0) & (times < self._stride)
        keys = np.where(known, video * self._stride + times, -1)
        position = np.minimum(np.searchsorted(self._keys, keys), len(self) - 1)
        return np.where(known & (self._keys[position] == keys), position, -1)

    def locate_each(self, others: KeyframeIndex, shift: float = 0) -> np.ndarray:
        """Return the position of each of ``others``, int64 [their number], ``shift`` seconds later; -1: not here."""
        return self.locate(others.videos, others.video_index, others.seconds + shift)

    def take(self, keep: np.ndarray) -> KeyframeIndex:
        """Return the keyframes where ``keep`` (bool [K]) holds."""
        return KeyframeIndex(self.videos, self.video_index[keep], self.seconds[keep])


class ImageIds(Mapping[int | str, Keyframe]):
    """Image id of a JSON file -> keyframe; also knows frame sizes. Columns are numpy, so workers share them.

    Covers all images of the file, those that an exclusion list removes from the table included.

    Args:
        ids: int64 or str [I] image ids.
        position: int64 [I] position in ``keyframes``.
        keyframes: the keyframes of the file.
        frame_sizes: int32 [K, 2] (width, height) of each keyframe, 0 where unknown.
    """

    def __init__(
        self, ids: np.ndarray, position: np.ndarray, keyframes: KeyframeIndex, frame_sizes: np.ndarray
    ) -> None:
        order = np.argsort(ids, kind="stable")
        self.ids = ids[order]
        self.position = position[order]
        self.keyframes = keyframes
        self.frame_sizes = frame_sizes

    @classmethod
    def empty(cls) -> ImageIds:
        """Return a mapping without images (csv annotations)."""
        none = np.zeros(0, dtype=np.int64)
        keyframes = KeyframeIndex(np.zeros(0, dtype=np.str_), none.astype(np.int32), none)
        return cls(none, none, keyframes, np.zeros((0, 2), dtype=np.int32))

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self):
        return iter(self.ids.tolist())

    def __getitem__(self, image_id: int | str) -> Keyframe:
        found = int(self.locate([image_id])[0])
        if found < 0:
            raise KeyError(image_id)
        return self.keyframes[found]

    def locate(self, image_ids: Sequence[int | str]) -> np.ndarray:
        """Return the position in ``keyframes``, int64 [n], of each image; -1 where the file has no such image."""
        if not len(self.ids):
            return np.full(len(image_ids), -1, dtype=np.int64)
        if self.ids.dtype.kind == "U":
            wanted = np.array([str(image_id) for image_id in image_ids], dtype=np.str_)
            known = np.ones(len(wanted), dtype=bool)
        else:
            numbers = [normalize_image_id(image_id) for image_id in image_ids]
            known = np.array([isinstance(n, int) and abs(n) < 2**63 for n in numbers], dtype=bool)
            wanted = np.array([number if ok else 0 for number, ok in zip(numbers, known, strict=True)], dtype=np.int64)
        slots = np.minimum(np.searchsorted(self.ids, wanted), len(self.ids) - 1)
        return np.where(known & (self.ids[slots] == wanted), self.position[slots], -1)


def normalize_image_id(image_id: int | str) -> int | str:
    """Return the id as an int where it is one (``"42"`` and ``42`` name the same image), else as it is.

    One beyond 64 bits is text: thousands of them can have one hash, which makes a dictionary very slow.
    """
    number = int(image_id) if isinstance(image_id, str) and _WHOLE.fullmatch(image_id) else image_id
    return str(number) if isinstance(number, int) and number.bit_length() > 63 else number
