"""Feature maps of a frozen backbone, kept in files: they are computed once, and training then reads neither videos nor
runs the backbone.

How it works, and why so:

* A map holds what boxes are pooled from: the features of a whole clip, averaged (or their maximum taken) over time, all
  channels of both pathways, float16 [D, H', W']. So boxes may move from one look at a clip to the next: the jitter of
  boxes, the choice among persons, detections instead of annotated boxes, objects, memory and IA structure work as
  before. float16 rounds to 1 part in 2000; a map that float16 cannot hold is kept in float32.
* A clip that training mirrors has two maps, as the features of a mirrored clip are not quite the mirrored features.
  Colors and the first slow frame, which change features without end, must not be random: the config is checked for it.
* Each clip is computed by itself, so that its map is the same to the last bit whatever else is computed, and by
  whichever run; it is padded as in evaluation, never up to a larger neighbor. A batch of clips of several sizes
  continues the smaller maps at their edges.
* One file holds one map, whose name has a hash of all that decides it: the weights and settings of the backbone, the
  pixel statistics, the video files (path, size, time of writing), the frames, their size, the mirroring. Runs that
  differ in anything else share them, at the same time too. Whatever changes has another name; entries that are no
  longer used stay, and deleting the folder is always safe.
* Each run begins by reading every map that it needs: what is missing or damaged is computed before the first iteration,
  each process a share. From then on a run only reads, so that it continues bit by bit after a stop.

Axes: n clips, D channels, H' and W' rows and columns of a map.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from torch.utils.data import Dataset

from alphaction.data.augmentation import TrainingRules
from alphaction.data.cache_entry import DamagedEntryError, folder_of, hash_of, read_entry, write_entry
from alphaction.data.keyframes import Keyframe, time_text
from alphaction.data.sample import ClipSample, SampleRequest
from alphaction.data.transforms import Size
from alphaction.data.video.clip_cache import clip_key
from alphaction.utils.errors import DataError, FullDiskError, ResourceError

if TYPE_CHECKING:
    from alphaction.data.dataset import ActionDataset

# Raise it when the same arguments come to mean other features.
_FORMAT = 1
_DTYPES = ("<f2", "<f4")
_AGAIN = "Start the run again: what is missing is then computed, and the run continues from its last checkpoint."
_REMEDY = 'Or set DATALOADER.FEATURE_CACHE "" to do without.'


class Clip(NamedTuple):
    """A clip whose map is kept: its position in the dataset, and whether it is mirrored."""

    index: int
    mirrored: bool


@dataclass(frozen=True)
class Network:
    """What turns frames into maps.

    Attributes:
        name: of the backbone, for people.
        digest: hash of everything that decides the maps of given frames.
        map_shape: (width, height) of padded frames -> (D, H', W').
        size_divisibility: frames are padded to a multiple of it; 0 or 1: not at all.
    """

    name: str
    digest: str
    map_shape: Callable[[Size], tuple[int, int, int]]
    size_divisibility: int

    def padded(self, size: Size) -> Size:
        """Return the (width, height) of frames of ``size`` as the network gets them."""
        step = max(self.size_divisibility, 1)
        return -(-size[0] // step) * step, -(-size[1] // step) * step


def kept_clips(dataset: ActionDataset) -> list[Clip]:
    """Return the clips whose maps a dataset needs, in its order."""
    flip = dataset.rules.flip_prob if isinstance(dataset.rules, TrainingRules) else 0.0
    ways = [mirrored for mirrored, used in ((False, flip < 1), (True, flip > 0)) if used]
    return [Clip(index, mirrored) for index in range(len(dataset)) for mirrored in ways]


def clip_sizes(dataset: ActionDataset) -> list[Size]:
    """Return the (width, height) of each clip's resized frames, as the videos themselves say."""
    keyframes = dataset.keyframes
    used, which = np.unique(keyframes.video_index, return_inverse=True)
    sizes = [dataset.resize(dataset.source.frame_size(str(keyframes.videos[video]))) for video in used]
    return [sizes[position] for position in which.reshape(-1).tolist()]


class FeatureCache:
    """The maps of a dataset's clips.

    Args:
        dataset: an opened one; its videos are looked at, but not decoded.
        folder: DATALOADER.FEATURE_CACHE; made when the first map is written.
        network: what computes the maps.

    Raises:
        DataError: if a video is missing.
    """

    def __init__(self, dataset: ActionDataset, folder: Path, network: Network) -> None:
        self.folder = folder / f"{network.name}-{network.digest[:8]}"
        self.keyframes = dataset.keyframes
        self.sizes = np.array(clip_sizes(dataset), dtype=np.int32).reshape(-1, 2)
        shapes = [network.map_shape(network.padded(self.size(index))) for index in range(len(dataset))]
        self.shapes = np.array(shapes, dtype=np.int32).reshape(-1, 3)
        # Columns: plain, mirrored. Bytes in one array, which worker processes share with this one.
        keys = [self._keys(dataset, network, index) for index in range(len(dataset))]
        self._names = np.array(keys, dtype=np.bytes_).reshape(-1, 2)
        self._videos = dataset.source.folder

    def size(self, index: int) -> Size:
        """Return the (width, height) of a clip's resized frames."""
        width, height = self.sizes[index].tolist()
        return width, height

    def num_bytes(self, clips: Iterable[Clip]) -> int:
        """Return the room that the maps of ``clips`` take on the disk, as long as float16 holds them."""
        return sum(2 * int(np.prod(self.shapes[clip.index])) for clip in clips)

    def load(self, clip: Clip) -> np.ndarray:
        """Return a map, float16 or float32 [D, H', W'].

        Raises:
            DataError: if it is gone or damaged, which the run would have found when it began.
        """
        try:
            found = self._read(clip)
        except DamagedEntryError as error:
            raise DataError(f"DATALOADER.FEATURE_CACHE: {error}. {_AGAIN}") from error
        if found is None:
            raise DataError(f"DATALOADER.FEATURE_CACHE: {self.path(clip)} is gone since the run began. {_AGAIN}")
        return found

    def missing(self, clips: Sequence[Clip], report: Callable[[str], None]) -> list[int]:
        """Return the positions in ``clips`` of those without a map; ``report`` gets a line for each damaged one."""
        positions = []
        for position, clip in enumerate(clips):
            try:
                if self._read(clip) is not None:
                    continue
            except DamagedEntryError as error:
                report(f"DATALOADER.FEATURE_CACHE: {error}; it is computed again")
            positions.append(position)
        return positions

    def store(self, clip: Clip, features: np.ndarray) -> None:
        """Keep a map, float [D, H', W'].

        Raises:
            ResourceError: if it cannot be written: the run could not read it.
        """
        with np.errstate(over="ignore"):
            half = features.astype(_DTYPES[0])
        fits = np.isfinite(half).all() or not np.isfinite(features).all()
        try:
            write_entry(self.path(clip), self._key(clip), half if fits else features.astype(_DTYPES[1]))
        except (OSError, FullDiskError) as error:
            raise ResourceError(
                f"DATALOADER.FEATURE_CACHE: {self.path(clip)} cannot be written ({error.strerror}). Free some room, "
                f"or name another folder. {_REMEDY}"
            ) from error

    def _read(self, clip: Clip) -> np.ndarray | None:
        return read_entry(self.path(clip), self._key(clip), tuple(self.shapes[clip.index].tolist()), _DTYPES)

    def path(self, clip: Clip) -> Path:
        """Return the file of a map."""
        keyframe: Keyframe = self.keyframes[clip.index]
        name = f"{time_text(keyframe.second)}{'-mirrored' if clip.mirrored else ''}-{self._key(clip)}.npy"
        return self.folder / folder_of(self._videos, keyframe.video) / name

    def _key(self, clip: Clip) -> str:
        return self._names[clip.index, int(clip.mirrored)].decode()

    def _keys(self, dataset: ActionDataset, network: Network, index: int) -> list[str]:
        """Return the hashes of all that decides the plain and the mirrored map of a clip."""
        video, second = dataset.keyframes[index]
        slow, fast = dataset.sampling.slots()
        used, size = sorted({*slow, *fast}), self.size(index)
        origin = dataset.source.origin(video, second, used, dataset.fps)
        frames = clip_key(origin, dataset.source.frame_size(video), size, second, used)
        parts = [_FORMAT, network.digest, frames, slow, fast, network.padded(size)]
        return [hash_of([*parts, mirrored]) for mirrored in (False, True)]


class ClipsToCompute(Dataset[ClipSample]):
    """Frames of clips, without boxes, in the order of ``clips``; ``index`` of a sample is the position there.

    Args:
        dataset: where the frames come from.
        cache: where their maps will be kept.
        clips: the wanted ones.
    """

    def __init__(self, dataset: ActionDataset, cache: FeatureCache, clips: Sequence[Clip]) -> None:
        self.dataset = dataset
        self.clips = clips
        self.sizes = [cache.size(clip.index) for clip in clips]
        self.name = dataset.name
        self.keyframes = [dataset.keyframes[clip.index] for clip in clips]

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, request: SampleRequest) -> ClipSample:
        """Load one clip.

        Raises:
            DataError: if its frames cannot be read, or have another size than the first frame of their video.
        """
        sample = self.dataset.clip_without_boxes(*self.clips[request.index])
        expected = self.sizes[request.index]
        if sample.size != expected:
            raise DataError(
                f"DATALOADER.FEATURE_CACHE: the frames of {sample.keyframe.video} around second "
                f"{sample.keyframe.second} are {sample.size[0]} x {sample.size[1]} pixels after resizing, those at its "
                f"start {expected[0]} x {expected[1]}. Videos whose size changes cannot be kept. {_REMEDY}"
            )
        return replace(sample, index=request.index)
