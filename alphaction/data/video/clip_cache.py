"""Decoded and resized frames, kept in files: a clip that was read once is not decoded again, in any process.

An entry is one ``.npy`` file, uint8 [T, H, W, 3], followed by a checksum. Its name is a hash of all that decides its
frames, so an entry is never changed and never out of date: what changes has another name. Entries that are no
longer used stay; deleting the folder is always safe.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import platform
import re
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import cv2
import numpy as np

from alphaction.data.keyframes import exact_time, time_text
from alphaction.data.video.clip_source import ClipSource, Origin, VideoCheck
from alphaction.data.video.file import Size, VideoInfo
from alphaction.utils.atomic import replacing

logger = logging.getLogger(__name__)

# Raise it when the same arguments come to mean other frames, or an entry's layout changes.
_FORMAT = 1
# Other decoders and resizers round pixels differently.
_SOFTWARE = [
    platform.machine(),
    cv2.__version__,
    av.__version__,
    *(list(av.library_versions.get(library, ())) for library in ("libavcodec", "libavformat", "libswscale")),
]
_CHECKSUM_BYTES = 4


class CachedClipSource(ClipSource):
    """Another source, whose frames are kept in a folder. Returns exactly the frames that the other one would.

    Any number of processes and runs may share the folder. It needs room for T * H * W * 3 bytes per clip and choice of
    slots. If nothing more can be written, one warning says so, and clips that are not there are decoded each time.

    A video counts as changed when its path, its size or its time of last writing differ.

    Args:
        source: what decodes.
        folder: where entries are kept, in one sub-folder per video; made when the first one is written.
    """

    def __init__(self, source: ClipSource, folder: Path) -> None:
        super().__init__(source.folder)
        self.source = source
        self.cache_folder = folder
        self._stores = True

    def probe(self, video: str) -> VideoInfo:
        return self.source.probe(video)

    def read(
        self, video: str, second: float, slots: Sequence[int], fps: float, size: Callable[[Size], Size] | None = None
    ) -> np.ndarray:
        origin, shown = self.origin(video, second, slots, fps), self.frame_size(video)
        target = shown if size is None else size(shown)
        key = _key(origin, shown, target, second, slots)
        entry = self.cache_folder / _folder_name(self.folder, video) / f"{time_text(second)}-{key}.npy"
        frames = self._load(entry, key, (len(slots), target[1], target[0], 3))
        if frames is not None:
            return frames

        decoded_sizes: set[Size] = set()

        def noted(decoded: Size) -> Size:
            decoded_sizes.add(decoded)
            return decoded if size is None else size(decoded)

        frames = self.source.read(video, second, slots, fps, noted)
        # The key holds the size of the first frame, which may change within a video, and the files before the read.
        if decoded_sizes == {shown} and self.origin(video, second, slots, fps) == origin:
            self._store(entry, key, frames)
        return frames

    def origin(self, video: str, second: float, slots: Sequence[int], fps: float) -> Origin:
        return self.source.origin(video, second, slots, fps)

    def check(self, video: str, seconds: np.ndarray, decode: bool = True) -> VideoCheck:
        return self.source.check(video, seconds, decode)

    def _probe(self, video: str) -> VideoInfo:
        return self.source.probe(video)

    def _load(self, entry: Path, key: str, shape: tuple[int, ...]) -> np.ndarray | None:
        """Return the frames of an entry, None if there is none or, with a warning, if it is damaged."""
        header, frames = _header(shape), np.empty(shape, dtype=np.uint8)
        try:
            with entry.open("rb") as file:
                # The only header that this entry can have: NumPy need not interpret what may be damaged.
                whole = file.read(len(header)) == header and file.readinto(frames) == frames.nbytes
                checksum = file.read(_CHECKSUM_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            fault = f"cannot be read ({error.strerror})"
        else:
            if whole and checksum == _checksum(key, frames):
                return frames
            fault = "is damaged"
        logger.warning("DATALOADER.CLIP_CACHE: %s %s; the clip is decoded again", entry, fault)
        return None

    def _store(self, entry: Path, key: str, frames: np.ndarray) -> None:
        if not self._stores:
            return
        frames = np.ascontiguousarray(frames)
        try:
            with replacing(entry) as part, part.open("wb") as file:
                file.write(_header(frames.shape))
                file.write(frames.data)
                file.write(_checksum(key, frames))
        except OSError as error:
            self._stores = False
            logger.warning(
                "DATALOADER.CLIP_CACHE %s: nothing more can be stored there (%s). The run continues, and decodes "
                "the clips that are not there; free some room, or name another folder, for the next run",
                self.cache_folder,
                error.strerror,
            )


def with_cache(source: ClipSource, folder: str) -> ClipSource:
    """Return ``source`` with its frames kept in ``folder`` (DATALOADER.CLIP_CACHE); unchanged if that is empty."""
    return CachedClipSource(source, Path(folder).expanduser()) if folder else source


def _key(origin: Origin, shown: Size, target: Size, second: float, slots: Sequence[int]) -> str:
    """Return a hash of everything that decides the frames: two reads that may differ in a pixel have two keys."""
    files = [[os.path.realpath(file.path), file.size, file.mtime_ns] for file in origin.files]
    moment = [exact_time(second), [int(slot) for slot in slots]]
    parts = [_FORMAT, _SOFTWARE, files, float(origin.fps), shown, target, *moment]
    return _hash(parts)


def _folder_name(videos: Path, video: str) -> str:
    """Return the sub-folder of a video: names of any length and alphabet, several folders with a "video_1" each."""
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '_', video)[:40]}-{_hash([os.path.realpath(videos), video])[:8]}"


def _hash(parts: list) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _header(shape: tuple[int, ...]) -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return header.getvalue()


def _checksum(key: str, frames: np.ndarray) -> bytes:
    """Return a checksum that also differs between entries with equal frames."""
    return zlib.crc32(frames, zlib.crc32(key.encode())).to_bytes(_CHECKSUM_BYTES, "big")
