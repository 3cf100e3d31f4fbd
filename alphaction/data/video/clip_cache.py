"""Decoded and resized frames, kept in files: a clip that was read once is not decoded again, in any process.

An entry is one ``.npy`` file, uint8 [T, H, W, 3], followed by a checksum. Its name is a hash of all that decides its
frames, so an entry is never changed and never out of date: what changes has another name. Entries that are no
longer used stay; deleting the folder is always safe.
"""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import cv2
import numpy as np

from alphaction.data.cache_entry import DamagedEntryError, folder_of, hash_of, read_entry, write_entry
from alphaction.data.keyframes import exact_time, time_text
from alphaction.data.video.clip_source import ClipSource, Origin, VideoCheck
from alphaction.data.video.file import Size, VideoInfo
from alphaction.utils.errors import FullDiskError

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


class CachedClipSource(ClipSource):
    """Another source, whose frames are kept in a folder. Returns exactly the frames that the other one would.

    Any number of processes and runs may share the folder. It needs room for T * H * W * 3 bytes per clip and choice of
    slots. If nothing more can be written, one warning says so, and clips that are not there are decoded each time.

    A video counts as changed when its path, its size or its time of last writing differ.

    Args:
        source: what decodes.
        folder: where entries are kept, in one sub-folder per video; made when the first one is written.
        window: slots that are kept together: one entry holds them all, whichever are asked for. For clips that take
            other slots each time, and would find no entry of theirs again. Empty: an entry has what was asked for.
    """

    def __init__(self, source: ClipSource, folder: Path, window: range = range(0)) -> None:
        super().__init__(source.folder)
        self.source = source
        self.cache_folder = folder
        self.window = window
        self._stores = True

    def probe(self, video: str) -> VideoInfo:
        return self.source.probe(video)

    def read(
        self, video: str, second: float, slots: Sequence[int], fps: float, size: Callable[[Size], Size] | None = None
    ) -> np.ndarray:
        if not all(slot in self.window for slot in slots):
            return self._kept(video, second, slots, fps, size)
        return self._kept(video, second, self.window, fps, size)[[self.window.index(slot) for slot in slots]]

    def _kept(
        self, video: str, second: float, slots: Sequence[int], fps: float, size: Callable[[Size], Size] | None
    ) -> np.ndarray:
        """Return what :meth:`read` would without a window: from its entry, or decoded, and then kept."""
        origin, shown = self.origin(video, second, slots, fps), self.frame_size(video)
        target = shown if size is None else size(shown)
        key = clip_key(origin, shown, target, second, slots)
        entry = self.cache_folder / folder_of(self.folder, video) / f"{time_text(second)}-{key}.npy"
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
        try:
            return read_entry(entry, key, shape, ("|u1",))
        except DamagedEntryError as error:
            logger.warning("DATALOADER.CLIP_CACHE: %s; the clip is decoded again", error)
            return None

    def _store(self, entry: Path, key: str, frames: np.ndarray) -> None:
        if not self._stores:
            return
        try:
            write_entry(entry, key, frames)
        except (OSError, FullDiskError) as error:
            self._stores = False
            logger.warning(
                "DATALOADER.CLIP_CACHE %s: nothing more can be stored there (%s). The run continues, and decodes "
                "the clips that are not there; free some room, or name another folder, for the next run",
                self.cache_folder,
                error.strerror,
            )


def with_cache(source: ClipSource, folder: str, window: range = range(0)) -> ClipSource:
    """Return ``source`` with its frames kept in ``folder`` (DATALOADER.CLIP_CACHE); unchanged if that is empty.

    Args:
        window: see :class:`CachedClipSource`.
    """
    return CachedClipSource(source, Path(folder).expanduser(), window) if folder else source


def clip_key(origin: Origin, shown: Size, target: Size, second: float, slots: Sequence[int]) -> str:
    """Return a hash of everything that decides the frames: two reads that may differ in a pixel have two keys."""
    files = [[os.path.realpath(file.path), file.size, file.mtime_ns] for file in origin.files]
    moment = [exact_time(second), [int(slot) for slot in slots]]
    parts = [_FORMAT, _SOFTWARE, files, float(origin.fps), shown, target, *moment]
    return hash_of(parts)
