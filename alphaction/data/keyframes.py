"""Sorted keyframes in numpy columns: cheap to search, and shared between forked workers without copies.

Sizes in shapes: V videos, K keyframes, n rows of a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from alphaction.data.sample import Keyframe


def encode(values: Iterable[str], known: dict[str, int]) -> np.ndarray:
    """Return an int64 code for each string; ``known`` maps string -> code and grows in order of appearance."""
    return np.array([known.setdefault(value, len(known)) for value in values], dtype=np.int64)


class KeyframeIndex(Sequence[Keyframe]):
    """Unique keyframes in order (video, second). Behaves as a sequence of :class:`Keyframe`.

    Attributes:
        videos: str [V] video names, sorted.
        video_index: int32 [K] position in ``videos``, ascending.
        seconds: int64 [K], ascending within a video.
    """

    def __init__(self, videos: np.ndarray, video_index: np.ndarray, seconds: np.ndarray) -> None:
        self.videos = videos
        self.video_index = video_index
        self.seconds = seconds
        self._stride = int(seconds.max(initial=0)) + 1
        self._keys = video_index.astype(np.int64) * self._stride + seconds

    @classmethod
    def from_rows(
        cls, names: Sequence[str], codes: np.ndarray, seconds: np.ndarray
    ) -> tuple[KeyframeIndex, np.ndarray]:
        """Return the unique keyframes of rows and the position, int64 [n], of each row's keyframe.

        Args:
            names: video names; ``codes`` int64 [n] points into them.
            seconds: int64 [n], 0 or more.
        """
        videos, rank = np.unique(np.asarray(names, dtype=np.str_), return_inverse=True)
        stride = int(seconds.max(initial=0)) + 1
        keys, position = np.unique(rank.reshape(-1)[codes] * stride + seconds, return_inverse=True)
        return cls(videos, (keys // stride).astype(np.int32), keys % stride), position.reshape(-1)

    def __len__(self) -> int:
        return len(self.seconds)

    def __getitem__(self, position):  # int -> Keyframe, slice -> list of Keyframe
        if isinstance(position, slice):
            return [self[k] for k in range(*position.indices(len(self)))]
        return Keyframe(str(self.videos[self.video_index[position]]), int(self.seconds[position]))

    def __contains__(self, keyframe: object) -> bool:
        return isinstance(keyframe, tuple) and len(keyframe) == 2 and self.index_of(*keyframe) is not None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, KeyframeIndex):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None

    def index_of(self, video: str, second: int) -> int | None:
        """Return the position of a keyframe, or None."""
        slot = int(np.searchsorted(self.videos, video))
        if slot == len(self.videos) or self.videos[slot] != video or not 0 <= second < self._stride:
            return None
        key = slot * self._stride + second
        found = int(np.searchsorted(self._keys, key))
        return found if found < len(self) and self._keys[found] == key else None

    def locate(self, names: Sequence[str], codes: np.ndarray, seconds: np.ndarray) -> np.ndarray:
        """Return the position, int64 [n], of each row's keyframe; -1 where there is none."""
        if not len(self):
            return np.full(len(codes), -1, dtype=np.int64)
        names = np.asarray(names, dtype=np.str_)
        slots = np.minimum(np.searchsorted(self.videos, names), len(self.videos) - 1)
        video = np.where(self.videos[slots] == names, slots, -1)[codes]
        known = (video >= 0) & (seconds >= 0) & (seconds < self._stride)
        keys = np.where(known, video * self._stride + seconds, -1)
        position = np.minimum(np.searchsorted(self._keys, keys), len(self) - 1)
        return np.where(known & (self._keys[position] == keys), position, -1)

    def locate_each(self, others: KeyframeIndex, shift: int = 0) -> np.ndarray:
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
    """Return the id as an int where it is one (``"42"`` and ``42`` name the same image), else as it is."""
    if isinstance(image_id, str) and image_id.isdecimal() and image_id.isascii():
        return int(image_id) if image_id == str(int(image_id)) else image_id
    return image_id
