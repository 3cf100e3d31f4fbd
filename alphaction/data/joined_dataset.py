"""Several training sets as one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np
from torch.utils.data import Dataset

from alphaction.data.dataset import ActionDataset
from alphaction.data.keyframes import Keyframe
from alphaction.data.sample import ClipSample, SampleRequest
from alphaction.data.transforms import Size


class JoinedDataset(Dataset[ClipSample]):
    """Several datasets with the same classes, one after the other; clips are numbered through.

    Args:
        datasets: one or more, all for training or all for testing, with equal label maps.
    """

    def __init__(self, datasets: Sequence[ActionDataset]) -> None:
        self.datasets = tuple(datasets)
        self.name = "+".join(dataset.name for dataset in datasets)
        self.label_map = datasets[0].label_map
        self._ends = list(accumulate(len(dataset) for dataset in datasets))

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, request: SampleRequest) -> ClipSample:
        """Load one clip, numbered as in this dataset."""
        dataset, index = self.locate(request.index)
        sample = dataset[SampleRequest(index, request.seed)]
        return replace(sample, index=request.index, keyframe=_keyframe_of(dataset, sample.keyframe))

    @property
    def keyframes(self) -> Sequence[Keyframe]:
        """The keyframes of all clips; video names begin with the dataset's, as two sets may have a "video_1" each."""
        return _JoinedKeyframes(self)

    def frame_size(self, index: int) -> Size:
        """Return the (width, height) of a clip's video before resizing."""
        dataset, index = self.locate(index)
        return dataset.frame_size(index)

    def frame_sizes(self, *, skips: bool = False) -> np.ndarray:
        """Return the size of every clip as :meth:`ActionDataset.frame_sizes` does, int64 [number of clips, 2]."""
        return np.concatenate([dataset.frame_sizes(skips=skips) for dataset in self.datasets])

    def resize(self, size: Size) -> Size:
        """Return the (width, height) of resized frames."""
        return self.datasets[0].resize(size)

    def locate(self, index: int) -> tuple[ActionDataset, int]:
        """Return the dataset of a clip, and the clip's position in it."""
        position = bisect_right(self._ends, index)
        return self.datasets[position], index - (self._ends[position - 1] if position else 0)


class _JoinedKeyframes(Sequence[Keyframe]):
    """The keyframes of a joined dataset, made one by one: a list of 184,000 would take half a second."""

    def __init__(self, dataset: JoinedDataset) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, position):  # int -> Keyframe, slice -> list of Keyframe
        if isinstance(position, slice):
            return [self[k] for k in range(*position.indices(len(self)))]
        dataset, index = self._dataset.locate(range(len(self))[position])
        return _keyframe_of(dataset, dataset.keyframes[index])


def _keyframe_of(dataset: ActionDataset, keyframe: Keyframe) -> Keyframe:
    return Keyframe(f"{dataset.name}/{keyframe.video}", keyframe.second)
